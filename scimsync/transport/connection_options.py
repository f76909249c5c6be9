"""How to reach a server: certificates, proxy and time-outs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The settings of a connection besides its URL and its credentials.

    `cert` and `key` are the client's certificate and private key in PEM (mutual TLS, RFC 8705), and
    `ca` the certificates to trust instead of the system's. `proxy` is the URL of an HTTP proxy;
    environment variables are not read. `timeout` is in seconds.
    """

    user_agent: str = "scimsync"
    timeout: float = 30.0
    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    proxy: str | None = None

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the context for https, or None for the default one.

        Raise ValueError, which names the file, for one that cannot be read.
        """
        if self.cert is None and self.ca is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"tls.ca: {self.ca} {_reason(error)}") from None
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key)
            except (OSError, ssl.SSLError) as error:
                raise ValueError(f"tls.cert: {self.cert} {_reason(error)}") from None
        return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "does not contain the required PEM data, or its private key does not match"
    return f"cannot be read: {error.strerror}"
