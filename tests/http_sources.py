"""Read `type = "http"` and `type = "scim"` sources in tests, without waiting for anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scimsync.builtin import parse
from scimsync.run.compile import source_spec
from scimsync.sources import SourceSpec
from scimsync.sources.workspace import Workspace
from scimsync.transport.retry_policy import TimeSource

TARGET = """
[targets.app]
url = "https://app.example.com/scim/v2"
auth = { type = "bearer", token = "literal:t" }
source = "staff"
[targets.app.user]
userName = "id"
"""


class FakeTime:
    """A clock that only moves when somebody sleeps. `slept` are the seconds of each sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept += [seconds] * (seconds > 0)
        self.now += seconds

    @property
    def source(self) -> TimeSource:
        return TimeSource(self.sleep, lambda: self.now, lambda low, high: high)


def spec_of(table: str, folder: Path = Path()) -> SourceSpec[Any]:
    """The source `[sources.staff]` with the options in `table`."""
    config = parse(f"[sources.staff]\n{table}\n{TARGET}", folder / "sync.toml")
    return source_spec(config, "staff")


def records(source: Any, workspace: Workspace, *columns: str) -> list[dict[str, Any]]:
    """All records with the key and `columns`, as JSON values, in the order of their keys."""
    relation = source.scan(columns)
    rows = workspace.connection.execute(relation.sql).fetchall()
    named = [
        {"key": key} | {name: _value(text) for name, text in zip(columns, values, strict=True)}
        for key, *values in rows
    ]
    return sorted(named, key=lambda row: str(row["key"]))


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
