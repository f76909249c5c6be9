"""Write column names and texts as parts of an expression."""

from __future__ import annotations

import re

from scimsync.tomltext import quote

_PLAIN_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_JINJA = "and else if in is not or false False none None true True"
_JINJA_INTERNAL = "caller kwargs loop self super varargs"
_SCIMSYNC = "access col lookup now ref today value"
_RESERVED = frozenset(f"{_JINJA} {_JINJA_INTERNAL} {_SCIMSYNC}".split())


def column_expression(column: str) -> str:
    """Return the expression for a column.

    It is `email`, or `col['First Name']` if the name is not a plain identifier.
    """
    if _PLAIN_COLUMN.fullmatch(column) and column not in _RESERVED:
        return column
    return f"col[{text_literal(column)}]"


def text_literal(text: str) -> str:
    """Return `text` as a constant of the expression language, in single quotes and on one line."""
    return quote(text, "'")
