"""How names and texts are written in sync.toml: in messages about it and in files that scimsync
writes."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TAKEN = frozenset(
    {
        # Jinja2
        *(
            "and",
            "else",
            "if",
            "in",
            "is",
            "not",
            "or",
            "false",
            "False",
            "none",
            "None",
            "true",
            "True",
        ),
        # names that Jinja2 keeps for itself
        *("caller", "kwargs", "loop", "self", "super", "varargs"),
        *("access", "col", "lookup", "ref", "today", "value"),  # names that expressions have here
    }
)


def toml_string(text: str) -> str:
    """`text` as a TOML basic string on one line, quotes included; what cannot be seen is escaped.

    >>> toml_string('say "hi"')
    '"say \\\\"hi\\\\""'
    """
    return _quoted(text, '"')


def toml_key(text: str) -> str:
    """`text` as a key: bare where TOML allows it, in single quotes where it holds double ones, else
    in double quotes."""
    if _BARE.fullmatch(text):
        return text
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return toml_string(text)


def place(parts: Sequence[str]) -> str:
    """The dotted key of a value in sync.toml: `("targets", "wiki", "url")` ->
    `targets.wiki.url`."""
    return ".".join(map(toml_key, parts))


def column_expression(column: str) -> str:
    """How an expression names a column: `email`, or `col['First Name']` where the name is not a
    plain identifier."""
    if _PLAIN_COLUMN.fullmatch(column) and column not in _TAKEN:
        return column
    return f"col[{expression_text(column)}]"


def expression_text(text: str) -> str:
    """`text` as a constant of the expression language (Jinja2), in single quotes, on one line."""
    return _quoted(text, "'")


def _quoted(text: str, quote: str) -> str:
    """TOML basic strings and Jinja2's texts know the same escapes."""
    return f"{quote}{''.join(_escaped(char, quote) for char in text)}{quote}"


def _escaped(char: str, quote: str) -> str:
    if char == quote:
        return f"\\{quote}"
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
