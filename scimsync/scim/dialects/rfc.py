"""Requests as RFC 7644 defines them.

A PATCH has one operation for each changed value; filters use `eq`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scimsync.scim.grammar import Scalar
from scimsync.scim.messages import (
    Member,
    Query,
    RemoteResource,
    Requests,
    ScimRequest,
    resource_path,
)
from scimsync.scim.patch import PatchOperation, diff, patch_body
from scimsync.scim.paths import eq_filter
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import build


def create(kind: str, document: Mapping[str, Any]) -> ScimRequest:
    """Return the request that creates a resource (RFC 7644 section 3.3)."""
    resource_type = RESOURCE_TYPES[kind]
    return ScimRequest("POST", resource_type.endpoint, build(document, resource_type.schema))


def needs_current(_kind: str, _paths: Collection[str], /) -> bool:
    """Return False: a PATCH names only what changes."""
    return False


def update(
    kind: str, resource: RemoteResource, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Requests:
    """Return the PATCH of all differences (RFC 7644 section 3.5.2); nothing if there are none."""
    operations = diff(before, after)
    return _patch(kind, resource, operations) if operations else ()


def set_active(resource: RemoteResource, active: bool) -> Requests:
    """Return the request that deactivates or reactivates a user (RFC 7643 section 4.1.1)."""
    return _patch("user", resource, [PatchOperation("replace", "active", active)])


def change_members(
    resource: RemoteResource, removed: Sequence[str], added: Sequence[Member]
) -> Requests:
    """Return the PATCH of a group's members (RFC 7644 section 3.5.2).

    It has a `remove` with a value path for each removed member, then one `add` of all new members.
    """
    operations = [
        PatchOperation("remove", f"members[{eq_filter('value', member_id)}]")
        for member_id in removed
    ]
    if added:
        operations.append(PatchOperation("add", "members", [member.to_json() for member in added]))
    return _patch("group", resource, operations)


def delete(kind: str, remote_id: str) -> ScimRequest:
    """Return the request that deletes a resource (RFC 7644 section 3.6)."""
    return ScimRequest("DELETE", resource_path(RESOURCE_TYPES[kind].endpoint, remote_id))


def read(kind: str, remote_id: str) -> ScimRequest:
    """Return the request that reads a resource (RFC 7644 section 3.4.1)."""
    return ScimRequest("GET", resource_path(RESOURCE_TYPES[kind].endpoint, remote_id))


def match(kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
    """Return the request that finds resources by one value (RFC 7644 section 3.4.2.2).

    Two resources are enough to see that the value is ambiguous.
    """
    query = (("filter", eq_filter(attribute, value)), *page(1, count))
    return ScimRequest("GET", RESOURCE_TYPES[kind].endpoint, query=query)


def page(start_index: int, count: int) -> Query:
    """Return the parameters of index-based paging (RFC 7644 section 3.4.2.4)."""
    return (("startIndex", str(start_index)), ("count", str(count)))


def _patch(kind: str, resource: RemoteResource, operations: Sequence[PatchOperation]) -> Requests:
    path = resource_path(RESOURCE_TYPES[kind].endpoint, resource.remote_id)
    return (ScimRequest("PATCH", path, patch_body(operations), if_match=resource.etag),)
