"""Guess the encoding of text that is not UTF-8, by decoding it with each encoding."""

from __future__ import annotations

import re

_ENCODINGS = (
    "windows-1252",  # Western Europe
    "windows-1250",  # Central Europe
    "cp850",  # Western Europe, DOS
    "windows-1251",  # Cyrillic
    "windows-1253",  # Greek
    "cp852",  # Central Europe, DOS
    "mac-roman",
    "cp866",  # Cyrillic, DOS
)
"""In the order in which they count if several fit equally well."""

_USUAL = {
    "windows-1252": "äöüßéèêàâçñáíóúåøæëïôîûìòãõœšžýÿ",
    "windows-1250": "äöüßéáíóúýěščřžůťďňąćęłńśźżőűâîçëôăşţ",
}
_USUAL |= {"cp850": _USUAL["windows-1252"], "mac-roman": _USUAL["windows-1252"]}
_USUAL |= {"cp852": _USUAL["windows-1250"]}
_SAMPLE = 1 << 16
_WORD = re.compile(rb"[^\s,;|\"\t]*[\x80-\xff][^\s,;|\"\t]*")
_MOST_WORDS = 500
_LONGEST = 60
_FEW = 4


def likely_encodings(text: bytes) -> list[str]:
    """Return the encodings that some text may have, the most likely first, at most three.

    They are the single-byte encodings in which the text consists of words. None for text that has
    no byte beyond ASCII.
    """
    words = _WORD.findall(text[:_SAMPLE])[:_MOST_WORDS]
    scores = {encoding: sum(_score(word, encoding) for word in words) for encoding in _ENCODINGS}
    found = sorted(_ENCODINGS, key=lambda encoding: -scores[encoding])
    return found[:3] if words else []


def readings(text: bytes, encodings: list[str]) -> list[str]:
    """Return a word in each encoding, `windows-1250: Dvořák`: the first that differs."""
    words = [word[:_LONGEST] for word in _WORD.findall(text[:_SAMPLE])[:_MOST_WORDS]]
    read = [[word.decode(encoding, "replace") for encoding in encodings] for word in words]
    shown = next((each for each in read if len(set(each)) == len(each)), read[0] if read else [])
    return [f"{encoding}: {word}" for encoding, word in zip(encodings, shown, strict=False)]


def unmarked_utf_16(start: bytes) -> str | None:
    """Return the name of the encoding if text is UTF-16 by its zero bytes, or else None.

    A letter of most languages has one of them, always in the same half. A few, or such in both
    halves, are those of a damaged file.
    """
    high, low = start[1::2].count(0), start[::2].count(0)
    if high + low < _FEW or 20 * (high + low) < len(start) or 10 * min(high, low) > max(high, low):
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def _score(word: bytes, encoding: str) -> int:
    """Return how much the bytes look like a word in this encoding."""
    text = word.decode(encoding, "replace")
    usual = _USUAL.get(encoding, "")
    return sum(
        _letter_score(letter, text[at - 1 : at], text[at + 1 : at + 2], usual)
        for at, letter in enumerate(text)
        if not letter.isascii()
    )


def _letter_score(letter: str, before: str, after: str, usual: str) -> int:
    """Return how well a letter fits between its neighbors, which may be missing."""
    if not letter.isalpha():
        inside = before.isalpha() or after.isalpha()
        return -10 if not letter.isprintable() or letter == "\ufffd" else -3 * inside
    rises = letter.isupper() and before.islower()
    if usual:
        score = 2 if letter.lower() in usual else 0
        score -= 2 * (before.isalpha() and not before.isascii())  # rarely two in a row
        return score - 3 * rises - 2 * (letter.islower() and not before and after.islower())
    # another script: whole words of it
    neighbors = [each for each in (before, after) if each.isalpha()]
    mixed = sum(each.isascii() for each in neighbors)
    return len(neighbors) - mixed - 3 * mixed - 3 * rises
