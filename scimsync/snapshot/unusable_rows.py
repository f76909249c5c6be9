# ruff: noqa: S608 - SQL of quoted names only
"""Remove unusable rows from a carefully scanned source, and report them.

The temporary table `located` holds the rows of the scan with their `part` and `row`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scimsync.errors import coded
from scimsync.jsontext import read_json
from scimsync.model.records import Problem
from scimsync.sources.base import MAX_REPORTED, RejectedRow, RejectedRows, RowLocation, Source
from scimsync.sources.relation import Column, TextForm

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEYS_NAMED = 5


@dataclass(frozen=True, slots=True)
class RepeatedKeys:
    """Rows whose key an earlier row has.

    `rows` holds the first `MAX_REPORTED`: their location, the key, and the location of the first
    row with that key. `count` is their total number.
    """

    rows: Sequence[tuple[RowLocation, str, RowLocation]]
    count: int


def take_keyless(
    connection: DuckDBPyConnection,
    source: Source,
    columns: Sequence[Column],
    rejected: RejectedRows,
) -> None:
    """Move rows without a key from `located` to `rejected`."""
    values = "".join(f", v{at}" for at in range(len(columns)))
    rows = connection.execute(
        f"select part, row{values} from located where key = '' order by part, row"
    ).fetchmany(MAX_REPORTED)
    locations = source.locate({(part, row) for part, row, *_ in rows})
    for part, row, *texts in rows:
        location = locations[part, row]
        cells = {
            column.name: _value(column, text) for column, text in zip(columns, texts, strict=True)
        }
        detail = f"{_row_number(location)}the row has no key and is left out"
        rejected.add(RejectedRow(location, None, detail, "SYNC-0221", cells))
    rejected.count += _deleted(connection, "delete from located where key = ''") - len(rows)


def take_repeated(connection: DuckDBPyConnection, source: Source) -> RepeatedKeys:
    """Delete all rows of a repeated key except the first from `located`, and return them."""
    connection.execute("""
        create temp table repeated as
        select part, row, key, nth, first_part, first_row from (
          select part, row, key, row_number() over w as nth,
          first(part) over w as first_part, first(row) over w as first_row
          from located where key in (select key from located group by key having count(*) > 1)
          window w as (partition by key order by part, row)
        ) where nth > 1
        """)
    rows = connection.execute(
        "select part, row, key, first_part, first_row from repeated order by part, row"
    ).fetchmany(MAX_REPORTED)
    found = [
        ((part, row), key, (first_part, first_row))
        for part, row, key, first_part, first_row in rows
    ]
    locations = source.locate({at for here, _, first in found for at in (here, first)})
    count = _deleted(
        connection,
        "delete from located using repeated r where located.part = r.part and located.row = r.row",
    )
    connection.execute("drop table repeated")
    return RepeatedKeys(
        [(locations[here], key, locations[first]) for here, key, first in found], count
    )


def report(
    source_name: str,
    source: Source,
    rejected: RejectedRows,
    kept: Mapping[int, Sequence[str]],
    repeated: RepeatedKeys,
) -> list[Problem]:
    """Return the problems: the first `MAX_REPORTED` by file and line, then a count of the others.

    `kept` holds the keys of the records that a row without a key resembles, by the index of the row
    in `rejected`.
    """
    order = {label: number for number, label in enumerate(source.part_labels)}
    found: list[tuple[tuple[int, int], Problem]] = []

    def add(location: RowLocation, key: str | None, detail: str, code: str) -> None:
        label, line = location.label, location.line
        if len(order) > 1 or label not in order:
            detail = f"{label}: {detail}"
        place = order.get(label, len(order)), line or location.row or 0
        found.append((place, Problem(source_name, line, key, coded(detail, code))))

    for number, row in enumerate(rejected.rows):
        detail = row.detail
        if number in kept:
            names = ", ".join(f'"{key}"' for key in kept[number][:_KEYS_NAMED])
            more = ", …" if len(kept[number]) > _KEYS_NAMED else ""
            detail += f"; it may be that of {names}{more}, which is kept"
        add(row.location, row.key, detail, row.code)
    for location, key, first in repeated.rows:
        of = f" of {first.label}" if first.label != location.label else ""
        detail = f'key "{key}" is already in {first}{of}; the row is left out'
        add(location, key, _row_number(location) + detail, "SYNC-0222")
    found.sort(key=lambda pair: pair[0])
    problems = [problem for _, problem in found[:MAX_REPORTED]]
    more_rows = rejected.count + repeated.count - len(problems)
    if more_rows > 0:
        detail = f"{more_rows:,} more rows are left out"
        if rejected.count > len(rejected.rows):
            detail += "; with so many, no record counts as removed"
        problems.append(Problem(source_name, None, None, coded(detail, "SYNC-0223")))
    return problems


def _row_number(location: RowLocation) -> str:
    """Return the start of a message about a row that has a number but no line."""
    has_number = location.line is None and location.row is not None
    return f"row {location.row}: " if has_number else ""


def _value(column: Column, text: str | None) -> object:
    return read_json(text) if text is not None and column.form is TextForm.JSON else text


def _deleted(connection: DuckDBPyConnection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row is not None else 0
