"""Requests as RFC 7644 words them: POST, PATCH with one operation a changed value, DELETE, filters
with eq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scimsync.scim.messages import Member, ScimRequest, resource_path
from scimsync.scim.operations import PatchOperation
from scimsync.scim.patch import diff, patch_body
from scimsync.scim.paths import eq_filter
from scimsync.scim.resource_types import resource_type
from scimsync.scim.resources import build
from scimsync.scim.tokens import Scalar


def create(kind: str, document: Mapping[str, Any]) -> ScimRequest:
    """RFC 7644 section 3.3."""
    of = resource_type(kind)
    return ScimRequest("POST", of.endpoint, build(document, of.schema))


def update(
    kind: str,
    remote_id: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    etag: str | None = None,
) -> ScimRequest | None:
    """RFC 7644 section 3.5.2; None where nothing differs."""
    operations = diff(before, after)
    if not operations:
        return None
    path = resource_path(resource_type(kind).endpoint, remote_id)
    return ScimRequest("PATCH", path, patch_body(operations), if_match=etag)


def set_active(remote_id: str, active: bool) -> ScimRequest:
    """Deactivate or reactivate a user (RFC 7643 section 4.1.1)."""
    path = resource_path(resource_type("user").endpoint, remote_id)
    return ScimRequest("PATCH", path, patch_body([PatchOperation("replace", "active", active)]))


def change_members(remote_id: str, removed: Sequence[str], added: Sequence[Member]) -> ScimRequest:
    """One PATCH (RFC 7644 section 3.5.2): a `remove` with a value path for each who leaves, then
    one `add` of all who come."""
    operations = [
        PatchOperation("remove", f"members[{eq_filter('value', one)}]") for one in removed
    ]
    if added:
        operations.append(PatchOperation("add", "members", [one.to_json() for one in added]))
    return ScimRequest(
        "PATCH", resource_path(resource_type("group").endpoint, remote_id), patch_body(operations)
    )


def delete(kind: str, remote_id: str) -> ScimRequest:
    """RFC 7644 section 3.6."""
    return ScimRequest("DELETE", resource_path(resource_type(kind).endpoint, remote_id))


def read(kind: str, remote_id: str) -> ScimRequest:
    """RFC 7644 section 3.4.1."""
    return ScimRequest("GET", resource_path(resource_type(kind).endpoint, remote_id))


def match(kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
    """Look resources up by one value (RFC 7644 section 3.4.2.2); two answers are enough to see that
    it is ambiguous."""
    query = (("filter", eq_filter(attribute, value)), ("startIndex", "1"), ("count", str(count)))
    return ScimRequest("GET", resource_type(kind).endpoint, query=query)
