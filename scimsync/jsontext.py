"""Read and write the JSON values of records, including those that other JSON libraries reject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from scimsync.formatting import printable

_LONGEST_INTEGER = 4000  # digits; Python reads 4,300 at most


def read_json(text: str) -> Any:
    """Return the value of a JSON text as DuckDB reads and writes it.

    Numbers may have any length, and may be Infinity or NaN. Raise RecursionError for a text that is
    nested too deeply.
    """
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def received_json(content: bytes) -> Any:
    """Return the value of the JSON text in a response, or None for anything else.

    The text may begin with a byte order mark, which a reader may ignore (RFC 8259 section 8.1).
    """
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def received_object(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a response, or None for anything else."""
    value = received_json(content)
    return value if isinstance(value, dict) else None


def json_text(value: object, *, indented: bool = False) -> str:
    """Return a value as JSON.

    Infinite numbers become null, and integers of more than 64 bits become texts.
    """
    option = orjson.OPT_INDENT_2 if indented else None
    try:
        return orjson.dumps(value, default=str, option=option).decode()
    except TypeError:  # an integer of more than 64 bits; records can hold any
        return orjson.dumps(_with_long_integers_as_text(value), default=str, option=option).decode()


def printable_json(value: object) -> str:
    """Return a value as JSON on one line that is safe to print to a terminal."""
    return printable(json_text(value))


def _with_long_integers_as_text(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _with_long_integers_as_text(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_long_integers_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and value.bit_length() > 63 else value
