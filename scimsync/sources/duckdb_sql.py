"""Pieces of SQL for DuckDB, and its error messages in short."""

from __future__ import annotations

from collections.abc import Iterable

WHITE_SPACE = " \t\r\n\v\f\u00a0"
"""The characters stripped from keys, list items and column names: ASCII white space and the
no-break space of spreadsheets."""


def literal(text: str) -> str:
    """Return `text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Return `text` as a SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def array(texts: Iterable[str]) -> str:
    """Return `texts` as a SQL list of strings."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def pointer(column: str) -> str:
    """Return the JSON Pointer (RFC 6901) of the member `column` of an object."""
    return "/" + column.replace("~", "~0").replace("/", "~1")


def stripped(expression: str) -> str:
    """Return SQL that strips white space from a text. It is almost free where there is none."""
    clean = f"{expression} between '!' and '~' and not ("  # begins with a visible ASCII character
    clean += " or ".join(f"suffix({expression}, {literal(sign)})" for sign in WHITE_SPACE) + ")"
    return (
        f"case when {clean} then {expression} else trim({expression}, {literal(WHITE_SPACE)}) end"
    )


def items(expression: str, separator: str) -> str:
    """Return SQL that splits a text into a list of stripped items, without empty ones."""
    parts = (
        f"list_transform(string_split({expression}, {literal(separator)}), lambda x: trim(x,"
        f" {literal(WHITE_SPACE)}))"
    )
    return f"list_filter({parts}, lambda x: x <> '')"


def reason(error: Exception) -> str:
    """Return the line of a DuckDB message that says what is wrong, without the kind of error."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    kind, separator, rest = first.partition(": ")
    return (rest if separator and kind.endswith(("Error", "Exception")) else first).strip()
