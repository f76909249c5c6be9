"""A MariaDB server for the tests, on loopback, started by the programs of the system."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pymysql.connections import Connection

_NUMBERS = count()

_SETTINGS = (
    "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin",
    "--character-set-server=utf8mb4", "--pid-file=pid",
    # the data is thrown away after the tests
    "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0",
    "--performance-schema=off",
)  # fmt: skip


@dataclass
class MariaDb:
    """A server whose user `root` has no password. Each test creates a database of its own."""

    port: int

    def url(self, database: str, user: str = "root") -> str:
        """Return the URL of a database, for SQLAlchemy."""
        return f"mysql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """Create a database and return its name."""
        name = f"hr{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name}")
        return name

    def connect(self, database: str | None = None) -> Connection[Any]:
        """Connect as `root`, who commits at once."""
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", database=database, autocommit=True
        )

    def run(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements, and return the rows of the last one."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())


@contextmanager
def running_mariadb() -> Iterator[MariaDb]:
    """Run a server as long as the context lasts.

    Skip the test if MariaDB is missing; with CI=true, fail it.
    """
    server, install = _program("mariadbd"), _program("mariadb-install-db")
    if server is None or install is None:
        words = "MariaDB is missing (mariadbd): apt-get install mariadb-server"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    with TemporaryDirectory(prefix="scimsync-mariadb-", dir=_memory()) as place:
        data = f"{place}/data"
        user = []
        if os.getuid() == 0:  # MariaDB refuses to run as root
            shutil.chown(place, "mysql", "mysql")
            user = ["--user=mysql"]
        done = subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", *user, "--skip-test-db",
             "--auth-root-authentication-method=normal", "--innodb-log-file-size=16M"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"mariadb-install-db failed: {done.stdout[-2000:]}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={data}", *user, f"--port={port}",
             f"--socket={place}/socket", *_SETTINGS],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        rest: Thread | None = None
        try:
            log = []
            for line in process.stderr:
                log.append(line.decode(errors="replace"))
                if b"ready for connections" in line:
                    break
            else:
                pytest.fail(f"mariadbd did not start: {''.join(log)}")
            rest = Thread(target=process.stderr.read)
            rest.start()
            yield MariaDb(port)
        finally:
            process.kill()
            process.wait()
            if rest is not None:
                rest.join()
            process.stderr.close()


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _memory() -> str | None:
    """Return a file system in memory with enough space, or None."""
    place = Path("/dev/shm")
    return str(place) if place.is_dir() and shutil.disk_usage(place).free > 2**30 else None
