"""Turn the value of an expression into the value of an attribute.

None, "", an empty list or table, and a list or table that has only such values are absent, which is
None here (RFC 7643 section 2.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from jinja2 import Undefined

from scimsync.desired.booleans import read_boolean
from scimsync.desired.expression_errors import UnusableValue, kind_of, show
from scimsync.desired.schema_attributes import SchemaAttribute, ValueForm
from scimsync.model.ids import Value
from scimsync.model.placeholders import IdOf

_INTEGERS = range(-(2**63), 2**64)  # the range on which JSON writers and readers agree

Shape = Callable[[Any], Value | None]
"""A function that makes the value of an attribute: None if absent.

It raises UnusableValue if the attribute cannot take the value.
"""


def shape_for(attribute: SchemaAttribute) -> Shape:
    """Return the function that makes values of `attribute`."""
    if attribute.form is ValueForm.MULTI and attribute.path.attribute == "addresses":
        return addresses  # they have no `value` (RFC 7643 section 4.1.2)
    return _SHAPES[attribute.form]


def anything(value: Any) -> Value | None:
    """Return any JSON value, or a reference."""
    return value if type(value) is IdOf else tidy(value)


def text(value: Any) -> Value | None:
    """Return a text, or a reference. Numbers become text, as typed sources have numeric ids."""
    if type(value) is str and value.isascii():
        return value or None
    if type(value) is IdOf:
        return value
    value = tidy(value)
    if isinstance(value, bool):
        raise UnusableValue(
            f"it takes text, but the expression gave {show(value)}; write 'yes' if … else 'no'",
            code="SYNC-0324",
        )
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, dict)):
        raise UnusableValue(
            f"it takes text, but the expression gave {kind_of(type(value).__name__)}:"
            f" {show(value)}",
            code="SYNC-0324",
        )
    return value


def boolean(value: Any) -> bool | None:
    """Return true or false, also for the words that text files use for them.

    The result is never a text, because many targets read the text "false" as true.
    """
    if isinstance(value, bool):
        return value
    value = tidy(value)
    if value is None:
        return None
    read = read_boolean(value)
    if read is not None:
        return read
    if isinstance(value, str) and value.isspace():
        return None
    raise UnusableValue(
        f"it takes true or false, but the expression gave {show(value)}; write a comparison, as in"
        " status == 'active'",
        code="SYNC-0324",
    )


def multi(value: Any) -> Value | None:
    """Return a list of complex values, without duplicates, in order.

    A text or a list of texts becomes `[{"value": …}]`.
    """
    return _elements(value, "value")


def addresses(value: Any) -> Value | None:
    """Return a list of addresses, as `multi` does; a text becomes `formatted`."""
    return _elements(value, "formatted")


def complex_value(value: Any) -> Value | None:
    """Return a table of sub-attributes."""
    value = tidy(value)
    if value is not None and not isinstance(value, dict):
        raise UnusableValue(
            "it has parts, such as name.givenName or manager.value: map those; the expression gave"
            f" {show(value)}",
            code="SYNC-0324",
        )
    return value


def _elements(value: Any, main: str) -> Value | None:
    value = tidy(value)
    if value is None:
        return None
    elements: list[dict[str, Any]] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            element = item
            if "primary" in item:
                element = item | {"primary": boolean(item["primary"])}
        elif isinstance(item, list):
            raise UnusableValue(
                f"it takes text, but the expression gave a list of lists: {show(item)}",
                code="SYNC-0324",
            )
        else:
            element = {main: text(item)}
        if element not in elements:
            elements.append(element)
    return elements


def tidy(value: Any) -> Value | None:
    """Return `value` as a JSON value, without absent parts.

    Dates become ISO texts, tuples become lists, and keys become texts.
    """
    kind = type(value)
    if kind is str:
        return _checked_text(value) if value else None
    if value is None or kind is bool:
        return value
    if kind is int or kind is float:
        return _checked_number(value)
    if isinstance(value, (list, tuple, dict)):
        return _tidy_parts(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str):
        return tidy(str(value))
    return _unusable(value)


def _tidy_parts(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> Value | None:
    if isinstance(value, dict):
        pairs = ((str(name), tidy(item)) for name, item in value.items())
        return {name: item for name, item in pairs if item is not None} or None
    return [item for item in map(tidy, value) if item is not None] or None


def _checked_text(value: str) -> str:
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UnusableValue(
            f"{show(value)} contains half a character (a lone surrogate)", code="SYNC-0325"
        )
    return value


def _checked_number(value: float) -> float:
    if type(value) is int and value not in _INTEGERS:
        raise UnusableValue("the number is too large", code="SYNC-0325")
    if not math.isfinite(value):
        raise UnusableValue(f"{value} is not a number that can be sent", code="SYNC-0325")
    return value


def _unusable(value: Any) -> Value | None:
    if isinstance(value, Undefined):
        str(value)  # raises UndefinedError with the reason
    if isinstance(value, IdOf):
        raise UnusableValue(
            "ref(…) must be the whole value of an attribute, not a part of a list or table",
            code="SYNC-0327",
        )
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray, Mapping)):
        raise UnusableValue(
            f"{kind_of(type(value).__name__)} is not a value that can be sent", code="SYNC-0325"
        )
    return tidy(list(value))


_SHAPES: Mapping[ValueForm, Shape] = {
    ValueForm.TEXT: text,
    ValueForm.BOOLEAN: boolean,
    ValueForm.MULTI: multi,
    ValueForm.COMPLEX: complex_value,
    ValueForm.ANY: anything,
}
