"""What changed in a source since it was last ingested: the one thing that the rest of the program
asks of sources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from scimsync.errors import ScimsyncError, SourceUnavailable
from scimsync.model.ids import Key
from scimsync.model.records import Problem
from scimsync.snapshot.delta import Delta
from scimsync.snapshot.index import FORMAT, IndexFile, Rebuild
from scimsync.sources.duck import Workspace
from scimsync.sources.files import digest, ensure_unchanged, sample
from scimsync.sources.source import open_source
from scimsync.sources.spec import FileSpec


@dataclass(frozen=True, slots=True)
class Change:
    """One record that differs. `data_json` is its new data as a JSON object, the key column first;
    None if it is gone."""

    key: Key
    data_json: str | None
    new: bool


class Comparison:
    """The outcome. Close it, or use it in a `with` statement: changes lie in a temporary database
    until then.

    - `unchanged_file`: the bytes are those of `last_digest`; nothing was compared
    - `digest`: to be stored with the records and given as `last_digest` the next time
    - `total`: rows that count; `previous`: records there were
    - `new`, `changed`, `gone`: how many records `changes` gives of each
    - `problems`: rows that need a person, by file and line, at most 1,000 and then one that says
      how many more
    """

    def __init__(self, workspace: Workspace, digest: str, total: int) -> None:
        self._workspace = workspace
        self._delta: Delta | None = None
        self.unchanged_file = True
        self.digest = digest
        self.total = total
        self.previous = total
        self.new = self.changed = self.gone = 0
        self.problems: list[Problem] = []

    def changes(self, batch_size: int = 5_000) -> Iterator[list[Change]]:
        """The differences, ordered by key, in lists of at most `batch_size`."""
        if self._delta is None:
            return
        cursor = self._workspace.connection.cursor()
        try:
            cursor.execute(self._delta.in_order())
            while rows := cursor.fetchmany(batch_size):
                yield [Change(Key(key), data, new) for key, data, new in rows]
        finally:
            cursor.close()

    def commit_index(self, head_seq: int) -> bool:
        """Bring the index up to date, after all changes are committed to the state database with
        `head_seq` as its head.

        A comparison for a plan never calls this, and so stores nothing. Failing is no error: False
        means that the next comparison takes longer.
        """
        return self._delta is None or self._delta.store(head_seq)

    def close(self) -> None:
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


def compare(
    spec: FileSpec,
    columns: Sequence[str],
    index: IndexFile,
    rebuild: Rebuild,
    head_seq: int,
    last_digest: str | None,
) -> Comparison:
    """Compare the source `spec` with its snapshot.

    `columns` are those that some expression uses: only these and the key are hashed and stored.
    `rebuild` gives key and JSON text of the stored records that are not removed, for when the index
    is of no use; `head_seq` is the sequence number of the snapshot's last change; `last_digest` the
    `digest` of the last comparison whose changes were stored.

    Raises SourceUnavailable (missing, not readable, still being written), SourceFormatError (not
    what sync.toml says), GuardStop (empty).
    """
    workspace = Workspace()
    try:
        return _compare(spec, columns, index, rebuild, head_seq, last_digest, workspace)
    except BaseException:
        workspace.close()
        raise


def looks_unchanged(spec: FileSpec, last_digest: str | None) -> bool:
    """Whether size and a few places of the files are those of the last comparison; what cannot be
    read does not look so."""
    last = _Digest.parse(last_digest)
    if last is None:
        return False
    try:
        with Workspace() as workspace:
            files = open_source(spec, workspace).files
        return (last.size, last.samples) == (sum(file.size for file in files), sample(files))
    except (ScimsyncError, OSError):
        return False


def _compare(
    spec: FileSpec,
    columns: Sequence[str],
    index: IndexFile,
    rebuild: Rebuild,
    head_seq: int,
    last_digest: str | None,
    workspace: Workspace,
) -> Comparison:
    source = open_source(spec, workspace)
    used = sorted(set(columns) - {spec.key})
    about = json.dumps(
        [FORMAT, used, spec.key, dict(spec.lists), spec.query, spec.encoding, spec.delimiter]
    )
    size = sum(file.size for file in source.files)
    last = _Digest.parse(last_digest)
    try:
        samples = sample(source.files)
    except OSError as error:  # such as one that was deleted since it was found
        raise SourceUnavailable(f"{source.label} cannot be read: {error.strerror}") from None
    with ThreadPoolExecutor(1) as beside:
        hashing: Future[str] = beside.submit(digest, spec, source.files, about)
        try:
            if (
                last is not None
                and (last.size, last.samples) == (size, samples)
                and hashing.result() == last.hash
            ):
                ensure_unchanged(source.files)
                return Comparison(workspace, str(last), last.rows)
            delta = Delta(spec, source, used, workspace, index, rebuild, head_seq)
            bytes_hash = hashing.result()
        except (ScimsyncError, OSError) as error:
            ensure_unchanged(source.files)
            if isinstance(error, OSError):
                raise SourceUnavailable(
                    f"{source.label} cannot be read: {error.strerror}"
                ) from None
            raise
        ensure_unchanged(source.files)
    now = _Digest(size, delta.total, samples, bytes_hash, bool(delta.problems))
    comparison = Comparison(workspace, str(now), delta.total)
    comparison.unchanged_file = False
    comparison.previous = delta.previous
    comparison.new, comparison.changed, comparison.gone = delta.new, delta.changed, delta.gone
    comparison.problems = delta.problems
    comparison._delta = delta
    return comparison


@dataclass(frozen=True, slots=True)
class _Digest:
    """Size in bytes, number of rows and a hash of samples beside the hash of all: a file of which
    those differ need not be hashed first, and the rows of one that is the same need not be counted.
    A file with problems equals none, so that they are reported each time."""

    size: int
    rows: int
    samples: str
    hash: str
    problems: bool = False

    def __str__(self) -> str:
        return f"{self.size}:{self.rows}:{self.samples}:{self.hash}{'!' if self.problems else ''}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        parts = (text or "").split(":")
        if len(parts) != 4 or not (parts[0].isdigit() and parts[1].isdigit()):
            return None
        return cls(int(parts[0]), int(parts[1]), parts[2], parts[3])
