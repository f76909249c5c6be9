# ruff: noqa: S608 - SQL of column numbers only
"""Keep the records that may differ only because the row that `pick` would choose was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scimsync.snapshot.index import StoredSnapshot
from scimsync.snapshot.resemblance import StrayRow, equal_cells, resembling
from scimsync.snapshot.unusable_rows import AmbiguousKeys, cells_of
from scimsync.sources.base import RejectedRows, SourceSpec
from scimsync.sources.relation import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHANGED = "not new and not gone"


def keep_changed_by_pick(
    spec: SourceSpec[Any],
    connection: DuckDBPyConnection,
    columns: Sequence[Column],
    rejected: RejectedRows,
    ambiguous: AmbiguousKeys,
    snapshot: StoredSnapshot,
) -> tuple[frozenset[str], Mapping[int, list[str]]]:
    """Let the records not count as changed that a row left out may be of, and return their keys.

    Return as well the keys of those that resemble a row, by its index in `AmbiguousKeys.strays`.
    The table `delta` holds the changes. A source without `pick` or such rows has none.
    """
    strays = ambiguous.strays(rejected)
    if not strays or getattr(spec.settings, "pick", None) is None:
        return frozenset(), {}
    rows = connection.execute(f"select key from delta where {_CHANGED}").fetchall()
    changed = {key for (key,) in rows}
    meant: dict[int, list[str]] = {}
    if rejected.may_be_any:
        keys = frozenset(changed)
    else:
        before = resembling(strays, columns, snapshot.records_of(changed), snapshot.records())
        meant = _as_much_as_now(connection, columns, strays, before, snapshot)
        fields = (row.fields for row in rejected.rows)
        keys = frozenset().union(*meant.values(), *(changed & each for each in fields))
    connection.execute(
        f"delete from delta where {_CHANGED} and key in (select unnest($1::varchar[]))",
        [sorted(keys)],
    )
    return keys, meant


def _as_much_as_now(
    connection: DuckDBPyConnection,
    columns: Sequence[Column],
    strays: Sequence[StrayRow],
    before: Mapping[int, Sequence[str]],
    snapshot: StoredSnapshot,
) -> dict[int, list[str]]:
    """Return those of the keys `before` whose record is not more like the row than it was."""
    keys = sorted({key for found in before.values() for key in found})
    values = "".join(f", v{at}" for at in range(len(columns)))
    rows = connection.execute(
        f"select key{values} from delta where key in (select unnest($1::varchar[]))", [keys]
    ).fetchall()
    now = {key: cells_of(columns, texts) for key, *texts in rows}
    rows_of: dict[str, list[int]] = {}
    for number, found in before.items():
        for key in found:
            rows_of.setdefault(key, []).append(number)
    meant: dict[int, list[str]] = {}
    for key, data in snapshot.records_of(rows_of):
        for number in rows_of[key]:
            cells = strays[number].cells
            if equal_cells(cells, data, columns) >= equal_cells(cells, now[key], columns):
                meant.setdefault(number, []).append(key)
    return {number: sorted(found) for number, found in meant.items()}
