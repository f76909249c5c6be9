"""The kinds of source, by the value of `type` in `[sources.NAME]`."""

from __future__ import annotations

from typing import Final

from scimsync.registry import Imported, Registry
from scimsync.sources.base import SourceSettings

SOURCES: Final[Registry[type[SourceSettings]]] = Registry(
    "type of source",
    Imported(
        {
            "file": "scimsync.sources.file:FileSettings",
            "sql": "scimsync.sources.sql:SqlSettings",
            "scim": "scimsync.sources.scim:ScimSettings",
            "http": "scimsync.sources.http:HttpSettings",
            "ldap": "scimsync.sources.ldap:LdapSettings",
            "ldif": "scimsync.sources.ldif:LdifSettings",
        }
    ),
)
