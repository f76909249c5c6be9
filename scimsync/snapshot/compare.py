"""Compare a source with its snapshot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from scimsync.errors import ScimsyncError, SourceUnavailable
from scimsync.model.ids import Key
from scimsync.model.records import NO_UNUSABLE_KEYS, PatternFile, Problem
from scimsync.snapshot.delta import Delta
from scimsync.snapshot.index import FORMAT, StoredSnapshot
from scimsync.sources.base import SourceSpec
from scimsync.sources.watching import touched_since
from scimsync.sources.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record that differs from the snapshot.

    `data_json` is its new data as a JSON object, with the key column first; None if the record is
    gone.
    """

    key: Key
    data_json: str | None
    new: bool


class Comparison:
    """The outcome of a comparison. Close it, or use it in a `with` statement.

    It owns a temporary database.

    - `unchanged`: the data equals the snapshot, and nothing was compared
    - `label`: the name of the source in messages
    - `digest`: to be stored with the records and passed to the next comparison
    - `total`: records in the source; `previous`: records in the snapshot
    - `new`, `changed`, `gone`: how many of each `changes` yields
    - `filled`: the number of filled cells in each column, empty if nothing was compared
    - `files`: those that a pattern matched, empty if nothing was compared
    - `problems`: rejected rows in order, at most 1,000, and then one that counts the others
    - `unusable`: the keys that rejected rows may be of
    """

    def __init__(
        self, workspace: Workspace, label: str, digest: str, total: int, delta: Delta | None
    ) -> None:
        self._workspace = workspace
        self._delta = delta
        self.unchanged = delta is None
        self.label = label
        self.digest = digest
        self.total = total
        self.previous = total if delta is None else delta.previous
        self.new = 0 if delta is None else delta.new
        self.changed = 0 if delta is None else delta.changed
        self.gone = 0 if delta is None else delta.gone
        self.filled: dict[str, int] = {} if delta is None else delta.filled
        self.files: dict[str, PatternFile] = {} if delta is None else delta.files
        self.problems: list[Problem] = [] if delta is None else delta.problems
        self.unusable = NO_UNUSABLE_KEYS if delta is None else delta.unusable

    def changes(self, batch_size: int = 5_000) -> Iterator[list[RecordChange]]:
        """Yield the differences, ordered by key, in lists of at most `batch_size`."""
        if self._delta is not None:
            for rows in self._rows(self._delta.in_order(), batch_size):
                yield [RecordChange(Key(key), data, new) for key, data, new in rows]

    def gone_keys(self, batch_size: int) -> Iterator[list[Key]]:
        """Yield the keys of records that are gone, in lists of at most `batch_size`."""
        if self.gone:
            for rows in self._rows("select key from delta where gone order by key", batch_size):
                yield [Key(key) for (key,) in rows]

    def gone_among(self, keys: Collection[str]) -> int:
        """Return how many of `keys` are those of records that are gone."""
        return 0 if self._delta is None else self._delta.gone_among(keys)

    def is_shifted(self, column: str, before: Mapping[Key, object]) -> bool:
        """Return whether a column moved by one row; see `Delta.is_shifted`."""
        return self._delta is not None and self._delta.is_shifted(column, before)

    def empty_cells(self) -> dict[str, int]:
        """Return how many changed records have an empty cell in each column."""
        return {} if self._delta is None else self._delta.empty_cells()

    def emptied_records(
        self, columns: Collection[str], batch_size: int
    ) -> Iterator[dict[Key, list[str]]]:
        """Yield the changed records with an empty cell in one of `columns`, and in which of them.

        They come ordered by key, at most `batch_size` at a time.
        """
        names = [name for name in self.filled if name in columns]
        if self._delta is not None and names:
            for rows in self._rows(self._delta.emptied_records(names), batch_size):
                yield {
                    Key(key): [name for name, empty in zip(names, cells, strict=True) if empty]
                    for key, *cells in rows
                }

    def _rows(self, sql: str, batch_size: int) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._workspace.connection.cursor()
        try:
            cursor.execute(sql)
            while rows := cursor.fetchmany(batch_size):
                yield rows
        finally:
            cursor.close()

    def commit_index(self, head_seq: int) -> bool:
        """Update the index file, after all changes were stored with `head_seq` as their head.

        A plan stores nothing and never calls this. Return False if the file could not be written,
        which only makes the next comparison slower.
        """
        return self._delta is None or self._delta.store(head_seq)

    def close(self) -> None:
        """Remove the temporary database and all copies of the data."""
        self._workspace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def compare(spec: SourceSpec[Any], columns: Sequence[str], snapshot: StoredSnapshot) -> Comparison:
    """Compare the source `spec` with its snapshot.

    `columns` are those that expressions use: only these and the key are hashed and stored.

    Raise SourceUnavailable if the source is missing, unreadable or still being written,
    SourceFormatError if it does not match sync.toml, and GuardStop if it is empty.
    """
    workspace = Workspace()
    try:
        return _compare(spec, columns, snapshot, workspace)
    except BaseException:
        workspace.close()
        raise


def looks_unchanged(
    spec: SourceSpec[Any], last_digest: str | None, ingested_at: datetime | None
) -> bool:
    """Return whether a source is the one that was ingested, without reading all of it.

    Return False if that is unknown: if the source cannot be read or has no fingerprint.
    """
    last = _Digest.parse(last_digest)
    if last is None or ingested_at is None or touched_since(spec, ingested_at):
        return False
    try:
        with Workspace() as workspace:
            return last.fingerprint == spec.open(workspace).fingerprint()
    except (ScimsyncError, OSError):
        return False


def _compare(
    spec: SourceSpec[Any],
    columns: Sequence[str],
    snapshot: StoredSnapshot,
    workspace: Workspace,
) -> Comparison:
    used = sorted(set(columns) - {spec.key})
    source = replace(spec, used=tuple(used)).open(workspace)
    last = _Digest.parse(snapshot.digest)
    try:
        fingerprint = source.fingerprint() or ""
        with ThreadPoolExecutor(1) as executor:
            checksum = executor.submit(source.checksum)
            if last is not None and last.fingerprint == fingerprint:
                digest = _Digest(last.rows, fingerprint, _hash(used, checksum.result()))
                if digest == last:
                    source.ensure_unchanged()
                    return Comparison(workspace, source.label, str(last), last.rows, None)
            delta = Delta(spec, source, used, workspace, snapshot)
            delta.find()
            digest = _Digest(
                delta.total, fingerprint, _hash(used, checksum.result()), bool(delta.problems)
            )
    except (ScimsyncError, OSError) as error:
        source.ensure_unchanged()
        if isinstance(error, OSError):  # such as a file that was deleted since it was found
            raise SourceUnavailable(
                f"{source.label} cannot be read: {error.strerror}", code="SYNC-0203"
            ) from None
        raise
    source.ensure_unchanged()
    return Comparison(workspace, source.label, str(digest), delta.total, delta)


def _hash(used: Sequence[str], checksum: str) -> str:
    text = json.dumps([FORMAT, used, checksum])
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


@dataclass(frozen=True, slots=True)
class _Digest:
    """The identity of the data of a comparison.

    Besides the hash of everything, it holds the fingerprint, so that data with a different one need
    not be hashed first, and the number of rows, so that the rows of unchanged data need not be
    counted. A digest of data with problems equals no other, so that the problems are reported each
    time.
    """

    rows: int
    fingerprint: str
    hash: str
    problems: bool = False

    def __str__(self) -> str:
        return f"{self.rows}:{self.fingerprint}:{self.hash}{'!' if self.problems else ''}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        rows, _, rest = (text or "").partition(":")
        fingerprint, colon, hashed = rest.partition(":")
        return cls(int(rows), fingerprint, hashed) if colon and rows.isdigit() else None
