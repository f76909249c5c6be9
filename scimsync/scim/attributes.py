"""Read attributes of resources: names are case-insensitive (RFC 7643 section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CORE_SCHEMA_PREFIX = "urn:ietf:params:scim:schemas:core:2.0:"
"""The prefix of the core schemas, whose attributes are at the top level of a resource (RFC 7643
section 3.3)."""


def spelled(container: Mapping[str, Any], name: str) -> str | None:
    """Return the key of `container` that equals `name` in any case, best the exact one; None where
    there is none."""
    if name in container:
        return name
    folded = name.casefold()
    return next((key for key in container if key.casefold() == folded), None)


def read(container: Mapping[str, Any], name: str) -> Any:
    """Return the value of the attribute `name`; None where there is none."""
    if name in container:
        return container[name]
    key = spelled(container, name)
    return None if key is None else container[key]


def is_unassigned(value: Any) -> bool:
    """Return whether a value counts as no value: null, "", an empty list or object (RFC 7643
    section 2.5)."""
    return value is None or value in ("", [], {})


def at_top(schema: str | None) -> bool:
    """Return whether attributes of `schema` are at the top level of a resource instead of under the
    URN of the schema."""
    return schema is None or schema.casefold().startswith(CORE_SCHEMA_PREFIX)


def resource_id(resource: Mapping[str, Any]) -> str | None:
    """Return the `id` of a resource as text, also where it is a number; None where there is
    none."""
    value = read(resource, "id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def same_value(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal. `true` is not 1, and the order of lists is
    ignored: a PATCH cannot address a position, and service providers choose their own order."""
    if type(one) is str or type(other) is str:
        return bool(one == other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            same_value(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and _same_items(one, other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _same_items(one: list[Any], other: list[Any]) -> bool:
    rest = list(other)
    for item in one:
        found = next(
            (index for index, candidate in enumerate(rest) if same_value(item, candidate)), None
        )
        if found is None:
            return False
        del rest[found]
    return True
