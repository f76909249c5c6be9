"""Field types for URLs. No message repeats a URL, because it may contain a secret."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

from scimsync.settings.secret_reference import secret_reference
from scimsync.settings.table import invalid
from scimsync.settings.text_types import toml_type


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine, judged by its name or address without a look-up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def https_problem(url: str) -> str | None:
    """Return why no request may be sent to `url`: it has to be https, or http to this machine."""
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
    if parts.scheme == "http" and not is_loopback(host):
        return "must begin with https://; http is for this machine only (localhost, 127.0.0.1, ::1)"
    return None


def _base_url(value: object) -> str:
    hint = 'write "https://app.example.com/scim/v2", as the app\'s SCIM settings show it'
    if not isinstance(value, str):
        raise invalid(
            f"must be a URL in quotes, not {toml_type(value)}", hint=hint, code="SYNC-0120"
        )
    if (problem := https_problem(value)) is not None:
        raise invalid(problem, hint=hint, code="SYNC-0120")
    if "@" in urlsplit(value).netloc:
        raise invalid(
            "a URL here must not contain a user or a password",
            hint="secrets go into auth",
            code="SYNC-0120",
        )
    if "?" in value:
        raise invalid(
            "a URL here must not contain a query (?…)",
            hint="remove the part from ? on",
            code="SYNC-0120",
        )
    if "#" in value:
        raise invalid(
            "a URL here must not contain a fragment (#…)",
            hint="remove the part from # on",
            code="SYNC-0120",
        )
    return value.rstrip("/")


BaseUrl = Annotated[
    str,
    BeforeValidator(_base_url),
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
"""The base URL of a SCIM service or another HTTP API, without a slash at its end."""


def _endpoint_url(value: object) -> str:
    """Return a URL that is used unchanged, with its path and perhaps a query."""
    hint = 'write "https://login.example.com/oauth2/token"'
    if not isinstance(value, str):
        raise invalid(
            f"must be a URL in quotes, not {toml_type(value)}", hint=hint, code="SYNC-0120"
        )
    problem = https_problem(value)
    if problem is None and ("@" in urlsplit(value).netloc or "#" in value):
        problem = "a URL here must not contain a user, a password or a fragment (#…)"
    if problem is not None:
        raise invalid(problem, hint=hint, code="SYNC-0120")
    return value


EndpointUrl = Annotated[
    str, BeforeValidator(_endpoint_url), WithJsonSchema({"type": "string", "format": "uri"})
]
"""The URL of one endpoint, such as the one that issues tokens."""


def _proxy_url(value: object) -> str:
    hint = 'write "http://proxy.example.com:3128"'
    if not isinstance(value, str):
        raise invalid(
            f"must be a URL in quotes, not {toml_type(value)}", hint=hint, code="SYNC-0120"
        )
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in value or parts.path.strip("/") or "?" in value or "#" in value:
        raise invalid("this is not the URL of a proxy", hint=hint, code="SYNC-0120")
    return value.rstrip("/")


ProxyUrl = Annotated[
    str, BeforeValidator(_proxy_url), WithJsonSchema({"type": "string", "format": "uri"})
]
"""The URL of an HTTP proxy, without a password."""


def webhook_problem(url: str) -> str | None:
    """Return why `url` cannot be that of a webhook. It may contain a query."""
    if (problem := https_problem(url)) is not None:
        return problem
    if "@" in urlsplit(url).netloc or "#" in url:
        return "the URL of a webhook must not contain a user, a password or a fragment (#…)"
    return None


def _webhook_url(value: object) -> SecretStr:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise invalid(f"must be a URL in quotes, not {toml_type(value)}", code="SYNC-0120")
    if not value.startswith(("http:", "https:")):
        return secret_reference(value)
    if (problem := webhook_problem(value)) is not None:
        raise invalid(
            problem,
            hint=(
                'write "https://hooks.example.com/scimsync", or env:NAME where the URL is a secret'
            ),
            code="SYNC-0120",
        )
    return SecretStr(value)


WebhookUrl = Annotated[SecretStr, BeforeValidator(_webhook_url), WithJsonSchema({"type": "string"})]
"""The URL of a webhook, which is often a secret itself, or a reference to it (`env:HOOK_URL`)."""
