"""The field type for the URL of the state database."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, WithJsonSchema

from scimsync.settings import invalid
from scimsync.settings.text_types import toml_type


def _state_url(value: object) -> str:
    hint = (
        'write "sqlite:///scimsync.db" (beside sync.toml) or'
        ' "sqlite:////var/lib/scimsync/scimsync.db"'
    )
    if not isinstance(value, str):
        raise invalid(
            f"must be a URL in quotes, not {toml_type(value)}", hint=hint, code="SYNC-0121"
        )
    scheme = value.partition(":")[0]
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return _postgresql_url(value)
    if not value.startswith("sqlite:///"):
        raise invalid(
            "this is not the URL of a SQLite file or of a PostgreSQL database",
            hint=hint,
            code="SYNC-0121",
        )
    file = value.removeprefix("sqlite:///")
    if file in ("", ":memory:") or file.endswith("/"):
        raise invalid("names no file: the state must outlive the run", hint=hint, code="SYNC-0121")
    if not file.isprintable() or "?" in file:
        raise invalid(
            "the name of the file must not contain ? or control characters",
            hint=hint,
            code="SYNC-0121",
        )
    return value


def _postgresql_url(value: str) -> str:
    """Return the URL with the driver that scimsync uses."""
    hint = (
        'write "postgresql://scimsync@db.example.com/scimsync"; ~/.pgpass or PGPASSWORD holds the'
        " password"
    )
    rest = value.partition("://")[2]
    try:
        parts = urlsplit(f"postgresql://{rest}")
        named = parts.path.strip("/") or "dbname=" in parts.query
        _ = parts.port
    except ValueError:
        raise invalid("this is not a URL", hint=hint, code="SYNC-0121") from None
    if not rest.isprintable() or " " in rest or not named:
        raise invalid("this is not the URL of a PostgreSQL database", hint=hint, code="SYNC-0121")
    return f"postgresql+psycopg://{rest}"


StateUrl = Annotated[
    str,
    BeforeValidator(_state_url),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(sqlite:///[^?]*[^?/]|postgres(ql(\+psycopg)?)?://[^\s]+)$",
        }
    ),
]
