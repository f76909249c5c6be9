"""DuckDB as sources use it."""

from __future__ import annotations

import pytest

from scimsync.sources.workspace import Workspace


@pytest.mark.parametrize(("cores", "expected"), [(64, 4), (2, 2), (None, 1)])
def test_many_cores_do_not_share_the_little_memory(
    cores: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)

    with Workspace() as workspace:
        threads = workspace.connection.execute("select current_setting('threads')").fetchone()

    assert threads == (expected,)
