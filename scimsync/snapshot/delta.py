# ruff: noqa: S608 - SQL of quoted names only
"""Find the records that differ between a source and its index, in bulk with DuckDB.

Usually none differ, and one scan shows that: the number of rows and two sums over their hashes
equal those of the index. Otherwise the rows are joined with the index, and only the differences are
kept. If that fails, or finds a missing key or a key of rows that differ, another, careful scan
reports such rows with their location and leaves them out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scimsync.errors import GuardStop
from scimsync.model.ids import Key
from scimsync.model.records import NO_UNUSABLE_KEYS, PatternFile, Problem
from scimsync.snapshot.beside_pick import beside_pick
from scimsync.snapshot.changed_by_pick import keep_changed_by_pick
from scimsync.snapshot.index import Index, StoredSnapshot, shape_of
from scimsync.snapshot.resemblance import resembling
from scimsync.snapshot.unusable_rows import (
    AmbiguousKeys,
    reject_excluded,
    report,
    take_keyless,
    take_repeated,
    unusable_keys,
)
from scimsync.sources.base import RejectedRows, Source, SourceSpec
from scimsync.sources.duckdb_sql import literal
from scimsync.sources.relation import Relation
from scimsync.sources.workspace import Workspace

_CHANGED = "not new and not gone"
_TOO_FEW = 2  # rows: two of them may trade places without an accident
_SAMPLE = 200  # keys of each file
_SAMPLES = 20_000  # keys of all files


class Delta:
    """The temporary table `delta` (key, hash, new, gone, v0, …), and its numbers of rows.

    `filled` is the number of filled cells in each column of the source, and `files` are those that
    a pattern matched. `unusable` are the keys of rows that were left out.
    """

    def __init__(
        self,
        spec: SourceSpec[Any],
        source: Source,
        used: Sequence[str],
        workspace: Workspace,
        snapshot: StoredSnapshot,
    ) -> None:
        self._spec = spec
        self._source = source
        self._used = used
        self._workspace = workspace
        self._connection = workspace.connection
        self._snapshot = snapshot
        self.previous = self.total = self.new = self.changed = self.gone = 0
        self.filled: dict[str, int] = {}
        self.files: dict[str, PatternFile] = {}
        self.problems: list[Problem] = []
        self.unusable = NO_UNUSABLE_KEYS

    def find(self) -> None:
        """Compare the source with the index.

        Raise SourceUnavailable or SourceFormatError if the source cannot be used, and GuardStop if
        it has no rows.
        """
        import duckdb

        rows = self._source.scan(self._used)
        self._columns = rows.columns
        shape = shape_of(self._spec.key, rows.columns)
        self._index = Index(self._workspace, self._snapshot, shape)
        if not self._index.open():
            self._index.build(self._columns)
        self._entries = self._totals_of_index()
        self.previous = int(self._entries[0])
        try:
            sound = rows.reliable and (self._compare(rows) or self._compare(_distinct(rows)))
        except duckdb.Error:
            sound = False
        if not sound:
            try:
                self._compare_carefully()
            except duckdb.Error as error:
                raise self._source.explain(error) from None
        else:
            self._note_files(rows.keys)
        if self.gone:
            self._keep_beside_pick()
        if self.total == 0:
            self._source.columns()  # raises the more specific error if the key column is missing
            raise GuardStop(
                (
                    f"{self._source.label} has no usable row"
                    if self.problems
                    else f"{self._source.label} is empty"
                ),
                details=[problem.within_source for problem in self.problems[:3]],
                hint="nothing is sent for an empty source",
                code="SYNC-0505",
            )

    def in_order(self) -> str:
        """Return SQL for key, JSON text of the data (NULL if gone) and new, ordered by key."""
        members = [f"{literal(self._spec.key)}, key"]
        members += [
            f"{literal(column.name)}, {column.to_json(f'v{at}')}"
            for at, column in enumerate(self._columns)
        ]
        data = f"case when not gone then json_object({', '.join(members)})::varchar end"
        return f"select key, {data}, new from delta order by key"

    def empty_cells(self) -> dict[str, int]:
        """Return how many changed records have an empty cell in each column."""
        if not (self.changed and self._columns):
            return {}
        counts = ", ".join(
            f"count(*) filter (not {column.is_filled(f'v{at}')})"
            for at, column in enumerate(self._columns)
        )
        row = self._row(f"select {counts} from delta where {_CHANGED}")
        return {column.name: int(n) for column, n in zip(self._columns, row, strict=True)}

    def emptied_records(self, names: Collection[str]) -> str:
        """Return SQL for the keys of changed records with an empty cell in one of `names`.

        After the key comes, for each of `names` that the source has, whether its cell is empty.
        """
        empty = [
            f"not {column.is_filled(f'v{at}')}"
            for at, column in enumerate(self._columns)
            if column.name in names
        ]
        return (
            f"select key, {', '.join(empty)} from delta where {_CHANGED} and"
            f" ({' or '.join(empty)}) order by key"
        )

    def store(self, head_seq: int) -> bool:
        """Update the index file; see `Index.store`."""
        if (
            self._index.is_attached
            and head_seq == self._snapshot.head_seq
            and not self.new + self.changed + self.gone
        ):
            return True
        return self._index.store("delta", head_seq)

    def _totals_of_index(self) -> tuple[Any, ...]:
        import duckdb

        try:
            return self._totals(self._index.table)
        except duckdb.Error:  # the file is damaged
            self._rebuild_index()
            return self._totals(self._index.table)

    def _rebuild_index(self) -> None:
        self._index.detach()
        self._index.build(self._columns)

    def _totals(self, table: str, more: str = "") -> tuple[Any, ...]:
        return self._row(f"select count(*), sum(hash), bit_xor(hash){more} from {table}")

    def _filled_sql(self) -> str:
        """Return SQL that counts the filled cells of each column."""
        return "".join(
            f", count(*) filter ({column.is_filled(f'v{at}')})"
            for at, column in enumerate(self._columns)
        )

    def _note_filled(self, counts: Iterable[int]) -> None:
        names = (column.name for column in self._columns)
        self.filled = dict(zip(names, map(int, counts), strict=True))

    def _note_files(self, keys: Sequence[str]) -> None:
        """Note which files a pattern matched. `keys` selects the keys of each of its parts."""
        labels = self._source.pattern_files
        if list(labels) != list(self._source.part_labels) or len(keys) != len(labels):
            self.files = dict.fromkeys(labels, PatternFile(None, ()))
            return
        size = max(1, min(_SAMPLE, _SAMPLES // max(1, len(labels))))
        for label, sql in zip(labels, keys, strict=True):
            number, sample = self._row(
                f"select count(*), min_by(key, hash(key), {size}) from ({sql}) where key <> ''"
            )
            self.files[label] = PatternFile(int(number), tuple(sample or ()))

    def _compare(self, rows: Relation) -> bool:
        """Find what differs. Return False if a key is missing or has several rows.

        Raise duckdb.Error for a row that cannot be read.
        """
        self._connection.execute("set preserve_insertion_order = false")  # uses less memory
        values = [f"v{at}" for at in range(len(self._columns))]
        hashed = (
            f"select key, hash({', '.join(['key', *values])}) as hash, {', '.join(values) or '0'}"
            f" from ({rows.sql})"
        )
        if self.previous:
            totals = self._totals(f"({hashed})", self._filled_sql())
            self.total = int(totals[0])
            self._note_filled(totals[3:])
            if totals[:3] == self._entries:
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
            if not self._index.is_attached or not self.previous:
                raise
            # the source was just read without an error, so the index must be damaged
            self._rebuild_index()
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
        """Count what differs. Return False if rows have no key or the same key."""
        self.new, self.gone, every, keyless, distinct = self._row(
            "select count(*) filter (new), count(*) filter (gone), count(*), count(*) filter (key ="
            " ''), count(distinct key) filter (new) from delta"
        )
        self.changed = every - self.new - self.gone
        if not self.previous:
            self.total = self.new
            self._note_filled(self._row(f"select count(*){self._filled_sql()} from delta")[1:])
        matched = self.total - self.new
        return keyless == 0 and distinct == self.new and matched == self.previous - self.gone

    def _compare_carefully(self) -> None:
        """Find what differs, without rejected rows, rows without a key, and ambiguous keys."""
        rejected = RejectedRows()
        run = self._connection.execute
        run("set preserve_insertion_order = true")
        run(f"create table located as {self._source.scan(self._used, rejected).sql}")
        take_keyless(self._connection, self._source, self._columns, rejected)
        ambiguous = take_repeated(self._connection, self._source, self._columns, rejected)
        parts = range(len(self._source.part_labels))
        self._note_files([f"select key from located where part = {part}" for part in parts])
        self.total = int(self._row("select count(*) from located")[0])
        kept: dict[int, list[str]] = {}
        if self.total:
            if not self._compare(Relation("select * from located", self._columns)):
                raise AssertionError("keys are not unique although rows were left out")
            gone = self._gone_keys()
            kept = self._keep(rejected, ambiguous)
            unclear = gone - self._gone_keys()
            if self.changed:
                unchanged, meant = keep_changed_by_pick(
                    self._spec,
                    self._connection,
                    self._columns,
                    rejected,
                    ambiguous,
                    self._snapshot,
                )
                self.changed -= len(unchanged)
                unclear |= unchanged
                kept = {at: [*kept.get(at, ()), *meant.get(at, ())] for at in {*kept, *meant}}
            self.unusable = unusable_keys(
                self._connection, self._columns, rejected, ambiguous, unclear, self._snapshot
            )
            self.total += ambiguous.count
        run("drop table located")
        self.problems = report(self._spec.name, self._source, rejected, kept, ambiguous)

    def _keep(self, rejected: RejectedRows, ambiguous: AmbiguousKeys) -> dict[int, list[str]]:
        """Keep the gone records of ambiguous keys, and those that a row left out may stand for.

        Return the keys of those that resemble a row, by its index in `AmbiguousKeys.strays`.
        """
        if self.gone:
            self._connection.execute(
                "delete from delta where gone and key in (select key from ambiguous)"
            )
            self.gone = self._count_gone()
        if self.gone and rejected.excluded:
            gone = self._gone_keys()
            reject_excluded(rejected, self._columns, gone, self._snapshot.records_of(gone))
        if not (rejected.count or ambiguous.count) or not self.gone:
            return {}
        gone = self._gone_keys()
        if rejected.may_be_any:  # some are unknown: any record may be theirs
            self._keep_records(gone)
            return {}
        strays, known = ambiguous.strays(rejected), self._snapshot.records()
        kept = resembling(strays, self._columns, self._snapshot.records_of(gone), known)
        meant = {row.key or "" for row in rejected.rows}.union(
            *(row.fields for row in rejected.rows), *kept.values()
        )
        self._keep_records(gone & meant)
        return kept

    def _keep_records(self, keys: Collection[str]) -> None:
        """Let the records of these keys not count as gone."""
        self._connection.execute(
            "delete from delta where gone and key in (select unnest($1::varchar[]))", [list(keys)]
        )
        self.gone = self._count_gone()

    def _keep_beside_pick(self) -> None:
        """Keep the gone records that a row may stand for whose key has another row, by mistake."""
        gone, records = self._gone_keys(), self._snapshot.records
        kept, problems = beside_pick(self._spec, self._used, gone, records)
        self._keep_records(kept)
        self.problems += problems
        self.unusable = replace(self.unusable, keys=self.unusable.keys | kept)

    def is_shifted(self, name: str, before: Mapping[Key, object]) -> bool:
        """Return whether each cell of a column is the former one of the row above, or below.

        `before` maps the keys of all changed cells to their stored values. New rows do not count.
        Two rows are too few to tell.
        """
        run = self._connection.execute
        run("set preserve_insertion_order = true")
        found = self._source.scan([name], RejectedRows())
        column = found.columns[0]
        run("create or replace temp table stored (key varchar, value varchar)")
        values = [(key, json.dumps(value, ensure_ascii=False)) for key, value in before.items()]
        self._connection.executemany("insert into stored values (?, ?)", values)
        above, below, rows = self._row(f"""
            with cell as (
              select row_number() over (order by part, row) as place, key, v0 as now
              from ({found.sql}) where key not in (select key from delta where new)
            ), pair as (
              select place, now, case when stored.key is null then now
                else {column.from_json("stored.value")} end as before
              from cell left join stored using (key)
            ), beside as (
              select now, lag(before) over (order by place) as above,
                lead(before) over (order by place) as below,
                place = 1 as first, lead(place) over (order by place) is null as last
              from pair
            )
            select count(*) filter (not first and now is distinct from above),
              count(*) filter (not last and now is distinct from below), count(*)
            from beside
            """)
        return rows > _TOO_FEW and 0 in (above, below)

    def gone_among(self, keys: Collection[str]) -> int:
        """Return how many of `keys` are those of records that are gone."""
        return int(
            self._row(
                "select count(*) from delta where gone and key in (select unnest($1::varchar[]))",
                [list(keys)],
            )[0]
        )

    def _gone_keys(self) -> set[str]:
        rows = self._connection.execute("select key from delta where gone").fetchall()
        return {key for (key,) in rows}

    def _count_gone(self) -> int:
        return int(self._row("select count(*) from delta where gone")[0])

    def _row(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        row = self._connection.execute(sql, values).fetchone()
        return row if row is not None else ()


def _distinct(rows: Relation) -> Relation:
    """Return `rows` without repetitions: rows that agree in all columns count as one."""
    return Relation(f"select distinct * from ({rows.sql})", rows.columns)
