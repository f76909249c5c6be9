"""The snapshot: what each source contained when it was last read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from scimsync.jsontext import read_json
from scimsync.model.ids import Key, Seq
from scimsync.model.records import NO_UNUSABLE_KEYS, PatternFile, Problem, Record, UnusableKeys
from scimsync.state import ingests, unusable_keys
from scimsync.state.many_rows import stream, upsert
from scimsync.state.tables.source_tables import record as table
from scimsync.state.tables.source_tables import replaced_record as replaced
from scimsync.state.tables.source_tables import source as source_table

_LONG_NUMBER = re.compile(r"[0-9]{19}")
"""An integer that orjson may read as a float of another value."""

_DEEPEST = 100
"""How deeply values may be nested."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """The known facts about a source.

    `digest` covers the bytes and settings last read; `problems` are those found in them, and
    `unusable` the keys of the rows that were left out. `filled` is the number of filled cells of
    each column in use, or None if it is unknown. `files` are those of a pattern, by their names.
    `replaced` is what the source contained before it was last read, as JSON text, until a plan made
    with what was read is accepted.
    """

    name: str
    head_seq: Seq = Seq(0)
    digest: str | None = None
    records: int = 0
    ingested_at: datetime | None = None
    problems: tuple[Problem, ...] = ()
    unusable: UnusableKeys = NO_UNUSABLE_KEYS
    filled: Mapping[str, int] | None = None
    files: Mapping[str, PatternFile] = field(default_factory=dict)
    replaced: str | None = None


def get_source(connection: Connection, name: str) -> SourceState:
    """Return the state of a source, an empty one for a source that was never read."""
    row = (
        connection.execute(select(source_table).where(source_table.c.name == name))
        .mappings()
        .first()
    )
    if row is None:
        return SourceState(name)
    return SourceState(
        name=name,
        head_seq=Seq(row["head_seq"]),
        digest=row["digest"],
        records=row["records"],
        ingested_at=row["ingested_at"],
        problems=tuple(Problem(**item) for item in orjson.loads(row["problems"] or "[]")),
        unusable=unusable_keys.parse(row["unusable"]),
        filled=None if row["filled"] is None else orjson.loads(row["filled"]),
        files={
            name: PatternFile(file["records"], tuple(file["keys"]))
            for name, file in orjson.loads(row["files"] or "{}").items()
        },
        replaced=row["replaced"],
    )


def put_source(connection: Connection, state: SourceState) -> None:
    """Store the state of a source."""
    row = {
        "name": state.name,
        "head_seq": state.head_seq,
        "digest": state.digest,
        "replaced": state.replaced,
    }
    upsert(connection, source_table, [row | _contents(state)])


def keeping(state: SourceState) -> str:
    """Return `SourceState.replaced` for when `state` is replaced. Values already kept stay."""
    contents = _contents(state) | {"ingested_at": str(state.ingested_at or "")}
    return state.replaced or orjson.dumps(contents).decode()


def _contents(state: SourceState) -> dict[str, object]:
    """Return the columns that say what a source contained."""
    return {
        "records": state.records,
        "ingested_at": state.ingested_at,
        "problems": orjson.dumps(state.problems).decode(),
        "unusable": unusable_keys.dump(state.unusable),
        "filled": None if state.filled is None else orjson.dumps(state.filled).decode(),
        "files": orjson.dumps(state.files).decode() if state.files else None,
    }


def last_seq(connection: Connection) -> Seq:
    """Return the highest sequence number of all sources."""
    return Seq(connection.scalar(select(func.max(source_table.c.head_seq))) or 0)


def head_seq(connection: Connection, sources: Sequence[str]) -> Seq:
    """Return the highest sequence number of `sources`."""
    return Seq(connection.scalar(head(sources)) or 0)


def head(sources: Sequence[str]) -> Select[int]:
    """Return the query for the highest sequence number of `sources`."""
    return select(func.max(source_table.c.head_seq)).where(source_table.c.name.in_(sources))


def put_records(connection: Connection, source: str, rows: Sequence[tuple[Key, Seq, str]]) -> None:
    """Store new and changed records: key, sequence number, data as JSON text."""
    upsert(
        connection,
        table,
        [
            {"source": source, "key": key, "seq": seq, "data": data, "removed_at": None}
            for key, seq, data in rows
        ],
    )


def remove_records(
    connection: Connection, source: str, rows: Sequence[tuple[Key, Seq]], now: datetime
) -> None:
    """Mark records as removed from their source. Their values stay."""
    if rows:
        connection.execute(
            update(table)
            .where(table.c.source == source, table.c.key == bindparam("gone_key"))
            .values(seq=bindparam("gone_seq"), removed_at=now),
            [{"gone_key": key, "gone_seq": seq} for key, seq in rows],
        )


def keep_replaced(
    connection: Connection, source: str, known: Sequence[Key], new: Sequence[Key]
) -> None:
    """Keep the values of the records `known`, and the absence of `new`, until `accept`.

    Values that were kept earlier stay.
    """
    some = 5000
    rows: list[dict[str, object]] = [{"source": source, "key": key, "data": None} for key in new]
    for start in range(0, len(known), some):
        held = select(table.c.key, table.c.data).where(
            table.c.source == source, table.c.key.in_(known[start : start + some])
        )
        rows += [
            {"source": source, "key": row.key, "data": row.data} for row in connection.execute(held)
        ]
    upsert(connection, replaced, rows, keep=("data",))


def accept(
    connection: Connection,
    sources: Sequence[str],
    keys: Sequence[Key] = (),
    *,
    any_refused: bool = True,
) -> None:
    """Make the changes that were read permanent: for `keys`, or for all records if there are none.

    Without `any_refused`, it is known that no change was refused before.
    """
    condition = replaced.c.source.in_(sources)
    connection.execute(
        delete(replaced).where(condition & replaced.c.key.in_(keys) if keys else condition)
    )
    if any_refused:
        ingests.forget_refused(connection, sources, keys)
    if not keys:
        connection.execute(
            update(source_table).where(source_table.c.name.in_(sources)).values(replaced=None)
        )


def read_and_not_accepted(sources: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition for the sources that were read for a plan that was not accepted."""
    return and_(
        source_table.c.name.in_(sources),
        or_(source_table.c.replaced.is_not(None), _HAS_REPLACED),
    )


_HAS_REPLACED = exists().where(replaced.c.source == source_table.c.name)


def restore(connection: Connection, sources: Sequence[str], now: datetime) -> int:
    """Restore the records of these sources that were read and not accepted. Return how many.

    Each gets a new sequence number, like any change.
    """
    if not sources:
        return 0
    changed = connection.execute(
        select(source_table.c.name, source_table.c.replaced, _HAS_REPLACED).where(
            read_and_not_accepted(sources)
        )
    ).all()
    number = 0
    for name, contents, has_replaced in changed:
        if contents is not None:
            _restore_contents(connection, name, contents)
        if not has_replaced:
            continue
        ingests.note_refused(connection, name)
        rows = connection.execute(
            select(replaced.c.key, replaced.c.data).where(replaced.c.source == name)
        ).all()
        seq = last_seq(connection)
        numbered = [
            (Key(row.key), Seq(seq + place), row.data) for place, row in enumerate(rows, start=1)
        ]
        put_records(
            connection, name, [(key, at, data) for key, at, data in numbered if data is not None]
        )
        remove_records(
            connection, name, [(key, at) for key, at, data in numbered if data is None], now
        )
        head = numbered[-1][1]
        connection.execute(
            update(source_table)
            .where(source_table.c.name == name)
            .values(head_seq=head, digest=None)
        )
        connection.execute(delete(replaced).where(replaced.c.source == name))
        number += len(rows)
    return number


def _restore_contents(connection: Connection, source: str, text: str) -> None:
    """Restore the facts about the contents of a source, because an allowance had no effect."""
    contents = orjson.loads(text)
    when = contents["ingested_at"]
    contents["ingested_at"] = datetime.fromisoformat(when) if when else None
    connection.execute(
        update(source_table)
        .where(source_table.c.name == source)
        .values(**contents, digest=None, replaced=None)
    )


def put_overlay(
    connection: Connection, source: str, rows: Sequence[tuple[Key, str | None]], now: datetime
) -> None:
    """Store records in an overlay: data as JSON text, None for a removed one."""
    upsert(
        connection,
        table,
        [
            {
                "source": source,
                "key": key,
                "seq": 0,
                "data": data or "{}",
                "removed_at": now if data is None else None,
            }
            for key, data in rows
        ],
    )


def first_key(connection: Connection, source: str) -> Key | None:
    """Return the first key, in order, of the records that the source still has."""
    key: Key | None = connection.scalar(
        select(func.min(table.c.key)).where(table.c.source == source, table.c.removed_at.is_(None))
    )
    return key


def live_records(
    connection: Connection, source: str, batch: int = 5000
) -> Iterator[tuple[str, str]]:
    """Yield key and JSON text of all records that the source still has."""
    yield from _texts(connection, batch, source, table.c.removed_at.is_(None))


def removed_records(
    connection: Connection, source: str, batch: int = 5000
) -> Iterator[tuple[str, str]]:
    """Yield key and JSON text of all records that the source had before."""
    yield from _texts(connection, batch, source, table.c.removed_at.is_not(None))


def _texts(
    connection: Connection, batch: int, source: str, condition: ColumnElement[bool]
) -> Iterator[tuple[str, str]]:
    query = select(table.c.key, table.c.data).where(table.c.source == source, condition)
    for row in stream(connection, batch, query):
        yield row.key, row.data


def changed_since(sources: Sequence[str], cursor: Seq) -> ColumnElement[bool]:
    """Return the condition that a record changed after `cursor`."""
    return table.c.source.in_(sources) & (table.c.seq > cursor)


def changed_keys(connection: Connection, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
    """Yield the keys of the records that changed after `cursor`, in order, each once."""
    query = (
        select(table.c.key).where(changed_since(sources, cursor)).distinct().order_by(table.c.key)
    )
    for row in stream(connection, 2000, query):
        yield Key(row.key)


def removed_keys(connection: Connection, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
    """Yield the keys of the records that were removed after `cursor`, in order, each once."""
    query = (
        select(table.c.key)
        .where(changed_since(sources, cursor), table.c.removed_at.is_not(None))
        .distinct()
        .order_by(table.c.key)
    )
    for row in stream(connection, 2000, query):
        yield Key(row.key)


def count_changed(connection: Connection, sources: Sequence[str], cursor: Seq) -> int:
    """Return how many records changed after `cursor`."""
    return (
        connection.scalar(
            select(func.count()).select_from(table).where(changed_since(sources, cursor))
        )
        or 0
    )


def get_records(
    connection: Connection, sources: Sequence[str], keys: Sequence[Key]
) -> list[Record]:
    """Return the records of `keys` in each of `sources`, also removed ones."""
    rows = connection.execute(
        select(table).where(table.c.source.in_(sources), table.c.key.in_(keys))
    )
    return [_record(row) for row in rows.mappings()]


def _record(row: RowMapping) -> Record:
    data: dict[str, Any] | None = None
    with suppress(RecursionError):
        data = read_values(row["data"])
    return Record(
        source=row["source"],
        key=Key(row["key"]),
        seq=Seq(row["seq"]),
        data=data or {},
        removed_at=row["removed_at"],
        too_deep=data is None,
    )


def read_values(text: str) -> dict[str, Any]:
    """Return the values of a record; raise RecursionError if they are nested too deeply."""
    read: dict[str, Any]
    try:
        read = read_json(text) if _LONG_NUMBER.search(text) else orjson.loads(text)
    except orjson.JSONDecodeError:
        read = read_json(text)
    if text.count("[") + text.count("{") > _DEEPEST and _depth(read) > _DEEPEST:
        raise RecursionError
    return read


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
