"""Find columns whose cells moved by one row, so that users would get their neighbor's values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.jsontext import json_text
from scimsync.model.ids import Key
from scimsync.model.records import Record
from scimsync.snapshot.compare import Comparison
from scimsync.state.record_rows import read_values

FIRST_KEYS = 5
"""The number of records with a shifted cell that are named."""

_MOST_CHANGED = 5_000
"""Where more records changed, other guards stop the run, and this one would need much memory."""


@dataclass(frozen=True, slots=True)
class ShiftedColumn:
    """A column whose cells moved by one row, and the keys of the records that this changes."""

    name: str
    keys: tuple[Key, ...]


def shifted_columns(
    comparison: Comparison, get: Callable[[Sequence[Key]], Iterable[Record]]
) -> Iterator[ShiftedColumn]:
    """Yield the columns whose cells are now those that the row above or below had before.

    `get` returns stored records. A single changed cell is not a sign of a shift. Where cells move,
    the values that records lose are those that their neighbors gain, except at the ends.
    """
    if not 1 < comparison.changed <= _MOST_CHANGED:
        return
    for name, cells in _changed_cells(comparison, get).items():
        if len(cells) > 1 and _trade_values(cells.values()):
            before = {key: old for key, (old, _) in cells.items()}
            if comparison.is_shifted(name, before):
                yield ShiftedColumn(name, tuple(sorted(cells)))


def _changed_cells(
    comparison: Comparison, get: Callable[[Sequence[Key]], Iterable[Record]]
) -> dict[str, dict[Key, tuple[Any, Any]]]:
    """Return column -> the key of each record whose cell changed -> the cell before and now."""
    changes: dict[str, dict[Key, tuple[Any, Any]]] = {}
    for batch in comparison.changes():
        now = {each.key: each.data_json for each in batch if each.data_json and not each.new}
        for record in get(list(now)):
            try:
                values = read_values(now[record.key])
            except RecursionError:  # this user fails later, with a message
                continue
            for name, value in values.items():
                if name in record.data and value != record.data[name]:
                    changes.setdefault(name, {})[record.key] = record.data[name], value
    return changes


def _trade_values(cells: Iterable[tuple[Any, Any]]) -> bool:
    """Return whether the values that cells lose are those that others gain, except for one."""
    lost: Counter[str] = Counter()
    gained: Counter[str] = Counter()
    for old, new in cells:
        lost[json_text(old)] += 1
        gained[json_text(new)] += 1
    return (gained - lost).total() <= 1
