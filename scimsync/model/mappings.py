"""The right sides of mapping lines: where the value of an attribute comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Expression:
    """A Jinja2 expression over the record. With `once`, it is sent at creation only."""

    text: str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value for all records. With `once`, it is sent at creation only."""

    value: Any
    once: bool = False


@dataclass(frozen=True, slots=True)
class Generate:
    """A text of `length` random characters, sent at creation and stored nowhere."""

    length: int


MappedValue = Expression | Constant | Generate
