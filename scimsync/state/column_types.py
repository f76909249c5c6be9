"""The column types of the state database, and one function for each kind of column."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Integer,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect
from sqlmodel import Field


class UTCDateTime(TypeDecorator[datetime]):
    """Aware datetimes in Python, naive UTC in the database (SQLite keeps no time zone)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class TextWithoutNul(TypeDecorator[str]):
    """Text for PostgreSQL, which cannot store NUL: it becomes U+FFFD."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value if value is None or "\0" not in value else value.replace("\0", "\ufffd")


NAME = String().with_variant(TextWithoutNul(collation="C"), "postgresql")
"""Short text, ordered by code points whatever the locale of the server is."""

TEXT = Text().with_variant(TextWithoutNul(), "postgresql")


def column(kind: Any, description: str, **options: Any) -> Any:
    """Return a column of the given type."""
    return Field(sa_type=kind, description=description, **options)


def key_column(description: str) -> Any:
    """Return a column that is part of the primary key."""
    return column(NAME, description, primary_key=True)


def name_column(description: str, **options: Any) -> Any:
    """Return a column of short text, such as a key or a status."""
    return column(NAME, description, **options)


def text_column(description: str, **options: Any) -> Any:
    """Return a column of text of any length."""
    return column(TEXT, description, **options)


def time_column(description: str, **options: Any) -> Any:
    """Return a column of points in time."""
    return column(UTCDateTime, description, **options)


def date_column(description: str, **options: Any) -> Any:
    """Return a column of days."""
    return column(Date, description, **options)


def flag_column(description: str, **options: Any) -> Any:
    """Return a column of booleans."""
    return column(Boolean, description, **options)


def number_column(description: str, **options: Any) -> Any:
    """Return a column of numbers."""
    return column(Integer, description, **options)


def seq_column(description: str, **options: Any) -> Any:
    """Return a column of sequence numbers."""
    return column(BigInteger, description, **options)
