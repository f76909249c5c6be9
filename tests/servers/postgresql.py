"""A PostgreSQL server of the tests' own, on loopback, from the programs that the system has."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_NUMBERS = count()


@dataclass(frozen=True)
class Server:
    """A server with a database `template` that holds the tables of an empty state."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql://scimsync@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """The URL of a new database."""
        import psycopg

        name = f"state{next(_NUMBERS)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextmanager
def running_postgresql() -> Iterator[Server]:
    """Starts a server and stops it. Skips the test where PostgreSQL is missing; with CI=true that is a failure."""
    folder = programs()
    if folder is None:
        words = "PostgreSQL is missing (initdb): apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    with TemporaryDirectory(prefix="scimsync-postgresql-") as place:
        as_somebody: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(place, "postgres", "postgres")
            as_somebody = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def run(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [*as_somebody, str(folder / program), *arguments],
                cwd=place,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
            assert done.returncode == 0, f"{program}: see {place}"

        run("initdb", "-D", f"{place}/data", "-A", "trust", "-U", "scimsync", "-E", "UTF8", "--no-sync")
        settings = (
            f"-p {port} -h 127.0.0.1 -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c max_connections=200"
        )
        run("pg_ctl", "-D", f"{place}/data", "-l", f"{place}/log", "-w", "-o", settings, "start")
        try:
            server = Server(port)
            _make_template(server)
            yield server
        finally:
            run("pg_ctl", "-D", f"{place}/data", "-m", "immediate", "-w", "stop")


def _make_template(server: Server) -> None:
    from scimsync.state.store import open_state

    url = server.create()
    open_state(url.replace("postgresql:", "postgresql+psycopg:"), Path(), create=True).close()
    import psycopg

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} RENAME TO template_state")
