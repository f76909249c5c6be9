"""A secret in a header of any name, such as an API key."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from scimsync.settings import SecretReference
from scimsync.settings.table import invalid
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets
from scimsync.transport.auth.fixed_headers import FixedHeaders
from scimsync.transport.connection_options import ConnectionOptions

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A field name (RFC 9110 section 5.1)."""

_RESERVED = (
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "if-match",
    "transfer-encoding",
    "user-agent",
)


def _header_name(value: object) -> str:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise invalid(
            "is not the name of an HTTP header", hint='such as "X-Api-Key"', code="SYNC-0110"
        )
    if value.lower() in _RESERVED:
        raise invalid(f"scimsync sends the header {value} itself", code="SYNC-0110")
    return value


HeaderName = Annotated[
    str,
    BeforeValidator(_header_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_TOKEN.pattern}$"}),
]
"""The name of an HTTP header that requests do not have by default."""


class HeaderSettings(AuthenticatorSettings):
    """`auth = { type = "header", name = "X-Api-Key", value = "env:WIKI_KEY" }`"""

    type: Literal["header"] = Field(description="Kind of authentication")
    name: HeaderName = Field(
        description='Name of the header; "Authorization" sends a token without the word Bearer',
        examples=["X-Api-Key"],
    )
    value: SecretReference = Field(
        description=(
            "Where its value is found: env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND"
        ),
        examples=["env:APP_KEY"],
    )
    prefix: str = Field(
        "",
        description="What is sent before the value, such as a word and a space",
        examples=["SSWS "],
    )

    def authenticator(
        self, base_url: str, secret: Secrets, _options: ConnectionOptions
    ) -> FixedHeaders:
        """Return an authenticator that sends the header to the origin of `base_url`."""
        value = secret("value")
        sent = f"{self.prefix}{value}"
        return FixedHeaders({self.name: sent}, [value], base_url, "the value of the header")
