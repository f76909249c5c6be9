"""Pieces of SQL for DuckDB, and its error messages in short."""

from __future__ import annotations

from collections.abc import Iterable

WHITE_SPACE = "".join(
    (
        "\t\n\v\f\r \x85\xa0\u1680",
        *map(chr, range(0x2000, 0x200B)),
        "\u2028\u2029\u202f\u205f\u3000",  # all of White_Space, Unicode 16
        "\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff",  # no width
        *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),  # directions
    )
)
"""The characters stripped from cells, keys, list items, and column names: the white space of
Unicode, and what is invisible beside it, such as the mark U+200E of texts copied from Windows."""

_ASCII_WHITE_SPACE = " \t\r\n\v\f"


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
    """Return SQL that strips white space from a text. It is almost free where there is none.

    A text that begins and ends with a visible ASCII character has none.
    """
    clean = f"{expression} between '!' and '~' and not regexp_matches({expression}, '[^!-~]$')"
    return (
        f"case when {clean} then {expression} else trim({expression}, {literal(WHITE_SPACE)}) end"
    )


def may_have_white_space(expression: str) -> str:
    """Return SQL that is false only for a text without white space."""
    some = [f"contains({expression}, {literal(sign)})" for sign in _ASCII_WHITE_SPACE]
    return " or ".join([*some, f"strlen({expression}) <> length({expression})"])


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
