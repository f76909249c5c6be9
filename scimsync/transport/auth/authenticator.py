"""The interface of authenticators, which prove the sender of a request to a server."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import Field

from scimsync.settings import Table

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Authenticator(Protocol):
    """The credentials for the requests to one origin."""

    async def headers(self, url: str) -> Mapping[str, str]:
        """Return the headers to add to a request to `url`, with credentials that are valid now.

        Raise ForeignOriginError if `url` belongs to another origin.
        """

    async def refresh(self, rejected: Mapping[str, str], /) -> bool:
        """Replace the credentials in the headers `rejected`, after a response with status 401.

        Concurrent calls for the same credentials replace them once. Return whether there are other
        credentials now, so that the request can be sent once more.
        """

    def redact(self, text: str) -> str:
        """Return `text` with `***` in place of each secret, whatever its encoding there."""


class AuthenticatorSettings(Table):
    """The base class of the settings models of `auth` in sync.toml, one for each kind."""

    type: str = Field(description="Kind of authentication")

    @abstractmethod
    def authenticator(self, base_url: str, secret: Callable[[str], str]) -> Authenticator:
        """Return the authenticator for the origin of `base_url`.

        `secret` returns the value of the reference under a key of this table, such as
        `secret("token")`. It raises the error that the caller shows for a missing secret.
        """


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, the default port as None (RFC 6454 section 4)."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return (
        scheme,
        parts.hostname or "",
        None if parts.port == _DEFAULT_PORTS.get(scheme) else parts.port,
    )
