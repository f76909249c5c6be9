"""Turn the settings of authentication into the options of a connection."""

from __future__ import annotations

from pathlib import Path

from scimsync import __version__
from scimsync.transport.auth.authenticator import AuthenticatorSettings
from scimsync.transport.connection_options import ConnectionOptions


def connection_options(
    auth: AuthenticatorSettings | None, base_dir: Path, timeout: float
) -> ConnectionOptions:
    """Return the options of a connection. `base_dir` resolves paths; `timeout` is in seconds."""
    user_agent = f"scimsync/{__version__}"
    if auth is None:
        return ConnectionOptions(user_agent, timeout)
    cert, key, ca = (
        None if path is None else base_dir / path
        for path in (auth.tls.cert, auth.tls.key, auth.tls.ca)
    )
    return ConnectionOptions(user_agent, timeout, cert, key, ca, auth.proxy)
