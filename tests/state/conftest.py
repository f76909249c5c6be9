"""Here the state is made and kept as users have it; see `tests.once`."""

from __future__ import annotations

import pytest

from scimsync.state import migrate, sqlite
from tests.once import real_engine_of, real_upgrade


@pytest.fixture(autouse=True)
def as_users_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "upgrade", real_upgrade)
    monkeypatch.setattr(sqlite, "engine_of", real_engine_of)
