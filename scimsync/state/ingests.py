"""When sources were first read with the changes of their records."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.records import SourceReading
from scimsync.state.many_rows import update_by_id, upsert
from scimsync.state.tables.run_tables import operation
from scimsync.state.tables.source_tables import ingest, record, refused_change, replaced_record

_SOME = 5000


def add(
    connection: Connection,
    source: str,
    first_seq: Seq,
    head_seq: Seq,
    read_at: datetime,
    modified_at: datetime | None,
) -> None:
    """Note that a reading of a source changed the records from `first_seq` to `head_seq`."""
    row = {
        "source": source,
        "head_seq": head_seq,
        "first_seq": first_seq,
        "read_at": read_at,
        "modified_at": modified_at,
    }
    upsert(connection, ingest, [row])


def prune(connection: Connection, before: datetime) -> None:
    """Delete the readings before `before`."""
    connection.execute(delete(ingest).where(ingest.c.read_at < before))


def note_refused(connection: Connection, source: str) -> None:
    """Remember when the changes were first read that are about to be undone.

    These are the changes of the records in `replaced_record`.
    """
    rows = connection.execute(
        select(record.c.key, record.c.seq, record.c.data, record.c.removed_at)
        .join(
            replaced_record,
            (replaced_record.c.source == record.c.source) & (replaced_record.c.key == record.c.key),
        )
        .where(record.c.source == source)
    ).all()
    readings = _Readings(connection, source)
    for start in range(0, len(rows), _SOME):
        some = rows[start : start + _SOME]
        earlier = _refused(connection, source, [Key(row.key) for row in some])
        noted = []
        for row in some:
            digest = _digest(row.data, row.removed_at)
            known = earlier.get(Key(row.key))
            reading = readings.of(Seq(row.seq))
            if known is not None and known[0] == digest:
                reading = known[1]
            if reading is not None:
                noted.append(
                    {
                        "source": source,
                        "key": row.key,
                        "digest": digest,
                        "read_at": reading.read_at,
                        "modified_at": reading.modified_at,
                    }
                )
        upsert(connection, refused_change, noted)


def never_accepted(connection: Connection, sources: Sequence[str], keys: Sequence[Key]) -> set[Key]:
    """Return those of `keys` whose removed record has the values of a change that was refused.

    A guard refused the only file with these values, and the record was removed again.
    """
    rows = connection.execute(
        select(record.c.key, record.c.data, refused_change.c.digest)
        .join(
            refused_change,
            (refused_change.c.source == record.c.source) & (refused_change.c.key == record.c.key),
        )
        .where(
            record.c.source.in_(sources),
            record.c.key.in_(keys),
            record.c.removed_at.is_not(None),
        )
    )
    return {Key(row.key) for row in rows if row.digest == _digest(row.data, None)}


def forget_refused(
    connection: Connection, sources: Sequence[str], keys: Sequence[Key] = ()
) -> None:
    """Forget refused changes once the reads are permanent: for `keys`, or for all."""
    forgotten = delete(refused_change).where(refused_change.c.source.in_(sources))
    if keys:
        forgotten = forgotten.where(refused_change.c.key.in_(keys))
    connection.execute(forgotten)


@dataclass(frozen=True, slots=True)
class NewChanges:
    """The changes of the records of `sources` that a target had not planned yet: after `cursor`."""

    sources: Sequence[str]
    cursor: Seq


def note_readings(connection: Connection, run: int, target: str, changes: NewChanges) -> bool:
    """Note at the planned operations of users when their source was first read with the change.

    Operations that follow from no change of a record get no time. Return False if it was seen that
    no change of any source was refused before.
    """
    readings = connection.execute(
        select(ingest, exists(select(refused_change.c.key)).label("any_refused"))
        .where(ingest.c.source.in_(changes.sources), ingest.c.head_seq > changes.cursor)
        .order_by(ingest.c.head_seq)
    ).all()
    of_users = (
        operation.c.run_id == run,
        operation.c.target == target,
        operation.c.kind == Kind.USER,
    )
    for row in readings:
        changed = select(record.c.key).where(
            record.c.source == row.source,
            record.c.seq.between(max(row.first_seq, changes.cursor + 1), row.head_seq),
        )
        connection.execute(
            update(operation)
            .where(*of_users, operation.c.key.in_(changed))
            .values(source_read_at=row.read_at, source_modified_at=row.modified_at)
        )
    if readings and not readings[0].any_refused:
        return False
    if readings:
        _note_refused_readings(connection, of_users, changes)
    return True


def _note_refused_readings(
    connection: Connection, of_users: Sequence[ColumnElement[bool]], changes: NewChanges
) -> None:
    """Note the first reading of those changes that were read and undone before."""
    rows = connection.execute(
        select(
            operation.c.id,
            record.c.data,
            record.c.removed_at,
            refused_change.c.digest,
            refused_change.c.read_at,
            refused_change.c.modified_at,
        )
        .join(record, record.c.key == operation.c.key)
        .join(
            refused_change,
            (refused_change.c.source == record.c.source) & (refused_change.c.key == record.c.key),
        )
        .where(
            *of_users,
            operation.c.source_read_at.is_not(None),
            record.c.source.in_(changes.sources),
            record.c.seq > changes.cursor,
        )
    ).all()
    same = [
        {
            "id": row.id,
            "source_read_at": row.read_at,
            "source_modified_at": row.modified_at,
        }
        for row in rows
        if row.digest == _digest(row.data, row.removed_at)
    ]
    for start in range(0, len(same), _SOME):
        update_by_id(connection, operation, same[start : start + _SOME])


class _Readings:
    """The readings of a source, by the sequence numbers that they gave."""

    def __init__(self, connection: Connection, source: str) -> None:
        rows = connection.execute(
            select(ingest).where(ingest.c.source == source).order_by(ingest.c.head_seq)
        ).all()
        self._heads = [row.head_seq for row in rows]
        self._rows = rows

    def of(self, seq: Seq) -> SourceReading | None:
        """Return the reading that changed the record with this number, if it was recorded.

        Earlier versions did not, and records that are restored have a number of no reading.
        """
        place = bisect_left(self._heads, seq)
        if place == len(self._heads) or self._rows[place].first_seq > seq:
            return None
        return SourceReading(self._rows[place].read_at, self._rows[place].modified_at)


def _refused(
    connection: Connection, source: str, keys: Sequence[Key]
) -> dict[Key, tuple[str, SourceReading]]:
    """Return key -> the digest of a refused change, and when it was first read."""
    rows = connection.execute(
        select(refused_change).where(
            refused_change.c.source == source, refused_change.c.key.in_(keys)
        )
    )
    return {Key(row.key): (row.digest, SourceReading(row.read_at, row.modified_at)) for row in rows}


def _digest(data: str, removed_at: datetime | None) -> str:
    text = data if removed_at is None else "removed"
    return hashlib.sha256(text.encode()).hexdigest()
