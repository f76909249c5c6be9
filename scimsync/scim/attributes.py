"""Read attributes of resources: names are case-insensitive (RFC 7643 section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CORE_SCHEMA_PREFIX = "urn:ietf:params:scim:schemas:core:2.0:"
"""The URN prefix of the core schemas.

Their attributes are at the top level of a resource (RFC 7643 section 3.3).
"""


def spelled(container: Mapping[str, Any], name: str) -> str | None:
    """Return the key of `container` that equals `name` in any case, or None.

    An exact match is preferred.
    """
    if name in container:
        return name
    folded = name.casefold()
    return next((key for key in container if key.casefold() == folded), None)


def read(container: Mapping[str, Any], name: str) -> Any:
    """Return the value of the attribute `name`, or None if there is none."""
    if name in container:
        return container[name]
    key = spelled(container, name)
    return None if key is None else container[key]


def is_unassigned(value: Any) -> bool:
    """Return whether `value` is null, "", or an empty list or object (RFC 7643 section 2.5)."""
    return value is None or value in ("", [], {})


def at_top(schema: str | None) -> bool:
    """Return whether attributes of `schema` are at the top level of a resource.

    Attributes of an extension are in an object under the URN of its schema instead.
    """
    return schema is None or schema.casefold().startswith(CORE_SCHEMA_PREFIX)


def resource_id(resource: Mapping[str, Any]) -> str | None:
    """Return the `id` of a resource as text, even if it is a number, or None if there is none."""
    value = read(resource, "id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def same_value(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal.

    `true` is not 1. The order of lists is ignored: a PATCH cannot address a position, and service
    providers choose their own order.
    """
    if type(left) is str or type(right) is str:
        return bool(left == right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same_value(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and _same_items(left, right)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _same_items(left: list[Any], right: list[Any]) -> bool:
    rest = list(right)
    for item in left:
        found = next(
            (index for index, candidate in enumerate(rest) if same_value(item, candidate)), None
        )
        if found is None:
            return False
        del rest[found]
    return True
