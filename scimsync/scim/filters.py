"""Filters (RFC 7644 section 3.4.2.2, figure 1): their syntax tree, a parser, and `str()`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from scimsync.scim.grammar import Cursor, FilterError, Scalar

OPERATORS: Final = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
_TEXT_ONLY: Final = ("co", "sw", "ew")
_ORDERED: Final = ("gt", "ge", "lt", "le")
_MAX_DEPTH: Final = 50


@dataclass(frozen=True, slots=True)
class AttributePath:
    """`attrPath`: an attribute or a sub-attribute, with the schema if the filter names it.

    Names keep their spelling.
    """

    schema: str | None
    name: str
    sub: str | None = None

    def __str__(self) -> str:
        prefix = f"{self.schema}:" if self.schema else ""
        return f"{prefix}{self.name}.{self.sub}" if self.sub else prefix + self.name


@dataclass(frozen=True, slots=True)
class AttributeComparison:
    """`attrPath SP compareOp SP compValue`.

    Equal comparisons have equal JSON literals: `true` is not 1.
    """

    attribute: AttributePath
    operator: str
    value: Scalar = field(compare=False)
    literal: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "literal", json.dumps(self.value, ensure_ascii=False, allow_nan=False)
        )

    def __str__(self) -> str:
        return f"{self.attribute} {self.operator} {self.literal}"


@dataclass(frozen=True, slots=True)
class Present:
    """`attrPath SP "pr"`: the attribute has a value."""

    attribute: AttributePath

    def __str__(self) -> str:
        return f"{self.attribute} pr"


@dataclass(frozen=True, slots=True)
class And:
    """A conjunction of two or more filters."""

    operands: tuple[Filter, ...]

    def __str__(self) -> str:
        return " and ".join(
            f"({operand})" if isinstance(operand, And | Or) else str(operand)
            for operand in self.operands
        )


@dataclass(frozen=True, slots=True)
class Or:
    """A disjunction of two or more filters."""

    operands: tuple[Filter, ...]

    def __str__(self) -> str:
        return " or ".join(
            f"({operand})" if isinstance(operand, Or) else str(operand) for operand in self.operands
        )


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a filter."""

    operand: Filter

    def __str__(self) -> str:
        return f"not ({self.operand})"


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`attrPath "[" valFilter "]"`: a single element matches the whole inner filter."""

    attribute: AttributePath
    filter: Filter

    def __str__(self) -> str:
        return f"{self.attribute}[{self.filter}]"


Filter = AttributeComparison | Present | And | Or | Not | ValuePath


def attributes_of(condition: Filter) -> Iterator[AttributePath]:
    """Yield the attributes of a resource that a filter names."""
    match condition:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from attributes_of(operand)
        case Not(operand):
            yield from attributes_of(operand)
        case AttributeComparison() | Present():
            yield condition.attribute
        case ValuePath(attribute, selection):
            yield attribute
            for part in attributes_of(selection):
                yield AttributePath(attribute.schema, attribute.name, part.name)


@lru_cache(maxsize=1024)
def parse_filter(text: str) -> Filter:
    """Parse a filter; `parse_filter(str(x)) == x`.

    Raise FilterError, with the position and what was expected.
    """
    cursor = Cursor(text, FilterError)
    found = filter_at(cursor)
    if cursor.token.kind != "end":
        raise cursor.wrong("'and', 'or' or the end")
    return found


def filter_at(cursor: Cursor, *, in_value_path: bool = False, depth: int = 0) -> Filter:
    """Parse `FILTER` (or `valFilter`, which contains no value path) at the cursor.

    `not` binds tightest, then `and`, then `or`.
    """
    if depth > _MAX_DEPTH:
        raise cursor.problem(f"more than {_MAX_DEPTH} brackets inside each other")
    alternatives = [_conjunction(cursor, in_value_path, depth)]
    while cursor.follows("or"):
        cursor.advance()
        alternatives.append(_conjunction(cursor, in_value_path, depth))
    return alternatives[0] if len(alternatives) == 1 else Or(tuple(alternatives))


def _conjunction(cursor: Cursor, in_value_path: bool, depth: int) -> Filter:
    operands = [_operand(cursor, in_value_path, depth)]
    while cursor.follows("and"):
        cursor.advance()
        operands.append(_operand(cursor, in_value_path, depth))
    return operands[0] if len(operands) == 1 else And(tuple(operands))


def _operand(cursor: Cursor, in_value_path: bool, depth: int) -> Filter:
    negated = cursor.follows("not") and cursor.follows("(", ahead=1)
    if negated:
        cursor.advance()
    if cursor.follows("("):
        cursor.advance()
        inner = filter_at(cursor, in_value_path=in_value_path, depth=depth + 1)
        cursor.expect(")", "'and', 'or' or ')'")
        return Not(inner) if negated else inner
    attribute = AttributePath(*cursor.attribute())
    if cursor.follows("["):
        if in_value_path:
            raise cursor.problem("a value path cannot contain another")
        cursor.advance()
        inner = filter_at(cursor, in_value_path=True, depth=depth + 1)
        cursor.expect("]", "'and', 'or' or ']'")
        return ValuePath(attribute, inner)
    return _comparison(cursor, attribute)


def _comparison(cursor: Cursor, attribute: AttributePath) -> Filter:
    if cursor.follows("pr"):
        cursor.advance()
        return Present(attribute)
    if not cursor.follows(*OPERATORS):
        raise cursor.wrong(f"an operator ({' '.join(OPERATORS)} pr) after '{attribute}'")
    operator = cursor.advance().text.lower()
    token = cursor.token
    value = cursor.literal()
    if operator in _TEXT_ONLY and not isinstance(value, str):
        raise cursor.wrong(f"text in double quotes after '{operator}'", token)
    if operator in _ORDERED and (value is None or isinstance(value, bool)):
        raise cursor.wrong(f"text or a number after '{operator}'", token)
    return AttributeComparison(attribute, operator, value)
