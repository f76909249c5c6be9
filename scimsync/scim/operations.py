"""One operation of a PATCH request (RFC 7644 section 3.5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

PATCH_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Says that an operation has no `value`, which is not the same as a value of null."""


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """`op`, perhaps a `path` (None: the resource itself), perhaps a JSON `value`."""

    op: Literal["add", "replace", "remove"]
    path: str | None = None
    value: Any = ABSENT

    def to_json(self) -> dict[str, Any]:
        """The operation as it stands in `Operations`."""
        members = {"op": self.op, "path": self.path, "value": self.value}
        return {
            name: held
            for name, held in members.items()
            if held is not ABSENT and not (name == "path" and held is None)
        }


def patch_body(operations: Sequence[PatchOperation]) -> dict[str, Any]:
    """The body of the PATCH request that carries `operations`, in their order."""
    return {
        "schemas": [PATCH_SCHEMA],
        "Operations": [operation.to_json() for operation in operations],
    }
