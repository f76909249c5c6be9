"""Bearer tokens (RFC 6750)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import Field

from scimsync.settings import SecretReference
from scimsync.transport.auth.authenticator import AuthenticatorSettings, origin_of
from scimsync.transport.redaction import secret_pattern
from scimsync.transport.request_errors import BaseUrlError, ForeignOriginError


class BearerSettings(AuthenticatorSettings):
    """`auth = { type = "bearer", token = "env:WIKI_TOKEN" }`"""

    type: Literal["bearer"] = Field(description="Kind of authentication")
    token: SecretReference = Field(
        description=(
            "Where the token is found: env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND"
        ),
        examples=["env:APP_TOKEN"],
    )

    def authenticator(self, base_url: str, secret: Callable[[str], str]) -> BearerAuthenticator:
        """Return an authenticator that sends the token to the origin of `base_url`."""
        return BearerAuthenticator(secret("token"), base_url)


class BearerAuthenticator:
    """`Authorization: Bearer TOKEN`, for the origin of `base_url` only.

    Raise BaseUrlError for a token that a header cannot carry, such as one that ends with a line
    break.
    """

    def __init__(self, token: str, base_url: str) -> None:
        if not token or not all("!" <= character <= "~" for character in token):
            raise BaseUrlError(
                "the bearer token is empty or holds spaces, line breaks or characters outside ASCII"
            )
        self._pattern = secret_pattern(token)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._origin = origin_of(base_url)

    def __repr__(self) -> str:
        scheme, host, port = self._origin
        return f"BearerAuthenticator('***', '{scheme}://{host}{f':{port}' if port else ''}')"

    async def headers(self, url: str) -> Mapping[str, str]:
        """Return the Authorization header. Raise ForeignOriginError for another origin."""
        if (origin := origin_of(url)) != self._origin:
            raise ForeignOriginError(f"the token is not meant for {origin[1]}")
        return self._headers

    async def refresh(self, _rejected: Mapping[str, str], /) -> bool:
        """Return False: a token that was rejected stays rejected."""
        return False

    def redact(self, text: str) -> str:
        """Return `text` with `***` in place of the token."""
        return self._pattern.sub("***", text)
