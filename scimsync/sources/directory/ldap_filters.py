"""LDAP filters (RFC 4515): read them, and evaluate them on entries without a server.

Without a schema, values are compared as texts without regard to case and to repeated spaces, DNs
as DNs, and `>=` and `<=` as numbers if both sides are whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scimsync.sources.directory.attribute_types import AttributeTypes, Form, base_name
from scimsync.sources.directory.dn import normalized

BIT_AND = "1.2.840.113556.1.4.803"
BIT_OR = "1.2.840.113556.1.4.804"
IN_CHAIN = "1.2.840.113556.1.4.1941"
"""The matching rules of Active Directory ([MS-ADTS] 3.1.1.3.4.4)."""

_CASE_IGNORE = ("2.5.13.2", "caseignorematch", "1.3.6.1.4.1.1466.109.114.2", "caseignoreia5match")
_CASE_EXACT = ("2.5.13.5", "caseexactmatch", "1.3.6.1.4.1.1466.109.114.1", "caseexactia5match")

_MOST_NESTED = 100
_DESCRIPTION = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*")
_RULE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+")
_SPACES = re.compile(rb" +")
_ESCAPE = re.compile(rb"\\([0-9a-fA-F]{2})?")

Values = Mapping[str, Sequence[bytes]]
"""The attributes of an entry: the names in lower case and without options, and all values."""

Predicate = Callable[[Values], bool]


class LdapFilterError(ValueError):
    """A text is not a filter, or not one that can be evaluated here. The message says why."""


class Operator(StrEnum):
    """What a filter says about the values of an attribute."""

    EQUAL = "="
    APPROXIMATE = "~="
    AT_LEAST = ">="
    AT_MOST = "<="
    PRESENT = "=*"
    SUBSTRINGS = "*"
    EXTENSIBLE = ":="


@dataclass(frozen=True, slots=True)
class Item:
    """A statement about one attribute, or about all of them if `attribute` is "".

    `values` has one value, none for PRESENT, and the pieces between the asterisks for SUBSTRINGS.
    `rule` is the matching rule of EXTENSIBLE, `of_dn` whether the DN of the entry counts as well.
    """

    attribute: str
    operator: Operator
    values: tuple[bytes, ...]
    rule: str = ""
    of_dn: bool = False


@dataclass(frozen=True, slots=True)
class Combined:
    """Filters that are combined by `&`, `|` or `!`. Without any, `&` is true and `|` is false."""

    operator: str
    parts: tuple[Item | Combined, ...]


Filter = Item | Combined


def parse(text: str) -> Filter:
    """Return the filter that `text` holds. Raise FilterError, which names the place."""
    found, at = _parse(text.strip(), 0, 0)
    rest = text.strip()[at:]
    if rest:
        raise LdapFilterError(f"{_shown(rest)} follows its end")
    return found


def items(each: Filter) -> Iterator[Item]:
    """Yield all statements of a filter."""
    if isinstance(each, Item):
        yield each
    else:
        for part in each.parts:
            yield from items(part)


def escaped(text: str) -> str:
    """Return a text as the value of a filter (RFC 4515, section 3)."""
    return re.sub(r"[\\*()\0]", lambda match: f"\\{ord(match[0]):02x}", text)


def _parse(text: str, at: int, depth: int) -> tuple[Filter, int]:
    if depth > _MOST_NESTED:
        raise LdapFilterError("it is nested too deeply")
    if text[at : at + 1] != "(":
        raise LdapFilterError(f"there is no ( before {_shown(text[at:])}")
    at += 1
    sign = text[at : at + 1]
    if sign in ("&", "|", "!") and sign:
        parts: list[Filter] = []
        at = _spaces(text, at + 1)
        while text[at : at + 1] == "(":
            part, at = _parse(text, at, depth + 1)
            parts.append(part)
            at = _spaces(text, at)
        if text[at : at + 1] != ")":
            raise LdapFilterError(f"there is no ) before {_shown(text[at:])}")
        if sign == "!" and len(parts) != 1:
            raise LdapFilterError(f"! takes one filter, not {len(parts)}")
        return Combined(sign, tuple(parts)), at + 1
    end = text.find(")", at)
    if end < 0:
        raise LdapFilterError(f"there is no ) after {_shown(text[at:])}")
    return _item(text[at:end]), end + 1


def _item(text: str) -> Item:
    if "(" in text:
        raise LdapFilterError(rf"{_shown(text)} contains a (; write \28 instead")
    left, equals, right = text.partition("=")
    if not equals:
        raise LdapFilterError(f"there is no = in {_shown(text)}")
    if left[-1:] in (":", "~", ">", "<"):
        operator = Operator(f"{left[-1]}=")
        left = left[:-1]
    elif right == "*":
        operator = Operator.PRESENT
    elif "*" in right:
        operator = Operator.SUBSTRINGS
    else:
        operator = Operator.EQUAL
    left = left.strip()
    if operator is Operator.EXTENSIBLE:
        return _extensible(left, right)
    if not _DESCRIPTION.fullmatch(left):
        raise LdapFilterError(f"{_shown(left)} is not an attribute")
    if operator is Operator.PRESENT:
        return Item(left, operator, ())
    if operator is Operator.SUBSTRINGS:
        return Item(left, operator, tuple(map(_unescaped, right.split("*"))))
    if "*" in right:
        raise LdapFilterError(rf"{_shown(right)} contains a *; write \2a instead")
    return Item(left, operator, (_unescaped(right),))


def _extensible(left: str, right: str) -> Item:
    attribute, *more = left.split(":")
    of_dn = bool(more) and more[0].lower() == "dn"
    rules = more[1:] if of_dn else more
    rule = rules[0] if rules else ""
    wrong = (
        len(rules) > 1
        or (attribute and not _DESCRIPTION.fullmatch(attribute))
        or (rules and not _RULE.fullmatch(rule))
        or not (attribute or rule)
    )
    if wrong:
        raise LdapFilterError(f"{_shown(left)} is not attribute:rule")
    return Item(attribute, Operator.EXTENSIBLE, (_unescaped(right),), rule, of_dn)


def _unescaped(text: str) -> bytes:
    def byte(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise LdapFilterError(rf"write a backslash in {_shown(text)} as \5c")
        return bytes.fromhex(match[1].decode())

    return _ESCAPE.sub(byte, text.encode())


def _spaces(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _shown(text: str) -> str:
    return "its end" if not text else f'"{text if len(text) <= 40 else text[:39] + "…"}"'


# Evaluation


def compiled(each: Filter, types: AttributeTypes) -> Predicate:
    """Return the function that checks whether an entry matches.

    Raise FilterError for a matching rule that only a server can apply.
    """
    if isinstance(each, Item):
        return _of_item(each, types)
    parts = [compiled(part, types) for part in each.parts]
    if each.operator == "!":
        (inner,) = parts
        return lambda entry: not inner(entry)
    if each.operator == "&":
        return lambda entry: all(part(entry) for part in parts)
    return lambda entry: any(part(entry) for part in parts)


def _of_item(item: Item, types: AttributeTypes) -> Predicate:
    name = base_name(item.attribute)
    if item.operator is Operator.PRESENT:
        return lambda entry: bool(entry.get(name))
    if item.operator is Operator.EXTENSIBLE:
        test = _extended(item)
        if not name:
            raise LdapFilterError("a rule without an attribute needs a server")
    elif item.operator is Operator.SUBSTRINGS:
        test = _substrings(item.values)
    else:
        test = _compared(item, types.of(name).form)
    return lambda entry: any(test(value) for value in entry.get(name, ()))


def _compared(item: Item, form: Form) -> Callable[[bytes], bool]:
    (wanted,) = item.values
    key = _KEYS.get(form, _text_key)
    mine = key(wanted)
    if item.operator in (Operator.EQUAL, Operator.APPROXIMATE):
        return lambda value: value == wanted or key(value) == mine
    number = _number(wanted)
    at_least = item.operator is Operator.AT_LEAST

    def test(value: bytes) -> bool:
        other = _number(value)
        if number is not None and other is not None:
            return other >= number if at_least else other <= number
        theirs, ours = _key(value), _key(wanted)
        return theirs >= ours if at_least else theirs <= ours

    return test


def _substrings(pieces: Sequence[bytes]) -> Callable[[bytes], bool]:
    first, *middle, last = (_key(piece) for piece in pieces)

    def test(value: bytes) -> bool:
        text = _key(value)
        if not text.startswith(first):
            return False
        at = len(first)
        for piece in middle:
            found = text.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return len(text) - at >= len(last) and text.endswith(last)

    return test


def _extended(item: Item) -> Callable[[bytes], bool]:
    (wanted,) = item.values
    rule = item.rule.lower()
    if item.of_dn:
        raise LdapFilterError(":dn: needs a server")
    if rule in (BIT_AND, BIT_OR):
        bits = _number(wanted)
        if bits is None:
            raise LdapFilterError(f"{item.rule} takes a whole number")
        if rule == BIT_AND:
            return lambda value: (_number(value) or 0) & bits == bits
        return lambda value: bool((_number(value) or 0) & bits)
    if rule in _CASE_EXACT:
        return lambda value: value == wanted
    if not rule or rule in _CASE_IGNORE:
        return lambda value: _text_key(value) == _text_key(wanted)
    raise LdapFilterError(f"the matching rule {item.rule} needs a server")


def _key(value: bytes) -> bytes:
    try:
        return _SPACES.sub(b" ", value.decode().casefold().encode())
    except UnicodeDecodeError:
        return value


def _text_key(value: bytes) -> bytes:
    return _key(value).strip()


def _dn_key(value: bytes) -> bytes:
    return normalized(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _number(value: bytes) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None


_KEYS: Mapping[Form, Callable[[bytes], bytes]] = {Form.DN: _dn_key, Form.BINARY: bytes}
