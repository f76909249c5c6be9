"""A commit waits for the disk; the PostgreSQL server of the tests gives empty databases."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from scimsync.state.store import open_state
from tests.office import Office, people
from tests.servers.postgresql import Server


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    with (
        closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as store,
        store.read() as connection,
    ):
        assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL


ROW = (
    "INSERT INTO run (command, started_at, outcome) VALUES ('push', '2026-03-02', 'done')"
    " RETURNING id"
)


def test_an_emptied_database_is_like_a_new_one(postgresql: Server) -> None:
    with postgresql.states() as new:
        url = new()
        with psycopg.connect(url) as connection:
            first = connection.execute(ROW).fetchone()
    with postgresql.states() as new, psycopg.connect(again := new()) as connection:
        assert again == url
        assert connection.execute(ROW).fetchone() == first
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (1,)


def test_open_connections_are_closed(postgresql: Server) -> None:
    with postgresql.states() as new:
        left = psycopg.connect(url := new())
        left.execute(ROW)

    assert url in postgresql.free
    with left, pytest.raises(psycopg.OperationalError):
        left.commit()


def test_a_database_can_be_used_again_after_pushes(office: Office, postgresql: Server) -> None:
    with postgresql.states() as new:
        office.state = new()
        office.configure()
        office.hire(people(3))
        assert office.push().exit_code == 0

    assert office.state in postgresql.free


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE invoice ()",
        "ALTER TABLE run ADD COLUMN more integer",
        "ALTER TABLE run ALTER COLUMN command DROP NOT NULL",
        "DROP TABLE lease",
        "UPDATE alembic_version SET version_num = '9999'",
        "ALTER DATABASE {name} SET lock_timeout = 1",
    ],
)
def test_a_database_that_was_changed_is_not_used_again(postgresql: Server, statement: str) -> None:
    with postgresql.states() as new:
        url = new()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.format(name=connection.info.dbname))

    assert url not in postgresql.free
