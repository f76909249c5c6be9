# ruff: noqa: S608 - the query is the administrator's own, and the rest are numbered columns
"""Read a query from PostgreSQL by COPY, as text that DuckDB reads.

The server writes the rows; Python passes them on to a file and looks at none of them. Columns that
are not in use do not travel. Values keep their types: the types of the columns decide how DuckDB
reads the texts that COPY writes (text format; PostgreSQL 17, reference page of COPY).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Any

from scimsync.sources.sql.address import Address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.deadline import (
    CONNECT_TIMEOUT_S,
    GRACE_S,
    LOCK_TIMEOUT_S,
    Expired,
    deadline,
    shut_down,
)
from scimsync.sources.sql.query import without_end
from scimsync.sources.sql.spooled import CopiedRows, RowFile
from scimsync.sources.workspace import new_private_bytes

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.pq.abc import PGconn

_CONNECT: Mapping[str, object] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "scimsync",
    # a server that disappears silently is detected within a minute
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}

_SETTINGS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "datestyle": "ISO",
    "bytea_output": "hex",
    "extra_float_digits": "3",  # as many digits as tell a number from all others
    "synchronize_seqscans": "off",  # the same rows in the same order, each time
}

_SET = """
SELECT set_config(name, value, true)
FROM unnest(%s::text[], %s::text[]) AS wanted (name, value) JOIN pg_settings USING (name)
"""
"""For the transaction only, because a pool may share a connection."""

_BATCH = 200  # rows that are written at once; see `spooled.BATCH`

_MIN_WIDTH = 2
"""A file of one column would have lines that DuckDB takes for no row: those of an empty text."""

_BACKSLASHED = {r"\b": 8, r"\t": 9, r"\n": 10, r"\v": 11, r"\f": 12, r"\r": 13}
"""What COPY writes for a control character (PostgreSQL never stores NUL)."""


class PostgresqlReader:
    """A `Reader` for PostgreSQL with psycopg. `timeout_s` is the limit of the query."""

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
        with self._cursor() as cursor:
            return [name for name, _ in self._describe(cursor)]

    def read(
        self, path: Path, limit: int | None = None, wanted: Collection[str] | None = None
    ) -> CopiedRows:
        """See `Reader.read`."""
        with self._cursor() as cursor:
            described = self._describe(cursor)
            kinds = _kinds(cursor, {oid for _, oid in described})
            kept = {
                at: (name, kinds[oid])
                for at, (name, oid) in enumerate(described)
                if wanted is None or name in wanted
            }
            columns = [
                f"to_json(p{at})" if kind.as_json else f"p{at}" for at, (_, kind) in kept.items()
            ]
            while len(columns) < _MIN_WIDTH:
                columns.append("1")
            names = ", ".join(f"p{at}" for at in range(len(described)))
            some = "" if limit is None else f" LIMIT {limit}"
            with new_private_bytes(path) as stream:
                file = RowFile(stream, [[name, kind.name] for name, kind in kept.values()])
                stream.write(b"\t".join(b"%d" % at for at in range(len(columns))) + b"\n")
                table = f"({self._query}\n) AS q ({names}){some}"
                self._copy(
                    cursor, f"COPY (SELECT {', '.join(columns)} FROM {table}) TO STDOUT", file
                )
            return CopiedRows(
                path,
                tuple(name for name, _ in described),
                {
                    name: _cell(f"p{place}", kind)
                    for place, (name, kind) in enumerate(kept.values())
                },
                len(columns),
                file.digest,
                file.rows,
                file.longest,
            )

    def _copy(self, cursor: Cursor[Any], statement: str, file: RowFile) -> None:
        """Write the lines that the server sends.

        All that have arrived are taken at once: the iterator of psycopg waits for each of them.
        """
        pgconn = cursor.connection.pgconn
        receive = pgconn.get_copy_data
        lines: list[memoryview] = []
        with cursor.copy(statement.encode()), closing(DefaultSelector()) as selector:
            selector.register(pgconn.socket, EVENT_READ)
            size = 0
            while size >= 0:  # the number of bytes, 0 before the next ones arrive, -1 at the end
                size, line = receive(1)
                while size > 0:
                    lines.append(line)
                    size, line = receive(1)
                if len(lines) >= _BATCH or size < 0:
                    file.add(lines)
                    lines.clear()
                if size == 0:
                    _receive_more(pgconn, selector.select)
            number = _end_of_copy(pgconn, selector.select)
        if number != file.rows:
            raise self._explainer.cut_short(file.rows, f"{number:,}")

    def _describe(self, cursor: Cursor[Any]) -> list[tuple[str, int]]:
        """Return the names and the types of the columns. The database reads no rows for that."""
        cursor.execute(f"SELECT * FROM ({self._query}\n) AS q LIMIT 0".encode())
        return [(each.name, each.type_code) for each in cursor.description or ()]

    @contextmanager
    def _cursor(self) -> Iterator[Cursor[Any]]:
        """Yield a cursor in a read-only transaction with one snapshot, which is rolled back."""
        import psycopg

        try:
            connection = self._connect()
        except psycopg.Error as error:
            raise self._explainer.error(error, connecting=True) from None
        limit = self._timeout_s + self._grace_s
        expired = Expired()
        try:
            descriptor = connection.fileno()
            with deadline(limit, lambda: shut_down(descriptor)) as expired:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                with connection.cursor() as cursor:
                    cursor.execute(
                        _SET, [list(each) for each in zip(*self._settings(), strict=True)]
                    )
                    yield cursor
        except psycopg.Error as error:
            raise (
                self._explainer.too_slow() if expired else self._explainer.error(error)
            ) from None
        finally:
            connection.close()

    def _connect(self) -> Connection[Any]:
        import psycopg

        with self._explainer.checking_parameters():
            _, options = self._address.url.get_dialect()().create_connect_args(self._address.url)
            return psycopg.connect(**{**_CONNECT, **options})

    def _settings(self) -> list[tuple[str, str]]:
        milliseconds = round(self._timeout_s * 1000)
        found = {
            **_SETTINGS,
            "statement_timeout": str(milliseconds),
            "lock_timeout": str(min(milliseconds, LOCK_TIMEOUT_S * 1000)),
        }
        if "row_security" not in str(self._address.url.query.get("options", "")):
            found["row_security"] = "off"  # an error instead of rows that a policy leaves out
        return list(found.items())


def _receive_more(pgconn: PGconn, wait: Callable[[], object]) -> None:
    """Wait for the server, and take the data that it sent."""
    wait()
    pgconn.consume_input()


def _end_of_copy(pgconn: PGconn, wait: Callable[[], object]) -> int:
    """Return how many rows the server says that it sent. Raise psycopg.Error if it failed."""
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    results = []
    while True:
        while pgconn.is_busy():
            _receive_more(pgconn, wait)
        result = pgconn.get_result()
        if result is None:
            break
        results.append(result)
    for result in results:
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
    return sum(result.command_tuples or 0 for result in results)


class _Kind:
    """A type of PostgreSQL: its oid, its name, and whether COPY has to write it as JSON."""

    def __init__(self, oid: int, name: str, category: str, kind: str) -> None:
        self.oid = oid
        self.name = name
        self.as_json = category == "A" or kind == "c" or name in ("record", "hstore")


def _kinds(cursor: Cursor[Any], oids: set[int]) -> Mapping[int, _Kind]:
    cursor.execute(
        "SELECT oid::bigint, typname::text, typcategory::text, typtype::text FROM pg_type"
        " WHERE oid = ANY(%s::oid[])",
        [sorted(oids)],
    )
    found = {oid: _Kind(oid, name, category, kind) for oid, name, category, kind in cursor}
    return {oid: found.get(oid) or _Kind(oid, "", "", "") for oid in oids}


def _cell(column: str, kind: _Kind) -> tuple[str, str]:
    """Return the SQL for the value that COPY wrote as the text `column`, and its SQL type."""
    if kind.as_json or kind.name in ("json", "jsonb"):
        return _text(column), "JSON"
    match kind.name:
        case "int2" | "int4" | "int8" | "oid":
            return f"{column}::bigint", "BIGINT"
        case "bool":
            return f"{column} = 't'", "BOOLEAN"
        case "float4" | "float8":
            return f"{column}::double", "DOUBLE"
        case "numeric":
            return _number(column), "JSON"
        case "bytea":  # \\x and hexadecimal digits
            return f"to_base64(unhex(substring({column}, 4)))", "VARCHAR"
        case "bpchar":
            return f"rtrim({_text(column)}, ' ')", "VARCHAR"
        case "timestamp":
            return _iso(column), "VARCHAR"
        case "timestamptz":
            short = f"substring({column}, -3, 1) in ('+', '-')"
            return f"{_iso(column)} || case when {short} then ':00' else '' end", "VARCHAR"
    return _text(column), "VARCHAR"


def _text(column: str) -> str:
    """Return SQL for a text without the backslashes of COPY."""
    text = f"replace({column}, '\\\\', chr(0))"
    for written, code in _BACKSLASHED.items():
        text = f"replace({text}, '{written}', chr({code}))"
    return (
        f"case when contains({column}, '\\') then replace({text}, chr(0), '\\') else {column} end"
    )


def _number(column: str) -> str:
    """Return SQL for a number of any length as JSON.

    A number that neither 64 bits nor a double hold exactly becomes a text. NaN and the infinities,
    which JSON does not have, become null.
    """
    return (
        f"case when {column} in ('NaN', 'Infinity', '-Infinity') then null"
        f" when not contains({column}, '.') and length({column}) <= 18 then {column}"
        f" when contains({column}, '.') and length({column}) <= 16"
        f" then to_json({column}::double)::varchar else to_json({column})::varchar end"
    )


def _iso(column: str) -> str:
    """Return SQL for a time with the T of ISO 8601; `infinity` and years BC stay as they are."""
    return f"case when ends_with({column}, 'BC') then {column} else replace({column}, ' ', 'T') end"
