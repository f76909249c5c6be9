"""The shapes of requests: the choices that service providers differ in.

RFC 7644 allows several ways to make one change, and many applications implement one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


class Axis(StrEnum):
    """What a shape chooses."""

    WRITE = "write"
    ABSENT = "absent"
    ELEMENT = "element"
    EXTENSION = "extension"
    MANAGER = "manager"
    MEMBER_ADDITION = "member_addition"
    MEMBER_REMOVAL = "member_removal"
    OPERATIONS = "operations"
    PATH = "path"
    WORDS = "words"


CHOICES: Final[Mapping[Axis, Mapping[str, str]]] = {
    Axis.WRITE: {
        "patch": "PATCH of what changes",
        "put": "PUT of the whole resource, as read, with the changes",
    },
    Axis.ABSENT: {
        "replace": "`replace` of a value that was absent",
        "add": "`add` of a value that was absent",
    },
    Axis.ELEMENT: {
        "filter": "one value of an element by a filter, and new elements as a whole",
        "value": "one value of an element by a filter, of a new element too",
        "element": "the whole element, by a filter",
        "list": "the whole list, as read, with the changes",
    },
    Axis.EXTENSION: {
        "path": "a path with the URN of the extension",
        "nested": "an object under the URN of the extension, without a path",
    },
    Axis.MANAGER: {
        "value": "the path `manager.value`",
        "object": "the path `manager` and an object with `value`",
        "nested": "an object under the URN of the extension, without a path",
    },
    Axis.MEMBER_ADDITION: {
        "path": "`add` with the path `members`",
        "object": "`add` of an object with `members`, without a path",
        "list": "the whole list of members, as read, with the changes",
    },
    Axis.MEMBER_REMOVAL: {
        "filter": "`remove` with a filter for each member",
        "values": "`remove` with the path `members` and a list of members",
        "list": "the whole list of members, as read, without the removed ones",
    },
    Axis.OPERATIONS: {
        "together": "all operations in one PATCH",
        "single": "one PATCH for each operation",
    },
    Axis.PATH: {
        "path": "operations with a path",
        "object": "one object without a path",
        "keys": "one object without a path, with paths as keys",
    },
    Axis.WORDS: {
        "rfc": "`replace` and true",
        "legacy": '`Replace` and "True"',
    },
}
"""The choices on each axis in words, in the order in which `auto` tries them."""

NEVER_LEARNED: Final = (Axis.WORDS,)
"""Axes that only a fixed dialect moves."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A choice on each axis."""

    write: str = "patch"
    absent: str = "replace"
    element: str = "filter"
    extension: str = "path"
    manager: str = "value"
    member_addition: str = "path"
    member_removal: str = "filter"
    operations: str = "together"
    path: str = "path"
    words: str = "rfc"

    def __post_init__(self) -> None:
        for axis, choices in CHOICES.items():
            if self.choice(axis) not in choices:
                raise ValueError(f"{axis} cannot be {self.choice(axis)!r}")

    def choice(self, axis: Axis) -> str:
        """Return the choice on an axis."""
        chosen: str = getattr(self, axis)
        return chosen

    def with_choice(self, axis: Axis, choice: str) -> Shape:
        """Return this shape with another choice on one axis."""
        return replace(self, **{axis.value: choice})


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes for one type of resource.

    Values are set in the shape `setting`, and removed in the shape `removing`. `by_put` are paths
    (in lower case) whose values the service provider takes by PUT only.
    """

    setting: Shape = field(default_factory=Shape)
    removing: Shape = field(default_factory=Shape)
    by_put: frozenset[str] = frozenset()

    def shape(self, *, removes: bool) -> Shape:
        """Return the shape for setting or for removing values."""
        return self.removing if removes else self.setting

    @property
    def writes_by_put(self) -> bool:
        """Whether every change is a PUT."""
        return self.setting.write == "put"
