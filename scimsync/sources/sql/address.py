"""The URL of a database: which driver it takes, how messages show it, and which secrets it has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from sqlalchemy import URL

DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "oracle": "oracle+oracledb",
}
"""The driver for a URL that names none, where SQLAlchemy would take one that is older."""

PACKAGES = {
    "psycopg": "'scimsync[postgresql]'",
    "pymysql": "'scimsync[mysql]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "ibm_db_dbi": "ibm_db_sa",
    "ibm_db_sa": "ibm_db_sa",
    "snowflake": "snowflake-sqlalchemy",
}
"""Module of a driver -> what to install, where the names differ."""

_SECRET = re.compile(r"pass|pwd|secret|token|key|odbc_connect|credential", re.IGNORECASE)
"""Parameters of a URL whose values may be secrets, or contain one."""

_HIDDEN = "…"


class InvalidAddress(ValueError):
    """A text is not the URL of a database. The message never repeats it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A database. `url` is complete, with the password; messages must hide `secrets`."""

    url: URL
    secrets: frozenset[str]

    @property
    def shown(self) -> str:
        """The URL for messages: without the driver, the password, and the parameters."""
        return shown(self.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return Path(self.url.database or "")

    def hide(self, text: object) -> str:
        """Return a text, such as an error of a driver, on one line and without the secrets."""
        line = " ".join(str(text).split())
        for secret in sorted(self.secrets, key=len, reverse=True):
            line = line.replace(secret, _HIDDEN)
        return line


def parse_url(text: str) -> URL:
    """Return the URL with the driver that is used for it. Raise InvalidAddress."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise InvalidAddress("this is not the URL of a database") from None
    if url.drivername in DRIVERS:
        url = url.set(drivername=DRIVERS[url.drivername])
    if url.get_backend_name() == "sqlite":
        name = url.database or ""
        if url.query or name in ("", ":memory:") or name.startswith("file:") or "\0" in name:
            raise InvalidAddress("names no file of SQLite")
    elif not url.database and not url.query and not url.host:
        raise InvalidAddress("names no database")
    return url


def secret_parts(url: URL) -> list[str]:
    """Return the names of the parts of a URL that are, or may contain, a secret."""
    found = ["password"] if url.password else []
    return found + [name for name in url.query if _SECRET.search(name) and not _is_path(name)]


def resolve_address(text: str, password: str | None, base_dir: Path) -> Address:
    """Return the database behind a complete URL. Raise InvalidAddress.

    `password` replaces that of the URL. The file of a SQLite database is relative to `base_dir`.
    """
    url = parse_url(text)
    if password is not None:
        url = url.set(password=password)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str((base_dir / Path(url.database or "").expanduser()).absolute()))
    return Address(url, frozenset(_forms(_secrets(url, text.strip()))))


def shown(url: URL) -> str:
    """Return a URL without the driver, the password, and the parameters."""
    plain = url.set(drivername=url.get_backend_name(), query={})
    if plain.password is not None:
        plain = plain._replace(password=None)
    return plain.render_as_string(hide_password=True)


def _secrets(url: URL, text: str) -> Iterable[str]:
    parts = secret_parts(url)
    if url.password:
        yield str(url.password)
    for name in parts:
        value = url.query.get(name, ())
        yield from (value,) if isinstance(value, str) else value
    if parts:
        yield text
        yield url.render_as_string(hide_password=False)


def _forms(secrets: Iterable[str]) -> Collection[str]:
    """Return secrets as they are, as URLs write them, and as Python shows them."""
    return {
        form
        for secret in secrets
        if secret.strip()
        for form in (
            " ".join(secret.split()),
            quote(secret, safe=""),
            quote(secret),
            quote_plus(secret),
            repr(secret)[1:-1],
        )
    }


def _is_path(name: str) -> bool:
    """Return whether a parameter is the path of a file, such as `sslkey` or `ssl_key`."""
    return name.lower() in ("sslkey", "ssl_key", "passfile", "gssencmode", "keepalives")
