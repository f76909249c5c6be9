"""PostgreSQL as the state database: a database, or a schema in one, of its own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from scimsync.errors import StateError

WRITE_TIMEOUT_S = 120
"""A process that is suspended in a transaction blocks the others no longer than this."""

_BEGIN_WRITING = (
    f"SET LOCAL idle_in_transaction_session_timeout = '{WRITE_TIMEOUT_S}s'; "
    "SELECT pg_advisory_xact_lock(hashtext('scimsync ' || current_schema()))"
)


def label_of(url: str) -> str:
    """Return the URL for messages: without the password and the query, which may contain one."""
    return make_url(url).set(drivername="postgresql", query={}).render_as_string(hide_password=True)


@lru_cache(maxsize=4)
def engine_of(url: str, lock_timeout_s: int) -> Engine:
    """Return the engine for `url`, which connects at its first use and is kept, as for SQLite.

    Raise StateError without psycopg.
    """
    try:
        import psycopg
    except ImportError:
        raise StateError(
            "sync.toml: state.url: PostgreSQL needs psycopg",
            hint="install it with pip install 'scimsync[postgresql]'",
            code="SYNC-0610",
        ) from None
    engine = create_engine(
        url, connect_args={"connect_timeout": 10, "application_name": "scimsync"}
    )

    def connected(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.execute(f"SET lock_timeout = '{lock_timeout_s}s'; SET client_encoding = 'UTF8'")
        connection.commit()

    def begin(connection: Connection) -> None:
        # one writer at a time, as in SQLite: what it has read cannot change before it writes
        writing = connection.get_execution_options().get("scimsync_write", False)
        # not through SQLAlchemy, which would apply options such as streaming
        raw: Any = connection.connection.dbapi_connection
        try:
            raw.execute(
                _BEGIN_WRITING
                if writing
                else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
            )
        except psycopg.Error as error:
            if raw.closed:
                connection.invalidate(error)
            raise OperationalError("BEGIN", {}, error) from error

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    return engine


def tables(connection: Connection) -> set[str]:
    """Return the names of all tables of the current schema."""
    return set(
        connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        )
    )


def explain(error: DBAPIError, label: str) -> StateError:
    """Return an error of PostgreSQL as a StateError."""
    state = getattr(error.orig, "sqlstate", None)
    reason = " ".join(str(error.orig).split())
    if state == "55P03":
        return StateError(
            f"{label}: the state database is locked by another process",
            hint="try again when it has ended",
            code="SYNC-0601",
        )
    if state in ("25006", "42501"):
        return StateError(
            f"{label}: the state database is read-only for this user: {reason}",
            hint="the user must own its tables",
            code="SYNC-0602",
        )
    if state == "53100":
        return StateError(
            f"{label}: the disk is full",
            hint="nothing more was sent; the next push checks what had been sent",
            code="SYNC-0603",
        )
    if state is None or state[:2] in ("08", "57", "28", "3D", "25"):
        return StateError(
            f"{label}: the state database cannot be reached: {reason}",
            hint=(
                "nothing is sent without it; check [state] url in sync.toml, and the password in"
                " ~/.pgpass or PGPASSWORD"
            ),
            code="SYNC-0606",
        )
    return StateError(f"{label}: the state database failed: {reason}", code="SYNC-0607")
