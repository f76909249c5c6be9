"""Read a value as true or false, in conditions and for attributes that are booleans."""

from __future__ import annotations

from typing import Any

_WORDS = {
    **dict.fromkeys(("true", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "no", "n", "off", "0"), False),
}


def read_boolean(value: Any) -> bool | None:
    """Return `value` as a boolean: a boolean, a number that is 1 or 0, or a text that is a word.

    Case and surrounding whitespace of a text do not matter. Return None for any other value.
    """
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    if isinstance(value, (int, float)) and value in (0, 1):
        return value == 1
    return None


def is_empty(value: Any) -> bool:
    """Return whether `value` says nothing: None, an empty or blank text, an empty list or table."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)
