"""Sources whose records arrive one by one are compared, located and refused like files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import SourceFormatError
from scimsync.snapshot import Comparison, compare
from scimsync.snapshot.index import StoredSnapshot
from scimsync.sources import Source, SourceSettings, SourceSpec
from scimsync.sources.spool import SpooledSource
from scimsync.sources.workspace import Workspace

Rows = list[dict[str, object]]


class ListSettings(SourceSettings):
    """A source that gives the records of a list."""

    rows: Rows

    def open(self, spec: SourceSpec[Any], workspace: Workspace) -> Source:
        return ListSource(spec, workspace, "the list", {"teams": ";"})


class ListSource(SpooledSource[ListSettings]):
    """Reads the list."""

    def rows(self) -> Iterable[Mapping[str, object]]:
        return self.spec.settings.rows


def spec(rows: Rows, folder: Path, key: str = "id") -> SourceSpec[ListSettings]:
    return SourceSpec("hr", ListSettings(type="list", key=key, rows=rows), folder)


def compared(rows: Rows, folder: Path, digest: str | None = None) -> Comparison:
    snapshot = StoredSnapshot(folder / "hr.index.duckdb", list, 0, digest)
    return compare(spec(rows, folder), ["name", "teams"], snapshot)


def test_columns_are_those_of_all_records(tmp_path: Path) -> None:
    rows: Rows = [{"id": 1, "name": "Ann"}, {"id": 2, "teams": []}]

    assert spec(rows, tmp_path).columns() == ["id", "name", "teams"]
    with pytest.raises(SourceFormatError, match='no column "nr" in the list'):
        spec(rows, tmp_path, key="nr").columns()


def test_values_keep_their_types_and_texts_are_split(tmp_path: Path) -> None:
    rows: Rows = [
        {"id": 7, "name": "Ann", "teams": "a; b"},
        {"id": "08", "name": None, "teams": ["c", 1]},
    ]

    with compared(rows, tmp_path) as comparison:
        (changes,) = comparison.changes()

    assert [(str(one.key), one.data_json) for one in changes] == [
        ("08", '{"id":"08","name":null,"teams":["c",1]}'),
        ("7", '{"id":"7","name":"Ann","teams":["a","b"]}'),
    ]


def test_rows_without_a_key_and_repeated_keys_are_named_by_their_number(tmp_path: Path) -> None:
    rows: Rows = [
        {"id": 1, "name": "Ann"},
        {"name": "Bo"},
        {"id": "1", "name": "Cy"},
        {"id": 2, "name": "Di"},
    ]

    with compared(rows, tmp_path) as comparison:
        problems = [(one.line, one.key, one.detail) for one in comparison.problems]

    assert (comparison.new, comparison.total) == (1, 2)
    assert problems == [
        (
            None,
            "1",
            'key "1" is in rows 1 and 3, which differ in name; neither counts [SYNC-0222]',
        ),
        (None, None, "row 2: the row has no key and is left out [SYNC-0221]"),
    ]


def test_the_same_records_again_are_not_compared(tmp_path: Path) -> None:
    rows: Rows = [{"id": 1, "name": "Ann"}]
    with compared(rows, tmp_path) as comparison:
        digest = comparison.digest

    with compared(rows, tmp_path, digest) as again, compared([{"id": 1}], tmp_path, digest) as new:
        assert (again.unchanged, new.unchanged) == (True, False)
