"""Suggestions for mistyped names."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the name in `known` that `word` was probably meant to be."""
    from difflib import get_close_matches  # needed only when something is wrong

    by_lower = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return `did you mean "scope"?`, or None if no name is close."""
    match = closest(word, known)
    return None if match is None else f'did you mean "{match}"?'
