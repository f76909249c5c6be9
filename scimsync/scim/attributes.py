"""Read attributes of resources: names are case-insensitive (RFC 7643 section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CORE_SCHEMA_PREFIX = "urn:ietf:params:scim:schemas:core:2.0:"
"""The URN prefix of the core schemas.

Their attributes are at the top level of a resource (RFC 7643 section 3.3).
"""

_MAX_DIGITS = 18

MAX_NAME = 2048
"""The longest id or name of a target (characters) that is kept.

RFC 7643 sets no limit. A URL holds hardly more, and nothing longer may fill messages and the state.
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
    """Return the `id` of a resource as text, even if it is a number.

    Return None if there is none that can be used, see `usable_id`.
    """
    return usable_id(read(resource, "id"))


def usable_id(value: Any) -> str | None:
    """Return the id `value` as text, or None if a URL with it would address something else.

    An empty id addresses the whole collection, and dots address another path. An id that
    `short_text` refuses cannot be used either.
    """
    text = short_text(value)
    return None if text is None or text.strip() in ("", ".", "..") else text


def member_id(member: Any) -> str | None:
    """Return the id of an element of `members`, or None if it has none that can be used."""
    return usable_id(read(member, "value")) if isinstance(member, Mapping) else None


def member_ids(group: Mapping[str, Any]) -> list[str]:
    """Return the ids of the members that a group shows."""
    members = read(group, "members")
    ids = map(member_id, members) if isinstance(members, list) else ()
    return [one for one in ids if one is not None]


def short_text(value: Any) -> str | None:
    """Return a text or number of a target as text.

    Return None if it is empty, longer than `MAX_NAME`, or something else.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if 0 < len(text) <= MAX_NAME else None


def count_in(value: Any) -> int | None:
    """Return a number of resources, which may be text, or None if `value` is not a number."""
    text = str(value)
    is_count = not isinstance(value, bool) and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) if is_count else None


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
