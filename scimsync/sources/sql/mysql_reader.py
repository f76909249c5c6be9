# ruff: noqa: S608 - the query is the administrator's own
"""Read a query from MariaDB or MySQL with PyMySQL, whose cursor leaves the rows on the server.

The driver decodes rows in Python, which takes nearly all the time, so that a shorter loop does it
here. The objects of SQLAlchemy around the rows would add a third.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scimsync.sources.sql.address import Address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.deadline import CONNECT_TIMEOUT_S, GRACE_S, LOCK_TIMEOUT_S
from scimsync.sources.sql.driver_rows import (
    Convert,
    encode_rows,
    from_bits,
    from_json,
    list_from_json,
)
from scimsync.sources.sql.query import without_end
from scimsync.sources.sql.spooled import BATCH, JsonRows, RowFile
from scimsync.sources.workspace import new_private_bytes

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import SSCursor

_JSON = 245
_BIT = 16
"""Types of columns in the protocol of MySQL and MariaDB."""

_LONGEST_SHORT = 250
_NULL = 251
_WIDTHS = {252: 2, 253: 3, 254: 8}
"""The first byte of a length -> the number of bytes that hold it."""

_TWO_OF_ONE_NAME = 1060
_MALFORMED_PACKET = 2027
_CUT_BY_GROUP_CONCAT = 1260
_LONGEST_GROUP = 1 << 30


def mysql_session(timeout_s: float, *, mariadb: bool) -> Sequence[str]:
    """Return the statements that limit a session, and begin a read-only transaction."""
    limit = (
        f"max_statement_time = {timeout_s:g}"
        if mariadb
        else f"max_execution_time = {round(timeout_s * 1000)}"
    )
    return (
        f"SET SESSION {limit}",
        f"SET SESSION lock_wait_timeout = {min(max(1, round(timeout_s)), LOCK_TIMEOUT_S)}",
        # by default, GROUP_CONCAT and JSON_ARRAYAGG cut long groups off
        f"SET SESSION group_concat_max_len = {_LONGEST_GROUP}",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION TRANSACTION READ ONLY",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    )


class MysqlReader:
    """A `Reader` for MariaDB and MySQL. `timeout_s` is the limit of the query."""

    def __init__(
        self,
        address: Address,
        query: str,
        timeout_s: float,
        explainer: Explainer,
        grace_s: float = GRACE_S,
    ) -> None:
        self._address = address
        self._query = without_end(query)
        self._timeout_s = timeout_s
        self._explainer = explainer
        self._grace_s = grace_s

    def columns(self) -> list[str]:
        """See `Reader.columns`."""
        with self._connection() as connection:
            return self._columns(connection)

    def read(
        self, path: Path, limit: int | None = None, wanted: Collection[str] | None = None
    ) -> JsonRows:
        """See `Reader.read`. Columns that are not wanted may be null."""
        with self._connection() as connection, new_private_bytes(path) as stream:
            self._columns(connection)
            query = self._query if limit is None else self._limited(limit)
            with self._cursor(connection, query) as cursor:
                names = tuple(name for name, *_ in _described(cursor))
                converters = self._converters(cursor)
                _decode_faster(cursor, [wanted is None or name in wanted for name in names])
                file = RowFile(stream, names)
                while rows := cursor.fetchmany(BATCH):
                    file.add(encode_rows(rows, converters))
            self._look_for_cut_groups(connection)
        return JsonRows(path, names, file.digest, file.rows, file.longest)

    def _columns(self, connection: Connection[Any]) -> list[str]:
        """Return the names of the columns, without rows.

        As a table, a query cannot write into a file of the server (`INTO OUTFILE`), which no
        transaction prevents.
        """
        import pymysql

        try:
            with self._cursor(connection, self._limited(0)) as cursor:
                return [name for name, *_ in _described(cursor)]
        except pymysql.Error as error:
            code, words = (*error.args, None, None)[:2]
            named = re.search("'(.+)'", str(words))
            if code == _TWO_OF_ONE_NAME and named is not None:
                raise self._explainer.repeated(named[1]) from None
            raise

    def _limited(self, limit: int) -> str:
        return f"SELECT * FROM ({self._query}\n) AS q LIMIT {limit}"

    def _converters(self, cursor: SSCursor) -> Mapping[int, Convert]:
        lists = self._explainer.spec.settings.lists
        found: dict[int, Convert] = {}
        for at, (name, kind, _, length, *_) in enumerate(_described(cursor)):
            if kind == _JSON:
                found[at] = from_json
            elif kind == _BIT:
                found[at] = from_bits(length)
            elif name in lists:
                found[at] = list_from_json
        return found

    def _look_for_cut_groups(self, connection: Any) -> None:
        """Raise SourceFormatError if the database says that a list is incomplete."""
        for _, code, words in connection.show_warnings() or ():
            if code == _CUT_BY_GROUP_CONCAT:
                raise self._explainer.refused(
                    str(words), hint="a group may be as long as max_allowed_packet of the database"
                )

    @contextmanager
    def _cursor(self, connection: Connection[Any], query: str) -> Iterator[SSCursor]:
        import pymysql
        from pymysql.cursors import SSCursor

        cursor: Any = connection.cursor(SSCursor)
        try:
            cursor.execute(query)
            if cursor.description is None:
                raise self._explainer.refused("it returns no rows")
            yield cursor
        except pymysql.Error:
            # the rest of the result will not come, and PyMySQL would wait for it
            if cursor._result is not None:
                cursor._result.unbuffered_active = False
            raise
        finally:
            cursor.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        """Yield a connection in a read-only transaction, which is never committed."""
        import pymysql

        try:
            connection: Any = self._connect()
        except (pymysql.Error, OSError) as error:
            raise self._explainer.error(error, connecting=True) from None
        try:
            is_mariadb = "mariadb" in str(connection.server_version).lower()
            with connection.cursor() as cursor:
                for statement in mysql_session(self._timeout_s, mariadb=is_mariadb):
                    cursor.execute(statement)
            yield connection
        except pymysql.Error as error:
            raise self._explainer.error(error) from None
        finally:
            with suppress(pymysql.Error, OSError):
                connection.close()

    def _connect(self) -> Connection[Any]:
        import pymysql

        given: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            # a server that falls silent; the limit of the query is its own
            "read_timeout": max(1, round(self._timeout_s + self._grace_s)),
            "program_name": "scimsync",
        }
        with self._explainer.checking_parameters():
            _, options = self._address.url.get_dialect()().create_connect_args(self._address.url)
            return pymysql.connect(**{**given, **options})


def _decode_faster(cursor: Any, kept: Sequence[bool]) -> None:
    """Let `row_decoder` decode the rows of a cursor; those columns that are not `kept` are null.

    Should another version of the driver call its own function otherwise, it decodes them itself.
    """
    import pymysql

    result = cursor._result
    converters = getattr(result, "converters", ())
    if len(converters) != len(kept) or not hasattr(result, "_read_row_from_packet"):
        return
    decode = row_decoder(
        [each if keep else None for each, keep in zip(converters, kept, strict=True)]
    )

    def read_row(packet: Any) -> list[Any]:
        try:
            return decode(packet.get_all_data())
        except (IndexError, KeyError):
            raise pymysql.OperationalError(_MALFORMED_PACKET, "Malformed packet") from None

    result._read_row_from_packet = read_row


def row_decoder(
    columns: Sequence[tuple[str | None, Convert | None] | None],
) -> Callable[[bytes], list[Any]]:
    """Return the function that decodes a row of the text protocol of MySQL and MariaDB.

    `columns` are the encoding and the converter of each column, or None for one whose values are
    left out. Each value is its length, as an integer of 1 to 9 bytes, and its bytes (MySQL source
    code documentation, Protocol::LengthEncodedInteger and Text Resultset Row). The function raises
    IndexError or KeyError for a row that is cut or has another form.
    """

    def decode(row: bytes) -> list[Any]:
        values: list[Any] = []
        add = values.append
        at = 0
        for column in columns:
            length = row[at]
            at += 1
            if length > _LONGEST_SHORT:
                if length == _NULL:
                    add(None)
                    continue
                width = _WIDTHS[length]
                length = int.from_bytes(row[at : at + width], "little")
                at += width
            end = at + length
            if column is None:
                add(None)
            else:
                encoding, convert = column
                value: Any = row[at:end]
                if encoding is not None:
                    value = value.decode(encoding)
                add(value if convert is None else convert(value))
            at = end
        if at != len(row):
            raise IndexError
        return values

    return decode


def _described(cursor: SSCursor) -> Sequence[tuple[Any, ...]]:
    """Return the name, type, size, … of each column (PEP 249)."""
    found: Any = cursor.description
    return found or ()
