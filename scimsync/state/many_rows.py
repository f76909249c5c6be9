"""Write many rows with one statement: the rows are one JSON text, which the database unpacks.

One statement a row would release and take Python's lock thousands of times, next to a thread that
is busy sending.
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
    Date,
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
    """Return the rows of `query`, with `batch` of them in memory at a time.

    The connection can run other statements meanwhile.
    """
    return connection.execute(query, execution_options={"yield_per": batch})


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
) -> None:
    """Insert `rows`, or update the columns that they name where the primary key exists.

    The columns `keep` are not updated. All rows must name the same columns.
    """
    if not rows:
        return
    names = tuple(rows[0])
    dialect = connection.dialect.name
    if dialect == "postgresql":
        keys = [column.name for column in table.primary_key]
        # one statement may not update a row twice
        rows = list({tuple(row[name] for name in keys): row for row in rows}.values())
    text = _as_json(names, rows, dialect)
    if text is None:
        connection.execute(
            _insert(table, names, tuple(keep), dialect, bulk=False), [dict(row) for row in rows]
        )
    else:
        connection.execute(_insert(table, names, tuple(keep), dialect, bulk=True), {"rows": text})


def update_by_id(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    known: Sequence[str] = (),
) -> None:
    """Update rows by `id`. All must name the same columns.

    In the columns `known`, None leaves the stored value.
    """
    if not rows:
        return
    names = tuple(rows[0])
    text = _as_json(names, rows, "postgresql")
    connection.execute(_update(table, names, tuple(known), connection.dialect.name), {"rows": text})


def _as_json(names: Sequence[str], rows: Sequence[Mapping[str, Any]], dialect: str) -> str | None:
    """Return the rows as an array of arrays.

    PostgreSQL cannot store NUL: it becomes U+FFFD. The JSON functions of SQLite cut a text off at
    NUL: None means that the rows have to be inserted one by one.
    """
    text = orjson.dumps([[_plain(row[name]) for name in names] for row in rows]).decode()
    if "\\u0000" not in text:
        return text
    return _NUL.sub(_REPLACED, text) if dialect == "postgresql" else None


def _plain(value: Any) -> Any:
    """Return a value as SQLAlchemy stores it in SQLite, and as PostgreSQL reads it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


@cache
def _insert(
    table: Table, names: tuple[str, ...], keep: tuple[str, ...], dialect: str, *, bulk: bool
) -> Insert:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    statement = insert(table)
    if bulk:
        # without WHERE, SQLite parses ON CONFLICT as a join condition
        values = select(*(column for _, column in _columns(table, names, dialect))).where(true())
        statement = statement.from_select(list(names), values)
    keys = [column.name for column in table.primary_key]
    changed = {
        name: statement.excluded[name] for name in names if name not in keys and name not in keep
    }
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=keys)


@cache
def _update(table: Table, names: tuple[str, ...], known: tuple[str, ...], dialect: str) -> Update:
    given = select(
        *(column.label(f"new_{name}") for name, column in _columns(table, names, dialect))
    ).subquery()
    changed: dict[str, ColumnElement[Any]] = {
        name: given.c[f"new_{name}"] for name in names if name != "id"
    }
    for name in known:
        changed[name] = func.coalesce(changed[name], table.c[name])
    return update(table).where(table.c.id == given.c.new_id).values(changed)


def _columns(
    table: Table, names: Sequence[str], dialect: str
) -> list[tuple[str, ColumnElement[Any]]]:
    """Return the values of `_as_json` as columns."""
    text = bindparam("rows", type_=Text())
    if dialect == "postgresql":
        elements = func.json_array_elements(cast(text, JSON)).table_valued(column("value", JSON))
        return [(name, _typed(table, name, elements.c.value, at)) for at, name in enumerate(names)]
    rows = func.json_each(text).table_valued("value")
    return [
        (name, type_coerce(func.json_extract(rows.c.value, f"$[{at}]"), table.c[name].type))
        for at, name in enumerate(names)
    ]


def _typed(table: Table, name: str, row: ColumnElement[Any], at: int) -> ColumnElement[Any]:
    """Return one value of a row, converted from the text that PostgreSQL's JSON gives."""
    value = row.op("->>", return_type=Text())(literal_column(str(at)))
    kind = table.c[name].type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    for plain in (Boolean, BigInteger, Integer, Float, Date, DateTime):
        if isinstance(kind, plain):
            return cast(value, plain())
    return value
