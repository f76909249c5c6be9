"""When sources were first read with the changes of their records."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select

from scimsync.model.ids import Key, Seq
from scimsync.model.records import SourceReading
from scimsync.state.bulk import upsert
from scimsync.state.tables import ingest, record, refused_change, replaced_record

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
    """Delete what is known of readings before `before`."""
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
    readings = _Readings(connection, [source], Seq(0))
    for start in range(0, len(rows), _SOME):
        some = rows[start : start + _SOME]
        earlier = _refused(connection, [source], [Key(row.key) for row in some])
        noted = []
        for row in some:
            digest = _digest(row.data, row.removed_at)
            known = earlier.get((source, Key(row.key)))
            reading = readings.of(source, Seq(row.seq))
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


def forget_refused(
    connection: Connection, sources: Sequence[str], keys: Sequence[Key] = ()
) -> None:
    """Forget refused changes once what was read is permanent: for `keys`, or for all."""
    forgotten = delete(refused_change).where(refused_change.c.source.in_(sources))
    if keys:
        forgotten = forgotten.where(refused_change.c.key.in_(keys))
    connection.execute(forgotten)


class SourceReadings:
    """When `sources` were first read with changes that come after `cursor`."""

    def __init__(self, sources: Sequence[str], cursor: Seq) -> None:
        self._sources = sources
        self._cursor = cursor
        self._readings: _Readings | None = None

    def of(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, SourceReading]:
        """Return the readings that first had the last change of the records of `keys`.

        Records that did not change after the cursor have none.
        """
        if self._readings is None:
            self._readings = _Readings(connection, self._sources, self._cursor)
        if not self._readings:
            return {}
        changed = connection.execute(
            select(record.c.source, record.c.key, record.c.seq)
            .where(
                record.c.source.in_(self._sources),
                record.c.key.in_(keys),
                record.c.seq > self._cursor,
            )
            .order_by(record.c.seq)
        )
        last = {Key(row.key): (str(row.source), Seq(row.seq)) for row in changed}
        found = {
            key: reading
            for key, (source, seq) in last.items()
            if (reading := self._readings.of(source, seq)) is not None
        }
        return found | (self._earlier(connection, last) if self._readings.has_refused else {})

    def _earlier(
        self, connection: Connection, last: Mapping[Key, tuple[str, Seq]]
    ) -> dict[Key, SourceReading]:
        """Return the readings of those changes that were refused before."""
        refused = _refused(connection, self._sources, list(last))
        wanted = [key for key, (source, _) in last.items() if (source, key) in refused]
        rows = connection.execute(
            select(record.c.source, record.c.key, record.c.data, record.c.removed_at).where(
                record.c.source.in_(self._sources), record.c.key.in_(wanted)
            )
        )
        return {
            Key(row.key): reading
            for row in rows
            if last[Key(row.key)][0] == row.source
            for digest, reading in [refused[row.source, Key(row.key)]]
            if digest == _digest(row.data, row.removed_at)
        }


class _Readings:
    """The readings of `sources` whose changes come after `cursor`, by sequence number.

    `has_refused`: some of these changes were read and undone before.
    """

    def __init__(self, connection: Connection, sources: Sequence[str], cursor: Seq) -> None:
        self._heads: dict[str, list[int]] = {}
        self._firsts: dict[str, list[int]] = {}
        self._times: dict[str, list[SourceReading]] = {}
        self.has_refused = False
        has_refused = exists().where(refused_change.c.source.in_(sources)).label("has_refused")
        rows = connection.execute(
            select(ingest, has_refused)
            .where(ingest.c.source.in_(sources), ingest.c.head_seq > cursor)
            .order_by(ingest.c.head_seq)
        )
        for row in rows:
            self._heads.setdefault(row.source, []).append(row.head_seq)
            self._firsts.setdefault(row.source, []).append(row.first_seq)
            self.has_refused = bool(row.has_refused)
            reading = SourceReading(row.read_at, row.modified_at)
            self._times.setdefault(row.source, []).append(reading)

    def __bool__(self) -> bool:
        return bool(self._heads)

    def of(self, source: str, seq: Seq) -> SourceReading | None:
        """Return the reading that changed the record with this number, if it was recorded.

        Earlier versions did not, and records that are restored have a number of no reading.
        """
        heads = self._heads.get(source, [])
        place = bisect_left(heads, seq)
        if place == len(heads) or self._firsts[source][place] > seq:
            return None
        return self._times[source][place]


def _refused(
    connection: Connection, sources: Sequence[str], keys: Sequence[Key]
) -> dict[tuple[str, Key], tuple[str, SourceReading]]:
    """Return (source, key) -> the digest of a refused change, and when it was first read."""
    rows = connection.execute(
        select(refused_change).where(
            refused_change.c.source.in_(sources), refused_change.c.key.in_(keys)
        )
    )
    return {
        (row.source, Key(row.key)): (row.digest, SourceReading(row.read_at, row.modified_at))
        for row in rows
    }


def _digest(data: str, removed_at: datetime | None) -> str:
    text = data if removed_at is None else "removed"
    return hashlib.sha256(text.encode()).hexdigest()
