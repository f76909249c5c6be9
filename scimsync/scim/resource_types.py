"""The resource types that scimsync provisions (RFC 7643 sections 4 and 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scimsync.registry import Registry


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type.

    `endpoint` is relative to the base URL; `schema` is the URN of the core schema.
    """

    endpoint: str
    schema: str


RESOURCE_TYPES: Final[Registry[ResourceType]] = Registry(
    "resource type",
    {
        "user": ResourceType("/Users", "urn:ietf:params:scim:schemas:core:2.0:User"),
        "group": ResourceType("/Groups", "urn:ietf:params:scim:schemas:core:2.0:Group"),
    },
)
