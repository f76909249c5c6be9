"""An OpenLDAP server for the tests, on loopback, started by the program of the system."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import quote

import pytest

SUFFIX = "dc=example,dc=com"
ADMIN = f"cn=admin,{SUFFIX}"
PASSWORD = "a made-up password"
SCHEMA = Path(__file__).parent / "ldap" / "directory.schema"

_PROGRAMS = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/openldap", "/usr/libexec")
_SCHEMAS = ("/etc/ldap/schema", "/etc/openldap/schema", "/usr/local/etc/openldap/schema")
_MODULES = ("/usr/lib/ldap", "/usr/lib/openldap", "/usr/lib64/openldap")
_LISTENS_WITHIN_S = 20.0
_GONE_WITHIN_MS = 10_000

READABLE = (
    'access to dn.base="" by * read',
    'access to dn.base="cn=Subschema" by * read',
    "access to attrs=userPassword by anonymous auth by * none",
)
TO_ALL = "access to * by * read"


@dataclass
class Slapd:
    """A running server with the suffix `SUFFIX` and the administrator `ADMIN`."""

    folder: Path
    port: int
    tls_port: int
    arguments: tuple[str, ...]
    tls_lines: tuple[str, ...] = ()
    pid: int = 0

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def ipc_url(self) -> str:
        return f"ldapi://{quote(str(self.folder / 'socket'), safe='')}"

    def configure(
        self,
        access: Sequence[str] = (TO_ALL,),
        more: Sequence[str] = (),
        overlays: Sequence[str] = (),
        *,
        readable: bool = True,
    ) -> None:
        """Write the configuration: rules for access, and lines for the database.

        Unless `readable`, the rules decide about the root and the schema as well.
        """
        schemas = _folder(_SCHEMAS)
        lines = [
            *(f"include {schemas}/{name}.schema" for name in ("core", "cosine", "inetorgperson")),
            f"include {SCHEMA}",
            f"pidfile {self.folder}/pid",
            f"modulepath {_folder(_MODULES)}",
            "moduleload back_mdb",
            "moduleload memberof",
            "loglevel 0",
            *self.tls_lines,
            *(READABLE if readable else ()),
            *access,
            "database mdb",
            "maxsize 1073741824",
            f"suffix {SUFFIX}",
            f"rootdn {ADMIN}",
            f'rootpw "{PASSWORD}"',
            f"directory {self.folder}/data",
            "dbnosync",
            "index objectClass,uid,cn,member eq",
            *more,
            "overlay memberof",
            "memberof-group-oc groupOfNames",
            *overlays,
        ]
        (self.folder / "slapd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def load(self, ldif: str) -> None:
        """Load entries into the database of a server that does not run."""
        done = subprocess.run(
            [_program(), "-T", "add", "-q", "-f", str(self.folder / "slapd.conf")],
            input=ldif.encode(),
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        """Start the server. It listens when this returns."""
        done = subprocess.run(
            self.arguments, stdin=subprocess.DEVNULL, capture_output=True, cwd=self.folder
        )
        assert done.returncode == 0, done.stderr.decode()
        self.pid = int((self.folder / "pid").read_text())
        deadline = monotonic() + _LISTENS_WITHIN_S
        while not self._listens():
            assert monotonic() < deadline, "slapd does not listen"
            Event().wait(0.01)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server, and wait until it is gone."""
        if not self.pid:
            return
        pid, self.pid = self.pid, 0
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            for number in (by, signal.SIGKILL):
                signal.pidfd_send_signal(handle, number)
                if waiting.poll(_GONE_WITHIN_MS):
                    break
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)

    def restart(self) -> None:
        """Start the server again, with the configuration that `configure` wrote."""
        self.stop()
        self.start()

    @contextmanager
    def admin(self) -> Iterator[Admin]:
        """Yield the administrator."""
        import ldap3

        server = ldap3.Server(self.url, get_info=ldap3.NONE)
        with ldap3.Connection(server, ADMIN, PASSWORD, raise_exceptions=True) as connection:
            yield Admin(connection)


@dataclass
class Admin:
    """The administrator, at work on the entries of a server."""

    connection: Any

    def add(self, dn: str, kind: str, **values: object) -> None:
        """Add an entry of an object class."""
        self.connection.add(dn, kind, values)

    def delete(self, dn: str) -> None:
        """Delete an entry."""
        self.connection.delete(dn)

    def replace(self, dn: str, **values: Sequence[str]) -> None:
        """Replace the values of attributes."""
        self.connection.modify(
            dn, {name: [("MODIFY_REPLACE", list(each))] for name, each in values.items()}
        )


def _program() -> str:
    found = shutil.which("slapd", path=os.pathsep.join((os.environ["PATH"], *_PROGRAMS)))
    if found is None:
        words = "OpenLDAP is missing (slapd): apt-get install slapd"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


def _folder(candidates: Sequence[str]) -> str:
    return next(folder for folder in candidates if Path(folder).is_dir())


@contextmanager
def new_slapd(certificate: Path | None = None, authority: Path | None = None) -> Iterator[Slapd]:
    """Prepare a server that does not run yet, and stop it in the end.

    Skips the test if OpenLDAP is missing; with CI=true, fails it. With a `certificate`, it speaks
    TLS, and takes certificates of clients that `authority` issued.
    """
    program = _program()
    with TemporaryDirectory(prefix="scimsync-slapd-") as place:
        folder = Path(place)
        (folder / "data").mkdir()
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            port, tls_port = one.getsockname()[1], two.getsockname()[1]
        addresses = [f"ldap://127.0.0.1:{port}", f"ldapi://{quote(f'{folder}/socket', safe='')}"]
        if certificate is not None:
            addresses.append(f"ldaps://127.0.0.1:{tls_port}")
        arguments = (program, "-f", f"{folder}/slapd.conf", "-h", " ".join(addresses))
        tls_lines: tuple[str, ...] = ()
        if certificate is not None:
            tls_lines = (
                f"TLSCACertificateFile {authority}",
                f"TLSCertificateFile {certificate}",
                f"TLSCertificateKeyFile {certificate.with_suffix('.key')}",
                "TLSVerifyClient try",
            )
        server = Slapd(folder, port, tls_port, arguments, tls_lines)
        server.configure()
        try:
            yield server
        finally:
            server.stop()
