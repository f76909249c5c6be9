"""JSON for people and programs that read along, of whatever a record may hold."""

from __future__ import annotations

from collections.abc import Mapping

import orjson


def json_text(value: object, *, indented: bool = False) -> str:
    """A value as JSON; infinite numbers are null, and integers of more than 64 bits texts."""
    option = orjson.OPT_INDENT_2 if indented else None
    try:
        return orjson.dumps(value, default=str, option=option).decode()
    except TypeError:  # an integer: records hold those of any length
        return orjson.dumps(_with_long_integers_as_text(value), default=str, option=option).decode()


def _with_long_integers_as_text(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _with_long_integers_as_text(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_long_integers_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and value.bit_length() > 63 else value
