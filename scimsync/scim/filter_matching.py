"""Match resources, or elements of a multi-valued attribute, against a filter.

RFC 7644 section 3.4.2.2 defines the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from scimsync.model.ids import fold_case
from scimsync.scim.attributes import at_top, is_unassigned, read
from scimsync.scim.filters import (
    And,
    AttributeComparison,
    AttributePath,
    Filter,
    Not,
    Or,
    Present,
    ValuePath,
)

# RFC 7643 sections 3.1 and 2.3.7; all other attributes are compared without case
_CASE_EXACT = frozenset({"id", "externalid", "$ref"})

_OPERATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "co": lambda held, wanted: wanted in held,
    "sw": lambda held, wanted: held.startswith(wanted),
    "ew": lambda held, wanted: held.endswith(wanted),
    "gt": lambda held, wanted: held > wanted,
    "ge": lambda held, wanted: held >= wanted,
    "lt": lambda held, wanted: held < wanted,
    "le": lambda held, wanted: held <= wanted,
}


def matches(condition: Filter, resource: Mapping[str, Any]) -> bool:
    """Return whether `resource` (or one element, for the filter of a value path) matches.

    A multi-valued attribute matches if one of its values does. A complex attribute without
    sub-attribute is compared by its `value`. Text is compared without case, except in `id`,
    `externalId` and `$ref`. A missing attribute equals null.
    """
    match condition:
        case And(operands):
            return all(matches(operand, resource) for operand in operands)
        case Or(operands):
            return any(matches(operand, resource) for operand in operands)
        case Not(operand):
            return not matches(operand, resource)
        case Present(attribute):
            return any(True for _ in _values(resource, attribute))
        case ValuePath(attribute, inner):
            elements = _values(resource, attribute)
            return any(
                isinstance(element, Mapping) and matches(inner, element) for element in elements
            )
        case AttributeComparison():
            return _compares(condition, resource)


def _compares(condition: AttributeComparison, resource: Mapping[str, Any]) -> bool:
    attribute, operator, wanted = condition.attribute, condition.operator, condition.value
    exact = (attribute.sub or attribute.name).casefold() in _CASE_EXACT
    held = [
        read(value, "value") if isinstance(value, Mapping) else value
        for value in _values(resource, attribute)
    ]
    if operator == "eq":
        return any(_equal(value, wanted, exact) for value in held) if held else wanted is None
    if operator == "ne":
        return (
            any(not _equal(value, wanted, exact) for value in held) if held else wanted is not None
        )
    return any(_ordered(operator, value, wanted, exact) for value in held)


def _values(resource: Mapping[str, Any], path: AttributePath) -> Iterator[Any]:
    """Yield each assigned value at `path`, including those within lists."""
    holder: Any = resource if at_top(path.schema) else read(resource, path.schema or "")
    if not isinstance(holder, Mapping):
        return
    for value in _assigned_values(read(holder, path.name)):
        if path.sub is None:
            yield value
        elif isinstance(value, Mapping):
            yield from _assigned_values(read(value, path.sub))


def _assigned_values(value: Any) -> Iterator[Any]:
    values = value if isinstance(value, list) else [value]
    yield from (item for item in values if not is_unassigned(item))


def _equal(held: Any, wanted: Any, exact: bool) -> bool:
    if isinstance(held, str) and isinstance(wanted, str):
        return held == wanted or (not exact and fold_case(held) == fold_case(wanted))
    return isinstance(held, bool) == isinstance(wanted, bool) and bool(held == wanted)


def _ordered(operator: str, held: Any, wanted: Any, exact: bool) -> bool:
    if isinstance(held, str) and isinstance(wanted, str):
        moments = _moment(held), _moment(wanted)
        if operator in ("gt", "ge", "lt", "le") and None not in moments:
            held, wanted = moments
        elif not exact:
            held, wanted = fold_case(held), fold_case(wanted)
    elif (
        isinstance(held, str | bool)
        or isinstance(wanted, str | bool)
        or not isinstance(held, int | float)
    ):
        return False
    return _OPERATIONS[operator](held, wanted)


def _moment(text: str) -> datetime | None:
    """Return a SCIM dateTime, or None for any other text.

    Such values are compared chronologically (RFC 7643 section 2.3.5).
    """
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
