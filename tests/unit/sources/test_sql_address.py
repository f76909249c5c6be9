"""The URL of a database: its driver, how messages show it, and what they hide."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from scimsync.sources.sql import SqlSettings
from scimsync.sources.sql.address import InvalidAddress, parse_url, resolve_address

BASE = Path("/srv/scimsync")


@pytest.mark.parametrize(
    ("text", "password", "shown"),
    [
        ("postgresql://hr@db.example.com/hr", None, "postgresql://hr@db.example.com/hr"),
        ("postgres://db.example.com:6432/hr", None, "postgresql://db.example.com:6432/hr"),
        ("postgresql+psycopg2://hr:sesame@db/hr", None, "postgresql://hr@db/hr"),
        ("postgresql://hr@db/hr?sslmode=require&password=x1", None, "postgresql://hr@db/hr"),
        ("mysql://hr@db.example.com/hr", "sesame", "mysql://hr@db.example.com/hr"),
        ("mariadb+pymysql://hr@db/hr?charset=utf8mb4", None, "mariadb://hr@db/hr"),
        ("mssql+pyodbc:///?odbc_connect=SERVER%3Ddb%3BPWD%3Dsesame", None, "mssql:///"),
        ("oracle://hr:sesame@db/?service_name=hr", None, "oracle://hr@db/"),
        ("sqlite:///hr.db", None, "sqlite:////srv/scimsync/hr.db"),
        ("sqlite:////var/lib/hr.db", None, "sqlite:////var/lib/hr.db"),
    ],
)
def test_messages_show_the_url_without_driver_password_and_parameters(
    text: str, password: str | None, shown: str
) -> None:
    assert resolve_address(text, password, BASE).shown == shown


@pytest.mark.parametrize(
    ("scheme", "driver"),
    [
        ("postgresql", "postgresql+psycopg"),
        ("postgres", "postgresql+psycopg"),
        ("postgresql+pg8000", "postgresql+pg8000"),
        ("mysql", "mysql+pymysql"),
        ("mariadb", "mariadb+pymysql"),
        ("mysql+mysqldb", "mysql+mysqldb"),
        ("oracle", "oracle+oracledb"),
        ("mssql+pymssql", "mssql+pymssql"),
    ],
)
def test_a_url_without_a_driver_takes_the_one_that_is_maintained(scheme: str, driver: str) -> None:
    assert parse_url(f"{scheme}://hr@db.example.com/hr").drivername == driver


@pytest.mark.parametrize("secret", ["s3same", "p@ss/wörd%", "two  words", "quo'te\\", "ü"])
def test_no_form_of_a_password_is_shown(secret: str) -> None:
    address = resolve_address("postgresql://hr@db.example.com/hr", secret, BASE)
    forms = [
        secret,
        repr(secret),
        address.url.render_as_string(hide_password=False),
        f"invalid dsn: {address.url.render_as_string(hide_password=False)}",
        f'connection to "password={secret}"\n failed',
    ]

    for form in forms:
        hidden = address.hide(form)
        assert secret not in hidden
        assert "…" in hidden


def test_no_secret_parameter_is_shown() -> None:
    text = "mssql+pyodbc:///?odbc_connect=SERVER%3Ddb%3BPWD%3Dsesame"
    address = resolve_address(text, None, BASE)

    for form in (text, "SERVER=db;PWD=sesame", f"could not parse {text!r}"):
        assert "sesame" not in address.hide(form)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("hr.db", "this is not the URL of a database"),
        ("postgresql://db:port/hr", "this is not the URL of a database"),
        ("postgresql://", "names no database"),
        ("sqlite://", "names no file of SQLite"),
        ("sqlite:///:memory:", "names no file of SQLite"),
        ("sqlite:///file:hr.db?mode=rwc&uri=true", "names no file of SQLite"),
        ("postgresql://hr:sesame@db/hr", "must not contain a secret (password)"),
        ("postgresql://hr@db/hr?password=sesame", "must not contain a secret (password)"),
        ("postgresql://hr@db/hr?sslpassword=sesame", "must not contain a secret (sslpassword)"),
        ("mssql+pyodbc:///?odbc_connect=sesame", "must not contain a secret (odbc_connect)"),
        ("env:not a name", "the text after env: is not the name of an environment variable"),
        (5, "must be a URL in quotes, not a number"),
    ],
)
def test_a_url_that_sync_toml_must_not_have(url: object, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(url=url)

    (error,) = caught.value.errors()
    assert error["msg"] == problem
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "env:DB_URL",
        "file:/run/secrets/db-url",
        "cmd:pass show hr-database",
        "postgresql://hr@db/hr?sslmode=verify-full&sslkey=/etc/ssl/hr.key&options=-crow_security%3Don",
        "postgresql:///hr",
        "snowflake://hr@account/hr",
    ],
)
def test_a_url_or_a_reference(url: str) -> None:
    shown = repr(settings(url=url))

    assert "DB_URL" not in shown
    assert "/run/secrets" not in shown


@pytest.mark.parametrize("text", ["what is this", "sqlite:///", "postgresql://h:x/y"])
def test_a_wrong_url_behind_a_reference_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        resolve_address(text, None, BASE)
    assert text not in str(caught.value)


def test_a_file_has_no_password() -> None:
    with pytest.raises(ValidationError, match="a SQLite file has no password"):
        settings(url="sqlite:///hr.db", password="env:DB_PASSWORD")


@pytest.mark.parametrize("timeout", ["0s", "soon", 30])
def test_a_timeout_that_is_none(timeout: object) -> None:
    with pytest.raises(ValidationError):
        settings(url="sqlite:///hr.db", timeout=timeout)


def settings(**options: object) -> SqlSettings:
    base = {"type": "sql", "key": "id", "query": "select 1 as id"}
    return SqlSettings.model_validate({**base, **options})
