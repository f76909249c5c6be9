"""Read a query from a database for which SQLAlchemy and a driver are installed.

The cursor is on the server where the driver has one, so that memory does not grow with the rows.
The transaction is read-only where the database has such a thing, and it is never committed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scimsync.sources.sql.address import Address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.deadline import (
    CONNECT_TIMEOUT_S,
    GRACE_S,
    LOCK_TIMEOUT_S,
    Expired,
    deadline,
)
from scimsync.sources.sql.driver_rows import encode_rows, list_from_json
from scimsync.sources.sql.mysql_reader import mysql_session
from scimsync.sources.sql.spooled import BATCH, JsonRows, RowFile
from scimsync.sources.workspace import new_private_bytes

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine

_MSSQL_ISOLATION = """
IF EXISTS (SELECT 1 FROM sys.databases
           WHERE database_id = DB_ID() AND snapshot_isolation_state = 1)
  SET TRANSACTION ISOLATION LEVEL SNAPSHOT
ELSE
  SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
"""
"""In SQL Server, a query of another level may miss rows that move while it runs."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The statements for a kind of database.

    `connect` are arguments for the driver, and `session` are statements for the session. If they
    are not part of the transaction of the query, it begins `afterwards`.
    """

    connect: Mapping[str, object]
    session: Sequence[str]
    afterwards: bool = False


def backend_of(name: str, driver: str, timeout_s: float, *, is_mariadb: bool = False) -> Backend:
    """Return the statements for a database: `name` and `driver` are those of its URL."""
    milliseconds = round(timeout_s * 1000)
    match name:
        case "mysql" | "mariadb":
            connect: dict[str, object] = {"connect_timeout": CONNECT_TIMEOUT_S}
            if driver == "mysqldb":
                connect |= {"read_timeout": round(timeout_s + GRACE_S), "multi_statements": False}
            elif driver == "mysqlconnector":
                connect = {"connection_timeout": CONNECT_TIMEOUT_S}
            return Backend(connect, mysql_session(timeout_s, mariadb=is_mariadb))
        case "postgresql":
            return Backend(
                {"connect_timeout": CONNECT_TIMEOUT_S} if driver.startswith("psycopg") else {},
                (
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                    f"SET LOCAL statement_timeout = {milliseconds}",
                    f"SET LOCAL lock_timeout = {min(milliseconds, LOCK_TIMEOUT_S * 1000)}",
                    "SET LOCAL row_security = off",
                ),
            )
        case "mssql":
            login = {"pyodbc": "timeout", "pymssql": "login_timeout"}.get(driver)
            return Backend(
                {login: CONNECT_TIMEOUT_S} if login else {},
                (
                    f"SET LOCK_TIMEOUT {min(milliseconds, LOCK_TIMEOUT_S * 1000)}",
                    _MSSQL_ISOLATION,
                ),
                afterwards=True,
            )
        case "oracle":
            return Backend(
                {"tcp_connect_timeout": CONNECT_TIMEOUT_S} if driver == "oracledb" else {},
                ("SET TRANSACTION READ ONLY",),
            )
    return Backend({}, ())


def _nothing() -> None:
    """Stand in for the cancel of a driver that has none, or a time-out of its own."""


class OtherReader:
    """A `Reader` for all databases that have none of their own. `timeout_s` limits the query."""

    def __init__(
        self, address: Address, query: str, timeout_s: float, explainer: Explainer
    ) -> None:
        self._url = address.url
        self._query = query
        self._timeout_s = timeout_s
        self._explainer = explainer

    def columns(self) -> list[str]:
        """See `Reader.columns`."""
        with self._connection() as connection, self._result(connection) as result:
            return list(result.keys())

    def read(
        self,
        path: Path,
        limit: int | None = None,
        wanted: Collection[str] | None = None,  # noqa: ARG002
    ) -> JsonRows:
        """See `Reader.read`. All columns are kept."""
        lists = self._explainer.spec.settings.lists
        with (
            self._connection() as connection,
            new_private_bytes(path) as stream,
            self._result(connection) as result,
        ):
            names = tuple(result.keys())
            converters = {at: list_from_json for at, name in enumerate(names) if name in lists}
            file = RowFile(stream, names)
            for rows in result.partitions(limit or BATCH):
                file.add(encode_rows([tuple(row) for row in rows], converters))
                if limit is not None:
                    break
        return JsonRows(path, names, file.digest, file.rows, file.longest)

    @contextmanager
    def _result(self, connection: Connection) -> Iterator[CursorResult[Any]]:
        """Yield the result of the query, with the cursor on the server."""
        result = connection.execution_options(
            stream_results=True, max_row_buffer=BATCH, no_parameters=True
        ).exec_driver_sql(self._query)
        if not result.returns_rows:
            raise self._explainer.refused("it returns no rows")
        try:
            yield result
        finally:
            result.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Yield a connection in a transaction, which is rolled back."""
        from sqlalchemy.exc import SQLAlchemyError

        name, driver = self._url.get_backend_name(), self._url.get_driver_name()
        with self._explainer.checking_parameters():
            engine = self._engine(backend_of(name, driver, self._timeout_s).connect)
        expired = Expired()
        connecting = True
        try:
            with engine.connect() as connection:
                connecting = False
                is_mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
                backend = backend_of(name, driver, self._timeout_s, is_mariadb=is_mariadb)
                raw: Any = connection.connection.driver_connection
                self._limit(raw)
                for statement in backend.session:
                    connection.exec_driver_sql(statement)
                if backend.afterwards:
                    connection.rollback()
                cancel = getattr(raw, "cancel", _nothing)
                with deadline(self._timeout_s + GRACE_S, cancel) as expired:
                    yield connection
        except SQLAlchemyError as error:
            if expired:
                raise self._explainer.too_slow() from None
            raise self._explainer.error(error, connecting=connecting) from None
        finally:
            engine.dispose()

    def _engine(self, connect: Mapping[str, object]) -> Engine:
        from sqlalchemy import NullPool, create_engine

        given = self._url.query
        options = {name: value for name, value in connect.items() if name not in given}
        return create_engine(self._url, poolclass=NullPool, connect_args=options)

    def _limit(self, raw: Any) -> None:
        """Tell the driver how long the query may take, if no statement does."""
        match self._url.get_backend_name(), self._url.get_driver_name():
            case "mssql", "pyodbc":
                raw.timeout = max(1, round(self._timeout_s))
            case "oracle", "oracledb":
                raw.call_timeout = round(self._timeout_s * 1000)
