"""Constants in sync.toml: values that TOML and JSON have in common."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from scimsync.settings import invalid
from scimsync.settings.text_types import toml_type

_INT64 = range(-(2**63), 2**63)

Scalar = str | bool | int | float
"""A text, a number, true or false."""


def scalar(value: object) -> Scalar:
    """Return `value` if JSON can hold it as a single value.

    Raise the error for tables, lists, dates, nan, infinity and integers of more than 64 bits.
    """
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if value not in _INT64:
            raise invalid("this number is too large", code="SYNC-0143")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise invalid("nan and inf cannot be sent", code="SYNC-0143")
        return value
    hint = "write dates in quotes" if toml_type(value) == "a date or time" else None
    raise invalid(
        f"must be a string, a number, true or false, not {toml_type(value)}",
        hint=hint,
        code="SYNC-0143",
    )


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
"""The value of a key in `[tables.NAME]`: a constant or a list of constants."""
