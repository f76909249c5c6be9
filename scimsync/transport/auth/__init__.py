"""Kinds of authentication.

To add a kind, write a module with its settings model and its authenticator (see `authenticator`),
and add one line to `AUTHENTICATORS`.
"""

from typing import Final

from scimsync.registry import Registry
from scimsync.transport.auth.authenticator import Authenticator, AuthenticatorSettings, Secrets
from scimsync.transport.auth.basic import BasicSettings
from scimsync.transport.auth.bearer import BearerSettings
from scimsync.transport.auth.header import HeaderSettings
from scimsync.transport.auth.login import LoginSettings
from scimsync.transport.auth.oauth2 import OAuth2Settings

__all__ = ["AUTHENTICATORS", "Authenticator", "AuthenticatorSettings", "Secrets"]

AUTHENTICATORS: Final[Registry[type[AuthenticatorSettings]]] = Registry(
    "type of authentication",
    {
        "bearer": BearerSettings,
        "basic": BasicSettings,
        "header": HeaderSettings,
        "oauth2": OAuth2Settings,
        "login": LoginSettings,
    },
)
