"""Kinds of authentication.

To add a kind, write a module with its settings model and its authenticator (see `authenticator`),
and add one line to `AUTHENTICATORS`.
"""

from typing import Final

from scimsync.registry import Imported, Registry
from scimsync.transport.auth.authenticator import Authenticator, AuthenticatorSettings, Secrets

__all__ = ["AUTHENTICATORS", "Authenticator", "AuthenticatorSettings", "Secrets"]

AUTHENTICATORS: Final[Registry[type[AuthenticatorSettings]]] = Registry(
    "type of authentication",
    Imported(
        {
            "bearer": "scimsync.transport.auth.bearer:BearerSettings",
            "basic": "scimsync.transport.auth.basic:BasicSettings",
            "header": "scimsync.transport.auth.header:HeaderSettings",
            "oauth2": "scimsync.transport.auth.oauth2:OAuth2Settings",
            "login": "scimsync.transport.auth.login:LoginSettings",
        }
    ),
)
