"""The kinds of source, by the value of `type` in `[sources.NAME]`."""

from __future__ import annotations

from typing import Final

from scimsync.registry import Registry
from scimsync.sources.base import SourceSettings
from scimsync.sources.file import FileSettings
from scimsync.sources.http import HttpSettings
from scimsync.sources.ldap import LdapSettings
from scimsync.sources.ldif import LdifSettings
from scimsync.sources.scim import ScimSettings
from scimsync.sources.sql import SqlSettings

SOURCES: Final[Registry[type[SourceSettings]]] = Registry(
    "type of source",
    {
        "file": FileSettings,
        "sql": SqlSettings,
        "scim": ScimSettings,
        "http": HttpSettings,
        "ldap": LdapSettings,
        "ldif": LdifSettings,
    },
)
