"""Ingest a source: compare it with its snapshot, check its size, store what changed."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scimsync.errors import GuardStop
from scimsync.formatting import plural
from scimsync.model.ids import Key, Seq
from scimsync.model.limits import Limit
from scimsync.model.records import Problem, Record
from scimsync.snapshot.compare import Comparison, RecordChange, compare
from scimsync.snapshot.filled import EmptiedColumn, StoredRecords, emptied_columns
from scimsync.snapshot.index import StoredSnapshot
from scimsync.snapshot.pattern_files import lost_files
from scimsync.snapshot.shifted import FIRST_KEYS, shifted_columns
from scimsync.sources.base import SourceSpec
from scimsync.sources.watching import changed_at
from scimsync.state import ingests, record_rows
from scimsync.state.record_rows import SourceState
from scimsync.state.store import Store

_FILES_NAMED = 5


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
class SourceLimits:
    """What a source may lose: records, and filled cells of its columns.

    `max_shifted` is how many cells may change where a column moves by one row; None is any number.

    Of several limits, the most generous counts: the command line lifts those of `[guard]`, and
    never lowers them. The columns `may_be_empty` may lose all cells.
    """

    min_records: Sequence[Limit]
    max_emptied: Sequence[Limit]
    may_be_empty: Collection[str] = ()
    max_shifted: int | None = 0


def ingest(
    store: Store,
    spec: SourceSpec[Any],
    columns: Sequence[str],
    index: Path,
    limits: SourceLimits,
    now: datetime,
    overlay: Store | None = None,
    named: Collection[str] | None = None,
    *,
    whole: bool = False,
) -> Ingested:
    """Read the source and store the records that differ.

    With an `overlay`, they are stored there, and nothing else is changed. `columns` are those that
    expressions use, and `named` also those of them that the source lacks. `index` is the path of
    the index file. With `whole`, everything is read, even from sources that usually return only
    changes. Raise SourceUnavailable, SourceFormatError or GuardStop, in which case nothing is
    stored.
    """
    kept = spec.keeping
    if kept is None:
        return _ingest(store, spec, columns, index, limits, now, overlay, named)
    kept = replace(kept, now=now, whole=whole, stores=overlay is None)
    if kept.every is None:
        kept.forget()
    try:
        spec = replace(spec, keeping=kept)
        return _ingest(store, spec, columns, index, limits, now, overlay, named)
    except GuardStop:
        kept.forget()  # whatever it holds, the next read does not start from it
        raise


def _ingest(
    store: Store,
    spec: SourceSpec[Any],
    columns: Sequence[str],
    index: Path,
    limits: SourceLimits,
    now: datetime,
    overlay: Store | None,
    named: Collection[str] | None,
) -> Ingested:
    with store.read() as connection:
        before = record_rows.get_source(connection, spec.name)

    def stored() -> Iterator[tuple[str, str]]:
        with store.read() as connection:
            yield from record_rows.live_records(connection, spec.name)

    def removed() -> Iterator[tuple[str, str]]:
        with store.read() as connection:
            yield from record_rows.removed_records(connection, spec.name)

    snapshot = StoredSnapshot(index, stored, before.head_seq, before.digest, removed)
    with compare(spec, columns, snapshot) as comparison:
        if not comparison.unchanged:
            _check_files(before, comparison, limits.min_records)
            _check_shrinking(spec.name, comparison, limits.min_records)
            in_use = {*(named or columns)} - {spec.key}
            _check_emptied(store, before, comparison, in_use, limits)
            if limits.max_shifted is not None:
                _check_shifted(store, before.name, comparison, limits.max_shifted)
        if overlay is not None:
            with overlay.write() as connection:
                _lay_over(connection, spec.name, comparison, now)
        else:
            head = _store(store, before, comparison, now, changed_at(spec))
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


def _check_files(before: SourceState, comparison: Comparison, min_records: Sequence[Limit]) -> None:
    """Raise GuardStop if a file of a pattern took its records with it.

    `min_records` are the limits of `[guard]` and, if it is given, of the command line.
    """
    if any(comparison.total >= limit.of(comparison.previous) for limit in min_records[1:]):
        return
    lost = lost_files(before.files, comparison)
    if lost:
        raise GuardStop(
            f'source "{before.name}": {lost[0]}',
            details=[str(file) for file in lost[1:_FILES_NAMED]],
            hint=(
                "put the file back; if it is gone for good: scimsync push --allow-records"
                f" {comparison.total}"
            ),
            code="SYNC-0240",
        )


def _check_shrinking(name: str, comparison: Comparison, limits: Sequence[Limit]) -> None:
    previous, total = comparison.previous, comparison.total
    least = min(limit.of(previous) for limit in limits)
    if previous and total < least:
        raise GuardStop(
            f'guard.min_records: source "{name}" has {plural(total, "record")}, down from'
            f" {previous:,} (at least {least:,} required)",
            hint=f"allow this once: scimsync push --allow-records {total}",
            code="SYNC-0504",
        )


def _check_emptied(
    store: Store,
    before: SourceState,
    comparison: Comparison,
    named: Collection[str],
    limits: SourceLimits,
) -> None:
    def get(keys: Sequence[Key]) -> list[Record]:
        with store.read() as connection:
            return record_rows.get_records(connection, [before.name], keys)

    def everything() -> Iterator[dict[str, Any]]:
        with store.read() as connection:
            for _, data in record_rows.live_records(connection, before.name):
                with suppress(RecursionError):
                    yield record_rows.read_values(data)

    if not comparison.previous:
        return
    emptied = [
        column
        for column in emptied_columns(
            comparison,
            named,
            StoredRecords(before.filled, get, everything),
            limits.max_emptied,
        )
        if column.name not in limits.may_be_empty
    ]
    if emptied:
        raise _emptied(before.name, emptied, limits.max_emptied[0])


def _check_shifted(store: Store, source: str, comparison: Comparison, most: int) -> None:
    """Raise GuardStop if the cells of a column moved by one row, and more than `most` changed."""

    def get(keys: Sequence[Key]) -> list[Record]:
        with store.read() as connection:
            return record_rows.get_records(connection, [source], keys)

    for column in shifted_columns(comparison, get):
        number = len(column.keys)
        if number <= most:
            continue
        more = number - len(column.keys[:FIRST_KEYS])
        first = ", ".join(column.keys[:FIRST_KEYS])
        raise GuardStop(
            f'guard.max_identity_changes: column "{column.name}" of source "{source}" moved by one'
            f" row: all {plural(number, 'changed cell')} hold what a neighboring row held before",
            details=[f"first: {first}{f' and {more} more' if more else ''}"],
            hint=f"allow this once: scimsync push --allow-identity-changes {number}",
            code="SYNC-0512",
        )


def _emptied(source: str, columns: Sequence[EmptiedColumn], limit: Limit) -> GuardStop:
    lost = " and ".join(
        f'{column.lost:,} of {plural(column.filled, "filled cell")} of column "{column.name}"'
        for column in columns
    )
    here = f", here {columns[0].allowed}" if limit.is_share and len(columns) == 1 else ""
    first, more = columns[0].first, columns[0].lost - len(columns[0].first)
    names = f"first: {', '.join(first)}{f' and {more} more' if more else ''}"
    options = " ".join(f"--allow-emptied {shlex.quote(column.name)}" for column in columns)
    return GuardStop(
        f'guard.max_emptied: source "{source}" lost {lost} (limit {limit}{here})',
        details=[names] if first else (),
        hint=f"allow this once: scimsync push {options}",
        code="SYNC-0509",
    )


def _store_records(
    connection: Connection, source: str, numbered: Sequence[tuple[RecordChange, Seq]], now: datetime
) -> None:
    record_rows.put_records(
        connection,
        source,
        [
            (change.key, at, change.data_json)
            for change, at in numbered
            if change.data_json is not None
        ],
    )
    gone = [(change.key, at) for change, at in numbered if change.data_json is None]
    record_rows.remove_records(connection, source, gone, now)


def _store(
    store: Store,
    before: SourceState,
    comparison: Comparison,
    now: datetime,
    modified_at: datetime | None,
) -> Seq:
    """Store the changes under the next sequence numbers, in one transaction.

    `modified_at` is when the newest file of the source was modified. Return the source's head.
    """
    with store.write() as connection:
        head = before.head_seq
        first = seq = record_rows.last_seq(connection)
        for batch in comparison.changes():
            numbered = [(change, Seq(seq + place)) for place, change in enumerate(batch, start=1)]
            head = seq = Seq(seq + len(batch))
            if before.head_seq:  # the first ingest replaces nothing
                known = [change.key for change in batch if not change.new]
                record_rows.keep_replaced(
                    connection, before.name, known, [change.key for change in batch if change.new]
                )
            _store_records(connection, before.name, numbered, now)
        if seq > first:
            ingests.add(connection, before.name, Seq(first + 1), head, now, modified_at)
        after = replace(
            before,
            head_seq=head,
            digest=comparison.digest,
            records=comparison.total,
            ingested_at=now,
            problems=tuple(comparison.problems),
            unusable=comparison.unusable,
            filled=before.filled if comparison.unchanged else comparison.filled,
            files=before.files if comparison.unchanged else comparison.files,
        )
        if before.head_seq and not comparison.unchanged:
            after = replace(after, replaced=record_rows.keeping(before))
        record_rows.put_source(connection, after)
    return head


def _lay_over(connection: Connection, source: str, comparison: Comparison, now: datetime) -> None:
    for batch in comparison.changes():
        changes = [(change.key, change.data_json) for change in batch]
        record_rows.put_overlay(connection, source, changes, now)
    record_rows.put_source(connection, SourceState(source, unusable=comparison.unusable))
