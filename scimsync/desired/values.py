"""What goes into a program and what comes out: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scimsync.model.ids import Key, Value


@dataclass(frozen=True, slots=True)
class Expression:
    """An attribute's value is worked out from the record; `once`: sent at creation only."""

    text: str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """An attribute has this value for everybody; `once`: sent at creation only."""

    value: Any
    once: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """An attribute is sent at creation with `length` random characters that are kept nowhere."""

    length: int


Mapped = Expression | Constant | Generate


@dataclass(frozen=True, slots=True)
class Extra:
    """An expression over a record that gives no attribute. `keys` is where it stands in the
    configuration."""

    keys: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What one record should be at one target.

    `access` names the rules that hold, in the order of their definition, of those that the program
    reaches. Out of scope the mapping is not worked out: `document`, `once` and `generate` are empty
    then. Paths are canonical; values are JSON values or `Ref`; what is absent has no entry.
    `generate` gives lengths in characters. `extras` are the values of expressions that are no
    attributes (groups, members), as they come.
    """

    key: Key
    in_scope: bool
    access: tuple[str, ...] = ()
    document: Mapping[str, Value] = field(default_factory=dict, hash=False)
    once: Mapping[str, Value] = field(default_factory=dict, hash=False)
    generate: Mapping[str, int] = field(default_factory=dict, hash=False)
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)
