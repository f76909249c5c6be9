"""Export the state as lines of JSON, and import it: from SQLite to PostgreSQL, to another machine.

The first line identifies the format, each following line is a row, `["link", {…}]`, and the last
line has the number of rows, which reveals a truncated file. Leases are not exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Integer, Table, func, insert, select, text
from sqlalchemy.exc import DataError, IntegrityError

from scimsync.errors import ExportError, StateError
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.state import link_store
from scimsync.state.exported_rows import INVALID, read_row
from scimsync.state.many_rows import stream
from scimsync.state.store import SCHEMA_VERSION, Store
from scimsync.state.tables import metadata
from scimsync.state.tables.link_tables import link
from scimsync.state.tables.run_tables import lease
from scimsync.state.tables.target_tables import discovery

FORMAT = "scimsync-state"
_BATCH = 1000
_NOTHING = "nothing was imported"


def tables() -> list[Table]:
    """Return the exported tables, in this order."""
    return [table for table in metadata.sorted_tables if table not in (lease, discovery)]


def export(store: Store, now: datetime) -> Iterator[bytes]:
    """Yield the lines of an export, which are one consistent state."""
    yield _line({"format": FORMAT, "tables": SCHEMA_VERSION, "exported_at": now})
    number = 0
    with store.read() as connection:
        for table in tables():
            query = select(table).order_by(*table.primary_key.columns)
            for row in stream(connection, _BATCH, query).mappings():
                yield _line(
                    [
                        table.name,
                        {str(name): value for name, value in row.items() if value is not None},
                    ]
                )
                number += 1
    yield _line({"rows": number})


def import_(store: Store, lines: Iterable[bytes], name: str) -> dict[str, int]:
    """Fill an empty state, all or nothing. Return the number of rows of each table.

    `name` is the name of the lines in messages. Raise StateError for a state that is not empty, and
    ExportError for lines that are not a complete export of this version, and for two links to one
    resource.
    """
    source = iter(lines)
    _check_head(next(source, b""), name)
    counts = {table.name: 0 for table in tables()}
    known = {table.name: table for table in tables()}
    with store.write() as connection:
        _check_empty(connection, store)
        waiting: list[dict[str, Any]] = []
        current: Table | None = None
        total: int | None = None
        for number, line in enumerate(source, start=2):
            if total is not None:
                raise ExportError(
                    f"{name}, line {number}: unexpected data after the end of the export",
                    hint=_NOTHING,
                    code="SYNC-0613",
                )
            try:
                read = orjson.loads(line)
                if isinstance(read, dict):
                    total = read["rows"]
                    continue
                table = known[read[0]]
                row = read_row(table, read[1])
            except INVALID:
                raise ExportError(
                    f"{name}, line {number}: not a row of an export",
                    hint=_NOTHING,
                    code="SYNC-0613",
                ) from None
            if table is not current or len(waiting) == _BATCH:
                _store(connection, current, waiting, name)
                waiting, current = [], table
            waiting.append(row)
            counts[table.name] += 1
        if total != sum(counts.values()):
            raise ExportError(
                f"{name} is incomplete: it ends after {sum(counts.values()):,} rows",
                hint=_NOTHING,
                code="SYNC-0613",
            )
        _store(connection, current, waiting, name)
        _set_sequences(connection)
    return counts


def _check_head(line: bytes, name: str) -> None:
    try:
        head = orjson.loads(line)
        ours = head["format"] == FORMAT
        version = str(head["tables"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        ours, version = False, ""
    if not ours:
        raise ExportError(
            f"{name} is not an export of a state",
            hint="create one with scimsync state export",
            code="SYNC-0613",
        )
    if version != SCHEMA_VERSION:
        raise ExportError(
            f"{name} has tables of version {version}, this program has {SCHEMA_VERSION}",
            hint="upgrade the exported state (scimsync state upgrade) and export it again",
            code="SYNC-0614",
        )


def _check_empty(connection: Connection, store: Store) -> None:
    for table in tables():
        if connection.scalar(select(func.count()).select_from(table)):
            raise StateError(
                f"{store.label}: the state is not empty: it has rows in {table.name}",
                hint=(
                    "import into an empty state: name another one in [state] url, or move this one"
                    " away"
                ),
                code="SYNC-0612",
            )


def _store(
    connection: Connection, table: Table | None, rows: list[dict[str, Any]], name: str
) -> None:
    if table is None or not rows:
        return
    if table is link:
        _check_owners(connection, rows, name)
    try:
        connection.execute(insert(table), rows)
    except (IntegrityError, DataError):
        raise ExportError(
            f"{name}: the rows of {table.name} are inconsistent, such as two with one key",
            hint=_NOTHING,
            code="SYNC-0613",
        ) from None


def _check_owners(connection: Connection, rows: list[dict[str, Any]], name: str) -> None:
    """Raise StateError for links to a resource that another link has already."""
    for target in dict.fromkeys(row["target"] for row in rows):
        claims = [
            Link(Kind(row["kind"]), Key(row["key"]), LinkStatus(row["status"]), row["remote_id"])
            for row in rows
            if row["target"] == target and not row["shared"]
        ]
        for (kind, key), owner in link_store.rivals(connection, target, claims).items():
            raise ExportError(
                f"{name}: {key} and {owner} are linked to the same {kind} at {target}",
                hint=_NOTHING,
                code="SYNC-0930",
            )


def _set_sequences(connection: Connection) -> None:
    """Set the sequences of PostgreSQL to the highest ids. SQLite does that by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables():
        if "id" in table.columns and isinstance(table.c.id.type, Integer):
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608 - names of our own tables
                    f"coalesce((SELECT max(id) FROM {table.name}), 0) + 1, false)"
                )
            )


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
