# ruff: noqa: S608 - SQL of quoted names only
"""Find the rows that `pick` decides about, and that seem to have the key of another by mistake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from scimsync.errors import coded
from scimsync.model.records import Problem
from scimsync.snapshot.resemblance import StrayRow, resembling
from scimsync.snapshot.unusable_rows import cells_of, owners
from scimsync.sources.base import MAX_REPORTED, RejectedRows, RowLocation, SourceSpec
from scimsync.sources.workspace import Workspace

Records = Callable[[], Iterable[tuple[str, str]]]
"""Yields the key and JSON text of each stored record."""


def beside_pick(
    spec: SourceSpec[Any], used: Sequence[str], gone: Collection[str], records: Records
) -> tuple[frozenset[str], list[Problem]]:
    """Return the keys of `gone` that a row with the key of another record resembles, and problems.

    Only rows of keys that have several and are among `records` count: to have a new key is no
    mistake. A source without `pick` has none.
    """
    if not gone or getattr(spec.settings, "pick", None) is None:
        return frozenset(), []
    settings = spec.settings.model_copy(update={"pick": None})
    with Workspace() as workspace:
        source = replace(spec, settings=settings, used=tuple(used)).open(workspace)
        every = source.scan(used, RejectedRows())
        values = "".join(f", v{at}" for at in range(len(every.columns)))
        workspace.connection.execute(f"create temp table every as {every.sql}")
        known = {key for key, _ in records()}
        found = [
            ((part, row), StrayRow(key, cells_of(every.columns, texts)))
            for part, row, key, *texts in workspace.connection.execute(
                f"select part, row, key{values} from every where key in (select key from every"
                " group by key having count(*) > 1) order by part, row"
            ).fetchall()
            if key in known
        ]
        missing = (record for record in records() if record[0] in gone)
        rows = [row for _, row in found]
        meant = resembling(rows, every.columns, missing, records())
        reported = sorted(meant)[:MAX_REPORTED]
        locations = source.locate({found[at][0] for at in reported})
        problems = [
            _problem(spec.name, locations[found[at][0]], rows[at].key, meant[at]) for at in reported
        ]
    return frozenset().union(*meant.values()), problems


def _problem(source: str, location: RowLocation, key: str | None, kept: Sequence[str]) -> Problem:
    detail = f'{location.prefix}key "{key}" is in several rows{owners("this one", kept)}'
    return Problem(source, location.line, key, coded(detail, "SYNC-0222"))
