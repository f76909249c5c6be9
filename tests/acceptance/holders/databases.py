"""The company in SQL databases, with members in a table of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.holders.holder import Held, Holder
from tests.servers.mariadb import running_mariadb
from tests.servers.postgresql import running_postgresql
from tests.sources_company import Company

TABLES = (
    "create table person (id varchar(20) primary key, email varchar(200), given varchar(100),"
    " family varchar(100), title varchar(100), department varchar(100), manager varchar(20),"
    " active boolean)",
    "create table team (id varchar(20) primary key, name varchar(200))",
    "create table team_member (team varchar(20), person varchar(20), primary key (team, person))",
)
PEOPLE = (
    "select id, email, given as given_name, family as family_name, title, department, manager,"
    " active from person"
)
GROUPS = (
    "select t.id, t.name, {aggregate} as members from team t"
    " left join team_member m on m.team = t.id group by t.id, t.name"
)
Execute = Callable[[str, list[tuple[Any, ...]]], object]


def fill(company: Company, execute: Execute, mark: str) -> None:
    """Create the tables. `execute` runs a statement for each row, `mark` stands for a value."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        "person": [
            (
                one.key, one.email, one.given_name, one.family_name, one.title, one.department,
                one.manager, one.active,
            )
            for one in company.people
        ],
        "team": [(one.key, one.name) for one in company.groups],
        "team_member": [(one.key, key) for one in company.groups for key in one.members],
    }  # fmt: skip
    for name, values in rows.items():
        marks = ", ".join([mark] * len(values[0]))
        execute(f"insert into {name} values ({marks})", values)


def held(url: str, aggregate: str, *, lists: bool) -> Held:
    """Return the tables of sync.toml for a database."""
    groups = GROUPS.format(aggregate=aggregate)
    separator = '\nlists = { members = ";" }' if lists else ""
    return Held(
        people=f'type = "sql"\nurl = "{url}"\nquery = "{PEOPLE}"\nkey = "id"',
        groups=f'type = "sql"\nurl = "{url}"\nquery = "{groups}"\nkey = "id"{separator}',
    )


@contextmanager
def sqlite(company: Company, folder: Path) -> Iterator[Held]:
    """A SQLite file; booleans are 0 and 1."""
    with closing(sqlite3.connect(folder / "hr.db")) as database, database:
        for statement in TABLES:
            database.execute(statement)
        fill(company, database.executemany, "?")
    yield held("sqlite:///hr.db", "group_concat(m.person, ';')", lists=True)


@contextmanager
def postgresql(company: Company, folder: Path) -> Iterator[Held]:
    """A PostgreSQL database; members are arrays."""
    with running_postgresql() as server:
        url = server.create()
        with psycopg.connect(url) as database, database.cursor() as cursor:
            for statement in TABLES:
                cursor.execute(statement)
            fill(company, cursor.executemany, "%s")
        yield held(url, "array_remove(array_agg(m.person), null)", lists=False)


@contextmanager
def mariadb(company: Company, folder: Path) -> Iterator[Held]:
    """A MariaDB database."""
    with running_mariadb() as server:
        name = server.create()
        with closing(server.connect(name)) as database, database.cursor() as cursor:
            for statement in TABLES:
                cursor.execute(statement)
            fill(company, cursor.executemany, "%s")
        yield held(server.url(name), "group_concat(m.person separator ';')", lists=True)


HOLDERS: dict[str, Holder] = {"sqlite": sqlite, "postgresql": postgresql, "mariadb": mariadb}
