# ruff: noqa: S608 - SQL of quoted names only
"""`<source>.index.duckdb`: key and hash of each record, so that a source is compared without
reading the state database.

The file is never written in place: a copy is changed in a private folder beside it and put in its
place, so that readers need no lock and a crash leaves the old index or the new one. It holds
nothing that cannot be had from the `record` table again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from scimsync.sources.duck import Workspace, array, literal, pointer, private
from scimsync.sources.relation import Column

FORMAT = 1
"""Version of the layout of the index and of how hashes come about."""

_BATCH = 10_000
_SEPARATOR = "\x1f"
_MAX_LINE = 400_000  # characters, of which DuckDB takes 2,000,000 bytes

Rebuild = Callable[[], Iterable[tuple[str, str]]]
"""Gives key and JSON text of every record that the state database holds and that is not removed."""


@dataclass(frozen=True, slots=True)
class IndexFile:
    """Where the index of one source lies."""

    path: Path


@dataclass(frozen=True, slots=True)
class Identity:
    """What an index must have been made from to be of use: all of it is in its table `meta`."""

    shape: str
    head_seq: int

    def values(self) -> tuple[int, str, str, int]:
        """The row of `meta`."""
        import duckdb

        return FORMAT, duckdb.__version__, self.shape, self.head_seq


class Index:
    """The entries of one source within a connection: the SQL table `table` with `key` and
    `hash`."""

    def __init__(self, workspace: Workspace, file: IndexFile, identity: Identity) -> None:
        self._workspace = workspace
        self._connection = workspace.connection
        self._file = file
        self._identity = identity
        self.kept = False
        self.table = "entry"

    def open(self) -> bool:
        """Use the file, if it is there, whole, and made from what `identity` says; changes nothing.
        False if it is not."""
        import duckdb

        if not self._file.path.is_file():
            return False
        try:
            self._connection.execute(f"attach {literal(str(self._file.path))} as kept (read_only)")
        except duckdb.Error:  # truncated, of another version, held by another program
            return False
        try:
            found = self._connection.execute(
                "select format, duckdb, shape, head_seq from kept.meta"
            ).fetchall()
        except duckdb.Error:
            found = []
        self.kept = found == [self._identity.values()]
        if self.kept:
            self.table = "kept.entry"
        else:
            self.give_up()
        return self.kept

    def give_up(self) -> None:
        """Use the file no longer."""
        import duckdb

        self.kept = False
        self.table = "entry"
        try:
            self._connection.execute("detach kept")
        except duckdb.Error:
            return

    def build(self, columns: Sequence[Column], rebuild: Rebuild) -> None:
        """Make the entries from the stored records, in memory and in what DuckDB spills."""
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
        records = iter(rebuild())
        with private(path) as stream:
            while batch := list(islice(records, _BATCH)):
                lines = "".join([f"{key}{_SEPARATOR}{data}\n" for key, data in batch])
                one_line_each = (
                    lines.count("\n") == lines.count(_SEPARATOR) == len(batch) and "\r" not in lines
                )
                if one_line_each and (
                    len(lines) < _MAX_LINE or max(len(data) for _, data in batch) < _MAX_LINE
                ):
                    stream.write(lines)  # several times faster than parameters
                else:
                    rows = "(select unnest($1::varchar[]) as key, unnest($2::varchar[]) as data)"
                    run(
                        insert.format(rows),
                        [[key for key, _ in batch], [data for _, data in batch]],
                    )
        run(
            insert.format(
                f"read_csv({literal(str(path))}, auto_detect = false, header = false, delim ="
                f" {literal(_SEPARATOR)}, quote = '', escape = '', columns = {{key: 'VARCHAR',"
                " data: 'VARCHAR'})"
            )
        )
        path.unlink()

    def store(self, delta: str, head_seq: int) -> bool:
        """Write the entries, changed by the table `delta` (key, hash, gone), to the file, as
        reflecting `head_seq`.

        False if that cannot be done (no space, no permission): an index that is not there or stale
        is made again when needed.
        """
        import duckdb

        path = self._file.path
        try:
            for left in path.parent.glob(f".{path.name}.*"):  # by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        except OSError:
            return False
        try:
            self._write(folder / path.name, delta, Identity(self._identity.shape, head_seq))
            (folder / path.name).chmod(0o600)
            (folder / path.name).replace(path)
        except (OSError, duckdb.Error):
            return False
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    def _write(self, path: Path, delta: str, identity: Identity) -> None:
        run = self._connection.execute
        if self.kept:
            shutil.copyfile(self._file.path, path)
        run(f"attach {literal(str(path))} as fresh")
        try:
            run("begin")
            if self.kept:
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
