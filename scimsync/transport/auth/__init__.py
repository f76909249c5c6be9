"""Kinds of authentication.

To add a kind, write a module with its settings model and its authenticator (see `authenticator`),
and add one line to `AUTHENTICATORS`.
"""

from typing import Final

from scimsync.registry import Registry
from scimsync.transport.auth.authenticator import Authenticator, AuthenticatorSettings
from scimsync.transport.auth.bearer import BearerSettings

__all__ = ["AUTHENTICATORS", "Authenticator", "AuthenticatorSettings"]

AUTHENTICATORS: Final[Registry[type[AuthenticatorSettings]]] = Registry(
    "type of authentication",
    {
        "bearer": BearerSettings,
    },
)
