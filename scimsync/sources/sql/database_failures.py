"""The meaning of a database error: whether it may pass by itself, or someone has to act."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from scimsync.durations import format_duration
from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.sql.address import Address
from scimsync.sources.sql.settings import SqlSettings


class Meaning(Enum):
    """What an error means for the user."""

    UNREACHABLE = "the database cannot be reached, or ended the connection"
    LOGIN = "the database refuses the user, the password, or the name of the database"
    QUERY = "the database refuses the query"
    TIMEOUT = "the query took too long"
    LOCKED = "another process holds a lock"


_SQLSTATES: Mapping[str, Meaning] = {
    "57014": Meaning.TIMEOUT,  # query_canceled
    "55P03": Meaning.LOCKED,  # lock_not_available
    "28": Meaning.LOGIN,  # invalid_authorization_specification
    "3D": Meaning.LOGIN,  # invalid_catalog_name
    "0A": Meaning.QUERY,  # feature_not_supported
    "21": Meaning.QUERY,  # cardinality_violation
    "22": Meaning.QUERY,  # data_exception
    "2F": Meaning.QUERY,  # sql_routine_exception
    "25": Meaning.QUERY,  # invalid_transaction_state: the transaction is read-only
    "25P03": Meaning.UNREACHABLE,  # idle_in_transaction_session_timeout
    "3F": Meaning.QUERY,  # invalid_schema_name
    "42": Meaning.QUERY,  # syntax_error_or_access_rule_violation
    "44": Meaning.QUERY,  # with_check_option_violation
    "P0": Meaning.QUERY,  # raised by a function
    "54": Meaning.QUERY,  # program_limit_exceeded
}
"""SQLSTATE of PostgreSQL, or its class (PostgreSQL 17, appendix A) -> its meaning."""

_MYSQL_CODES: Mapping[int, Meaning] = {
    **dict.fromkeys((1044, 1045, 1049, 1130, 1251, 1698, 1820, 4151, 4166), Meaning.LOGIN),
    **dict.fromkeys((1969, 3024), Meaning.TIMEOUT),  # MariaDB, MySQL
    **dict.fromkeys((1205, 3572), Meaning.LOCKED),
    **dict.fromkeys(
        (1054, 1060, 1064, 1109, 1142, 1143, 1146, 1227, 1242, 1290, 1305, 1370, 1792, 1260),
        Meaning.QUERY,
    ),
    **dict.fromkeys(
        (1040, 1041, 1053, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1213, 1226, 1317, 1927,
         2002, 2003, 2006, 2013, 2027, 2055),
        Meaning.UNREACHABLE,
    ),
}  # fmt: skip
"""Error number of MySQL or MariaDB -> its meaning."""

_SQLITE_WORDS = (
    ("interrupted", Meaning.TIMEOUT),
    ("locked", Meaning.LOCKED),
    ("disk I/O", Meaning.UNREACHABLE),
    ("unable to open", Meaning.UNREACHABLE),
    ("malformed", Meaning.UNREACHABLE),
)

_LOGIN_WORDS = re.compile(
    r"authentication failed|no password supplied|does not exist|no pg_hba\.conf entry"
    r"|permission denied for database|not permitted to log in|login failed|ORA-01017|access denied",
    re.IGNORECASE,
)
"""Refusals to connect, which come without a code from PostgreSQL and from some drivers."""

_PASSING_WORDS = re.compile(
    r"too many|starting up|shutting down|in recovery|remaining connection slots|not yet accepting",
    re.IGNORECASE,
)

_TIMEOUT_WORDS = re.compile(r"tim(ed|e)[ -]?out|HYT00|ORA-01013|DPY-4024", re.IGNORECASE)


def meaning_of(error: BaseException, *, connecting: bool) -> Meaning:
    """Return what the error of a driver means. `connecting` is true before a query is sent."""
    cause: BaseException = getattr(error, "orig", None) or error
    module = type(cause).__module__.partition(".")[0]
    if module in ("pymysql", "MySQLdb", "mariadb", "mysql"):
        return _of_mysql(cause)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        if state == "57014" and "user request" in str(cause):  # someone cancelled the query
            return Meaning.UNREACHABLE
        found = _SQLSTATES.get(state) or _SQLSTATES.get(state[:2])
        return found or Meaning.UNREACHABLE
    if module == "sqlite3":
        words = [meaning for word, meaning in _SQLITE_WORDS if word in str(cause)]
        return words[0] if words else Meaning.QUERY
    return _of_text(cause, connecting=connecting)


def _of_mysql(cause: BaseException) -> Meaning:
    number = cause.args[0] if cause.args else None
    if isinstance(number, int) and number in _MYSQL_CODES:
        return _MYSQL_CODES[number]
    return _of_class(cause)


def _of_text(cause: BaseException, *, connecting: bool) -> Meaning:
    text = str(cause)
    if _TIMEOUT_WORDS.search(text):
        return Meaning.UNREACHABLE if connecting else Meaning.TIMEOUT
    if connecting:
        if _of_class(cause) is Meaning.QUERY:  # such as an option that the driver does not have
            return Meaning.LOGIN
        refused = _LOGIN_WORDS.search(text) and not _PASSING_WORDS.search(text)
        return Meaning.LOGIN if refused else Meaning.UNREACHABLE
    return _of_class(cause)


def _of_class(cause: BaseException) -> Meaning:
    """Return the meaning of an error by its class in PEP 249."""
    names = {each.__name__ for each in type(cause).__mro__}
    is_query = names & {"ProgrammingError", "DataError", "NotSupportedError", "IntegrityError"}
    return Meaning.QUERY if is_query else Meaning.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Explainer:
    """Turns errors of a driver into messages that contain no secret."""

    spec: SourceSpec[SqlSettings]
    address: Address

    def error(self, error: BaseException, *, connecting: bool = False) -> ScimsyncError:
        """Return what `error` means for the user."""
        meaning = meaning_of(error, connecting=connecting)
        reason = self.address.hide("; ".join(_sentences(error)))
        if meaning is Meaning.QUERY:
            return self.refused(reason)
        if meaning is Meaning.LOGIN:
            return SourceFormatError(
                f"{self._url}: the database refuses the connection: {reason}",
                hint=(
                    "check the user, the password, and the name of the database in url and password"
                ),
                code="SYNC-0244",
                brief=f"{self._url}: the database refuses the connection",
            )
        if meaning is Meaning.TIMEOUT:
            return self.too_slow()
        if meaning is Meaning.LOCKED:
            return SourceUnavailable(
                f"{self._url}: the query waits for a lock that another process holds: {reason}",
                hint="try again when it has ended",
                code="SYNC-0246",
                brief=f"{self._url}: the query waits for a lock that another process holds",
            )
        words = "cannot be reached" if connecting else "ended the connection or failed"
        return SourceUnavailable(
            f"{self._url}: the database {words}: {reason}",
            code="SYNC-0243",
            brief=f"{self._url}: the database {words}",
        )

    @contextmanager
    def checking_parameters(self) -> Iterator[None]:
        """Turn a driver's errors about unknown parameters into a message."""
        try:
            yield
        except (TypeError, ValueError, LookupError) as error:
            raise SourceFormatError(
                f"{self._url}: a parameter of the URL cannot be used: {self.address.hide(error)}",
                hint="the part after ? has parameters of the driver",
                code="SYNC-0241",
                brief=f"{self._url}: a parameter of the URL cannot be used",
            ) from None

    def refused(self, reason: str, hint: str | None = None) -> SourceFormatError:
        """Return the error for a query that the database refuses."""
        return SourceFormatError(
            f"{self.spec.setting('query')}: the database refuses the query: {reason}",
            hint=hint,
            code="SYNC-0245",
            brief=f"{self.spec.setting('query')}: the database refuses the query",
        )

    def repeated(self, column: str) -> SourceFormatError:
        """Return the error for two columns of one name."""
        return SourceFormatError(
            f'{self.spec.setting("query")}: two columns are called "{column}"',
            hint="give one of them a name with AS",
            code="SYNC-0206",
        )

    def too_slow(self) -> SourceUnavailable:
        """Return the error for a query that ran into `timeout`."""
        limit = format_duration(self.spec.settings.timeout)
        return SourceUnavailable(
            f"{self.spec.setting('timeout')}: the query took longer than {limit}",
            hint="raise timeout, or make the query faster",
            code="SYNC-0246",
        )

    def cut_short(self, received: int, sent: str) -> SourceUnavailable:
        """Return the error for a result of which rows are missing."""
        return SourceUnavailable(
            f"{self._url}: the result is incomplete: {received:,} rows were "
            "received, and the database sent"
            f" {sent}",
            code="SYNC-0243",
        )

    @property
    def _url(self) -> str:
        return f"{self.spec.setting('url')}: {self.address.shown}"


def _sentences(error: BaseException) -> Iterator[str]:
    """Yield the message of the database, and its suggestion."""
    cause: BaseException = getattr(error, "orig", None) or error
    diag: Any = getattr(cause, "diag", None)
    primary = getattr(diag, "message_primary", None)
    if primary:
        yield primary
        yield from filter(None, (diag.message_detail, diag.message_hint))
    elif len(cause.args) > 1 and isinstance(cause.args[0], int | str):
        yield str(cause.args[1])
    else:
        yield str(cause).strip() or type(cause).__name__
