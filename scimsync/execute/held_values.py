"""Compare what a resource holds with the value of a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scimsync.model.changes import Change
from scimsync.scim.attributes import read, same_value
from scimsync.scim.resources import value_at
from scimsync.targets.resource_list import fold
from scimsync.targets.shown_resources import read_active


def holds(resource: Mapping[str, Any], change: Change) -> bool:
    """Return whether a resource holds the value of a change, ignoring the case of texts."""
    if change.path == "active":
        return read_active(read(resource, "active")) is change.after
    held = value_at(resource, change.path)
    return is_same(change.path, held, change.after)


def is_same(path: str, held: Any, value: Any) -> bool:
    """Return whether a held value is the same as another, ignoring the case of texts."""
    if isinstance(held, str) and isinstance(value, str):
        return fold(path, held) == fold(path, value)
    return same_value(held, value)
