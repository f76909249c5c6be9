"""What the nightly run costs when nothing changed in a database, beside a bare read of the same
query.

Run: python -m benchmarks.bench_sql [--rows N]. 1,000,000 people of 12 columns, all with accounts.
The floor is for PostgreSQL `psql` that copies the result of the query to a file, and for the others
a bare cursor of the driver, on the server where there is one. Floor and plan run on the same server
in the same minute; whole processes are measured, except for the cursors, of which only the reading
is timed. A query for which psql writes lists costs it more too, which the last figure shows.
"""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.bench_plan import NOWHERE, expect, ingest, link, operations
from benchmarks.common import (
    COLUMNS,
    SYNC_TOML,
    Figures,
    fastest,
    rows_wanted,
    run,
    scimsync,
    scratch_folder,
    write_people,
)

_QUERY = f"select {', '.join(COLUMNS)} from "
_TABLES = {"the same order": "person", "another order": "person_moved"}
_CREATE = f"create table person ({', '.join(f'{name} varchar(100)' for name in COLUMNS)})"
_MOVE = "create table person_moved as select * from person order by phone, employee_id"


@dataclass(frozen=True)
class Database:
    """A database with the people. `floor` is the command that reads a query and nothing else; it
    prints its seconds, or is timed as a whole."""

    name: str
    url: str
    floor: Callable[[str], list[str]]
    at_most: float


@contextmanager
def postgresql(folder: Path) -> Iterator[Database]:
    """PostgreSQL, and psql as its floor."""
    from tests.servers.postgresql import running_postgresql

    with running_postgresql() as server:
        url = server.create()

        def psql(command: str) -> list[str]:
            return ["psql", url, "--quiet", "--no-psqlrc", "--command", command]

        run(psql(_CREATE))
        run(psql(f"\\copy person from '{folder}/hr.csv' with (format csv, header)"))
        run(psql(_MOVE))
        run(psql("analyze"))

        def floor(query: str) -> list[str]:
            return psql(f"\\copy ({query}) to '{folder}/floor'")

        yield Database("PostgreSQL", url, floor, at_most=3)


@contextmanager
def mariadb(folder: Path) -> Iterator[Database]:
    """MariaDB, and PyMySQL with a cursor on the server."""
    import pymysql

    from tests.servers.mariadb import running_mariadb

    with running_mariadb() as server:
        url = server.url(server.create())
        parts = urlsplit(url)
        with (
            closing(
                pymysql.connect(
                    host=parts.hostname,
                    port=parts.port or 0,
                    user=parts.username,
                    database=parts.path[1:],
                    local_infile=True,
                    autocommit=True,
                )
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_CREATE)
            cursor.execute(
                f"load data local infile '{folder}/hr.csv' into table person"
                " fields terminated by ',' ignore 1 lines"
            )
            cursor.execute(_MOVE)
        yield Database("MariaDB", url, lambda query: _cursor(url, query), at_most=1.5)


@contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    """SQLite, which has no server: its cursor runs in the process itself, and transfers nothing.

    So it is as quick a floor as that of PostgreSQL, and has the same limit.
    """
    path = folder / "people.db"
    with (
        closing(sqlite3.connect(path)) as connection,
        connection,
        (folder / "hr.csv").open(encoding="utf-8", newline="") as stream,
    ):
        connection.execute(_CREATE)
        rows = csv.reader(stream)
        next(rows)
        connection.executemany(f"insert into person values ({','.join('?' * len(COLUMNS))})", rows)
        connection.execute(_MOVE)
    url = f"sqlite:///{path}"
    yield Database("SQLite", url, lambda query: _cursor(url, query), at_most=3)


def _cursor(url: str, query: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.bench_sql", "cursor", url, query]


def cursor_pass(url: str, query: str) -> float:
    """Seconds that a cursor takes for all rows of a query, one after the other."""
    from benchmarks.common import seconds_of

    parts = urlsplit(url)
    connection: Any
    if parts.scheme == "sqlite":
        connection = sqlite3.connect(parts.path[1:])
        cursor = connection.cursor()
    else:
        import pymysql
        from pymysql.cursors import SSCursor

        connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 0,
            user=parts.username,
            database=parts.path[1:],
            cursorclass=SSCursor,
        )
        cursor = connection.cursor()

    def read() -> None:
        cursor.execute(query)
        for _ in cursor:
            pass

    return seconds_of(read)


def measure(database: Database, folder: Path, figures: Figures) -> None:
    """Prints the figures of one database."""
    for name in (*folder.glob("scimsync.db*"), *folder.glob("*.index.duckdb")):
        name.unlink()
    write_config(folder, database.url, "person")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:  # this process stays small
        pool.apply(ingest, (folder,))
        pool.apply(link, (folder, True))
    for order, table in _TABLES.items():
        write_config(folder, database.url, table)
        expect(f"operations where nothing changed, {order}", operations(folder), 0)
        show(database, folder, f"{order}", _QUERY + table, figures)


def show(database: Database, folder: Path, what: str, query: str, figures: Figures) -> None:
    """Measures one query, and prints the figures beside the floor of the same minute."""

    def bare() -> float:
        ran = run(database.floor(query))
        expect(f"{database.name}: exit code of the bare read", ran.code, 0)
        return float(ran.out) if ran.out.strip() else ran.seconds

    floors, plans = [], []
    for _ in range(3):  # in turns, so that both have the same neighbours
        floors.append(bare())
        plans.append(scimsync(folder, "plan", "--offline"))
    floor, plan = min(floors), fastest(iter(plans).__next__)
    title = f"plan, {database.name}, nothing changed, {what}"
    figures.show(f"{database.name}, bare read, {what}", floor, "s")
    figures.show(title, plan.seconds / floor, "bare reads", at_most=database.at_most)
    figures.show(f"{title}, memory", plan.peak_mb, "MB", at_most=600)


def write_config(folder: Path, url: str, table: str) -> None:
    """Writes a sync.toml whose people come from a table of a database."""
    people = f'type = "sql"\nurl = "{url}"\nquery = "{_QUERY}{table}"'
    text = SYNC_TOML.replace('type = "file"\npath = "hr.csv"', people)
    (folder / "sync.toml").write_text(text.format(url=NOWHERE), "utf-8")


def main() -> None:
    """Prints the figures."""
    if sys.argv[1:2] == ["cursor"]:
        print(cursor_pass(*sys.argv[2:]))
        return
    rows, figures = rows_wanted(1_000_000, __doc__)
    for start in (postgresql, mariadb, sqlite):
        with scratch_folder() as folder:
            folder.chmod(0o755)  # the servers read the file
            write_people(folder / "hr.csv", rows)
            with start(folder) as database:
                measure(database, folder, figures)
    figures.end()


if __name__ == "__main__":
    main()
