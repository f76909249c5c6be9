"""Ingest a source: compare it with its snapshot, check its size, store what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scimsync.errors import GuardStop
from scimsync.formatting import plural
from scimsync.model.ids import Seq
from scimsync.model.limits import Limit
from scimsync.model.records import Problem
from scimsync.snapshot.compare import Comparison, compare
from scimsync.snapshot.index import StoredSnapshot
from scimsync.sources.base import SourceSpec
from scimsync.state import record_rows
from scimsync.state.record_rows import SourceState
from scimsync.state.store import Store


@dataclass(frozen=True, slots=True)
class Ingested:
    """The outcome for one source; messages call it `label`.

    `records` is the number of its records, of which `new` and `changed` differ from the snapshot.
    `gone` is the number of records that only the snapshot has. `problems` are the rows that an
    administrator has to correct.
    """

    source: str
    label: str
    records: int
    new: int
    changed: int
    gone: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Shrinking:
    """The smallest number of records that a source may have.

    It is `allowed` if the command line sets it, and `least` otherwise.
    """

    least: Limit
    allowed: Limit | None = None

    def of(self, previous: int) -> int:
        """Return the smallest number for a source that had `previous` records."""
        return (self.least if self.allowed is None else self.allowed).of(previous)


def ingest(
    store: Store,
    spec: SourceSpec[Any],
    columns: Sequence[str],
    index: Path,
    shrinking: Shrinking,
    now: datetime,
    overlay: Store | None = None,
) -> Ingested:
    """Read the source and store the records that differ.

    With an `overlay`, they are stored there, and nothing else is changed. `columns` are those that
    expressions use, `index` is the path of the index file. Raise SourceUnavailable,
    SourceFormatError or GuardStop, in which case nothing is stored.
    """
    with store.read() as connection:
        before = record_rows.get_source(connection, spec.name)

    def stored() -> Iterator[tuple[str, str]]:
        with store.read() as connection:
            yield from record_rows.live_records(connection, spec.name)

    snapshot = StoredSnapshot(index, stored, before.head_seq, before.digest)
    with compare(spec, columns, snapshot) as comparison:
        if not comparison.unchanged:
            _check_shrinking(spec.name, comparison, shrinking)
        if overlay is not None:
            with overlay.write() as connection:
                _lay_over(connection, spec.name, comparison, now)
        else:
            head = _store(store, before, comparison, now)
            comparison.commit_index(head)
        return Ingested(
            source=spec.name,
            label=comparison.label,
            records=comparison.total,
            new=comparison.new,
            changed=comparison.changed,
            gone=comparison.gone,
            problems=tuple(comparison.problems),
        )


def _check_shrinking(name: str, comparison: Comparison, shrinking: Shrinking) -> None:
    previous, total = comparison.previous, comparison.total
    least = shrinking.of(previous)
    if previous and total < least:
        raise GuardStop(
            f'guard.min_records: source "{name}" has {plural(total, "record")}, down from'
            f" {previous:,} (at least {least:,} required)",
            hint=f"to allow this once: scimsync push --allow-records {total}",
            code="SYNC-0504",
        )


def _store(store: Store, before: SourceState, comparison: Comparison, now: datetime) -> Seq:
    """Store the changes under the next sequence numbers, in one transaction.

    Return the source's head.
    """
    with store.write() as connection:
        head = before.head_seq
        seq = record_rows.last_seq(connection)
        for batch in comparison.changes():
            numbered = [(change, Seq(seq + place)) for place, change in enumerate(batch, start=1)]
            head = seq = Seq(seq + len(batch))
            if before.head_seq:  # the first ingest replaces nothing
                known = [change.key for change in batch if not change.new]
                record_rows.keep_replaced(
                    connection, before.name, known, [change.key for change in batch if change.new]
                )
            record_rows.put_records(
                connection,
                before.name,
                [
                    (change.key, at, change.data_json)
                    for change, at in numbered
                    if change.data_json is not None
                ],
            )
            gone = [(change.key, at) for change, at in numbered if change.data_json is None]
            record_rows.remove_records(connection, before.name, gone, now)
        after = replace(
            before,
            head_seq=head,
            digest=comparison.digest,
            records=comparison.total,
            ingested_at=now,
            problems=tuple(comparison.problems),
        )
        record_rows.put_source(connection, after)
    return head


def _lay_over(connection: Connection, source: str, comparison: Comparison, now: datetime) -> None:
    for batch in comparison.changes():
        changes = [(change.key, change.data_json) for change in batch]
        record_rows.put_overlay(connection, source, changes, now)
