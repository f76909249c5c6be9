"""The small values of sync.toml that have no module of their own: names, texts, conditions,
choices, constants.

Each is a type for pydantic that reads what TOML gives, says in plain words what is wrong with it,
and knows its JSON Schema.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from scimsync.config.faults import fault
from scimsync.config.quoting import toml_string
from scimsync.model.suggestions import did_you_mean

NAME_PATTERN = r"^[A-Za-z0-9_.-]+$"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_INT64 = range(-(2**63), 2**63)

Scalar = str | bool | int | float
"""A constant: what TOML and JSON both know."""


def toml_type(value: object) -> str:
    """What a TOML value is called in a message."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
    return "a date or time"


def shown(text: str) -> str:
    return toml_string(text if len(text) <= 60 else text[:57] + "…")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise fault("a name is made of letters (a to z), digits, - _ and .")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""Name of a source, a target, a table or an access rule."""


def _not_empty(text: str) -> str:
    if not text.strip():
        raise fault("must not be empty")
    return text


Text = Annotated[
    str, AfterValidator(_not_empty), WithJsonSchema({"type": "string", "minLength": 1})
]


def _condition(value: object) -> object:
    return ("true" if value else "false") if isinstance(value, bool) else value


Condition = Annotated[
    Text,
    BeforeValidator(_condition),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "boolean"}]}),
]
"""A Jinja2 expression that is true or false; the TOML constants true and false are expressions
too."""


def _texts(value: object) -> object:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise fault(f"must be a text or a list of texts, not {toml_type(value)}")
    if not items:
        raise fault("must not be an empty list")
    for item in items:
        if not isinstance(item, str):
            raise fault(f"holds {toml_type(item)}; all items must be texts in quotes")
        if not item.strip():
            raise fault("holds an empty text")
        if items.count(item) > 1:
            raise fault(f"holds {shown(item)} twice")
    return tuple(items)


_TEXT_LIST = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "uniqueItems": True,
}
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), WithJsonSchema(_TEXT_LIST)]
TextOrTexts = Annotated[
    tuple[str, ...],
    BeforeValidator(_texts),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, _TEXT_LIST]}),
]

E = TypeVar("E", bound=StrEnum)


def one_of(choices: type[E]) -> BeforeValidator:
    """Reads a text as a member of `choices`."""

    def read(value: object) -> E:
        words = [choice.value for choice in choices]
        if not isinstance(value, str):
            raise fault(f"must be one of {', '.join(words)}, not {toml_type(value)}")
        if value not in words:
            raise fault(
                f"{shown(value)} is not one of {', '.join(words)}", hint=did_you_mean(value, words)
            )
        return choices(value)

    return BeforeValidator(read, json_schema_input_type=choices)


def scalar(value: object) -> Scalar:
    """`value` as a constant that JSON can hold; raises a fault for tables, lists, dates, nan and
    huge numbers."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if value not in _INT64:
            raise fault("this number is too large")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise fault("nan and inf cannot be sent")
        return value
    hint = "write dates in quotes" if toml_type(value) == "a date or time" else None
    raise fault(f"must be a text, a number, true or false, not {toml_type(value)}", hint=hint)


def _table_value(value: object) -> object:
    return [scalar(item) for item in value] if isinstance(value, list) else scalar(value)


_SCALAR_TYPES = ["string", "boolean", "integer", "number"]
TableValue = Annotated[
    Any,
    BeforeValidator(_table_value),
    WithJsonSchema(
        {"anyOf": [{"type": _SCALAR_TYPES}, {"type": "array", "items": {"type": _SCALAR_TYPES}}]},
    ),
]
"""What a `[tables.NAME]` gives for a key: a constant or a list of constants."""
