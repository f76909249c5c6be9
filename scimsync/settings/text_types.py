"""Field types for text: names, conditions, lists of texts and choices.

Each type reads TOML values, explains faults in plain words, and knows its JSON Schema.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from scimsync.model.did_you_mean import did_you_mean
from scimsync.settings.table import invalid
from scimsync.tomltext import toml_string

NAME_PATTERN = r"^[A-Za-z0-9_.-]+$"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_LONGEST_SHOWN = 60


def toml_type(value: object) -> str:
    """Return the name of the type of a TOML value, for messages."""
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


def quoted(text: str) -> str:
    """Return `text` in quotes, shortened, for messages."""
    return toml_string(text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "…")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise invalid("a name consists of letters (a to z), digits, - _ and .", code="SYNC-0109")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""The name of a source, a target, a table or an access rule."""


def _not_empty(text: str) -> str:
    if not text.strip():
        raise invalid("must not be empty", code="SYNC-0111")
    return text


Text = Annotated[
    str, AfterValidator(_not_empty), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A text that is not empty."""


def _condition(value: object) -> object:
    return ("true" if value else "false") if isinstance(value, bool) else value


Condition = Annotated[
    Text,
    BeforeValidator(_condition),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "boolean"}]}),
]
"""A Jinja2 expression. The TOML constants true and false are expressions too."""


def _texts(value: object) -> object:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise invalid(
            f"must be a string or a list of strings, not {toml_type(value)}", code="SYNC-0111"
        )
    if not items:
        raise invalid("must not be an empty list", code="SYNC-0111")
    for item in items:
        if not isinstance(item, str):
            raise invalid(
                f"holds {toml_type(item)}; all items must be strings in quotes", code="SYNC-0111"
            )
        if not item.strip():
            raise invalid("contains an empty string", code="SYNC-0111")
        if items.count(item) > 1:
            raise invalid(f"contains {quoted(item)} twice", code="SYNC-0111")
    return tuple(items)


_TEXT_LIST = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "uniqueItems": True,
}
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), WithJsonSchema(_TEXT_LIST)]
"""A list of different texts."""

TextOrTexts = Annotated[
    tuple[str, ...],
    BeforeValidator(_texts),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, _TEXT_LIST]}),
]
"""A text, or a list of different texts."""


def _auto_or_flag(value: object) -> object:
    if isinstance(value, bool) or value == "auto":
        return value
    found = quoted(value) if isinstance(value, str) else toml_type(value)
    hint = "write it without quotes" if value in ("true", "false") else None
    raise invalid(f'must be true, false, or "auto", not {found}', hint=hint, code="SYNC-0112")


AutoOrFlag = Annotated[Literal["auto"] | bool, BeforeValidator(_auto_or_flag)]
"""`true`, `false`, or `"auto"`."""

E = TypeVar("E", bound=StrEnum)


def one_of(choices: type[E]) -> BeforeValidator:
    """Return the validator that reads a text as a member of `choices`."""

    def read(value: object) -> E:
        words = [choice.value for choice in choices]
        if not isinstance(value, str):
            raise invalid(
                f"must be one of {', '.join(words)}, not {toml_type(value)}", code="SYNC-0112"
            )
        if value not in words:
            raise invalid(
                f"{quoted(value)} is not one of {', '.join(words)}",
                hint=did_you_mean(value, words),
                code="SYNC-0112",
            )
        return choices(value)

    return BeforeValidator(read, json_schema_input_type=choices)
