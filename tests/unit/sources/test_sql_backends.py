"""What databases are told before a query, and what their errors mean."""

from __future__ import annotations

import sqlite3

import psycopg.errors
import pymysql
import pytest

from scimsync.sources.sql.database_failures import Meaning, meaning_of
from scimsync.sources.sql.mysql_reader import mysql_session
from scimsync.sources.sql.other_reader import backend_of


def test_mariadb_and_mysql_limit_a_query_in_their_own_units() -> None:
    assert mysql_session(90, mariadb=True)[0] == "SET SESSION max_statement_time = 90"
    assert mysql_session(90, mariadb=False)[0] == "SET SESSION max_execution_time = 90000"


@pytest.mark.parametrize(
    ("name", "driver", "connect", "statement"),
    [
        ("postgresql", "psycopg2", {"connect_timeout": 10}, "SET LOCAL statement_timeout = 90000"),
        ("postgresql", "pg8000", {}, "SET LOCAL row_security = off"),
        (
            "mysql",
            "mysqldb",
            {"connect_timeout": 10, "read_timeout": 100, "multi_statements": False},
            "SET SESSION TRANSACTION READ ONLY",
        ),
        (
            "mariadb",
            "mysqlconnector",
            {"connection_timeout": 10},
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
        ("mssql", "pyodbc", {"timeout": 10}, "SET LOCK_TIMEOUT 30000"),
        ("mssql", "pymssql", {"login_timeout": 10}, "SET LOCK_TIMEOUT 30000"),
        ("oracle", "oracledb", {"tcp_connect_timeout": 10}, "SET TRANSACTION READ ONLY"),
    ],
)
def test_a_session_is_limited_and_read_only(
    name: str, driver: str, connect: dict[str, object], statement: str
) -> None:
    backend = backend_of(name, driver, 90)

    assert backend.connect == connect
    assert statement in backend.session


def test_a_database_that_is_not_known_is_told_nothing() -> None:
    backend = backend_of("snowflake", "snowflake", 90)

    assert (backend.connect, backend.session) == ({}, ())


class ProgrammingError(Exception):
    """The class of PEP 249, as any driver has it."""


class OperationalError(Exception):
    """The class of PEP 249, as any driver has it."""


def of_sqlstate(state: str) -> BaseException:
    error = psycopg.errors.lookup(state)
    return error("reason")


ERRORS: list[tuple[BaseException, bool, Meaning]] = [
    (psycopg.OperationalError("FATAL: password authentication failed"), True, Meaning.LOGIN),
    (psycopg.OperationalError('FATAL: database "hr" does not exist'), True, Meaning.LOGIN),
    (psycopg.OperationalError("FATAL: the database system is starting up"), True,
     Meaning.UNREACHABLE),
    (psycopg.OperationalError("FATAL: sorry, too many clients already"), True,
     Meaning.UNREACHABLE),
    (psycopg.OperationalError("could not translate host name"), True, Meaning.UNREACHABLE),
    (psycopg.errors.ConnectionTimeout("connection timeout expired"), True, Meaning.UNREACHABLE),
    (psycopg.ProgrammingError('invalid connection option "foo"'), True, Meaning.LOGIN),
    (psycopg.OperationalError("server closed the connection unexpectedly"), False,
     Meaning.UNREACHABLE),
    (of_sqlstate("42P01"), False, Meaning.QUERY),
    (of_sqlstate("42501"), False, Meaning.QUERY),
    (of_sqlstate("25006"), False, Meaning.QUERY),
    (of_sqlstate("25P03"), False, Meaning.UNREACHABLE),
    (of_sqlstate("22012"), False, Meaning.QUERY),
    (of_sqlstate("57014"), False, Meaning.TIMEOUT),
    (psycopg.errors.QueryCanceled("canceling statement due to user request"), False,
     Meaning.UNREACHABLE),
    (of_sqlstate("55P03"), False, Meaning.LOCKED),
    (of_sqlstate("57P01"), False, Meaning.UNREACHABLE),
    (of_sqlstate("40001"), False, Meaning.UNREACHABLE),
    (of_sqlstate("53200"), False, Meaning.UNREACHABLE),
    (pymysql.OperationalError(1045, "Access denied"), True, Meaning.LOGIN),
    (pymysql.OperationalError(1049, "Unknown database"), True, Meaning.LOGIN),
    (pymysql.OperationalError(2003, "Can't connect"), True, Meaning.UNREACHABLE),
    (pymysql.OperationalError(1040, "Too many connections"), True, Meaning.UNREACHABLE),
    (pymysql.OperationalError(2013, "Lost connection"), False, Meaning.UNREACHABLE),
    (pymysql.OperationalError(1054, "Unknown column"), False, Meaning.QUERY),
    (pymysql.ProgrammingError(1146, "no table"), False, Meaning.QUERY),
    (pymysql.OperationalError(1143, "denied for column"), False, Meaning.QUERY),
    (pymysql.OperationalError(1792, "READ ONLY transaction"), False, Meaning.QUERY),
    (pymysql.OperationalError(1969, "max_statement_time"), False, Meaning.TIMEOUT),
    (pymysql.OperationalError(3024, "maximum statement execution time"), False, Meaning.TIMEOUT),
    (pymysql.OperationalError(1205, "Lock wait timeout"), False, Meaning.LOCKED),
    (pymysql.ProgrammingError(9999, "new"), False, Meaning.QUERY),
    (pymysql.OperationalError(9999, "new"), False, Meaning.UNREACHABLE),
    (sqlite3.OperationalError("no such table: person"), False, Meaning.QUERY),
    (sqlite3.OperationalError("database is locked"), False, Meaning.LOCKED),
    (sqlite3.OperationalError("interrupted"), False, Meaning.TIMEOUT),
    (sqlite3.OperationalError("unable to open database file"), True, Meaning.UNREACHABLE),
    (sqlite3.DatabaseError("database disk image is malformed"), False, Meaning.UNREACHABLE),
    (OperationalError("Login failed for user 'hr'"), True, Meaning.LOGIN),
    (OperationalError("HYT00", "Login timeout expired"), True, Meaning.UNREACHABLE),
    (OperationalError("HYT00", "Query timeout expired"), False, Meaning.TIMEOUT),
    (ProgrammingError("42S02", "Invalid object name 'person'"), False, Meaning.QUERY),
    (OperationalError("08S01", "Communication link failure"), False, Meaning.UNREACHABLE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "connecting", "meaning"), ERRORS, ids=lambda value: str(value)[:40]
)
def test_what_an_error_means(error: BaseException, connecting: bool, meaning: Meaning) -> None:
    assert meaning_of(error, connecting=connecting) is meaning
