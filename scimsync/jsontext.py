"""JSON of whatever a record may hold: read, and shown to people and programs that read along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from scimsync.formatting import printable

_LONGEST_INTEGER = 4000
"""Digits; Python reads 4,300 at most."""


def read_json(text: str) -> Any:
    """JSON as DuckDB takes and writes it: numbers may be of any length, infinite, or none at all.
    Raises RecursionError."""
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def json_text(value: object, *, indented: bool = False) -> str:
    """A value as JSON; infinite numbers are null, and integers of more than 64 bits texts."""
    option = orjson.OPT_INDENT_2 if indented else None
    try:
        return orjson.dumps(value, default=str, option=option).decode()
    except TypeError:  # an integer: records hold those of any length
        return orjson.dumps(_with_long_integers_as_text(value), default=str, option=option).decode()


def printable_json(value: object) -> str:
    """Return a value as JSON on one line that a terminal may be given."""
    return printable(json_text(value))


def _with_long_integers_as_text(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _with_long_integers_as_text(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_long_integers_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and value.bit_length() > 63 else value
