"""Requests as Okta sends them.

okta/okta-developer-docs at 468de9c (2026-08-21): docs/reference/scim/scim-20, docs/concepts/scim
and its FAQ; read 2026-11-29. Okta knows three ways:

- `okta`, applications of its catalog: users by PUT of the resource as read, `active` by PATCH,
  groups by PATCH.
- `okta-patch`, those of them that support PATCH for users.
- `okta-put`, applications of its wizard: PUT for everything.

Okta also sends a `password` that no one knows, and the `display` of members: scimsync sends a
password only if it is mapped, and no `display`. See docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from scimsync.scim.dialects import rfc
from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.grammar import Scalar
from scimsync.scim.messages import RemoteResource, Requests, ScimRequest
from scimsync.scim.patch import PatchOperation
from scimsync.scim.shapes import Shape, Shapes
from scimsync.scim.shaping import patches

_COUNT = 100

_OBJECT = Shape(path="object")
_PUT = Shape(write="put")


@dataclass(frozen=True, slots=True)
class OktaDialect(ShapedDialect):
    """A dialect of Okta, by how it writes users and groups."""

    def create(self, kind: str, document: Mapping[str, Any]) -> ScimRequest:
        request = rfc.create(kind, document)
        empty: dict[str, Any] = {"groups": []} if kind == "user" else {"members": []}
        return replace(request, body={**(request.body or {}), **empty})

    def match(self, kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
        return rfc.match(kind, attribute, value, max(count, _COUNT))

    def needs_current(self, kind: str, paths: Collection[str], /) -> bool:
        if kind == "user" and tuple(paths) == ("active",) and not self.group.writes_by_put:
            return False  # `set_active` is a PATCH
        return ShapedDialect.needs_current(self, kind, paths)

    def set_active(self, resource: RemoteResource, active: bool) -> Requests:
        if self.group.writes_by_put:
            return self.update("user", resource, {"active": not active}, {"active": active})
        return _without_path("user", resource, {"active": active})

    def update(
        self,
        kind: str,
        resource: RemoteResource,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> Requests:
        renames = kind == "group" and before.get("displayName") != after.get("displayName")
        if not renames or self.group.writes_by_put:
            return ShapedDialect.update(self, kind, resource, before, after)
        name = {"id": resource.remote_id, "displayName": after.get("displayName")}
        others = ShapedDialect.update(
            self, kind, resource, before, {**after, "displayName": before.get("displayName")}
        )
        return (*_without_path("group", resource, name), *others)


def _without_path(kind: str, resource: RemoteResource, value: Mapping[str, Any]) -> Requests:
    return patches(kind, resource, [PatchOperation("replace", value=value)], Shape())


OKTA: Final = OktaDialect(Shapes(_PUT, _PUT), Shapes())
OKTA_PATCH: Final = OktaDialect(Shapes(_OBJECT, _OBJECT), Shapes())
OKTA_PUT: Final = OktaDialect(Shapes(_PUT, _PUT), Shapes(_PUT, _PUT))
