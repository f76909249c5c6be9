"""For any two sets of rows, the comparison gives exactly their differences."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.snapshot import compare
from scimsync.snapshot.index import StoredSnapshot
from scimsync.sources.base import RejectedRows
from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.file.delimited import DelimitedReader
from scimsync.sources.file.find import find
from scimsync.sources.workspace import Workspace
from tests.file_sources import file_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = ("name", "tags")
Rows = dict[str, tuple[str, str]]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text(
    st.sampled_from("a,;\"\n\r \\'\x00\x1f{é"), max_size=6
)
keys = text.map(lambda key: key.strip(WHITE_SPACE)).filter(bool)
# a line of a cell with as many commas as a row has would count as a row
cells = text.filter(lambda cell: "," not in cell or {*"\r\n"}.isdisjoint(cell))
rows = st.dictionaries(keys, st.tuples(cells, cells), min_size=1, max_size=8)
fast = settings(max_examples=40)


def write(
    path: Path, people: Rows, order: random.Random | None = None, broken: bool = False
) -> None:
    lines = [[key, *cells] for key, cells in people.items()]
    if order is not None:
        order.shuffle(lines)
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["id", *COLUMNS], *lines])
    path.write_bytes(buffer.getvalue().encode() + b"only one field\n" * broken)


def expected(people: Rows) -> dict[str, dict[str, object]]:
    tags = {
        key: [tag for part in cells[1].split(";") if (tag := part.strip(WHITE_SPACE))]
        for key, cells in people.items()
    }
    return {
        key: {"id": key, "name": cells[0].strip(WHITE_SPACE), "tags": tags[key]}
        for key, cells in people.items()
    }


class Folder:
    """A source in a folder of its own."""

    def __init__(self, path: str) -> None:
        self.file = Path(path) / "hr.csv"
        self.index = Path(path) / "hr.index.duckdb"
        self.spec = file_spec(Path(path), lists={"tags": ";"})

    def look(
        self, stored: Mapping[str, dict[str, object]], head: int, commit: bool
    ) -> list[tuple[str, object, bool]]:
        texts = {key: json.dumps(data) for key, data in stored.items()}
        snapshot = StoredSnapshot(self.index, texts.items, head, None)
        with compare(self.spec, COLUMNS, snapshot) as comparison:
            changes = [change for batch in comparison.changes() for change in batch]
            if commit:
                comparison.commit_index(head + 1)
        return [
            (c.key, None if c.data_json is None else json.loads(c.data_json), c.new)
            for c in changes
        ]


@fast
@given(before=rows, after=rows, seed=st.integers())
def test_differences_of_two_sets_of_rows_are_found_in_any_order_and_with_any_index(
    before: Rows, after: Rows, seed: int
) -> None:
    was, now = expected(before), expected(after)
    differences = [
        (key, now.get(key), key not in was)
        for key in sorted({*was, *now})
        if was.get(key) != now.get(key)
    ]

    with TemporaryDirectory() as path:
        folder = Folder(path)
        write(folder.file, before)
        assert folder.look({}, 0, True) == [(key, was[key], True) for key in sorted(was)]
        assert folder.look(was, 1, False) == []

        write(folder.file, after)
        assert folder.look(was, 1, False) == differences
        write(folder.file, after, random.Random(seed))
        assert folder.look(was, 1, False) == differences
        folder.index.unlink()
        assert folder.look(was, 1, True) == differences
        assert folder.look(now, 2, False) == []
        write(folder.file, before, random.Random(seed))
        assert len(folder.look(now, 2, False)) == len(differences)


@fast
@given(people=rows)
def test_a_bad_row_changes_nothing_about_the_other_rows(people: Rows) -> None:
    with TemporaryDirectory() as path:
        folder = Folder(path)
        write(folder.file, people, broken=True)

        assert folder.look({}, 0, True) == [
            (key, data, True) for key, data in sorted(expected(people).items())
        ]
        write(folder.file, people)
        assert folder.look(expected(people), 1, False) == []


sloppy = st.lists(
    st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", "1", " ", '"b,c"', "\t", "é"]), max_size=25
).map("".join)


def test_careful_reading_takes_what_quick_reading_takes() -> None:
    """Whether some row is bad must not decide what is read from the others."""
    import duckdb

    @settings(max_examples=300)
    @given(body=sloppy)
    def holds(body: str) -> None:
        with TemporaryDirectory() as path:
            (Path(path) / "hr.csv").write_bytes(f"id,x\n{body}\n".encode())
            spec = file_spec(Path(path))
            table = DelimitedReader(spec, find(spec, "hr.csv", "path")[0], workspace)
            if not table.is_reliable():
                return  # never read quickly
            try:
                quick = workspace.connection.execute(table.select(["id", "x"])).fetchall()
            except duckdb.Error:
                return
            bad = RejectedRows()
            careful = workspace.connection.execute(table.select(["id", "x"], bad)).fetchall()
        # a quick reading with rows without a key counts for nothing
        assert [row[:2] for row in careful if row[0]] == [row for row in quick if row[0]]
        assert bad.count == 0

    with Workspace() as workspace:  # one for all: it is read only
        holds()


@pytest.mark.parametrize("rows_in_file", [70_000])
def test_large_files_are_read_by_several_threads_without_loss(
    tmp_path: Path, rows_in_file: int
) -> None:
    folder = Folder(str(tmp_path))
    people = {
        f"{n:06d}": (
            "\n".join(f"{n},x{line},y" for line in range(n % 5)) + 'q"' * (n % 3),
            "a;b" * 40,
        )
        for n in range(rows_in_file)
    }
    write(folder.file, people)

    assert folder.look({}, 0, True) == [(key, data, True) for key, data in expected(people).items()]
    assert folder.look({}, 1, False) == []
