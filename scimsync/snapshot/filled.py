"""Find the columns of a source that lost many of their filled cells since the last ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.model.ids import Key
from scimsync.model.limits import Limit
from scimsync.model.records import Record
from scimsync.snapshot.compare import Comparison
from scimsync.sources.duckdb_sql import WHITE_SPACE

MIN_ALLOWED = 2
"""A share allows a column to lose this many cells, so that one row does not stop a source."""

FIRST_KEYS = 5
"""The number of records with an emptied cell that are named."""

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class EmptiedColumn:
    """A column that lost more cells than `allowed`: `lost` of `filled`, at `first` and others.

    Only the cells of records count that the source had before and has now.
    """

    name: str
    lost: int
    filled: int
    allowed: int
    first: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class StoredRecords:
    """The records of a source as last ingested.

    `filled` is the number of filled cells of each column, or None if that was not recorded. `get`
    returns the records of some keys, and `everything` all of them.
    """

    filled: Mapping[str, int] | None
    get: Callable[[Sequence[Key]], Iterable[Record]]
    everything: Callable[[], Iterable[Mapping[str, Any]]]

    def filled_cells(self) -> Mapping[str, int]:
        """Return the number of filled cells of each column; count them if need be."""
        if self.filled is not None:
            return self.filled
        counted: dict[str, int] = {}
        for data in self.everything():
            for name, value in data.items():
                counted[name] = counted.get(name, 0) + is_filled(value)
        return counted


def emptied_columns(
    comparison: Comparison, named: Iterable[str], stored: StoredRecords, limits: Sequence[Limit]
) -> list[EmptiedColumn]:
    """Return the columns that lost more of their filled cells than each of `limits` allows.

    `named` are the columns that expressions use, whether or not the source still has them. Only
    records that changed are read from the state, and only if there may be such a column.
    """
    few = _allowed(limits, 0)
    changed = {name: number for name, number in comparison.empty_cells().items() if number > few}
    missing = set(named) - comparison.filled.keys()
    if not changed and not missing:
        return []
    filled = stored.filled_cells()
    suspects = {name: number for name, number in changed.items() if filled.get(name)}
    suspects |= {name: filled[name] for name in missing if filled.get(name)}
    suspects = {
        name: number
        for name, number in suspects.items()
        if number > _allowed(limits, max(filled[name] - comparison.gone, 0))
    }
    if not suspects:
        return []
    counts = _count(comparison, suspects, stored)
    found = []
    for name in suspects:
        before = filled[name] - counts.gone[name]
        lost, first = counts.lost[name], tuple(counts.first[name])
        if name in missing:
            lost = before
        allowed = _allowed(limits, before)
        if lost > allowed:
            found.append(EmptiedColumn(name, lost, max(before, lost), allowed, first))
    return found


def is_filled(value: Any) -> bool:
    """Return whether a stored cell holds more than white space, nulls and empty lists."""
    if isinstance(value, str):
        return bool(value.strip(WHITE_SPACE))
    if isinstance(value, list):
        return any(map(is_filled, value))
    return value is not None and value != {}


@dataclass(slots=True)
class _Counts:
    """Filled cells of each column that records lost, and that records had which are gone."""

    lost: dict[str, int]
    gone: dict[str, int]
    first: dict[str, list[Key]]


def _count(comparison: Comparison, suspects: Iterable[str], stored: StoredRecords) -> _Counts:
    names = list(suspects)
    counts = _Counts(dict.fromkeys(names, 0), dict.fromkeys(names, 0), {name: [] for name in names})
    for keys in comparison.gone_keys(_BATCH):
        for record in stored.get(keys):
            for name in names:
                counts.gone[name] += is_filled(record.data.get(name))
    for emptied in comparison.emptied_records([*names], _BATCH):
        for record in sorted(stored.get(list(emptied)), key=lambda record: record.key):
            for name in emptied[record.key]:
                if is_filled(record.data.get(name)):
                    counts.lost[name] += 1
                    if len(counts.first[name]) < FIRST_KEYS:
                        counts.first[name].append(record.key)
    return counts


def _allowed(limits: Sequence[Limit], filled: int) -> int:
    return max(
        max(limit.of(filled), MIN_ALLOWED) if limit.is_share else limit.of(filled)
        for limit in limits
    )
