"""Many rows in one statement, in the way of each kind of database: they travel as one JSON text.

A statement for each row would let go of Python's lock and take it again thousands of times, beside
a thread that is busy sending.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Executable,
    Float,
    Integer,
    Result,
    Table,
    Text,
    TypeDecorator,
    Update,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.sql.dml import Insert

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_REPLACED = r"\g<1>\\ufffd"


def stream(connection: Connection, batch: int, query: Executable) -> Result[Any]:
    """The rows of `query`, `batch` of them in memory at a time. The connection may do other things
    meanwhile."""
    return connection.execute(query, execution_options={"yield_per": batch})


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
) -> None:
    """Inserts `rows`; where the primary key exists, the columns named in the rows are overwritten,
    but for `keep`.

    All rows must name the same columns.
    """
    if not rows:
        return
    names = tuple(rows[0])
    sort = connection.dialect.name
    if sort == "postgresql":
        keys = [column.name for column in table.primary_key]
        # one statement touches a row once
        rows = list({tuple(row[name] for name in keys): row for row in rows}.values())
    text = _as_json(names, rows, sort)
    if text is None:
        connection.execute(
            _insert(table, names, tuple(keep), sort, bulk=False), [dict(row) for row in rows]
        )
    else:
        connection.execute(_insert(table, names, tuple(keep), sort, bulk=True), {"rows": text})


def update_by_id(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    known: Sequence[str] = (),
) -> None:
    """Updates the rows of the same `id`, all with the same columns; of the columns `known`, None
    leaves what is there."""
    if not rows:
        return
    names = tuple(rows[0])
    text = _as_json(names, rows, "postgresql")
    connection.execute(_update(table, names, tuple(known), connection.dialect.name), {"rows": text})


def _as_json(names: Sequence[str], rows: Sequence[Mapping[str, Any]], sort: str) -> str | None:
    """The rows as an array of arrays. NUL, which PostgreSQL has no place for, becomes U+FFFD; None
    where SQLite, at whose JSON functions NUL would cut a text off, has to take the rows one by
    one."""
    text = orjson.dumps([[_plain(row[name]) for name in names] for row in rows]).decode()
    if "\\u0000" not in text:
        return text
    return _NUL.sub(_REPLACED, text) if sort == "postgresql" else None


def _plain(value: Any) -> Any:
    """A value as SQLAlchemy stores it in SQLite, and as PostgreSQL reads it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


@cache
def _insert(
    table: Table, names: tuple[str, ...], keep: tuple[str, ...], sort: str, *, bulk: bool
) -> Insert:
    if sort == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    statement = insert(table)
    if bulk:
        # without `where`, SQLite takes ON CONFLICT for a join condition
        values = select(*(column for _, column in _columns(table, names, sort))).where(true())
        statement = statement.from_select(list(names), values)
    keys = [column.name for column in table.primary_key]
    changed = {
        name: statement.excluded[name] for name in names if name not in keys and name not in keep
    }
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=keys)


@cache
def _update(table: Table, names: tuple[str, ...], known: tuple[str, ...], sort: str) -> Update:
    given = select(
        *(column.label(f"new_{name}") for name, column in _columns(table, names, sort))
    ).subquery()
    changed: dict[str, ColumnElement[Any]] = {
        name: given.c[f"new_{name}"] for name in names if name != "id"
    }
    for name in known:
        changed[name] = func.coalesce(changed[name], table.c[name])
    return update(table).where(table.c.id == given.c.new_id).values(changed)


def _columns(table: Table, names: Sequence[str], sort: str) -> list[tuple[str, ColumnElement[Any]]]:
    """The values of `_as_json` as columns."""
    text = bindparam("rows", type_=Text())
    if sort == "postgresql":
        elements = func.json_array_elements(cast(text, JSON)).table_valued(column("value", JSON))
        return [(name, _typed(table, name, elements.c.value, at)) for at, name in enumerate(names)]
    rows = func.json_each(text).table_valued("value")
    return [
        (name, type_coerce(func.json_extract(rows.c.value, f"$[{at}]"), table.c[name].type))
        for at, name in enumerate(names)
    ]


def _typed(table: Table, name: str, row: ColumnElement[Any], at: int) -> ColumnElement[Any]:
    """One value of a row as PostgreSQL wants it: JSON gives texts, and it converts none of them by
    itself."""
    value = row.op("->>", return_type=Text())(literal_column(str(at)))
    kind = table.c[name].type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    for plain in (Boolean, BigInteger, Integer, Float, DateTime):
        if isinstance(kind, plain):
            return cast(value, plain())
    return value
