"""The URLs that sync.toml holds: base URLs of targets and the state database. No message repeats
one; it may hold a secret."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

from scimsync.config.faults import fault
from scimsync.config.secrets import token_reference
from scimsync.config.values import toml_type


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its name or address alone (nothing is looked up)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _target_url(value: object) -> str:
    """Base URL of a SCIM service provider, without a slash at its end. What it holds is not
    repeated in messages."""
    hint = 'write "https://app.example.com/scim/v2", as the app\'s SCIM settings show it'
    if not isinstance(value, str):
        raise fault(f"must be a URL in quotes, not {toml_type(value)}", hint=hint)
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise fault("this is not a URL", hint=hint) from None
    if (
        not value.isprintable()
        or " " in value
        or parts.scheme not in ("http", "https")
        or not host
        or port == 0
    ):
        raise fault("this is not a URL that begins with https:// and names a host", hint=hint)
    if "@" in parts.netloc:
        raise fault("a URL here must not hold a user or a password", hint="secrets go into auth")
    if "?" in value:
        raise fault("a URL here must not hold a query (?…)", hint="leave out what begins with ?")
    if "#" in value:
        raise fault("a URL here must not hold a fragment (#…)", hint="leave out what begins with #")
    if parts.scheme == "http" and not is_loopback(host):
        raise fault(
            "must begin with https://: over http, anybody on the way could read the token",
            hint="http is for this machine only (localhost, 127.0.0.1, ::1)",
        )
    return value.rstrip("/")


TargetUrl = Annotated[
    str,
    BeforeValidator(_target_url),
    WithJsonSchema(
        {
            "type": "string",
            "format": "uri",
            "pattern": (
                r"^(https://[^/@?#\s]+|http://(([A-Za-z0-9-]+\.)*localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?)(/[^@?#\s]*)?$"
            ),
        }
    ),
]


def _state_url(value: object) -> str:
    hint = (
        'write "sqlite:///scimsync.db" (beside sync.toml) or'
        ' "sqlite:////var/lib/scimsync/scimsync.db"'
    )
    if not isinstance(value, str):
        raise fault(f"must be a URL in quotes, not {toml_type(value)}", hint=hint)
    scheme = value.partition(":")[0]
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return _postgresql_url(value)
    if not value.startswith("sqlite:///"):
        raise fault("this is not the URL of a SQLite file or of a PostgreSQL database", hint=hint)
    file = value.removeprefix("sqlite:///")
    if file in ("", ":memory:") or file.endswith("/"):
        raise fault("names no file: the state must outlive the run", hint=hint)
    if not file.isprintable() or "?" in file:
        raise fault("the name of the file must not hold ? or control characters", hint=hint)
    return value


def _postgresql_url(value: str) -> str:
    """A URL with the driver that scimsync uses."""
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
        raise fault("this is not a URL", hint=hint) from None
    if not rest.isprintable() or " " in rest or not named:
        raise fault("this is not the URL of a PostgreSQL database", hint=hint)
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


def check_webhook_url(url: str) -> str | None:
    """What is wrong with the URL of a webhook, or None: https, or http to this machine; it may hold
    a query."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "this is not a URL"
    if (
        not url.isprintable()
        or " " in url
        or parts.scheme not in ("http", "https")
        or not host
        or port == 0
    ):
        return "this is not a URL that begins with https:// and names a host"
    if "@" in parts.netloc or "#" in url:
        return "the URL of a webhook must not hold a user, a password or a fragment (#…)"
    if parts.scheme == "http" and not is_loopback(host):
        return "must begin with https://; http is for this machine only"
    return None


def webhook_url(value: object) -> SecretStr:
    """The URL of a webhook, which often is a secret itself, or a reference to it (`env:HOOK_URL`).
    Not repeated in messages."""
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, str) and not value.startswith(("http:", "https:")):
        return token_reference(value)
    if not isinstance(value, str):
        raise fault(f"must be a URL in quotes, not {toml_type(value)}")
    if (wrong := check_webhook_url(value)) is not None:
        raise fault(
            wrong,
            hint=(
                'write "https://hooks.example.com/scimsync", or env:NAME where the URL is a secret'
            ),
        )
    return SecretStr(value)
