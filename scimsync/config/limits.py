"""Limits (`25`, `"10%"`) and durations (`"30d"`) of sync.toml."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from scimsync.config.faults import fault
from scimsync.config.values import shown, toml_type
from scimsync.model.limits import Limit, Minimum

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")
_DURATION = re.compile(r"(\d{1,6})\s*([hdw])")
_LONGEST = timedelta(days=3660)


L = TypeVar("L", bound=Limit)


def _limit(kind: type[L]) -> BeforeValidator:
    def read(value: object) -> L:
        hint = 'write a number (25) or a share in quotes ("10%")'
        if isinstance(value, kind):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 0:
                raise fault(f"{value} is less than 0", hint=hint)
            return kind(Decimal(value))
        if not isinstance(value, str):
            what = str(value).lower() if isinstance(value, float | bool) else toml_type(value)
            raise fault(f"{what} is neither a whole number nor a share", hint=hint)
        share = _SHARE.fullmatch(value.strip())
        if share is None:
            raise fault(f"{shown(value)} is neither a whole number nor a share", hint=hint)
        percent = Decimal(share[1])
        if percent > 100:
            raise fault(f"{shown(value)} is more than 100%", hint=hint)
        return kind(percent, is_share=True)

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
AtLeast = Annotated[Minimum, _limit(Minimum), _AS_TEXT, _LIMIT_SCHEMA]


_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
"""Unit -> seconds."""


def _time(units: Sequence[str], what: str, example: str) -> Callable[[object], timedelta]:
    """What reads a whole number and one of `units`; `what` messages call it."""
    pattern = re.compile(rf"(\d{{1,6}})\s*({'|'.join(units)})")

    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            raise fault(f"must be a {what} in quotes, not {toml_type(value)}", hint=example)
        match = pattern.fullmatch(value.strip())
        if match is None:
            raise fault(f"{shown(value)} is not a {what}", hint=example)
        length = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
        if length > _LONGEST:
            raise fault(f"{shown(value)} is more than ten years", hint=example)
        return length

    return read


_duration = _time(
    ("h", "d", "w"), "duration", 'write "30d": a whole number and h (hours), d (days) or w (weeks)'
)
read_span = _time(
    tuple(_UNITS), "length of time", 'write "15m": a whole number and s, m (minutes), h, d or w'
)


def parse_duration(text: str) -> timedelta:
    """A duration as sync.toml has it, from anywhere else. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return min(timedelta(seconds=int(match[1]) * _UNITS[match[2]]), _LONGEST)


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*[hdw]\s*$"}),
]

Span = Annotated[
    timedelta,
    BeforeValidator(read_span),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*(s|m|min|h|d|w)\s*$"}),
]
"""A time that may be short: `"2s"`, `"15m"`."""
