"""Bodies that the sequences of several providers share."""

from __future__ import annotations

from typing import Any, Final

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_UNSET: Final = object()

Json = dict[str, Any]


def operation(op: str, path: str | None, value: Any = _UNSET) -> Json:
    """Return one operation of a PATCH. Without `value`, it has none."""
    members: Json = {"op": op}
    if path is not None:
        members["path"] = path
    if value is not _UNSET:
        members["value"] = value
    return members


def patch(*operations: Json) -> Json:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def member(name: str) -> str:
    """Return the path of the member with the id of the resource called `name`."""
    return f'members[value eq "{{{name}}}"]'
