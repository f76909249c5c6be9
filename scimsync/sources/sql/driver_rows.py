"""Rows of a database driver as lines of JSON."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson

Convert = Callable[[Any], Any]
Row = tuple[Any, ...] | list[Any]

_dumps = orjson.dumps
_OPTION = orjson.OPT_APPEND_NEWLINE

_EXACT_DIGITS = 15
"""The digits that a double holds whatever they are (IEEE 754 binary64)."""


class UnreadableCell(ValueError):
    """A value that JSON cannot hold."""


def encode_rows(rows: Sequence[Row], converters: Mapping[int, Convert]) -> list[bytes]:
    """Return each row as a JSON array and a line break.

    `converters` are for the columns at these places. Raise UnreadableCell for a text that is not
    Unicode.
    """
    if converters:
        rows = changed = [list(row) for row in rows]
        for row in changed:
            for at, convert in converters.items():
                row[at] = convert(row[at])
    try:
        return [_dumps(row, _plain, _OPTION) for row in rows]
    except TypeError:  # an integer of more than 64 bits, or a text that is not Unicode
        try:
            return [_dumps(_short(row), _plain, _OPTION) for row in rows]
        except TypeError as error:
            raise UnreadableCell(str(error)) from None


def _short(value: Any) -> Any:
    """Return a value in which integers of more than 64 bits are texts."""
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _short(item) for name, item in value.items()}
    return str(value) if isinstance(value, int) and value.bit_length() > 63 else value


def _plain(value: Any) -> object:
    """Return the substitute for a value that JSON does not have.

    A decimal number that a double does not hold exactly is a text, and bytes are Base64, as SCIM
    writes them (RFC 7643 section 2.3.6).
    """
    match value:
        case Decimal():
            return _number(value)
        case bytes() | bytearray() | memoryview():
            return b64encode(value).decode()
        case timedelta():
            return _time(value)
        case set() | frozenset():
            return sorted(value)
    read = getattr(value, "read", None)  # a large object of Oracle
    return read() if callable(read) else str(value)


def _number(value: Decimal) -> object:
    if not value.is_finite():
        return None
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0:
        whole = int(value)
        return whole if whole.bit_length() <= 63 else str(whole)
    return float(value) if len(value.as_tuple().digits) <= _EXACT_DIGITS else f"{value:f}"


def _time(value: timedelta) -> str:
    """Return a time of MySQL, which may be negative or of more than a day: `-26:30:00`."""
    sign = "-" if value < timedelta() else ""
    value = abs(value)
    minutes, seconds = divmod(value.days * 86_400 + value.seconds, 60)
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"


def from_json(cell: Any) -> Any:
    """Return the value of a cell of a column of type JSON."""
    if isinstance(cell, str | bytes):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(cell)
    return cell


def list_from_json(cell: Any) -> Any:
    """Return the list that a text holds as a JSON array, or the text itself.

    This is how databases without lists return several values (`json_group_array`,
    `JSON_ARRAYAGG`).
    """
    if isinstance(cell, str) and cell.lstrip()[:1] == "[":
        value = from_json(cell)
        return value if isinstance(value, list) else cell
    return cell


def from_bits(length: int | None) -> Convert:
    """Return the converter for cells of type BIT: one bit is a boolean, several are a number."""

    def convert(cell: Any) -> Any:
        if not isinstance(cell, bytes):
            return cell
        number = int.from_bytes(cell)
        return bool(number) if length == 1 else number

    return convert
