"""Format text for people: escape terminal control characters, count nouns, and list names."""

from __future__ import annotations

from collections.abc import Sequence


def printable(value: object) -> str:
    """Return `value` as text in which every character that does not print is escaped.

    Records and responses may hold terminal escape sequences.
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )


def one_line(text: str, limit: int | None = None) -> str:
    """Return `text` as one printable line, of at most `limit` characters.

    Each run of white space becomes a space.
    """
    line = printable(" ".join((text if limit is None else text[: limit * 4]).split()))
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """Return `1 record` or `1,204 records`; `plural_noun` where an s at the end is not enough."""
    return f"{count:,} {noun if count == 1 else plural_noun or f'{noun}s'}"


def enumerated(parts: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
