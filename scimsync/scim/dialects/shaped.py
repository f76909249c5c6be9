"""Requests in the shapes that a service provider takes: RFC 7644, with a choice on each axis."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scimsync.scim.dialects import rfc
from scimsync.scim.differences import differences
from scimsync.scim.grammar import Scalar
from scimsync.scim.messages import Member, Query, RemoteResource, Requests, ScimRequest
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import build
from scimsync.scim.shapes import Shapes
from scimsync.scim.shaping import (
    attribute_operations,
    member_requests,
    needs_current,
    patches,
    put,
)


@dataclass(frozen=True, slots=True)
class ShapedDialect:
    """A dialect that writes users and groups in given shapes, and reads as RFC 7644 does.

    With `adapts`, the shapes are only the first ones to try: see `targets.learned_shapes`. Without
    `has_groups`, it is for users only.
    """

    user: Shapes = field(default_factory=Shapes)
    group: Shapes = field(default_factory=Shapes)
    adapts: bool = False
    has_groups: bool = True

    def shapes(self, kind: str) -> Shapes:
        """Return the shapes for one kind of resource."""
        return self.user if kind == "user" else self.group

    def create(self, kind: str, document: Mapping[str, Any]) -> ScimRequest:
        return rfc.create(kind, document)

    def needs_current(self, kind: str, paths: Collection[str], /) -> bool:
        return needs_current(self.shapes(kind), paths)

    def update(
        self,
        kind: str,
        resource: RemoteResource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> Requests:
        changes, shapes = differences(before, after), self.shapes(kind)
        if not changes:
            return ()
        paths = {str(change.where.path).lower() for change in changes}
        if shapes.writes_by_put or paths & shapes.by_put:
            return put(kind, resource, changes, build(after, RESOURCE_TYPES[kind].schema))
        operations = attribute_operations(changes, shapes, resource.current)
        return patches(kind, resource, operations, shapes.setting)

    def set_active(self, resource: RemoteResource, active: bool) -> Requests:
        return self.update("user", resource, {"active": not active}, {"active": active})

    def change_members(
        self, resource: RemoteResource, removed: Sequence[str], added: Sequence[Member]
    ) -> Requests:
        return member_requests(self.group, resource, removed, added)

    def delete(self, kind: str, remote_id: str) -> ScimRequest:
        return rfc.delete(kind, remote_id)

    def read(self, kind: str, remote_id: str) -> ScimRequest:
        return rfc.read(kind, remote_id)

    def match(self, kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
        return rfc.match(kind, attribute, value, count)

    def page(self, start_index: int, count: int) -> Query:
        return rfc.page(start_index, count)
