"""A PostgreSQL server for the tests, on loopback, started by the programs of the system."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

_NUMBERS = count()

_SETTINGS = (
    "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200",
    # the data is thrown away after the tests, and background work would slow them down
    "fsync=off", "synchronous_commit=off", "full_page_writes=off",
    "autovacuum=off", "jit=off", "min_wal_size=32MB", "max_wal_size=128MB",
)  # fmt: skip

_OWN_SETTINGS = (
    "pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname ="
    " current_database())"
)
_CATALOGS = (
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_namespace",
    "pg_proc",
    "pg_trigger",
    _OWN_SETTINGS,
)
_SHAPE = "SELECT (SELECT version_num FROM alembic_version), " + ", ".join(
    f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {catalog})" for catalog in _CATALOGS
)
"""Changes with every table, column, constraint, index, function, trigger and setting, but not with
the rows in tables."""

_TABLES = """
SELECT format('%I', relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
  AND pg_relation_size(oid) > 0
"""

_SEQUENCES = (
    "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence WHERE"
    " pg_sequence_last_value(seqrelid) IS NOT NULL"
)

_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname ="
    " current_database() AND pid <> pg_backend_pid()"
)


@dataclass
class Server:
    """A server with a database `template_state`, which has the tables of an empty state. `free` are
    the URLs of databases like it that no test uses."""

    port: int
    free: list[str] = field(default_factory=list)

    @cached_property
    def shape(self) -> object:
        """The shape of an empty state."""
        import psycopg

        with psycopg.connect(self.url("template_state")) as connection:
            return _shape(connection)

    def url(self, database: str) -> str:
        return f"postgresql://scimsync@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """Create a database and return its URL."""
        import psycopg

        name = f"state{next(_NUMBERS)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    @contextmanager
    def states(self) -> Iterator[Callable[[], str]]:
        """Yield a function that returns the URL of an empty state for use within the block only."""
        given: list[str] = []

        def new() -> str:
            given.append(self.free.pop() if self.free else self.create("template_state"))
            return given[-1]

        try:
            yield new
        finally:
            self.free += filter(self._emptied, given)

    def _emptied(self, url: str) -> bool:
        """Empty the state at `url`. Return whether its tables are as they were in the beginning."""
        import psycopg

        try:
            with psycopg.connect(url, autocommit=True, options="-c lock_timeout=20s") as connection:
                connection.execute(_OTHERS)
                if tables := ", ".join(name for (name,) in connection.execute(_TABLES)):
                    connection.execute(f"TRUNCATE {tables} CASCADE")
                connection.execute(_SEQUENCES)
                return self.shape == _shape(connection)
        except psycopg.Error:
            return False


def _shape(connection: Connection[TupleRow]) -> object:
    return connection.execute(_SHAPE).fetchone()


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; None if PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextmanager
def running_postgresql() -> Iterator[Server]:
    """Run a server as long as the context lasts. Skips the test if PostgreSQL is missing; with
    CI=true, fails it."""
    folder = programs()
    if folder is None:
        words = "PostgreSQL is missing (initdb): apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    with TemporaryDirectory(prefix="scimsync-postgresql-", dir=_memory()) as place:
        as_postgres: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(place, "postgres", "postgres")
            as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def run(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [*as_postgres, str(folder / program), *arguments],
                cwd=place,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
            assert done.returncode == 0, f"{program}: see {place}"

        run(
            "initdb",
            "-D",
            f"{place}/data",
            "-A",
            "trust",
            "-U",
            "scimsync",
            "-E",
            "UTF8",
            "--no-sync",
        )
        settings = " ".join(f"-c {one}" for one in (*_SETTINGS, f"port={port}"))
        run("pg_ctl", "-D", f"{place}/data", "-l", f"{place}/log", "-w", "-o", settings, "start")
        try:
            server = Server(port)
            _make_template(server)
            yield server
        finally:
            run("pg_ctl", "-D", f"{place}/data", "-m", "immediate", "-w", "stop")


def _memory() -> str | None:
    """Return a file system in memory with enough space for thousands of small files, or None."""
    place = Path("/dev/shm")
    return str(place) if place.is_dir() and shutil.disk_usage(place).free > 2**30 else None


def _make_template(server: Server) -> None:
    from scimsync.state.store import open_state

    url = server.create()
    open_state(url.replace("postgresql:", "postgresql+psycopg:"), Path(), create=True).close()
    import psycopg

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} RENAME TO template_state")
