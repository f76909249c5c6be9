# ruff: noqa: S608 - SQL of quoted names only
"""Remove unusable rows from a carefully scanned source, and report them.

The temporary table `located` holds the rows of the scan with their `part` and `row`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scimsync.errors import coded
from scimsync.formatting import enumerated
from scimsync.jsontext import read_json
from scimsync.model.records import Problem, UnusableKeys
from scimsync.snapshot.index import StoredSnapshot
from scimsync.snapshot.resemblance import StrayRow, resembling
from scimsync.sources.base import MAX_REPORTED, RejectedRow, RejectedRows, RowLocation, Source
from scimsync.sources.relation import Column, TextForm

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEYS_NAMED = 5
_ROWS_NAMED = 5
_COLUMNS_NAMED = 5


@dataclass(frozen=True, slots=True)
class AmbiguousKey:
    """A key of several rows that differ. `locations` holds the first of them, in order.

    `differing` names the columns in which they differ. It is empty if one of the rows cannot be
    read.
    """

    key: str
    rows: int
    locations: Sequence[RowLocation]
    differing: Sequence[str]


@dataclass(frozen=True, slots=True)
class AmbiguousKeys:
    """The first `MAX_REPORTED` ambiguous keys, and how many there are.

    `rows` are the first `MAX_REPORTED` of their rows: one of them may have the key by mistake.
    """

    keys: Sequence[AmbiguousKey]
    count: int
    rows: Sequence[StrayRow]

    def strays(self, rejected: RejectedRows) -> list[StrayRow]:
        """Return the rejected rows, in their order, and then those of ambiguous keys."""
        return [*(StrayRow(row.key, row.cells) for row in rejected.rows), *self.rows]


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
        cells = cells_of(columns, texts)
        detail = f"{location.prefix}the row has no key and is left out"
        rejected.add(RejectedRow(location, None, detail, "SYNC-0221", cells))
    rejected.count += _deleted(connection, "delete from located where key = ''") - len(rows)


def take_repeated(
    connection: DuckDBPyConnection,
    source: Source,
    columns: Sequence[Column],
    rejected: RejectedRows,
) -> AmbiguousKeys:
    """Delete the rows of each key that several rows have, and return these keys.

    Rows that agree in all columns count as one. A row that cannot be read differs from all others
    of its key. The keys are in the temporary table `ambiguous` afterwards.
    """
    differs = ", ".join(_differs(f"v{at}") for at in range(len(columns)))
    run = connection.execute
    unread = sorted({row.key for row in rejected.rows if row.key is not None})
    run("create temp table unread as select unnest($1::varchar[]) as key", [unread])
    run(f"""
        create temp table repeated as
        select key, count(*) as n, [{differs}]::boolean[] as differs,
        key in (from unread) as unread
        from located group by key having count(*) > 1 or unread
        """)
    run("""
        delete from located using (
          select part, row, row_number() over (partition by key order by part, row) as nth
          from located where key in (
            select key from repeated where not (unread or list_contains(differs, true))
          )
        ) r where r.nth > 1 and located.part = r.part and located.row = r.row
        """)
    run("""
        create temp table ambiguous as
        select key, n, differs, unread, first_part, first_row from repeated join (
          select key, min(part) as first_part, arg_min(row, (part, row)) as first_row
          from located group by key
        ) using (key) where unread or list_contains(differs, true)
        """)
    found = _ambiguous_keys(connection, source, columns, rejected)
    strays = _ambiguous_rows(connection, columns)
    count = run("select count(*) from ambiguous").fetchone()
    run("delete from located where key in (select key from ambiguous)")
    run("drop table repeated")
    run("drop table unread")
    return AmbiguousKeys(found, count[0] if count else 0, strays)


def _ambiguous_rows(connection: DuckDBPyConnection, columns: Sequence[Column]) -> list[StrayRow]:
    values = "".join(f", v{at}" for at in range(len(columns)))
    rows = connection.execute(
        f"select key{values} from located where key in (select key from ambiguous)"
        " order by part, row"
    ).fetchmany(MAX_REPORTED)
    return [StrayRow(key, cells_of(columns, texts)) for key, *texts in rows]


def _differs(value: str) -> str:
    """Return SQL for whether a group of rows has more than one value, or a value and NULL."""
    return f"min({value}) is distinct from max({value}) or count({value}) not in (0, count(*))"


def _ambiguous_keys(
    connection: DuckDBPyConnection,
    source: Source,
    columns: Sequence[Column],
    rejected: RejectedRows,
) -> list[AmbiguousKey]:
    keys = connection.execute(
        "select key, n, differs, unread from ambiguous order by first_part, first_row"
    ).fetchmany(MAX_REPORTED)
    rows = connection.execute(
        f"""
        select key, part, row from located where key in (select unnest($1))
        qualify row_number() over (partition by key order by part, row) <= {_ROWS_NAMED}
        order by part, row
        """,
        [[key for key, *_ in keys]],
    ).fetchall()
    places = source.locate({(part, row) for _, part, row in rows})
    locations: dict[str, list[RowLocation]] = {key: [] for key, *_ in keys}
    for key, part, row in rows:
        locations[key].append(places[part, row])
    unread = Counter(row.key for row in rejected.rows)
    for rejected_row in rejected.rows:
        if rejected_row.key in locations:
            locations[rejected_row.key].append(rejected_row.location)
    order = {label: number for number, label in enumerate(source.part_labels)}

    def place(location: RowLocation) -> tuple[int, int]:
        return order.get(location.label, len(order)), location.line or location.row or 0

    return [
        AmbiguousKey(
            key,
            number + unread[key],
            sorted(locations[key], key=place)[:_ROWS_NAMED],
            [
                column.name
                for column, differs in zip(columns, differing, strict=True)
                if differs and not is_unread
            ],
        )
        for key, number, differing, is_unread in keys
    ]


def reject_excluded(
    rejected: RejectedRows,
    columns: Sequence[Column],
    gone: Collection[str],
    missing: Iterable[tuple[str, str]],
) -> None:
    """Reject those malformed rows that no longer count as records, and may be gone records.

    `missing` yields the key and JSON text of the records `gone`.
    """
    meant = resembling([StrayRow(None, row.cells) for row in rejected.excluded], columns, missing)
    for at, row in enumerate(rejected.excluded):
        if row.key in gone:
            rejected.add(row)
        elif at in meant:
            rejected.add(replace(row, key=None))


def unusable_keys(
    connection: DuckDBPyConnection,
    columns: Sequence[Column],
    rejected: RejectedRows,
    ambiguous: AmbiguousKeys,
    kept: Collection[str],
    snapshot: StoredSnapshot,
) -> UnusableKeys:
    """Return the keys that the rows left out may be of, also those of records that were removed.

    `kept` are the keys of records that would be gone without these rows. Call this after
    `take_repeated`.
    """
    unclear = ambiguous.strays(rejected) + [StrayRow(None, row.cells) for row in rejected.excluded]
    unclear = [row for row in unclear if any(row.cells.values())]
    removed = snapshot.removed()
    resembled = resembling(unclear, columns, removed, snapshot.records()) if unclear else {}
    rows = [*rejected.rows, *rejected.excluded]
    meant = {row.key or "" for row in rows}.union(
        *(row.fields for row in rows), *resembled.values()
    )
    found = connection.execute(
        "select key from ambiguous union (select unnest($1::varchar[]) except select key from"
        " located)",
        [sorted(meant - {""})],
    ).fetchall()
    return UnusableKeys(frozenset(kept).union(key for (key,) in found), rejected.may_be_any)


def report(
    source_name: str,
    source: Source,
    rejected: RejectedRows,
    kept: Mapping[int, Sequence[str]],
    ambiguous: AmbiguousKeys,
) -> list[Problem]:
    """Return the problems: the first `MAX_REPORTED` by file and line, then a count of the others.

    `kept` holds the keys of the records that a row resembles, by its index in
    `AmbiguousKeys.strays`.
    """
    order = {label: number for number, label in enumerate(source.part_labels)}
    found: list[tuple[tuple[int, int], Problem]] = []

    def add(location: RowLocation, key: str | None, detail: str, code: str) -> None:
        label, line = location.label, location.line
        if (len(order) > 1 or label not in order) and f" of {label}" not in detail:
            detail = f"{label}: {detail}"
        place = order.get(label, len(order)), line or location.row or 0
        found.append((place, Problem(source_name, line, key, coded(detail, code))))

    for number, row in enumerate(rejected.rows):
        add(row.location, row.key, row.detail + owners("it", kept.get(number, ())), row.code)
    of_key: dict[str, dict[str, None]] = {}
    for number, stray in enumerate(ambiguous.strays(rejected)):
        of_key.setdefault(stray.key or "", {}).update(dict.fromkeys(kept.get(number, ())))
    for each in ambiguous.keys:
        first = each.locations[0]
        detail = _ambiguous(each) + owners("one", [*of_key.get(each.key, ())])
        add(first, each.key, detail, "SYNC-0222")
    found.sort(key=lambda pair: pair[0])
    problems = [problem for _, problem in found[:MAX_REPORTED]]
    more_rows = rejected.count + ambiguous.count - len(problems)
    if more_rows > 0:
        detail = f"{more_rows:,} more rows are left out"
        if rejected.count > len(rejected.rows):
            detail += "; with so many, no record counts as removed"
        problems.append(Problem(source_name, None, None, coded(detail, "SYNC-0223")))
    return problems


def owners(row: str, kept: Sequence[str]) -> str:
    """Return the words for the records `kept` that a row may belong to, if there are any."""
    if not kept:
        return ""
    names = ", ".join(f'"{key}"' for key in kept[:_KEYS_NAMED])
    more = ", …" if len(kept) > _KEYS_NAMED else ""
    return f"; {row} may belong to {names}{more}, which {'is' if len(kept) == 1 else 'are'} kept"


def _ambiguous(each: AmbiguousKey) -> str:
    """Return the message about a key of several rows."""
    more = ", …" if each.rows > len(each.locations) else ""
    by_label: dict[str, list[RowLocation]] = {}
    for location in each.locations:
        by_label.setdefault(location.label, []).append(location)
    if any(location.line is None and location.row is None for location in each.locations):
        where = f"{each.rows} rows"
    else:
        where = " and ".join(
            _places(locations) + (f" of {label}" if len(by_label) > 1 else "")
            for label, locations in by_label.items()
        )
    columns = ", ".join(each.differing[:_COLUMNS_NAMED])
    columns += ", …" if len(each.differing) > _COLUMNS_NAMED else ""
    differ = f", which differ in {columns}" if columns else ""
    none = "neither counts" if each.rows == 2 else "none of them counts"
    return f'key "{each.key}" is in {where}{more}{differ}; {none}'


def _places(locations: Sequence[RowLocation]) -> str:
    """Return `line 3` or `lines 3, 4 and 7`; without lines, the same with rows."""
    noun = "row" if locations[0].line is None else "line"
    numbers = [str(each.row if each.line is None else each.line) for each in locations]
    of_sheet = locations[0].of_sheet
    return f"{noun}{'s' if len(numbers) > 1 else ''} {enumerated(numbers)}{of_sheet}"


def cells_of(columns: Sequence[Column], texts: Sequence[str | None]) -> dict[str, object]:
    """Return the values of the `columns` of a row, given their texts."""
    return {column.name: _value(column, text) for column, text in zip(columns, texts, strict=True)}


def _value(column: Column, text: str | None) -> object:
    return read_json(text) if text is not None and column.form is TextForm.JSON else text


def _deleted(connection: DuckDBPyConnection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row is not None else 0
