"""Format text for people: escape terminal control characters, and count nouns."""

from __future__ import annotations


def printable(value: object) -> str:
    """Return `value` as text in which every character that does not print is escaped.

    Records and responses may hold terminal escape sequences.
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value)
    )


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """Return `1 record` or `1,204 records`; `plural_noun` where an s at the end is not enough."""
    return f"{count:,} {noun if count == 1 else plural_noun or f'{noun}s'}"
