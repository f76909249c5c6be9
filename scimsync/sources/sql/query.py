"""Look at the text of a query: it has to be one SELECT.

The database has the last word: the transaction is read-only where it can be, and never committed.
This look comes first, before anything is connected to.
"""

from __future__ import annotations

import re

_BLANK = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/|#[^\n]*(?:\n|\Z))*"
_FIRST_WORD = re.compile(rf"(?:{_BLANK}\()*{_BLANK}(\w+)", re.DOTALL)
_ONLY_BLANK = re.compile(rf"(?:{_BLANK};)*{_BLANK}", re.DOTALL)
_QUERIES = ("select", "with", "values", "table")

_SKIPPED = (
    r"--[^\n]*",
    r"/\*.*?\*/",
    r"\$(\w*)\$.*?\$\1\$",  # PostgreSQL
    r'"(?:[^"]|"")*"',
    r"`[^`]*`",
)
_TEXTS = (r"'(?:[^']|'')*'", r"'(?:[^'\\]|''|\\.)*'")
"""A text of standard SQL, and one of MySQL, in which a backslash quotes the next character."""

_TOKENS = [re.compile("|".join((*_SKIPPED, text, "(;)")), re.DOTALL) for text in _TEXTS]


def without_end(query: str) -> str:
    """Return a query without the semicolon at its end and what follows it.

    A comment may be the last line, so that a line break has to follow before a parenthesis.
    """
    for tokens in _TOKENS:
        end = _end(query, tokens)
        if end is not None and _ONLY_BLANK.fullmatch(query, end):
            return query[:end]
    return query


def query_problem(query: str) -> str | None:
    """Return why a text is not one SELECT, or None."""
    first = _FIRST_WORD.match(query)
    if first is None or first[1].lower() not in _QUERIES:
        found = f"begins with {first[1].upper()}" if first is not None else "has no statement"
        return f"only a SELECT can be a source, and this {found}"
    if all(_has_second_statement(query, tokens) for tokens in _TOKENS):
        return "must be one SELECT, not several statements"
    return None


def _has_second_statement(query: str, tokens: re.Pattern[str]) -> bool:
    end = _end(query, tokens)
    return end is not None and _ONLY_BLANK.fullmatch(query, end) is None


def _end(query: str, tokens: re.Pattern[str]) -> int | None:
    """Return the place of the first semicolon outside of texts, names and comments."""
    return next((m.start() for m in tokens.finditer(query) if m[2] is not None), None)
