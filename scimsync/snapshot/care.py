# ruff: noqa: S608 - SQL of quoted names only
"""Which rows of the temporary table `located` cannot be used, and what is said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scimsync.jsontext import read_json
from scimsync.model.records import Problem
from scimsync.sources.relation import Column, Form
from scimsync.sources.source import Place, Source
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import MAX_REPORTED, BadRow, BadRows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Repeated:
    """Rows with a key seen before: the first `MAX_REPORTED` with their key and where it stood
    first, and how many there are."""

    rows: Sequence[tuple[Place, str, Place]]
    count: int


def take_keyless(
    connection: DuckDBPyConnection, source: Source, columns: Sequence[Column], bad: BadRows
) -> None:
    """Move rows without a key from `located` to `bad`."""
    values = "".join(f", v{at}" for at in range(len(columns)))
    rows = connection.execute(
        f"select part, row{values} from located where key = '' order by part, row"
    ).fetchmany(MAX_REPORTED)
    places = source.places({(part, row) for part, row, *_ in rows})
    for part, row, *texts in rows:
        place = places[part, row]
        cells = {
            column.name: _value(column, text) for column, text in zip(columns, texts, strict=True)
        }
        here = f"row {place.row}: " if place.line is None and place.row is not None else ""
        said = f"{here}the row has no key and is left out"
        bad.add(BadRow(place.label, place.line, place.row, None, said, cells, frozenset()))
    bad.count += _deleted(connection, "delete from located where key = ''") - len(rows)


def take_repeated(connection: DuckDBPyConnection, source: Source) -> Repeated:
    """Delete from `located` all rows of a key but the first."""
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
    places = source.places({at for here, _, first in found for at in (here, first)})
    count = _deleted(
        connection,
        "delete from located using repeated r where located.part = r.part and located.row = r.row",
    )
    connection.execute("drop table repeated")
    return Repeated([(places[here], key, places[first]) for here, key, first in found], count)


def report(
    spec: FileSpec,
    source: Source,
    bad: BadRows,
    kept: Mapping[int, Sequence[str]],
    repeated: Repeated,
) -> list[Problem]:
    """What to say: the first `MAX_REPORTED` by file and line, then how many more there are.

    `kept` are, by their number in `bad`, the keys of records that a row without a key resembles.
    """
    order = {file.label: number for number, file in enumerate(source.files)}
    several = len(source.files) > 1
    found: list[tuple[tuple[int, int], Problem]] = []

    def add(label: str, line: int | None, row: int | None, key: str | None, detail: str) -> None:
        before = f"{label}: " if several or label not in order else ""
        found.append(
            (
                (order.get(label, len(order)), line or row or 0),
                Problem(spec.name, line, key, before + detail),
            )
        )

    for number, row in enumerate(bad.rows):
        detail = row.detail
        if number in kept:
            names = ", ".join(f'"{key}"' for key in kept[number][:5]) + (
                ", …" if len(kept[number]) > 5 else ""
            )
            detail += f"; it may be that of {names}, kept as before"
        add(row.label, row.line, row.row, row.key, detail)
    for place, key, first in repeated.rows:
        of = f" of {first.label}" if first.label != place.label else ""
        here = f"row {place.row}: " if place.line is None and place.row is not None else ""
        add(
            place.label,
            place.line,
            place.row,
            key,
            f'{here}key "{key}" stands in {first}{of} already; the row is left out',
        )
    found.sort(key=lambda each: each[0])
    problems = [problem for _, problem in found[:MAX_REPORTED]]
    more = bad.count + repeated.count - len(problems)
    if more > 0:
        detail = f"{more:,} more rows are left out"
        if bad.count > len(bad.rows):
            detail += "; with so many, no record counts as gone"
        problems.append(Problem(spec.name, None, None, detail))
    return problems


def _value(column: Column, text: str | None) -> object:
    return read_json(text) if text is not None and column.form is Form.JSON else text


def _deleted(connection: DuckDBPyConnection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row is not None else 0
