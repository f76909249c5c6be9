"""Bearer tokens (RFC 6750)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scimsync.settings import SecretReference
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets
from scimsync.transport.auth.fixed_headers import FixedHeaders
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import BaseUrlError


class BearerSettings(AuthenticatorSettings):
    """`auth = { type = "bearer", token = "env:WIKI_TOKEN" }`"""

    type: Literal["bearer"] = Field(description="Kind of authentication")
    token: SecretReference = Field(
        description=(
            "Where the token is found: env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND"
        ),
        examples=["env:APP_TOKEN"],
    )

    def authenticator(
        self, base_url: str, secret: Secrets, _options: ConnectionOptions
    ) -> BearerAuthenticator:
        """Return an authenticator that sends the token to the origin of `base_url`."""
        return BearerAuthenticator(secret("token"), base_url)


class BearerAuthenticator(FixedHeaders):
    """`Authorization: Bearer TOKEN`, for the origin of `base_url` only.

    Raise BaseUrlError for a token that a header cannot carry, such as one that ends with a line
    break.
    """

    def __init__(self, token: str, base_url: str) -> None:
        if not token or not all("!" <= character <= "~" for character in token):
            raise BaseUrlError(
                "the bearer token is empty or contains spaces, line "
                "breaks, or characters outside ASCII"
            )
        super().__init__({"Authorization": f"Bearer {token}"}, [token], base_url, "the token")
