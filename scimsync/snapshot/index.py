# ruff: noqa: S608 - SQL of quoted names only
"""`<source>.index.duckdb`: key and hash of each record.

It lets a source be compared without reading the state database. The file is never written in place:
a copy is changed in a private folder next to it and then replaces it, so that readers need no lock
and a crash leaves either the old index or the new one. The index can be rebuilt from the table
`record`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from scimsync.sources.duckdb_sql import array, literal, pointer
from scimsync.sources.relation import Column
from scimsync.sources.workspace import Workspace, new_private_file

FORMAT = 1
"""The version of the layout of the index and of the way records are hashed."""

_SUFFIX = ".index.duckdb"
_LOG = logging.getLogger("scimsync")
_BATCH = 10_000
_SEPARATOR = "\x1f"
_MAX_LINE = 400_000  # characters; DuckDB accepts lines of 2,000,000 bytes


def index_path(state_dir: Path, source: str) -> Path:
    """Return the path of the index file of a source."""
    return state_dir / f"{source}{_SUFFIX}"


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """The snapshot of a source as it was last stored.

    `index` is the path of its index file. `records` yields the key and JSON text of every record
    that is not removed; it is used if the index file cannot be. `head_seq` is the sequence number
    of the snapshot's last change. `digest` is that of the comparison whose changes were stored.
    `removed` yields the key and JSON text of every record that the source had before.
    """

    index: Path
    records: Callable[[], Iterable[tuple[str, str]]]
    head_seq: int
    digest: str | None
    removed: Callable[[], Iterable[tuple[str, str]]] = tuple

    def records_of(self, keys: Container[str]) -> Iterator[tuple[str, str]]:
        """Yield the key and JSON text of those records that have one of `keys`."""
        return (record for record in self.records() if record[0] in keys)


@dataclass(frozen=True, slots=True)
class IndexIdentity:
    """What an index was built from. An index with another identity cannot be used.

    `shape` is a digest of everything except the values that hashes depend on.
    """

    shape: str
    head_seq: int

    def values(self) -> tuple[int, str, str, int]:
        """Return the row of the table `meta`."""
        import duckdb

        return FORMAT, duckdb.__version__, self.shape, self.head_seq


class Index:
    """The SQL table `table` with the `key` and `hash` of each record, in the workspace's database.

    `is_attached` is whether that is the index file.
    """

    def __init__(self, workspace: Workspace, snapshot: StoredSnapshot, shape: str) -> None:
        self._workspace = workspace
        self._connection = workspace.connection
        self._snapshot = snapshot
        self._path = snapshot.index
        self._identity = IndexIdentity(shape, snapshot.head_seq)
        self.is_attached = False
        self.table = "entry"

    def open(self) -> bool:
        """Attach the file for reading. Return False if it is missing, damaged or outdated."""
        import duckdb

        if not self._path.is_file():
            return False
        try:
            self._connection.execute(f"attach {literal(str(self._path))} as file (read_only)")
        except duckdb.Error:  # truncated, of another version, or locked by another program
            return False
        try:
            found = self._connection.execute(
                "select format, duckdb, shape, head_seq from file.meta"
            ).fetchall()
        except duckdb.Error:
            found = []
        self.is_attached = found == [self._identity.values()]
        if found and found[0][3] > self._identity.head_seq > 0:  # it is written after the state
            _LOG.warning(
                "%s: the state is older than %s; if it was restored from a backup: scimsync push"
                " --refresh [SYNC-0427]",
                self._path.name.removesuffix(_SUFFIX),
                self._path.name,
            )
        if self.is_attached:
            self.table = "file.entry"
        else:
            self.detach()
        return self.is_attached

    def detach(self) -> None:
        """Detach the file."""
        import duckdb

        self.is_attached = False
        self.table = "entry"
        try:
            self._connection.execute("detach file")
        except duckdb.Error:
            return

    def build(self, columns: Sequence[Column]) -> None:
        """Build the entries from the stored records, in the database of the workspace."""
        run = self._connection.execute
        run("create or replace table entry (key varchar, hash ubigint)")
        pointers = array(pointer(column.name) for column in columns) + "::varchar[]"
        values = "".join(f", value[{at}]::varchar as x{at}" for at in range(1, len(columns) + 1))
        hashed = ", ".join(
            ["key", *(column.from_json(f"x{at}") for at, column in enumerate(columns, start=1))]
        )
        insert = (
            f"insert into entry select key, hash({hashed}) from (select key{values} from "
            f"(select key, json_extract(data, {pointers}) as value from {{}}))"
        )
        path = self._workspace.new(".txt")
        records = iter(self._snapshot.records())
        with new_private_file(path) as stream:
            while batch := list(islice(records, _BATCH)):
                lines = "".join([f"{key}{_SEPARATOR}{data}\n" for key, data in batch])
                one_line_each = (
                    lines.count("\n") == lines.count(_SEPARATOR) == len(batch) and "\r" not in lines
                )
                if one_line_each and (
                    len(lines) < _MAX_LINE or max(len(data) for _, data in batch) < _MAX_LINE
                ):
                    stream.write(lines)  # several times faster than with parameters
                else:
                    rows = "(select unnest($1::varchar[]) as key, unnest($2::varchar[]) as data)"
                    run(
                        insert.format(rows),
                        [[key for key, _ in batch], [data for _, data in batch]],
                    )
        if path.stat().st_size:  # nothing is stored before the first comparison
            run(
                insert.format(
                    f"read_csv({literal(str(path))}, auto_detect = false, header = false, delim ="
                    f" {literal(_SEPARATOR)}, quote = '', escape = '', columns = {{key: 'VARCHAR',"
                    " data: 'VARCHAR'})"
                )
            )
        path.unlink()

    def store(self, delta: str, head_seq: int) -> bool:
        """Write the entries and the changes in the table `delta` (key, hash, gone) to the file.

        The file then reflects `head_seq`. Return False if that fails, for lack of space or
        permission: a missing or outdated index is rebuilt when it is needed.
        """
        import duckdb

        path = self._path
        try:
            for left in path.parent.glob(f".{path.name}.*"):  # from a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        except OSError:
            return False
        try:
            self._write(folder / path.name, delta, IndexIdentity(self._identity.shape, head_seq))
            (folder / path.name).chmod(0o600)
            (folder / path.name).replace(path)
        except (OSError, duckdb.Error):
            return False
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    def _write(self, path: Path, delta: str, identity: IndexIdentity) -> None:
        run = self._connection.execute
        if self.is_attached:
            shutil.copyfile(self._path, path)
        run(f"attach {literal(str(path))} as fresh")
        try:
            run("begin")
            if self.is_attached:
                run(f"delete from fresh.entry where key in (select key from {delta})")
                run("delete from fresh.meta")
                run(f"insert into fresh.entry select key, hash from {delta} where not gone")
            else:
                run(
                    "create table fresh.meta (format integer, duckdb varchar, shape varchar,"
                    " head_seq bigint)"
                )
                run(
                    f"create table fresh.entry as select key, hash from {self.table} anti join"
                    f" {delta} using (key) union all select key, hash from {delta} where not gone"
                )
            run("insert into fresh.meta values (?, ?, ?, ?)", identity.values())
            run("commit")
        finally:
            run("detach fresh")


def shape_of(key: str, columns: Sequence[Column]) -> str:
    """Return a digest of everything except the values that hashes depend on."""
    text = json.dumps([key, [[column.name, column.form, column.separator] for column in columns]])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
