"""A database that fails, refuses, or is cut off never looks like users who left."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from scimsync.errors import (
    GuardStop,
    ScimsyncError,
    SourceFormatError,
    SourceUnavailable,
)
from scimsync.sources.sql.address import resolve_address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.postgresql_reader import PostgresqlReader
from tests.error_text import text_of
from tests.servers.mariadb import MariaDb
from tests.servers.postgresql import Server
from tests.sql_databases import Database, SqlSpec, records, sql_spec

PEOPLE = (
    "CREATE TABLE person (id integer, name varchar(50))",
    "INSERT INTO person VALUES (1, 'Ann'), (2, 'Bo'), (3, 'Cid')",
)
FOREVER = {
    "postgresql": "SELECT n AS id, pg_sleep(1)::text FROM generate_series(1, 1000) n",
    "mariadb": "SELECT seq AS id, sleep(1) FROM seq_1_to_1000",
    "sqlite": (
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s)"
        " SELECT n AS id FROM s WHERE n < 0"
    ),
}
MANY = {
    "postgresql": "SELECT n AS id, repeat('x', 500) AS name FROM generate_series(1, 1000000) n",
    "mariadb": "SELECT seq AS id, repeat('x', 500) AS name FROM seq_1_to_1000000",
}
"""A result that no buffer between server and client holds."""


def failure(spec: SqlSpec) -> ScimsyncError:
    """Return the error with which reading the source ends, which ends looking at its columns too
    or not at all."""
    with pytest.raises(ScimsyncError) as caught:
        records(spec, "name")
    return caught.value


# What somebody has to change

REFUSED: list[tuple[str, str, dict[str, str]]] = [
    (
        "an unknown column",
        "SELECT id, nmae AS name FROM person",
        {
            "postgresql": 'column "nmae" does not exist',
            "mariadb": "Unknown column 'nmae' in 'SELECT'",
            "sqlite": "no such column: nmae",
        },
    ),
    (
        "an unknown table",
        "SELECT id, name FROM persons",
        {
            "postgresql": 'relation "persons" does not exist',
            "mariadb": "persons' doesn't exist",
            "sqlite": "no such table: persons",
        },
    ),
    (
        "wrong SQL",
        "SELECT id, name FROM person WHERE WHERE",
        {
            "postgresql": "syntax error at or near",
            "mariadb": "You have an error in your SQL syntax",
            "sqlite": 'near "WHERE": syntax error',
        },
    ),
]


@pytest.mark.parametrize(("query", "reasons"), [case[1:] for case in REFUSED])
def test_a_query_that_the_database_refuses(
    database: Database, tmp_path: Path, query: str, reasons: dict[str, str]
) -> None:
    database.run(*PEOPLE)

    error = failure(database.spec(tmp_path, query))

    assert isinstance(error, SourceFormatError)
    assert error.message.startswith("sync.toml: sources.hr.query: the database refuses the query: ")
    assert reasons[database.kind].lower() in error.message.lower()
    assert error.brief == "sync.toml: sources.hr.query: the database refuses the query"


def test_a_value_that_cannot_be_computed(database: Database, tmp_path: Path) -> None:
    bad = {
        "postgresql": "SELECT n AS id, 1 / (9999 - n) AS name FROM generate_series(1, 10000) n",
        "mariadb": "SELECT seq AS id, (SELECT 1 UNION SELECT seq) AS name FROM seq_1_to_10000",
        "sqlite": (
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10000)"
            " SELECT n AS id, abs(-9223372036854775807 - (n > 9999)) AS name FROM s"
        ),
    }

    error = failure(database.spec(tmp_path, bad[database.kind]))

    assert (error.exit_code, error.code) == (2, "SYNC-0245")


WRITES = {
    "postgresql": [
        "WITH gone AS (DELETE FROM person RETURNING *) SELECT * FROM gone",
        "SELECT id, set_config('transaction_read_only', 'off', false) AS name FROM person",
        "SELECT id, remove() AS name FROM person",
        "SELECT * INTO copy FROM person",
    ],
    "mariadb": [
        "SELECT 1 AS id, remove() AS name",
        "SELECT 1 AS id, 2 AS name FROM person INTO OUTFILE 'people.txt'",
        "WITH gone AS (SELECT 1) DELETE FROM person",
    ],
    "sqlite": [
        "WITH gone AS (SELECT 1) DELETE FROM person RETURNING id, name",
        "WITH gone AS (SELECT 1) UPDATE person SET name = '' RETURNING id, name",
    ],
}


def test_a_query_cannot_write(database: Database, tmp_path: Path) -> None:
    database.run(*PEOPLE)
    if database.kind == "postgresql":
        database.run(
            "CREATE FUNCTION remove() RETURNS text LANGUAGE plpgsql AS"
            " 'BEGIN DELETE FROM person; RETURN 1; END'"
        )
    elif database.kind == "mariadb":
        database.run(
            "ALTER TABLE person ENGINE = MyISAM",  # what is written there is never rolled back
            "CREATE FUNCTION remove() RETURNS INT BEGIN DELETE FROM person; RETURN 1; END",
        )

    for query in WRITES[database.kind]:
        error = failure(database.spec(tmp_path, query))
        assert error.code == "SYNC-0245", query
        assert database.run("SELECT count(*) FROM person WHERE name <> ''") == [(3,)], query


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("DELETE FROM person RETURNING id, name", "only a SELECT can be a source"),
        ("DROP TABLE person", "only a SELECT can be a source"),
        ("SELECT 1; DROP TABLE person", "must be one SELECT, not several statements"),
        ("/* SELECT */ CALL remove()", "only a SELECT can be a source, and this begins with CALL"),
        ("-- nothing", "only a SELECT can be a source, and this has no statement"),
    ],
)
def test_what_is_not_one_select_is_refused_before_anything_is_opened(
    tmp_path: Path, query: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        sql_spec(tmp_path, url="postgresql://db.example.com/hr", query=query)


def test_two_columns_of_one_name(database: Database, tmp_path: Path) -> None:
    spec = database.spec(tmp_path, "SELECT 1 AS id, 2 AS name, 3 AS name")

    for look in (spec.columns, lambda: records(spec, "name")):
        with pytest.raises(SourceFormatError) as caught:
            look()
        assert text_of(caught.value) == (
            'sync.toml: sources.hr.query: two columns are called "name"\n'
            "  give one of them a name with AS"
        )


def test_a_key_or_a_column_that_the_result_does_not_have(
    database: Database, tmp_path: Path
) -> None:
    spec = database.spec(tmp_path, "SELECT 1 AS number, 2 AS name")

    for look in (spec.columns, lambda: records(spec, "name")):
        with pytest.raises(SourceFormatError) as caught:
            look()
        assert text_of(caught.value) == (
            'sync.toml: sources.hr.key: no column "id" in the result of sources.hr.query\n'
            "  found: number, name"
        )


def test_a_list_that_the_result_does_not_have(database: Database, tmp_path: Path) -> None:
    query = "SELECT 1 AS id, 'a;b' AS teams"

    with pytest.raises(SourceFormatError) as caught:
        database.spec(tmp_path, query, lists={"teasm": ";"}).columns()

    assert text_of(caught.value) == (
        'sync.toml: sources.hr.lists: no column "teasm" in the result of sources.hr.query\n'
        '  found: id, teams\n  did you mean "teams"?'
    )


def test_no_rows_are_not_an_empty_company(database: Database, tmp_path: Path) -> None:
    database.run(*PEOPLE)

    error = failure(database.spec(tmp_path, "SELECT id, name FROM person WHERE id > 3"))

    assert isinstance(error, GuardStop)
    assert error.message == "the result of sources.hr.query is empty"


# Rights


def test_a_wrong_user_or_database(postgresql: Server, mariadb: MariaDb, tmp_path: Path) -> None:
    hr = mariadb.create()
    mariadb.run("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'correct horse'")
    right = f"mysql://reader@127.0.0.1:{mariadb.port}/{hr}"
    urls = [
        (f"postgresql://nobody@127.0.0.1:{postgresql.port}/postgres", 'role "nobody" does not'),
        (postgresql.url("nowhere"), 'database "nowhere" does not exist'),
        (right.replace("reader@", "reader:wrong-secret@"), "Access denied for user 'reader'"),
        (mariadb.url("nowhere"), "Unknown database 'nowhere'"),
    ]
    for url, reason in urls:
        spec = sql_spec(
            tmp_path, url="env:DB_URL", query="SELECT 1 AS id", secret=lambda _, url=url: url
        )
        with pytest.raises(SourceFormatError) as caught:
            spec.columns()
        assert caught.value.code == "SYNC-0244"
        assert reason in caught.value.message
        assert "wrong-secret" not in text_of(caught.value)
        assert caught.value.__cause__ is None


def test_a_wrong_password_of_postgresql(postgresql: Server, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(8)  # SSLRequest, or GSSENCRequest
                connection.sendall(b"N")
                connection.recv(4096)
                message = b'SFATAL\0C28P01\0Mpassword authentication failed for user "hr"\0\0'
                connection.sendall(b"E" + (len(message) + 4).to_bytes(4) + message)

        thread = Thread(target=refuse)
        thread.start()
        spec = sql_spec(
            tmp_path,
            url=f"postgresql://hr@127.0.0.1:{port}/hr?gssencmode=disable",
            password="env:DB_PASSWORD",
            query="SELECT 1 AS id",
            secret=lambda _: "not-the-password",
        )
        with pytest.raises(SourceFormatError) as caught:
            spec.columns()
        thread.join()

    assert caught.value.message == (
        f"sync.toml: sources.hr.url: postgresql://hr@127.0.0.1:{port}/hr: the database refuses the"
        f' connection: connection failed: connection to server at "127.0.0.1", port {port} failed:'
        ' FATAL: password authentication failed for user "hr"'
    )


def as_reader(database: Database, server: Server | MariaDb, *grants: str) -> str:
    """Create a user who can only read what `grants` say, and return the URL."""
    if database.kind == "postgresql":
        name = f"reader_{database.url.rpartition('/')[2]}"
        database.run(f"CREATE ROLE {name} LOGIN", *(f"{grant} TO {name}" for grant in grants))
        return database.url.replace("scimsync@", f"{name}@")
    name = f"reader_{database.url.rpartition('/')[2]}"
    user = f"{name}@'127.0.0.1'"
    database.run(f"CREATE USER {user}", *(f"{grant} TO {user}" for grant in grants))
    return database.url.replace("root@", f"{name}@")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_right_to_one_column_that_is_lost(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_db")
    database.run(*PEOPLE)
    url = as_reader(
        database,
        request.getfixturevalue(kind),
        "GRANT SELECT (id, name) ON person",
    )
    spec = database.spec(tmp_path, "SELECT id, name FROM person", url=url)
    assert len(records(spec, "name")) == 3

    user = url.partition("//")[2].partition("@")[0]
    host = "@'127.0.0.1'" if kind == "mariadb" else ""
    database.run(f"REVOKE SELECT (name) ON person FROM {user}{host}")

    error = failure(spec)
    assert (error.exit_code, error.code) == (2, "SYNC-0245")
    assert "denied" in error.message


def test_rows_that_a_policy_hides_stop_the_source(
    postgresql_db: Database, postgresql: Server, tmp_path: Path
) -> None:
    postgresql_db.run(*PEOPLE)
    url = as_reader(postgresql_db, postgresql, "GRANT SELECT ON person")
    query = "SELECT id, name FROM person"
    assert len(records(postgresql_db.spec(tmp_path, query, url=url), "name")) == 3

    postgresql_db.run(
        "ALTER TABLE person ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY first_two ON person FOR SELECT USING (id < 3)",
    )

    error = failure(postgresql_db.spec(tmp_path, query, url=url))
    assert (error.exit_code, error.code) == (2, "SYNC-0245")
    assert "row-level security" in error.message
    chosen = postgresql_db.spec(tmp_path, query, url=f"{url}?options=-crow_security%3Don")
    assert len(records(chosen, "name")) == 2


# What passes by itself


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_database_that_is_down(scheme: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        spec = sql_spec(tmp_path, url=f"{scheme}://hr@127.0.0.1:{port}/hr", query="SELECT 1 AS id")
        with pytest.raises(SourceUnavailable) as caught:
            spec.columns()
    shown = f"sync.toml: sources.hr.url: {scheme}://hr@127.0.0.1:{port}/hr: the database cannot be"
    assert caught.value.message.startswith(f"{shown} reached: ")
    assert caught.value.code == "SYNC-0243"


def test_a_query_that_takes_too_long(database: Database, tmp_path: Path) -> None:
    error = failure(database.spec(tmp_path, FOREVER[database.kind], timeout="1s"))

    assert isinstance(error, SourceUnavailable)
    assert text_of(error) == (
        "sync.toml: sources.hr.timeout: the query took longer than 1.0 s\n"
        "  raise timeout, or make the query faster"
    )


def test_a_lock(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    database.run(*PEOPLE)
    with locked(database, request):
        error = failure(database.spec(tmp_path, "SELECT id, name FROM person", timeout="1s"))

    assert isinstance(error, SourceUnavailable)
    assert error.code == "SYNC-0246"


@contextmanager
def locked(database: Database, request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold a lock on the table that keeps readers out."""
    connection: Any
    if database.kind == "postgresql":
        connection = psycopg.connect(database.url)
        connection.execute("LOCK TABLE person IN ACCESS EXCLUSIVE MODE")
    elif database.kind == "mariadb":
        server: MariaDb = request.getfixturevalue("mariadb")
        connection = server.connect(database.url.rpartition("/")[2])
        connection.cursor().execute("LOCK TABLES person WRITE")
    else:
        path = database.url.removeprefix("sqlite:///")
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    with closing(connection):
        yield


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_connection_that_is_lost_in_the_middle(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_db")
    port = int(re.findall(r":(\d+)/", database.url)[0])
    with cut_off(port, after=3_000_000) as relay:
        url = re.sub(r":\d+/", f":{relay}/", database.url)
        spec = database.spec(tmp_path, MANY[kind], url=url)
        error = failure(spec)

    assert isinstance(error, SourceUnavailable)
    assert error.code == "SYNC-0243"
    assert "the database ended the connection or failed: " in error.message


@contextmanager
def cut_off(port: int, after: int, *, silently: bool = False) -> Iterator[int]:
    """Pass on connections to a port, and end each after so many bytes of the server.

    If `silently`, nothing more comes, and the connection is not closed.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def forward(source: socket.socket, to: socket.socket, limit: int | None) -> None:
            passed = 0
            try:
                while data := source.recv(65_536):
                    to.sendall(data)
                    passed += len(data)
                    if limit is not None and passed > limit:
                        if silently:
                            to.recv(1)
                        break
            except OSError:
                pass
            for each in (source, to):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

        def accept() -> None:
            threads = []
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    break
                behind = socket.create_connection(("127.0.0.1", port))
                pair = [
                    Thread(target=forward, args=(client, behind, None)),
                    Thread(target=forward, args=(behind, client, after)),
                ]
                for thread in pair:
                    thread.start()
                threads.append((pair, client, behind))
            for pair, *ends in threads:
                for thread in pair:
                    thread.join()
                for end in ends:
                    end.close()

        thread = Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_server_that_falls_silent(postgresql_db: Database, tmp_path: Path) -> None:
    port = int(re.findall(r":(\d+)/", postgresql_db.url)[0])
    with cut_off(port, after=3_000_000, silently=True) as relay:
        url = re.sub(r":\d+/", f":{relay}/", postgresql_db.url)
        spec = postgresql_db.spec(tmp_path, MANY["postgresql"], url=url, timeout="1s")
        address = resolve_address(url, None, tmp_path)
        query, explainer = spec.settings.query, Explainer(spec, address)
        reader = PostgresqlReader(address, query, 1.0, explainer, grace_s=0.2)
        with pytest.raises(SourceUnavailable, match="took longer than"):
            reader.read(tmp_path / "rows")


def test_a_query_that_an_administrator_ends(postgresql_db: Database, tmp_path: Path) -> None:
    killer = "SELECT 1 AS id, pg_terminate_backend(pg_backend_pid())::text AS name"

    error = failure(postgresql_db.spec(tmp_path, killer))

    assert isinstance(error, SourceUnavailable)
    assert error.code == "SYNC-0243"
    assert "terminating connection due to administrator command" in error.message
