"""Write names and texts as TOML does: in messages about sync.toml and in drafts of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def toml_string(text: str) -> str:
    """Return `text` as a TOML basic string on one line, quotes included.

    Characters that cannot be seen are escaped.

    >>> toml_string('say "hi"')
    '"say \\\\"hi\\\\""'
    """
    return quote(text, '"')


def toml_key(text: str) -> str:
    """Return `text` as a TOML key.

    It is bare where TOML allows it, in single quotes where it contains double ones, and in double
    quotes otherwise.
    """
    if _BARE.fullmatch(text):
        return text
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return toml_string(text)


def dotted_key(parts: Sequence[str]) -> str:
    """Return the dotted key of a value: `("targets", "wiki", "url")` -> `targets.wiki.url`."""
    return ".".join(map(toml_key, parts))


def toml_value(value: object) -> str:
    """Return a text, number, boolean, list or table as a TOML value on one line.

    >>> toml_value({"type": "bearer", "scopes": ["a", "b"], "retry": True})
    '{ type = "bearer", scopes = ["a", "b"], retry = true }'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(name)} = {toml_value(one)}" for name, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return toml_string(value) if isinstance(value, str) else str(value)


def quote(text: str, mark: str) -> str:
    """Return `text` between two of `mark`, with the escapes that TOML and Jinja2 share."""
    return f"{mark}{''.join(_escaped(char, mark) for char in text)}{mark}"


def _escaped(char: str, mark: str) -> str:
    if char == mark:
        return f"\\{mark}"
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
