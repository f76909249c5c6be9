"""`[sources.NAME]` with `type = "sql"`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from scimsync.settings import Text, invalid
from scimsync.settings.quantities import Span
from scimsync.settings.secret_reference import SecretText, TextSecret, secret_reference
from scimsync.settings.text_types import toml_type
from scimsync.sources.base import Source, SourceSettings, SourceSpec
from scimsync.sources.list_columns import Lists
from scimsync.sources.workspace import Workspace

REFERENCE = re.compile(r"(env|file|keyring|cmd|literal):")
_LOCATION = re.compile(r"(postgres(ql)?|mysql|mariadb|sqlite|mssql|oracle)(\+\w+)?://")
_HINT = 'write "postgresql://scimsync@db.example.com/hr", or "sqlite:///hr.db" for a file'
_SHORTEST = timedelta(seconds=1)


def _database_url(value: object) -> TextSecret:
    """Return the URL of a database without a password, or a reference to one that may have it."""
    if isinstance(value, TextSecret):
        return value
    if not isinstance(value, str):
        raise invalid(
            f"must be a URL in quotes, not {toml_type(value)}", hint=_HINT, code="SYNC-0241"
        )
    if REFERENCE.match(value):
        return TextSecret(secret_reference(value).get_secret_value())
    from scimsync.sources.sql.address import InvalidAddress, parse_url, secret_parts

    try:
        url = parse_url(value)
    except InvalidAddress as error:
        raise invalid(str(error), hint=_HINT, code="SYNC-0241") from None
    if secrets := secret_parts(url):
        raise invalid(
            f"must not contain a secret ({', '.join(secrets)})",
            hint='add password = "env:DB_PASSWORD", or refer to the whole URL: url = "env:DB_URL"',
            code="SYNC-0241",
        )
    return TextSecret(value)


DatabaseUrl = Annotated[
    TextSecret,
    BeforeValidator(_database_url),
    WithJsonSchema(
        {"type": "string", "pattern": r"^([A-Za-z0-9_+]+://|(env|file|keyring|cmd):).*"}
    ),
]
"""The URL of a database, without a password, or a reference to it (`env:DB_URL`)."""


def _query(text: str) -> str:
    from scimsync.sources.sql.query import query_problem

    if (problem := query_problem(text)) is not None:
        raise invalid(problem, hint='such as "select * from employees"', code="SYNC-0245")
    return text


def _timeout(span: timedelta) -> timedelta:
    if span < _SHORTEST:
        raise invalid("must be at least one second", hint='such as "10m"', code="SYNC-0115")
    return span


class SqlSettings(SourceSettings):
    """`[sources.NAME]`: the rows that a query in a database returns."""

    type: Literal["sql"] = Field(description="Kind of source")
    url: DatabaseUrl = Field(
        description=(
            "URL of the database, as SQLAlchemy writes it and without a password; or a reference"
            " to it, such as env:DB_URL"
        ),
        examples=["postgresql://scimsync@db.example.com/hr", "sqlite:///hr.db"],
    )
    password: SecretText | None = Field(
        None,
        description="Reference to the password of the user in url",
        examples=["env:DB_PASSWORD"],
    )
    query: Annotated[Text, AfterValidator(_query)] = Field(
        description="A SELECT whose rows are the records", examples=["select * from employees"]
    )
    timeout: Annotated[Span, AfterValidator(_timeout)] = Field(
        timedelta(minutes=10),
        description="The longest time that the query may take",
        examples=["15m"],
    )
    lists: Lists = Field(
        default_factory=dict,
        description="Text columns that hold several values -> the separator between two values",
    )

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        url = self.url.get_secret_value()
        if self.password is not None and url.startswith("sqlite"):
            raise invalid(
                "a SQLite file has no password",
                hint="remove it",
                code="SYNC-0241",
                below=["password"],
            )
        return self

    def open(self, spec: SourceSpec[SqlSettings], workspace: Workspace) -> Source:
        """Read the secrets. The database is connected to when something is read."""
        from scimsync.sources.sql.source import SqlSource

        return SqlSource(spec, workspace)

    @classmethod
    def from_location(cls, location: str) -> Mapping[str, object] | None:
        """Return the URL of a database that SQLAlchemy itself knows."""
        return {"url": location} if _LOCATION.match(location) else None
