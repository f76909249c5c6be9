"""What a path of a mapping sets: one attribute, one sub-attribute, or a sub-attribute of one chosen
element."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from scimsync.scim.attributes import at_top
from scimsync.scim.filters import And, Comparison, Filter
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
"""What the URN of a schema looks like: it ends in a version and the name of a resource type (RFC
7643 section 10)."""

# RFC 7643 sections 3 to 4.1.2: the service provider's own
_READ_ONLY = frozenset({"id", "meta", "schemas", "groups"})


@dataclass(frozen=True, slots=True)
class Place:
    """A path that a document may hold.

    `pins` are what the filter says of its element (`type eq "work"` is ("type", "work")); empty
    without a filter. `element` is equal for paths into the same element, `key` for paths to the
    same value, however they are spelled.
    """

    path: Path
    pins: tuple[tuple[str, Scalar], ...]
    element: str
    key: str


@lru_cache(maxsize=4096)
def place(text: str) -> Place:
    """What the mapping path `text` sets. Raises PathError for a path that cannot be set, saying why
    and what can."""
    path = parse_path(text)
    name = path.attribute.casefold()
    if SCHEMA_URN.match(text) and text.casefold().startswith("urn:ietf:params:scim:schemas:"):
        raise PathError(
            text,
            len(text) + 1,
            f"expected ':' and an attribute of the schema, as in {text}:department",
        )
    if at_top(path.schema) and name in _READ_ONLY:
        raise PathError(
            text, 1, f"'{path.attribute}' is set by the service provider and cannot be mapped"
        )
    if (
        path.filter is None
        and path.sub is not None
        and at_top(path.schema)
        and name in MULTI_VALUED
    ):
        raise PathError(
            text,
            1,
            f"'{path.attribute}' holds several values; say which, as in {path.attribute}[type eq"
            f' "work"].{path.sub}',
        )
    pins = () if path.filter is None else tuple(_pins(text, path.filter))
    parent = name if at_top(path.schema) else f"{path.schema}:{name}".casefold()
    described = sorted(f"{pin.casefold()} {value!r}".casefold() for pin, value in pins)
    element = f"{parent}[{' and '.join(described)}]" if pins else parent
    if pins and path.sub is None:
        raise PathError(text, len(text), "expected a sub-attribute such as .value after the filter")
    if path.sub is not None and path.sub.casefold() in {pin.casefold() for pin, _ in pins}:
        raise PathError(text, 1, f"'{path.sub}' is set by the filter already")
    return Place(path, pins, element, f"{element}.{path.sub}".casefold() if path.sub else element)


def settable(text: str) -> Path:
    """The path `text`, if a document may hold it. Raises PathError otherwise; meant for checking
    configuration."""
    return place(text).path


def check_settable(paths: Iterable[str]) -> None:
    """Check the paths of one mapping alone and together. Raises PathError for the first that is
    wrong.

    Two of them must not set the same value, an attribute as a whole and a part of it, or elements
    that could be one and the same, as `emails[type eq "work"]` and `emails[primary eq true]` could.
    """
    seen: list[tuple[str, Place]] = []
    for text in paths:
        here = place(text)
        for earlier, there in seen:
            if problem := _conflict(here, there):
                raise PathError(text, 1, f"{problem} '{earlier}'")
        seen.append((text, here))


def element_start(where: Place) -> dict[str, Any]:
    """A new element of a multi-valued attribute that holds what the filter of `where` says of
    it."""
    return dict(where.pins)


def _conflict(here: Place, there: Place) -> str | None:
    if here.element.partition("[")[0] != there.element.partition("[")[0]:
        return None
    if here.key == there.key:
        return "sets the same value as"
    if here.element == there.element and here.path.sub and there.path.sub:
        return None
    if not (here.pins and there.pins):
        return "sets a part of the same attribute as"
    mine = {name.casefold(): str(value).casefold() for name, value in here.pins}
    if any(
        mine.get(name.casefold(), str(value).casefold()) != str(value).casefold()
        for name, value in there.pins
    ):
        return None
    return "may choose the same element as"


def _pins(text: str, condition: Filter) -> list[tuple[str, Scalar]]:
    """What `condition` says of its element, where it says it with `eq` and `and` alone."""
    if isinstance(condition, And):
        pins = [pin for operand in condition.operands for pin in _pins(text, operand)]
        names = [name.casefold() for name, _ in pins]
        if len(set(names)) < len(names):
            _unclear(text)
        return pins
    if (
        not isinstance(condition, Comparison)
        or condition.operator != "eq"
        or condition.value in (None, "")
    ):
        _unclear(text)
    if condition.attribute.schema is not None or condition.attribute.sub is not None:
        _unclear(text)
    return [(condition.attribute.name, condition.value)]


def _unclear(text: str) -> NoReturn:
    problem = (
        'the filter of a mapping has to say what its element holds, with eq and "and" only, as in'
        ' [type eq "work"]'
    )
    raise PathError(text, text.index("[") + 2, problem)
