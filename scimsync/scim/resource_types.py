"""The resource types that are provisioned: where they live and what their core schema is (RFC 7643
sections 4 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scimsync.scim.errors import ScimError


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`endpoint` is relative to the base URL, `schema` the URN of the core schema."""

    endpoint: str
    schema: str


RESOURCE_TYPES: Final[Mapping[str, ResourceType]] = {
    "user": ResourceType("/Users", "urn:ietf:params:scim:schemas:core:2.0:User"),
    "group": ResourceType("/Groups", "urn:ietf:params:scim:schemas:core:2.0:Group"),
}


def resource_type(kind: str) -> ResourceType:
    """The resource type that is called "user" or "group". Raises ScimError for any other name."""
    try:
        return RESOURCE_TYPES[kind]
    except KeyError:
        raise ScimError(
            f"no resource type {kind!r}; there are: {', '.join(RESOURCE_TYPES)}"
        ) from None
