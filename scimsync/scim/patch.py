"""Compute the smallest PATCH that turns one document into another (RFC 7644 section 3.5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from scimsync.scim.differences import Difference, differences

PATCH_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""The value of an operation without `value`, which differs from a null value."""


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One operation of a PATCH; without a `path`, it applies to the resource itself."""

    op: str
    path: str | None = None
    value: Any = ABSENT

    def to_json(self) -> dict[str, Any]:
        """Return the element of `Operations`."""
        members: dict[str, Any] = {"op": self.op}
        if self.path is not None:
            members["path"] = self.path
        if self.value is not ABSENT:
            members["value"] = self.value
        return members


def patch_body(operations: Sequence[PatchOperation]) -> dict[str, Any]:
    """Return the body of a PATCH request."""
    return {
        "schemas": [PATCH_SCHEMA],
        "Operations": [operation.to_json() for operation in operations],
    }


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PatchOperation]:
    """Return the operations that turn a resource with the values `before` into one with `after`.

    Each difference is one operation: `replace` if `before` has a value, `add` if it has none,
    `remove` if `after` has none. A new element of a multi-valued attribute is added as a whole,
    because a `replace` through a filter that matches nothing fails (noTarget, section 3.5.2.3).

    Raise PathError for a path that cannot be set.
    """
    return [_operation(difference) for difference in differences(before, after)]


def _operation(difference: Difference) -> PatchOperation:
    path = difference.where.path
    if difference.ends_element:
        return PatchOperation("remove", f"{path.parent}[{path.filter}]")
    if difference.is_removal:
        return PatchOperation("remove", str(path))
    if difference.element is not None:
        return PatchOperation("add", path.parent, [difference.element])
    return PatchOperation("add" if difference.is_new else "replace", str(path), difference.value)
