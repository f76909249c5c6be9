"""Paths that a mapping can set.

A path names an attribute, a sub-attribute, or a sub-attribute of one element of a multi-valued
attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from scimsync.scim.attributes import at_top
from scimsync.scim.filters import And, AttributeComparison, Filter
from scimsync.scim.grammar import PathError, Scalar
from scimsync.scim.paths import Path, parse_path

MULTI_VALUED = frozenset(
    {
        "emails",
        "phonenumbers",
        "ims",
        "photos",
        "addresses",
        "entitlements",
        "roles",
        "x509certificates",
        "members",
    }
)
"""Multi-valued attributes of the core schemas (RFC 7643 sections 4.1.2 and 4.2), in lower case."""

SCHEMA_URN = re.compile(r"^urn:[^\[]*:[0-9.]+:[^:.\[]+$", re.IGNORECASE)
"""The URN of a schema (RFC 7643 section 10).

It ends with a version and the name of a resource type.
"""

# set by the service provider (RFC 7643 sections 3 to 4.1.2)
_READ_ONLY = frozenset({"id", "meta", "schemas", "groups"})


@dataclass(frozen=True, slots=True)
class SettablePath:
    """A path that a document may hold.

    `pins` are the values that the filter requires of the element: `type eq "work"` becomes ("type",
    "work"). They are empty without a filter. `element` is equal for paths into the same element,
    and `key` for paths to the same value, in any spelling.
    """

    path: Path
    pins: tuple[tuple[str, Scalar], ...]
    element: str
    key: str

    def new_element(self) -> dict[str, Any]:
        """Return a new element of a multi-valued attribute that the filter of this path selects."""
        return dict(self.pins)


@lru_cache(maxsize=4096)
def settable_path(text: str) -> SettablePath:
    """Parse the path of a mapping.

    Raise PathError for a path that cannot be set; its text explains why and what can be set.
    """
    path = parse_path(text)
    name = path.attribute.casefold()
    _check_alone(text, path, name)
    pins = () if path.filter is None else tuple(_pins(text, path.filter))
    if pins and path.sub is None:
        raise PathError(text, len(text), "expected a sub-attribute such as .value after the filter")
    if path.sub is not None and path.sub.casefold() in {pin.casefold() for pin, _ in pins}:
        raise PathError(text, 1, f"'{path.sub}' is set by the filter already")
    parent = name if at_top(path.schema) else f"{path.schema}:{name}".casefold()
    described = sorted(f"{pin.casefold()} {value!r}".casefold() for pin, value in pins)
    element = f"{parent}[{' and '.join(described)}]" if pins else parent
    key = f"{element}.{path.sub}".casefold() if path.sub else element
    return SettablePath(path, pins, element, key)


def check_settable(paths: Iterable[str]) -> None:
    """Check the paths of one mapping, both individually and together.

    Two paths must not set the same value, a whole attribute and a part of it, or elements that
    could be the same, such as `emails[type eq "work"]` and `emails[primary eq true]`. Raise
    PathError for the first path that is wrong.
    """
    seen: list[tuple[str, SettablePath]] = []
    for text in paths:
        path = settable_path(text)
        for earlier, other in seen:
            if problem := _conflict(path, other):
                raise PathError(text, 1, f"{problem} '{earlier}'")
        seen.append((text, path))


def _check_alone(text: str, path: Path, name: str) -> None:
    if SCHEMA_URN.match(text) and text.casefold().startswith("urn:ietf:params:scim:schemas:"):
        problem = f"expected ':' and an attribute of the schema, as in {text}:department"
        raise PathError(text, len(text) + 1, problem)
    if not at_top(path.schema):
        return
    if name in _READ_ONLY:
        problem = f"'{path.attribute}' is set by the service provider and cannot be mapped"
        raise PathError(text, 1, problem)
    if path.filter is None and path.sub is not None and name in MULTI_VALUED:
        raise PathError(
            text,
            1,
            f"'{path.attribute}' holds several values; say which, as in {path.attribute}[type eq"
            f' "work"].{path.sub}',
        )


def _conflict(path: SettablePath, other: SettablePath) -> str | None:
    """Return why two paths cannot be in one mapping, or None if they can."""
    if path.element.partition("[")[0] != other.element.partition("[")[0]:
        return None
    if path.key == other.key:
        return "sets the same value as"
    if path.element == other.element and path.path.sub and other.path.sub:
        return None
    if not (path.pins and other.pins):
        return "sets a part of the same attribute as"
    pins = {name.casefold(): str(value).casefold() for name, value in path.pins}
    if any(
        pins.get(name.casefold(), str(value).casefold()) != str(value).casefold()
        for name, value in other.pins
    ):
        return None
    return "may choose the same element as"


def _pins(text: str, condition: Filter) -> list[tuple[str, Scalar]]:
    """Return the values that `condition` requires; it may use only `eq` and `and`."""
    if isinstance(condition, And):
        pins = [pin for operand in condition.operands for pin in _pins(text, operand)]
        names = [name.casefold() for name, _ in pins]
        if len(set(names)) < len(names):
            _refuse_filter(text)
        return pins
    if (
        not isinstance(condition, AttributeComparison)
        or condition.operator != "eq"
        or condition.value in (None, "")
        or condition.attribute.schema is not None
        or condition.attribute.sub is not None
    ):
        _refuse_filter(text)
    return [(condition.attribute.name, condition.value)]


def _refuse_filter(text: str) -> NoReturn:
    problem = (
        'the filter of a mapping must identify its element, with only eq and "and", as in'
        ' [type eq "work"]'
    )
    raise PathError(text, text.index("[") + 2, problem)
