"""The values that programs are compiled from, and those that they return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scimsync.model.ids import Key, Value


@dataclass(frozen=True, slots=True)
class Expression:
    """A mapped attribute that is computed from the record; `once`: sent at creation only."""

    text: str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A mapped attribute with the same value for every record; `once`: sent at creation only."""

    value: Any
    once: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """A mapped attribute that gets `length` random characters at creation; they are not stored."""

    length: int


Mapped = Expression | Constant | Generate


@dataclass(frozen=True, slots=True)
class Extra:
    """An expression that sets no attribute; `keys` is its place in the configuration."""

    keys: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What one record should be at one target.

    `access` names the access rules that apply, of those that the program uses, in the order of
    their definition. For a record out of scope the mapping is not evaluated: `document`, `once` and
    `generate` are empty. Paths are canonical; values are JSON values or `IdOf`; absent values have
    no entry. `generate` holds lengths in characters. `extras` are the raw values of the expressions
    that set no attribute (groups, members).
    """

    key: Key
    in_scope: bool
    access: tuple[str, ...] = ()
    document: Mapping[str, Value] = field(default_factory=dict, hash=False)
    once: Mapping[str, Value] = field(default_factory=dict, hash=False)
    generate: Mapping[str, int] = field(default_factory=dict, hash=False)
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)
