"""The names of records, by which references such as `ref(manager_email, by="email")` find them.

They follow from the records and from sync.toml, and are brought up to date from the sequence number
of each source at which they were last. A name that a record had is kept, so that those who refer to
it are planned again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import Connection, Row, Select, select, update

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Seq
from scimsync.model.records import Record
from scimsync.state import record_rows
from scimsync.state.many_rows import stream, upsert
from scimsync.state.tables.link_tables import reference
from scimsync.state.tables.source_tables import record, record_name, source

_SOME = 1000

Naming = Mapping[str, Callable[[Record], str | None]]
"""The expressions `by`, each with the function that gives the name of a record."""


class Holding(StrEnum):
    """Whether a record has a name: now, when its source last had it, or before."""

    CURRENT = "current"
    GONE = "gone"
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """The name of a record, and whether it has it."""

    source: str
    key: Key
    name: str
    holding: Holding


def outdated(connection: Connection, name: str, naming: Naming) -> Naming:
    """Return those of the expressions whose names are not those of the records."""
    heads = _heads(connection, name)
    head = record_rows.get_source(connection, name).head_seq
    return {by: of for by, of in naming.items() if heads.get(by, 0) != head}


def refresh(connection: Connection, name: str, naming: Naming) -> None:
    """Bring the names of the records of the source called `name` up to date."""
    heads = _heads(connection, name)
    head = record_rows.get_source(connection, name).head_seq
    behind = outdated(connection, name, naming)
    for by, of in behind.items():
        known = heads.get(by, 0)
        start = known if known < head else 0  # the records are of an older state
        for records in _changed(connection, name, Seq(start)):
            _put(connection, connection, name, by, of, records)
    text = orjson.dumps({**heads, **dict.fromkeys(behind, head)}).decode()
    connection.execute(update(source).where(source.c.name == name).values(names=text))


def lay_over(known: Connection, overlay: Connection, name: str, naming: Naming) -> None:
    """Write the names that differ from those of `known` to `overlay`, which holds newer records."""
    heads = _heads(known, name)
    head = record_rows.get_source(known, name).head_seq
    for by, of in naming.items():
        start = heads.get(by, 0)
        if start != head:
            for records in _changed(known, name, Seq(start if start < head else 0)):
                _put(known, overlay, name, by, of, records)
        for records in _all(overlay, name):
            gone = [one.key for one in records if one.removed]
            before = {one.key: one for one in record_rows.get_records(known, [name], gone)}
            _put(known, overlay, name, by, of, [_with_values(one, before) for one in records])


def holders(
    connection: Connection, sources: Sequence[str], names: Sequence[str]
) -> Iterator[NamedRecord]:
    """Yield which records of `sources` have, or had, one of `names`."""
    rows = connection.execute(
        select(record_name).where(record_name.c.source.in_(sources), record_name.c.name.in_(names))
    )
    for row in rows:
        yield _named(row)


def changed_names(connection: Connection, sources: Sequence[str]) -> Iterator[str]:
    """Yield all names that an overlay has, in order, each once."""
    query = (
        select(record_name.c.name)
        .where(record_name.c.source.in_(sources))
        .distinct()
        .order_by(record_name.c.name)
    )
    for row in stream(connection, _SOME, query):
        yield row.name


def referrers(target: str, sources: Sequence[str], cursor: Seq) -> Select[str]:
    """Return a query for the users who refer to a name that changed hands after `cursor`."""
    return (
        select(reference.c.key)
        .join(record_name, record_name.c.name == reference.c.ref_name)
        .where(
            reference.c.target == target,
            record_name.c.source.in_(sources),
            record_name.c.seq > cursor,
        )
    )


def referrers_to(connection: Connection, target: str, names: Sequence[str]) -> set[Key]:
    """Return the keys of the users who refer to one of `names`."""
    rows = connection.scalars(
        select(reference.c.key)
        .where(reference.c.target == target, reference.c.ref_name.in_(names))
        .distinct()
    )
    return {Key(key) for key in rows}


def _heads(connection: Connection, name: str) -> dict[str, int]:
    """Return up to which sequence number the names of a source are known, by expression."""
    text = connection.scalar(select(source.c.names).where(source.c.name == name))
    heads: dict[str, int] = orjson.loads(text or "{}")
    return heads


def _changed(connection: Connection, name: str, after: Seq) -> Iterator[list[Record]]:
    """Yield the records of a source that changed after a sequence number, some at a time."""
    while True:
        query = (
            select(record.c.seq, record.c.key)
            .where(record.c.source == name, record.c.seq > after)
            .order_by(record.c.seq)
            .limit(_SOME)
        )
        rows = connection.execute(query).all()
        if not rows:
            return
        after = Seq(rows[-1].seq)
        yield record_rows.get_records(connection, [name], [row.key for row in rows])


def _all(overlay: Connection, name: str) -> Iterator[list[Record]]:
    """Yield the records of a source in an overlay, which have no sequence numbers."""
    last = ""
    while True:
        query = (
            select(record.c.key)
            .where(record.c.source == name, record.c.key > last)
            .order_by(record.c.key)
            .limit(_SOME)
        )
        keys = overlay.scalars(query).all()
        if not keys:
            return
        last = keys[-1]
        yield record_rows.get_records(overlay, [name], [Key(key) for key in keys])


def _put(
    known: Connection,
    written: Connection,
    name: str,
    by: str,
    of: Callable[[Record], str | None],
    records: Sequence[Record],
) -> None:
    before: dict[Key, list[NamedRecord]] = {}
    keys = [one.key for one in records]
    prefix = f"{by}="
    for connection in dict.fromkeys((known, written)):
        for found in _of_keys(connection, name, keys):
            if found.name.startswith(prefix):
                before.setdefault(found.key, []).append(found)
    rows = []
    for one in records:
        now = {found.name: found.holding for found in before.get(one.key, ())}
        wanted = None if one.too_deep else of(one)
        after = dict.fromkeys(now, Holding.FORMER)
        if wanted is not None:
            after[wanted] = Holding.GONE if one.removed else Holding.CURRENT
        rows += [
            {
                "source": name,
                "name": text,
                "key": one.key,
                "holding": holding.value,
                "seq": one.seq,
            }
            for text, holding in after.items()
            if now.get(text) != holding
        ]
    upsert(written, record_name, rows)


def _of_keys(connection: Connection, name: str, keys: Iterable[Key]) -> Iterator[NamedRecord]:
    for some in batches(keys, _SOME):
        rows = connection.execute(
            select(record_name).where(record_name.c.source == name, record_name.c.key.in_(some))
        )
        for row in rows:
            yield _named(row)


def _named(row: Row[tuple[object, ...]]) -> NamedRecord:
    return NamedRecord(row.source, Key(row.key), row.name, Holding(row.holding))


def _with_values(one: Record, before: Mapping[Key, Record]) -> Record:
    """Return a record that an overlay removes with the values that it had."""
    if not one.removed or one.key not in before:
        return one
    old = before[one.key]
    return Record(one.source, one.key, old.data, one.seq, one.removed_at, too_deep=old.too_deep)
