"""Compute the smallest PATCH that turns one document into another (RFC 7644 section 3.5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from scimsync.scim.attributes import same_value
from scimsync.scim.settable import SettablePath, settable_path

PATCH_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""The value of an operation without `value`, which differs from a null value."""


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One operation of a PATCH; without a `path`, it applies to the resource itself."""

    op: Literal["add", "replace", "remove"]
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


@dataclass(frozen=True, slots=True)
class _Entry:
    where: SettablePath
    value: Any


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PatchOperation]:
    """Return the operations that turn a resource with the values `before` into one with `after`.

    Only changed values are named, so that attributes in neither document stay as they are:
    `replace` if `before` has a value, `add` if it has none, `remove` if `after` has none. If
    `before` has no value in an element that a filter selects, the whole element is added, because a
    `replace` through a filter that matches nothing fails (noTarget, section 3.5.2.3). If `after`
    has no value in it, the whole element is removed. Removals come first, in the order of `before`;
    the other operations follow in the order of `after`. Lists are compared without order.

    Raise PathError for a path that cannot be set.
    """
    if len(before) == len(after) and all(
        text in before and same_value(before[text], value) for text, value in after.items()
    ):
        return []  # a shortcut for by far the most frequent case
    old, new = _entries(before), _entries(after)
    return [*_removals(old, new), *_settings(old, new)]


def _entries(document: Mapping[str, Any]) -> dict[str, _Entry]:
    """Return the values of a document by the key of their path.

    Objects are split into their sub-attributes, because a `replace` of an object keeps those that
    it does not name (section 3.5.2.3).
    """
    entries = {}
    for text, value in document.items():
        where = settable_path(text)
        if isinstance(value, dict) and where.path.sub is None:
            parts = {f"{text}.{sub}": held for sub, held in value.items()}
        else:
            parts = {text: value}
        for part, held in parts.items():
            entry = _Entry(settable_path(part), held)
            entries[entry.where.key] = entry
    return entries


def _removals(old: dict[str, _Entry], new: dict[str, _Entry]) -> Iterator[PatchOperation]:
    kept = {entry.where.element for entry in new.values()}
    removed = set()
    for key, entry in old.items():
        where = entry.where
        if key in new:
            continue
        if not where.pins or where.element in kept:
            yield PatchOperation("remove", str(where.path))
        elif where.element not in removed:
            removed.add(where.element)
            yield PatchOperation("remove", f"{where.path.parent}[{where.path.filter}]")


def _settings(old: dict[str, _Entry], new: dict[str, _Entry]) -> Iterator[PatchOperation]:
    existing = {entry.where.element for entry in old.values()}
    added = set()
    for key, entry in new.items():
        where = entry.where
        if key in old:
            if not same_value(old[key].value, entry.value):
                yield PatchOperation("replace", str(where.path), entry.value)
        elif not where.pins or where.element in existing:
            yield PatchOperation("add", str(where.path), entry.value)
        elif where.element not in added:
            added.add(where.element)
            parts = [other for other in new.values() if other.where.element == where.element]
            element = where.new_element() | {
                str(other.where.path.sub): other.value for other in parts
            }
            yield PatchOperation("add", where.path.parent, [element])
