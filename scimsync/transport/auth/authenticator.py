"""The interface of authenticators, which prove the sender of a request to a server."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import date
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import Field

from scimsync.settings import ProxyUrl, Table, Text
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import ForeignOriginError

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
        """Return `text` with `***` instead of each secret, whatever its encoding there."""


class Secrets(Protocol):
    """The secrets behind the references in a table of sync.toml."""

    def __call__(self, option: str, /) -> str:
        """Return the value of the reference under a key of the table, such as `token`.

        Raise the error that the caller shows for a missing secret.
        """

    def latest(self, option: str, /) -> str:
        """Return the value that replaced that of a reference, or the latter.

        Read it again each time, as another process may have replaced it.
        """

    def replace(self, option: str, value: str, /) -> None:
        """Store a new value for `latest`. Report it if that fails."""


class TlsSettings(Table):
    """`auth.tls`: the certificates of a connection, as paths of files in PEM."""

    cert: Text | None = Field(None, description="The client's certificate, for mutual TLS")
    key: Text | None = Field(None, description="Its private key, if not in the same file")
    ca: Text | None = Field(None, description="The certificates to trust, instead of the system's")


class AuthenticatorSettings(Table):
    """The base class of the settings models of `auth` in sync.toml, one for each kind."""

    type: str = Field(description="Kind of authentication")
    tls: TlsSettings = Field(
        default_factory=TlsSettings, description="Certificates of the connection"
    )
    proxy: ProxyUrl | None = Field(
        None,
        description="URL of an HTTP proxy; environment variables are not read",
        examples=["http://proxy.example.com:3128"],
    )
    token_expires: date | None = Field(
        None,
        description="The day on which the secret expires; `check` and alerts warn 30 days ahead",
    )

    @abstractmethod
    def authenticator(
        self, base_url: str, secret: Secrets, options: ConnectionOptions
    ) -> Authenticator:
        """Return the authenticator for the origin of `base_url`.

        `options` are for connections of its own.
        """


Origin = tuple[str, str, int | None]
"""Scheme, host and port; the default port as None."""


def check_origin(url: str, origin: Origin) -> None:
    """Raise ForeignOriginError unless `url` belongs to `origin`, which the credentials are for."""
    if (found := origin_of(url)) != origin:
        raise ForeignOriginError(f"the token is not meant for {found[1]}")


def origin_of(url: str) -> Origin:
    """Return scheme, host and port, the default port as None (RFC 6454 section 4)."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return (
        scheme,
        parts.hostname or "",
        None if parts.port == _DEFAULT_PORTS.get(scheme) else parts.port,
    )
