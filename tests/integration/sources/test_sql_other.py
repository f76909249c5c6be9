"""Databases that are read through SQLAlchemy, here with the drivers that are installed."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.sources.sql.address import resolve_address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.other_reader import OtherReader
from tests.sql_databases import Database, sql_spec

PEOPLE = (
    "CREATE TABLE person (id integer, name varchar(50), wage decimal(8, 2), born date)",
    "INSERT INTO person VALUES (1, 'Ann', 12.50, '1990-02-01'), (2, NULL, NULL, NULL)",
)


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Database:
    made: Database = request.getfixturevalue(f"{request.param}_db")
    made.run(*PEOPLE)
    return made


def reader(database: Database, folder: Path, query: str, timeout_s: float = 60) -> OtherReader:
    spec = database.spec(folder, query, lists={"name": ";"})
    address = resolve_address(database.url, None, folder)
    return OtherReader(address, query, timeout_s, Explainer(spec, address))


def test_rows_and_their_types(server: Database, tmp_path: Path) -> None:
    found = reader(server, tmp_path, "SELECT * FROM person WHERE '%s' <> ':x' ORDER BY id")

    assert found.columns() == ["id", "name", "wage", "born"]
    rows = found.read(tmp_path / "rows")
    assert [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()] == [
        [1, "Ann", 12.5, "1990-02-01"],
        [2, None, None, None],
    ]
    assert (rows.rows, rows.columns) == (2, ("id", "name", "wage", "born"))
    assert found.read(tmp_path / "first", 1).rows == 1


@pytest.mark.parametrize("count", [499, 500, 1_501])
def test_many_rows(server: Database, tmp_path: Path, count: int) -> None:
    query = {
        "postgresql": f"SELECT n AS id FROM generate_series(1, {count}) n",
        "mariadb": f"SELECT seq AS id FROM seq_1_to_{count}",
    }[server.kind]

    assert reader(server, tmp_path, query).read(tmp_path / "rows").rows == count

    lines = (tmp_path / "rows").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [[n] for n in range(1, count + 1)]


FAILURES = [
    ("SELECT nmae FROM person", SourceFormatError, "SYNC-0245"),
    ("WITH a AS (SELECT 1) DELETE FROM person", SourceFormatError, "SYNC-0245"),
]


@pytest.mark.parametrize(("query", "kind", "code"), FAILURES)
def test_a_query_that_is_refused(
    server: Database, tmp_path: Path, query: str, kind: type[ScimsyncError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        reader(server, tmp_path, query).read(tmp_path / "rows")

    assert caught.value.code == code
    assert server.run("SELECT count(*) FROM person") == [(2,)]


def test_a_query_that_takes_too_long(server: Database, tmp_path: Path) -> None:
    forever = {"postgresql": "SELECT pg_sleep(100)", "mariadb": "SELECT sleep(100) FROM person"}

    with pytest.raises(SourceUnavailable, match="the query took longer than"):
        reader(server, tmp_path, forever[server.kind], 1).read(tmp_path / "rows")


MISSING = [
    ("mssql://hr@db.example.com/hr", "pyodbc", "pip install pyodbc"),
    ("mssql+pymssql://hr@db.example.com/hr", "pymssql", "pip install pymssql"),
    ("oracle://hr@db.example.com/hr", "oracledb", "pip install oracledb"),
    ("mysql+mysqldb://hr@db.example.com/hr", "MySQLdb", "pip install mysqlclient"),
    ("postgresql+psycopg2://hr@db.example.com/hr", "psycopg2", "pip install psycopg2-binary"),
    ("postgresql://hr@db.example.com/hr", "psycopg", "pip install 'scimsync[postgresql]'"),
    ("mysql://hr@db.example.com/hr", "pymysql", "pip install 'scimsync[mysql]'"),
]


@pytest.mark.parametrize(("url", "module", "hint"), MISSING)
def test_a_missing_driver_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, module: str, hint: str
) -> None:
    original = builtins.__import__

    def without(
        name: str, globals_: Any = None, locals_: Any = None, names: Any = (), level: int = 0
    ) -> Any:
        if name.partition(".")[0] == module and level == 0:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return original(name, globals_, locals_, names, level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SourceFormatError) as caught:
        sql_spec(tmp_path, url=url, query="SELECT 1 AS id").columns()

    error = caught.value
    assert f"needs {module}, which is not installed" in error.message
    assert (error.exit_code, error.code, error.hint) == (2, "SYNC-0242", f"install it with {hint}")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nosuchdb://hr@db.example.com/hr", 'no driver for "nosuchdb" is installed'),
        ("sqlite+aiosqlite:///hr.db", "no such file"),
        ("postgresql+asyncpg://hr@db.example.com/hr", "asyncpg, which is not installed"),
        ("mysql://hr@127.0.0.1:1/hr?colour=red", "a parameter of the URL cannot be used"),
        ("mysql://hr@127.0.0.1:1/hr?connect_timeout=soon", "a parameter of the URL cannot be used"),
        ("postgresql://hr@127.0.0.1:1/hr?colour=red", "invalid connection option"),
    ],
)
def test_a_url_that_cannot_be_used(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(ScimsyncError) as caught:
        sql_spec(tmp_path, url=url, query="SELECT 1 AS id").columns()

    assert problem in caught.value.message
