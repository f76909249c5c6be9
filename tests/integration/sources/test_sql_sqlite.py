"""A SQLite file is only read, and the state is none."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.sources.workspace import Workspace
from tests.sql_databases import Database, records, sql_spec, sqlite_database

QUERY = "SELECT id, name FROM person"


@pytest.fixture
def people(tmp_path: Path) -> Database:
    made = sqlite_database(tmp_path)
    made.run("CREATE TABLE person (id, name)", "INSERT INTO person VALUES (1, 'Ann'), (2, 'Bo')")
    return made


def failure(folder: Path, url: str, state_file: Path | None = None) -> ScimsyncError:
    with pytest.raises(ScimsyncError) as caught:
        sql_spec(folder, url=url, query=QUERY, state_file=state_file).columns()
    return caught.value


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    error = failure(tmp_path, "sqlite:///nowhere/hr.db")

    assert isinstance(error, SourceUnavailable)
    assert error.message == f"sync.toml: sources.hr.url: no such file: {tmp_path}/nowhere/hr.db"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "hr.db").mkdir()

    error = failure(tmp_path, "sqlite:///hr.db")

    assert error.message == f"sync.toml: sources.hr.url: {tmp_path}/hr.db is not a file"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "hr.db").write_text("id,name\n" * 100)

    error = failure(tmp_path, "sqlite:///hr.db")

    assert isinstance(error, SourceFormatError)
    assert error.message == f"sync.toml: sources.hr.url: {tmp_path}/hr.db is not a SQLite database"


@pytest.mark.parametrize("name", ["scimsync.db", "linked.db", "folder/../scimsync.db"])
def test_the_state_is_no_source(tmp_path: Path, people: Database, name: str) -> None:
    state = Path(people.url.removeprefix("sqlite:///")).rename(tmp_path / "scimsync.db")
    (tmp_path / "linked.db").symlink_to(state)
    (tmp_path / "folder").mkdir()

    error = failure(tmp_path, f"sqlite:///{name}", state)

    assert isinstance(error, SourceFormatError)
    assert error.message.endswith("is the state of scimsync itself")


def test_reading_changes_nothing(tmp_path: Path, people: Database) -> None:
    path = Path(people.url.removeprefix("sqlite:///"))
    before = hashlib.sha256(path.read_bytes()).digest(), sorted(tmp_path.iterdir())

    assert len(records(people.spec(tmp_path, QUERY))) == 2

    assert (hashlib.sha256(path.read_bytes()).digest(), sorted(tmp_path.iterdir())) == before


def test_what_a_writer_has_not_committed_is_not_read(tmp_path: Path, people: Database) -> None:
    people.run("PRAGMA journal_mode = WAL")
    path = people.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM person")
        assert len(records(people.spec(tmp_path, QUERY))) == 2
        writer.execute("COMMIT")
        people.run("INSERT INTO person VALUES (3, 'Cid')")
        assert [one["id"] for one in records(people.spec(tmp_path, QUERY))] == ["3"]


@pytest.mark.parametrize("name", ["Team #1.db", "100%.db", "it's.db"])
def test_a_name_that_a_url_would_take_for_something_else(
    tmp_path: Path, people: Database, name: str
) -> None:
    Path(people.url.removeprefix("sqlite:///")).rename(tmp_path / name)

    assert len(records(sql_spec(tmp_path, url=f"sqlite:///{name}", query=QUERY))) == 2


def test_a_text_that_is_not_unicode(tmp_path: Path, people: Database) -> None:
    people.run("INSERT INTO person VALUES (3, CAST(x'ff41' AS TEXT))")

    with pytest.raises(SourceFormatError) as caught:
        records(people.spec(tmp_path, QUERY))

    assert caught.value.exit_code == 2
    assert "name" in caught.value.message


def test_a_row_that_is_too_long(tmp_path: Path, people: Database) -> None:
    query = "SELECT id, name || hex(zeroblob(33000000)) AS name FROM person WHERE id = 2"

    with pytest.raises(SourceFormatError) as caught:
        records(people.spec(tmp_path, query))

    assert caught.value.message == (
        "sync.toml: sources.hr.query: row 1 of the result is longer than 64 MB"
    )


EXACT = [
    "42",
    "9223372036854775807",
    "''",
    "NULL",
    "'0042'",
    "'a' || char(9, 10, 0) || '\\\"'",
    "'Łukasz 🎉'",
]
"""SQL for values that SQLite writes as JSON itself."""


@pytest.mark.parametrize("other", ["0.1 + 0.2", "9e999", "x'00ff'"])
def test_values_do_not_depend_on_those_of_other_rows(
    tmp_path: Path, people: Database, other: str
) -> None:
    """One value that SQLite cannot write has all rows written otherwise."""
    row = ", ".join(f"{sql} AS c{at}" for at, sql in enumerate(EXACT))
    many = f"WITH n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 250) SELECT i, {row}"

    alone = records(people.spec(tmp_path, f"{many}, 1 AS other FROM n", key="i"))
    query = f"{many}, CASE i WHEN 250 THEN {other} ELSE 1 END AS other FROM n"
    beside = records(people.spec(tmp_path, query, key="i"))

    assert beside[:-1] != alone
    assert [{**record, "other": 1} for record in beside] == alone


def test_rows_come_in_the_order_of_the_query(tmp_path: Path, people: Database) -> None:
    spec = people.spec(tmp_path, f"{QUERY} ORDER BY name DESC")

    with Workspace() as workspace:
        rows = spec.open(workspace).first_records(9)

    assert [row["name"] for row in rows] == ["Bo", "Ann"]


def test_a_text_that_is_json_stays_a_text(tmp_path: Path, people: Database) -> None:
    query = "SELECT 1 AS id, json_group_array(name) AS names, json('{}') AS no FROM person"

    assert records(people.spec(tmp_path, query)) == [
        {"id": "1", "names": '["Ann","Bo"]', "no": "{}"}
    ]


def test_names_that_differ_in_case_or_look_like_others(tmp_path: Path, people: Database) -> None:
    query = 'SELECT 1 AS id, 2 AS "a:1", 3 AS A, 4 AS a, 5 AS "say ""a""", 6 AS `b`'

    assert records(people.spec(tmp_path, query)) == [
        {"id": "1", "a:1": 2, "A": 3, "a": 4, 'say "a"': 5, "b": 6}
    ]
