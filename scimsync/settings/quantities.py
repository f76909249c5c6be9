"""Field types for limits (`25`, `"10%"`) and lengths of time (`"30d"`, `"15m"`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from scimsync.durations import LONG_UNITS, UNITS, parse_duration
from scimsync.model.limits import Limit, Minimum
from scimsync.settings.table import invalid
from scimsync.settings.text_types import quoted, toml_type

_LONGEST = timedelta(days=3660)

L = TypeVar("L", bound=Limit)


def _limit(kind: type[L]) -> BeforeValidator:
    def read(value: object) -> L:
        hint = 'write a number (25) or a percentage in quotes ("10%")'
        if isinstance(value, kind):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 0:
                raise invalid(f"{value} is less than 0", hint=hint, code="SYNC-0114")
            return kind(Decimal(value))
        if not isinstance(value, str):
            what = str(value).lower() if isinstance(value, float | bool) else toml_type(value)
            raise invalid(
                f"{what} is neither a whole number nor a percentage", hint=hint, code="SYNC-0114"
            )
        share = kind.parse(value)
        if share is None or not share.is_share:
            raise invalid(
                f"{quoted(value)} is neither a whole number nor a percentage",
                hint=hint,
                code="SYNC-0114",
            )
        if share.amount > 100:
            raise invalid(f"{quoted(value)} is more than 100%", hint=hint, code="SYNC-0114")
        return share

    return BeforeValidator(read)


_LIMIT_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\s*\d{1,3}(\.\d{1,6})?\s*%\s*$"},
        ]
    }
)
_AS_TEXT = PlainSerializer(str, return_type=str)
AtMost = Annotated[Limit, _limit(Limit), _AS_TEXT, _LIMIT_SCHEMA]
"""An upper limit: a number, or a percentage of a total."""

AtLeast = Annotated[Minimum, _limit(Minimum), _AS_TEXT, _LIMIT_SCHEMA]
"""A lower limit: a number, or a percentage of a total."""


def _length_of_time(units: Sequence[str], name: str, hint: str) -> Callable[[object], timedelta]:
    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            raise invalid(
                f"must be a {name} in quotes, not {toml_type(value)}", hint=hint, code="SYNC-0115"
            )
        length = parse_duration(value, units)
        if length is None:
            raise invalid(f"{quoted(value)} is not a {name}", hint=hint, code="SYNC-0115")
        if length > _LONGEST:
            raise invalid(f"{quoted(value)} is more than ten years", hint=hint, code="SYNC-0115")
        return length

    return read


_read_duration = _length_of_time(
    LONG_UNITS,
    "duration",
    'write "30d": a whole number and h (hours), d (days) or w (weeks)',
)
read_span = _length_of_time(
    UNITS,
    "length of time",
    'write "15m": a whole number and s, m (minutes), h, d or w',
)


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*[hdw]\s*$"}),
]
"""A time of hours to years: `"12h"`, `"30d"`."""

Span = Annotated[
    timedelta,
    BeforeValidator(read_span),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*(s|m|min|h|d|w)\s*$"}),
]
"""A time that may be short: `"2s"`, `"15m"`."""
