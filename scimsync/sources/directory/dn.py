"""Distinguished names (RFC 4514): compare them, and take them apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

Rdn = tuple[tuple[str, str], ...]
"""A relative DN: its attribute types in lower case, each with its value as it was written."""

_SIGNS = ("\\", '"', "+", ";", "#", "oid.", "\t", "\n")
_SPACES = re.compile(r"\s[,=]|[,=]\s|\s\s|^\s|\s$")
_BIT_STRING = re.compile(r"#'[01]*'B$")
_HEX = frozenset("0123456789abcdefABCDEF")
_SEPARATORS = ",;"


def normalized(name: str) -> str:
    """Return a text that DNs share if they name the same entry (RFC 4517, section 4.2.15).

    Values are compared without regard to case, as nearly all attributes in DNs are. A text that is
    no DN is returned without its case.
    """
    plain = name.lower() if name.isascii() else _folded(name)
    for sign in _SIGNS:
        if sign in plain:
            break
    else:
        if " " not in name or not _SPACES.search(name):
            return plain
    try:
        parts = parse(name)
    except ValueError:
        return _folded(name)
    return ",".join(_joined(rdn) for rdn in parts)


def parts(name: str) -> list[str]:
    """Return the relative DNs of a DN, each normalized, from the entry up to the root."""
    try:
        return [_joined(rdn) for rdn in parse(name)]
    except ValueError:
        return []


def common_suffix(names: Sequence[str]) -> str:
    """Return the nearest DN that is an ancestor of all `names`, "" if there is none."""
    shared: list[str] | None = None
    for name in names:
        above = parts(name)[1:]
        if shared is None:
            shared = above
            continue
        length = 0
        for mine, other in zip(reversed(shared), reversed(above), strict=False):
            if mine != other:
                break
            length += 1
        shared = shared[len(shared) - length :]
    return ",".join(shared or [])


def is_below(name: str, suffix: str) -> bool:
    """Return whether the entry `name` is `suffix` or is in the tree below it."""
    above, tree = parts(name), parts(suffix)
    return not tree or above[-len(tree) :] == tree


def without_bit_string(name: str) -> str:
    """Return the DN of a Name And Optional UID, as in `uniqueMember` (RFC 4517, 3.3.21)."""
    return _BIT_STRING.sub("", name) if name.endswith("'B") else name


def rdn_values(name: str, attribute: str) -> list[str]:
    """Return the values of `attribute` that name the entry itself, its distinguished values."""
    try:
        first = parse(name)[:1]
    except ValueError:
        return []
    return [value for rdn in first for kind, value in rdn if kind == attribute.lower()]


def parse(name: str) -> list[Rdn]:
    """Return the relative DNs of a DN. Raise ValueError for any other text.

    The forms of RFC 2253 and 1779 are read as well: quotes around values, and semicolons.
    """
    found: list[Rdn] = []
    at, length = 0, len(name)
    if not name.strip():
        return found
    while True:
        pairs: list[tuple[str, str]] = []
        while True:
            equals = name.find("=", at)
            if equals < 0:
                raise ValueError(f"no = after character {at}")
            kind = name[at:equals].strip()
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*|(?:oid\.)?[0-9]+(?:\.[0-9]+)*", kind, re.I):
                raise ValueError(f"{kind!r} is not an attribute")
            value, at = _value(name, equals + 1)
            pairs.append((kind.lower().removeprefix("oid."), value))
            if at < length and name[at] == "+":
                at += 1
                continue
            break
        found.append(tuple(pairs))
        if at >= length:
            return found
        at += 1


def _value(name: str, at: int) -> tuple[str, int]:
    """Return the value that begins at `at`, and where it ends."""
    length = len(name)
    while at < length and name[at] == " ":
        at += 1
    if at < length and name[at] == '"':
        return _quoted(name, at + 1)
    taken = bytearray()
    kept = 0  # the length up to the last character that is not an unescaped space
    while at < length and name[at] not in _SEPARATORS and name[at] != "+":
        if name[at] == "\\":
            escaped, at = _escaped(name, at + 1)
            taken += escaped
            kept = len(taken)
            continue
        taken += name[at].encode()
        if name[at] != " ":
            kept = len(taken)
        at += 1
    return bytes(taken[:kept]).decode("utf-8", "surrogateescape"), at


def _quoted(name: str, at: int) -> tuple[str, int]:
    taken = bytearray()
    while at < len(name) and name[at] != '"':
        if name[at] == "\\":
            escaped, at = _escaped(name, at + 1)
            taken += escaped
        else:
            taken += name[at].encode()
            at += 1
    if at >= len(name):
        raise ValueError("a quote is open")
    at += 1
    while at < len(name) and name[at] == " ":
        at += 1
    if at < len(name) and name[at] not in ",;+":
        raise ValueError(f"{name[at]!r} after a quote")
    return taken.decode("utf-8", "surrogateescape"), at


def _escaped(name: str, at: int) -> tuple[bytes, int]:
    if len(name) > at + 1 and name[at] in _HEX and name[at + 1] in _HEX:
        return bytes.fromhex(name[at : at + 2]), at + 2
    if at >= len(name):
        raise ValueError("a backslash at the end")
    return name[at].encode(), at + 1


def _joined(rdn: Rdn) -> str:
    return "+".join(sorted(f"{kind}={_escape(_folded(value))}" for kind, value in rdn))


def _escape(value: str) -> str:
    return re.sub(r'([\\,+";])', r"\\\1", value)


def _folded(text: str) -> str:
    plain = text.isascii()
    folded = text.lower() if plain else unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", " ", folded.strip())
