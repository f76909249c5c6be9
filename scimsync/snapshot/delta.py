# ruff: noqa: S608 - SQL of quoted names only
"""The records that differ between a source and its index, found in bulk by DuckDB.

Usually none do, and one reading of the file shows that: the number of rows and two sums over their
hashes are those of the index. Else rows and index are joined, and only what differs is kept. Where
that fails or shows a key that is missing or there twice, the file is read again with care, to say
where and to leave such rows out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from scimsync.errors import GuardStop
from scimsync.model.records import Problem
from scimsync.snapshot.care import report, take_keyless, take_repeated
from scimsync.snapshot.index import Identity, Index, IndexFile, Rebuild
from scimsync.snapshot.keep import resembling
from scimsync.sources.delimited import is_doubtful
from scimsync.sources.duck import Workspace, literal
from scimsync.sources.relation import Column, Relation, relation
from scimsync.sources.source import Source
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRows


class Delta:
    """The temporary table `delta` (key, hash, new, gone, v0, …) and the counts that go with it."""

    def __init__(
        self,
        spec: FileSpec,
        source: Source,
        used: Sequence[str],
        workspace: Workspace,
        file: IndexFile,
        rebuild: Rebuild,
        head_seq: int,
    ) -> None:
        """Compare. Raises SourceUnavailable, SourceFormatError, GuardStop (no rows)."""
        import duckdb

        self._spec = spec
        self._source = source
        self._used = used
        self._connection = workspace.connection
        self._rebuild = rebuild
        self._head_seq = head_seq
        self.total = self.new = self.changed = self.gone = 0
        self.problems: list[Problem] = []

        plain = relation(spec, source, used)
        self._columns = plain.columns
        self._index = Index(workspace, file, Identity(_shape(spec, plain.columns), head_seq))
        if not self._index.open():
            self._index.build(self._columns, rebuild)
        self._entries = self._totals_of_index()
        self.previous = int(self._entries[0])
        try:
            sound = not any(is_doubtful(file) for file in source.files) and self._compare(plain)
        except duckdb.Error:
            sound = False
        if not sound:
            try:
                self._compare_with_care()
            except duckdb.Error as error:
                raise source.explain(error) from None
        if self.total == 0:
            source.columns()  # a key column that is not there says more than that no row has a key
            raise GuardStop(
                (
                    f"{source.label} has no row that can be used"
                    if self.problems
                    else f"{source.label} is empty"
                ),
                details=[problem.detail for problem in self.problems[:3]],
                hint="nothing is sent for an empty source",
            )

    def in_order(self) -> str:
        """SQL for key, JSON text of the data (NULL if gone) and new, ordered by key."""
        members = [f"{literal(self._spec.key)}, key"]
        members += [
            f"{literal(column.name)}, {column.to_json(f'v{at}')}"
            for at, column in enumerate(self._columns)
        ]
        data = f"case when not gone then json_object({', '.join(members)})::varchar end"
        return f"select key, {data}, new from delta order by key"

    def store(self, head_seq: int) -> bool:
        """Bring the index file up to date; see `Index.store`."""
        if (
            self._index.kept
            and head_seq == self._head_seq
            and not self.new + self.changed + self.gone
        ):
            return True
        return self._index.store("delta", head_seq)

    def _totals_of_index(self) -> tuple[Any, ...]:
        import duckdb

        try:
            return self._totals(self._index.table)
        except duckdb.Error:  # damaged within
            self._give_up_file()
            return self._totals(self._index.table)

    def _give_up_file(self) -> None:
        self._index.give_up()
        self._index.build(self._columns, self._rebuild)

    def _totals(self, table: str) -> tuple[Any, ...]:
        return self._one(f"select count(*), sum(hash), bit_xor(hash) from {table}")

    def _compare(self, rows: Relation) -> bool:
        """Find what differs. False if a row has no key or a key comes twice; raises duckdb.Error on
        a bad row."""
        self._connection.execute("set preserve_insertion_order = false")  # takes less memory
        values = [f"v{at}" for at in range(len(self._columns))]
        hashed = (
            f"select key, hash({', '.join(['key', *values])}) as hash, {', '.join(values) or '0'}"
            f" from ({rows.sql})"
        )
        if self.previous:
            totals = self._totals(f"({hashed})")
            self.total = int(totals[0])
            if totals == self._entries:
                self._connection.execute(
                    f"create or replace table delta as {self._joined(hashed, values)} limit 0"
                )
                self.new = self.changed = self.gone = 0
                return True
        self._fill(hashed, values)
        return self._count()

    def _fill(self, hashed: str, values: Sequence[str]) -> None:
        import duckdb

        try:
            self._connection.execute(
                f"create or replace table delta as {self._joined(hashed, values)}"
            )
        except duckdb.Error:
            if not self._index.kept or not self.previous:
                raise
            # the source was just read without an error, so it is the index that is damaged
            self._give_up_file()
            self._connection.execute(
                f"create or replace table delta as {self._joined(hashed, values)}"
            )

    def _joined(self, hashed: str, values: Sequence[str]) -> str:
        columns = "".join(f", s.{value}" for value in values)
        if not self.previous:
            return f"select s.key, s.hash, true as new, false as gone{columns} from ({hashed}) s"
        return (
            "select coalesce(s.key, e.key) as key, s.hash, e.key is null as new, s.key is null as"
            f" gone{columns} from ({hashed}) s full join {self._index.table} e on s.key = e.key"
            " where s.hash is distinct from e.hash"
        )

    def _count(self) -> bool:
        """Count what differs. False if the table cannot be right: rows without a key, or two with
        the same."""
        self.new, self.gone, every, keyless, distinct = self._one(
            "select count(*) filter (new), count(*) filter (gone), count(*), count(*) filter (key ="
            " ''), count(distinct key) filter (new) from delta"
        )
        self.changed = every - self.new - self.gone
        if not self.previous:
            self.total = self.new
        matched = self.total - self.new
        return keyless == 0 and distinct == self.new and matched == self.previous - self.gone

    def _compare_with_care(self) -> None:
        """Find what differs, leaving out bad rows, rows without a key and all rows of a key but the
        first."""
        bad = BadRows()
        run = self._connection.execute
        run("set preserve_insertion_order = true")
        run(f"create table located as {relation(self._spec, self._source, self._used, bad).sql}")
        take_keyless(self._connection, self._source, self._columns, bad)
        twice = take_repeated(self._connection, self._source)
        self.total = int(self._one("select count(*) from located")[0])
        kept: Mapping[int, list[str]] = {}
        if self.total:
            if not self._compare(Relation("select * from located", self._columns)):
                raise AssertionError("keys are not unique although rows were left out")
            kept = self._keep(bad)
        run("drop table located")
        self.problems = report(self._spec, self._source, bad, kept, twice)

    def _keep(self, bad: BadRows) -> Mapping[int, list[str]]:
        """Take records out of the gone that a bad row may be meant for; gives those that resemble,
        by index of the row."""
        if not bad.count or not self.gone:
            return {}
        kept: Mapping[int, list[str]] = {}
        where = "true"  # more bad rows than were looked at: nobody is gone
        known: list[str] = []
        if bad.count == len(bad.rows):
            gone = {
                key
                for (key,) in self._connection.execute(
                    "select key from delta where gone"
                ).fetchall()
            }
            keyless = {at: row.cells for at, row in enumerate(bad.rows) if row.key is None}
            if keyless:
                kept = resembling(keyless, self._columns, gone, self._rebuild())
            meant = {row.key or "" for row in bad.rows}.union(
                *(row.fields for row in bad.rows), *kept.values()
            )
            known = sorted(gone & meant)
            where = "key in (select unnest($1))"
        self._connection.execute(
            f"delete from delta where gone and {where}", [known] if where != "true" else []
        )
        self.gone = int(self._one("select count(*) from delta where gone")[0])
        return kept

    def _one(self, sql: str) -> tuple[Any, ...]:
        row = self._connection.execute(sql).fetchone()
        return row if row is not None else ()


def _shape(spec: FileSpec, columns: Sequence[Column]) -> str:
    """What hashes depend on besides the values, as a digest."""
    text = json.dumps(
        [spec.key, [[column.name, column.form, column.separator] for column in columns]]
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
