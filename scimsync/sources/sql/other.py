# ruff: noqa: S608 - the query is the administrator's own
"""Read a query from a database for which SQLAlchemy and a driver are installed.

The cursor is on the server where the driver has one, so that memory does not grow with the rows.
The transaction is read-only where the database has such a thing, and it is never committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scimsync.sources.sql.address import Address
from scimsync.sources.sql.cells import Convert, encode_rows, from_bits, from_json, list_from_json
from scimsync.sources.sql.deadline import (
    CONNECT_TIMEOUT_S,
    GRACE_S,
    LOCK_TIMEOUT_S,
    Expired,
    deadline,
)
from scimsync.sources.sql.failures import Explainer
from scimsync.sources.sql.query import without_end
from scimsync.sources.sql.spooled import BATCH, JsonRows, RowFile
from scimsync.sources.workspace import new_private_bytes

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine

_MYSQL_JSON = 245
_MYSQL_BIT = 16
"""Types of columns in the protocol of MySQL and MariaDB."""

_MSSQL_ISOLATION = """
IF EXISTS (SELECT 1 FROM sys.databases
           WHERE database_id = DB_ID() AND snapshot_isolation_state = 1)
  SET TRANSACTION ISOLATION LEVEL SNAPSHOT
ELSE
  SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
"""
"""In SQL Server, a query of another level may miss rows that move while it runs."""

_CUT_BY_GROUP_CONCAT = 1260
_LONGEST_GROUP = 1 << 30


@dataclass(frozen=True, slots=True)
class Backend:
    """What a kind of database is told.

    `connect` are arguments for the driver, and `session` are statements for the session. If they
    are not part of the transaction of the query, it begins `afterwards`.
    """

    connect: Mapping[str, object]
    session: Sequence[str]
    afterwards: bool = False


def _mysql(driver: str, timeout_s: float, *, mariadb: bool) -> Backend:
    whole = max(1, round(timeout_s))
    connect: dict[str, object] = {"connect_timeout": CONNECT_TIMEOUT_S}
    if driver == "pymysql":
        connect |= {"read_timeout": whole + round(GRACE_S), "program_name": "scimsync"}
    if driver == "mysqldb":
        connect |= {"read_timeout": whole + round(GRACE_S), "multi_statements": False}
    if driver == "mysqlconnector":
        connect = {"connection_timeout": CONNECT_TIMEOUT_S}
    limit = (
        f"max_statement_time = {timeout_s:g}"
        if mariadb
        else f"max_execution_time = {round(timeout_s * 1000)}"
    )
    return Backend(
        connect,
        (
            f"SET SESSION {limit}",
            f"SET SESSION lock_wait_timeout = {min(whole, LOCK_TIMEOUT_S)}",
            # by default, GROUP_CONCAT and JSON_ARRAYAGG cut long groups off
            f"SET SESSION group_concat_max_len = {_LONGEST_GROUP}",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "SET SESSION TRANSACTION READ ONLY",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
    )


def backend_of(name: str, driver: str, timeout_s: float, *, is_mariadb: bool = False) -> Backend:
    """Return what to tell a database: `name` and `driver` are those of its URL."""
    milliseconds = round(timeout_s * 1000)
    match name:
        case "mysql" | "mariadb":
            return _mysql(driver, timeout_s, mariadb=is_mariadb)
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


def _batches(result: CursorResult[Any], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield the rows as tuples, in lists of at most `size`."""
    cursor = result.cursor
    if cursor is not None and type(cursor).__module__.startswith("pymysql."):
        # no row has been fetched yet, and the objects of SQLAlchemy would double the time
        while rows := cursor.fetchmany(size):
            yield rows
        return
    for rows in result.partitions(size):
        yield [tuple(row) for row in rows]


def _nothing() -> None:
    """Stand in for the cancel of a driver that has none, or a time-out of its own."""


class OtherReader:
    """A `Reader` for all databases that have none of their own. `timeout_s` limits the query."""

    def __init__(
        self,
        address: Address,
        engine: Callable[[Mapping[str, object]], Engine],
        query: str,
        timeout_s: float,
        explainer: Explainer,
    ) -> None:
        self._url = address.url
        self._engine = engine
        self._query = query
        self._timeout_s = timeout_s
        self._explainer = explainer

    def columns(self) -> list[str]:
        """See `Reader.columns`."""
        from sqlalchemy.exc import DBAPIError

        with self._connection() as connection:
            if self._is_mysql:
                with (
                    suppress(DBAPIError),  # such as two columns of one name
                    self._result(connection, self._limited(0)) as result,
                ):
                    return list(result.keys())
            with self._result(connection, self._query) as result:
                return list(result.keys())

    def read(self, path: Path, limit: int | None = None) -> JsonRows:
        """See `Reader.read`."""
        with self._connection() as connection, new_private_bytes(path) as stream:
            query = self._limited(limit) if self._is_mysql and limit is not None else self._query
            with self._result(connection, query) as result:
                names = tuple(result.keys())
                converters = self._converters(result, names)
                file = RowFile(stream, names)
                for rows in _batches(result, limit or BATCH):
                    file.add(encode_rows(rows, converters))
                    if limit is not None:
                        break
            if limit is None and self._is_mysql:
                self._look_for_cut_groups(connection)
        return JsonRows(path, names, file.digest, file.rows, file.longest)

    def _limited(self, limit: int) -> str:
        return f"SELECT * FROM ({without_end(self._query)}\n) AS q LIMIT {limit}"

    @contextmanager
    def _result(self, connection: Connection, query: str) -> Iterator[CursorResult[Any]]:
        """Yield the result of a query, with the cursor on the server."""
        result = connection.execution_options(
            stream_results=True, max_row_buffer=BATCH, no_parameters=True
        ).exec_driver_sql(query)
        if not result.returns_rows:
            raise self._explainer.refused("it returns no rows")
        try:
            yield result
        finally:
            result.close()

    def _converters(self, result: CursorResult[Any], names: Sequence[str]) -> dict[int, Convert]:
        lists = self._explainer.spec.settings.lists
        found: dict[int, Convert] = {
            at: list_from_json for at, name in enumerate(names) if name in lists
        }
        described = result.cursor.description if result.cursor is not None else None
        for at, (_, kind, _, _, length, *_) in enumerate(described or ()):
            if self._is_mysql and kind == _MYSQL_JSON:
                found[at] = from_json
            elif self._is_mysql and kind == _MYSQL_BIT:
                found[at] = from_bits(length)
        return found

    def _look_for_cut_groups(self, connection: Connection) -> None:
        for _, code, words in connection.exec_driver_sql("SHOW WARNINGS"):
            if code == _CUT_BY_GROUP_CONCAT:
                raise self._explainer.refused(
                    f"{words}", hint="the longest group may have max_allowed_packet bytes"
                )

    @property
    def _is_mysql(self) -> bool:
        return self._url.get_backend_name() in ("mysql", "mariadb")

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Yield a connection in a transaction, which is rolled back."""
        from sqlalchemy.exc import SQLAlchemyError

        name, driver = self._url.get_backend_name(), self._url.get_driver_name()
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

    def _limit(self, raw: Any) -> None:
        """Tell the driver how long the query may take, if no statement does."""
        match self._url.get_backend_name(), self._url.get_driver_name():
            case "mssql", "pyodbc":
                raw.timeout = max(1, round(self._timeout_s))
            case "oracle", "oracledb":
                raw.call_timeout = round(self._timeout_s * 1000)
