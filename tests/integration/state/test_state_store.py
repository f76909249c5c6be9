"""The state database is private, has a version, and is not changed by a program that does not know
the version."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text

import scimsync.state
from scimsync.errors import StateError
from scimsync.state.postgresql import label_of
from scimsync.state.store import SCHEMA_VERSION, open_state
from scimsync.state.tables import metadata
from tests.office import SOURCE, Office, people
from tests.servers.faulty import FaultyServer
from tests.servers.postgresql import Server

URL = "sqlite:///scimsync.db"


def test_the_newest_migration_is_the_version_of_the_program() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(scimsync.state.__path__[0]) / "migrations"))
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def migrated(url: str) -> Engine:
    """Run all migrations on an empty database."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(scimsync.state.__path__[0]) / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return engine


def check_tables(connection: Connection) -> None:
    """Check that a database has the tables that the program describes, of its version."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    assert compare_metadata(context, metadata) == []
    assert context.get_current_revision() == SCHEMA_VERSION


def test_migrations_make_the_tables_that_the_program_describes(tmp_path: Path) -> None:
    engine = migrated(f"sqlite:///{tmp_path / 'scimsync.db'}")
    with engine.connect() as connection:
        check_tables(connection)
    engine.dispose()


def test_migrations_make_the_same_tables_in_postgresql(postgresql: Server) -> None:
    engine = migrated(postgresql.create().replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        check_tables(connection)
    engine.dispose()


def test_a_new_state_has_the_tables_without_migrations(tmp_path: Path) -> None:
    with closing(open_state(URL, tmp_path, create=True)) as store, store.read() as connection:
        check_tables(connection)


def test_a_new_state_in_postgresql_has_the_tables_without_migrations(
    postgresql: Server, tmp_path: Path
) -> None:
    url = postgresql.create().replace("postgresql:", "postgresql+psycopg:")
    with closing(open_state(url, tmp_path, create=True)) as store, store.read() as connection:
        check_tables(connection)


def test_a_new_state_in_postgresql_has_the_partial_indexes_of_the_migrations(
    postgresql: Server, tmp_path: Path
) -> None:
    """`compare_metadata` does not look at the conditions of partial indexes."""
    query = text("select indexdef from pg_indexes where indexdef like '% WHERE %'")
    urls = [postgresql.create().replace("postgresql:", "postgresql+psycopg:") for _ in range(2)]
    engine = migrated(urls[0])
    with engine.connect() as connection:
        expected = sorted(connection.scalars(query))
        assert len(expected) > 1
    engine.dispose()

    with closing(open_state(urls[1], tmp_path, create=True)) as store, store.read() as connection:
        assert sorted(connection.scalars(query)) == expected


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    open_state(URL, tmp_path, create=True).close()
    before = (tmp_path / "scimsync.db").read_bytes()

    open_state(URL, tmp_path, create=True).close()

    assert (tmp_path / "scimsync.db").read_bytes() == before


def test_only_the_owner_can_read_the_files_of_the_state(office: Office) -> None:
    office.hire(people(3))
    office.push()

    for name in ("scimsync.db", "hr.index.duckdb"):
        assert stat.S_IMODE((office.folder / name).stat().st_mode) == 0o600, name
    assert sorted(path.name for path in office.folder.iterdir()) == [
        "hr.csv",
        "hr.index.duckdb",
        "scimsync.db",
        "sync.toml",
    ]


def test_only_the_owner_can_read_a_state_behind_a_symbolic_link(office: Office) -> None:
    (office.folder / "disk").mkdir()
    (office.folder / "scimsync.db").symlink_to(office.folder / "disk" / "state.db")
    office.hire(people(3))
    office.push()

    assert stat.S_IMODE((office.folder / "disk" / "state.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["scimsync.db", "sync.toml", "hr.csv"])
@pytest.mark.parametrize(
    "command", [["plan", "--out"], ["state", "export"]], ids=["plan", "export"]
)
def test_plans_and_exports_do_not_overwrite_files_in_use(
    office: Office, command: list[str], name: str
) -> None:
    office.hire(people(3))
    office.push()
    (office.folder / "link").symlink_to(office.folder / name)
    before = (office.folder / name).read_bytes()

    for file in (name, "link"):
        ran = office.run(*command, file)
        assert ran.code == 2
        assert "was not changed" in ran.err
    assert (office.folder / name).read_bytes() == before


def test_plans_do_not_overwrite_a_file_that_a_glob_matches(office: Office) -> None:
    office.configure(source=SOURCE.replace("hr.csv", "hr*.csv"))
    office.hire(people(2), "hr1.csv")
    before = (office.folder / "hr1.csv").read_bytes()

    assert office.run("plan", "--out", "hr1.csv").code == 2

    assert (office.folder / "hr1.csv").read_bytes() == before


def test_an_impossible_file_name_is_reported(office: Office) -> None:
    office.hire(people(2))
    ran = office.run("plan", "--out", "a" * 300)
    assert ran.code == 2
    assert "the file cannot be written: File name too long" in ran.err


def test_only_the_owner_can_read_plans_and_exports(
    office: Office,
) -> None:
    office.hire(people(3))
    office.push()
    for arguments in (["plan", "--out"], ["state", "export"]):
        (office.folder / "there").write_text("before")
        (office.folder / "there").chmod(0o644)
        assert office.run(*arguments, "there").code == 0
        assert stat.S_IMODE((office.folder / "there").stat().st_mode) == 0o600
        assert office.run(*arguments, "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("command", ["plan", "push"])
def test_a_state_of_a_newer_version_is_refused_and_left_as_it_is(
    office: Office, faulty: FaultyServer, command: str
) -> None:
    office.hire(people(3))
    office.push()
    faulty.forget()
    office.sql("UPDATE alembic_version SET version_num = '9999'")
    before = (office.folder / "scimsync.db").read_bytes()

    ran = office.run(command)

    assert ran.code == 1
    for piece in ("scimsync.db", "newer scimsync", "9999", SCHEMA_VERSION, "upgrade scimsync"):
        assert piece in ran.err
    assert (office.folder / "scimsync.db").read_bytes() == before
    assert faulty.seen == []


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a database of another program": lambda path: _make(path, "CREATE TABLE invoice (id)"),
    "an Alembic database of another program": lambda path: _make(
        path, "CREATE TABLE alembic_version (version_num)", "CREATE TABLE invoice (id)"
    ),
    "no database": lambda path: path.write_text(
        "this is a text, and it is long enough to be no header of SQLite" * 50
    ),
}


def _make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("command", ["plan", "push"])
def test_a_file_of_another_program_is_refused_and_left_as_it_is(
    office: Office, faulty: FaultyServer, what: str, command: str
) -> None:
    make = FOREIGN[what]
    make(office.folder / "scimsync.db")
    before = (office.folder / "scimsync.db").read_bytes()
    office.hire(people(3))

    ran = office.run(command)

    assert ran.code == 1
    assert "scimsync.db" in ran.err
    assert "[state] url in sync.toml" in ran.err
    assert "Traceback" not in ran.err
    assert (office.folder / "scimsync.db").read_bytes() == before
    assert faulty.seen == []


def test_an_empty_file_becomes_the_state(office: Office) -> None:
    (office.folder / "scimsync.db").touch()
    office.hire(people(3))

    assert office.run("plan").code == 0
    assert (office.folder / "scimsync.db").stat().st_size == 0
    assert office.push().exit_code == 0


def test_the_state_is_where_sync_toml_says(office: Office) -> None:
    office.configure(more='[state]\nurl = "sqlite:///var/lib/state.db"\n')
    office.hire(people(3))

    assert office.push().exit_code == 0

    assert sorted(path.name for path in (office.folder / "var" / "lib").iterdir()) == [
        "hr.index.duckdb",
        "state.db",
    ]
    assert not (office.folder / "scimsync.db").exists()


def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    from scimsync.model.operations import RunOrigin
    from scimsync.state import run_rows
    from tests.office import MONDAY

    origin = RunOrigin("ann", "host", (), "1", "")

    with closing(open_state(URL, tmp_path, create=True)) as store:

        def fail() -> None:
            with store.write() as connection:
                run_rows.start(connection, "push", MONDAY, origin)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with store.read() as connection:
            assert run_rows.last(connection, 5) == []


def test_a_locked_state_is_reported(tmp_path: Path) -> None:
    with (
        closing(open_state(URL, tmp_path, create=True)) as store,
        store.write(),
        closing(open_state(URL, tmp_path, create=True, lock_timeout_s=0)) as other,
        pytest.raises(StateError, match="locked by another process"),
        other.write(),
    ):
        pass


def test_a_password_in_the_query_of_the_url_is_not_shown() -> None:
    assert (
        label_of("postgresql://ann@db.example.com/state?password=canary")
        == "postgresql://ann@db.example.com/state"
    )
