"""Requests as Microsoft Entra ID sends them.

MicrosoftDocs/entra-docs, docs/identity/app-provisioning: use-scim-to-provision-users-and-groups.md
(2025-03-04) and application-provisioning-config-problem-scim-compatibility.md (2025-04-15); read
2026-11-29.

- `entra`, with the flag `aadOptscim062020`: values are replaced by one object with paths as keys,
  values that a filter selects are operations of their own, members are removed by a filter.
- `entra-legacy`, without it: `Add`, `Replace` and `Remove`, one operation for each value, `active`
  as text, members removed by a list.

Entra never removes a value; scimsync does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from scimsync.scim.dialects import rfc
from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.grammar import Scalar
from scimsync.scim.messages import RemoteResource, Requests, ScimRequest
from scimsync.scim.patch import PatchOperation
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.shapes import Shape, Shapes
from scimsync.scim.shaping import patches

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

_COMPLIANT = Shape(path="keys", absent="add", element="value", manager="object")
_LEGACY = replace(_COMPLIANT, path="path", words="legacy", member_removal="values")


@dataclass(frozen=True, slots=True)
class EntraDialect(ShapedDialect):
    """A dialect of Entra ID, by how it writes users and groups."""

    def create(self, kind: str, document: Mapping[str, Any]) -> ScimRequest:
        request = rfc.create(kind, document)
        body = dict(request.body or {})
        extra = _ENTERPRISE if kind == "user" else _GROUP
        more: dict[str, Any] = {"roles": []} if kind == "user" else {}
        schemas = [*body["schemas"], *([] if extra in body["schemas"] else [extra])]
        resource_type = RESOURCE_TYPES[kind].schema.rpartition(":")[2]
        meta = {"resourceType": resource_type}
        return replace(request, body={**more, **body, "schemas": schemas, "meta": meta})

    def set_active(self, resource: RemoteResource, active: bool) -> Requests:
        operation = PatchOperation("replace", "active", active)
        return patches("user", resource, [operation], self.user.setting)

    def match(self, kind: str, attribute: str, value: Scalar, count: int = 2) -> ScimRequest:
        request = rfc.match(kind, attribute, value, count)
        query = tuple(one for one in request.query if one[0] == "filter")
        if kind == "group":
            query = (("excludedAttributes", "members"), *query)
        return replace(request, query=query)


ENTRA: Final = EntraDialect(Shapes(_COMPLIANT, _COMPLIANT), Shapes(_COMPLIANT, _COMPLIANT))
ENTRA_LEGACY: Final = EntraDialect(Shapes(_LEGACY, _LEGACY), Shapes(_LEGACY, _LEGACY))
