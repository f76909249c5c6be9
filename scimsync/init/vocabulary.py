"""What columns are usually called, and what the words in status columns mean.

`columns.toml` holds the data.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_NEGATIVE = re.compile(r"-\d+")


class StatusMeaning(Enum):
    """What a value of a status column says about a user."""

    ACTIVE = "active"
    ENDED = "ended"
    UNCLEAR = "unclear"
    EMPLOYMENT = "employment"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The contents of `columns.toml`. All names and words are as `normal` returns them.

    `prefixes`, `suffixes`, and `groups` are ignored around a name. `keys`, `statuses`, `enabled`,
    `disabled`, and each of `roles` map a name to its rank: the better, the lower. `weak_names` are
    whole names to use only without better ones. `values` are the words of status columns, `codes`
    those that count only in columns with the name of a status column, and `coded` the columns with
    codes of their own. `bits` are columns of numbers in which one bit disables the account, and
    `expiries` columns of FILETIMEs after which it cannot be used.
    """

    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    groups: frozenset[str]
    keys: Mapping[str, int]
    never_keys: frozenset[str]
    roles: Mapping[str, Mapping[str, int]]
    manager_words: frozenset[str]
    weak_names: frozenset[str]
    statuses: Mapping[str, int]
    enabled: Mapping[str, int]
    disabled: Mapping[str, int]
    ambiguous_statuses: frozenset[str]
    other_words: frozenset[str]
    status_words: frozenset[str]
    negations: frozenset[str]
    values: Mapping[str, StatusMeaning]
    codes: Mapping[str, StatusMeaning]
    yes: frozenset[str]
    no: frozenset[str]
    coded: Mapping[str, Mapping[str, StatusMeaning]]
    bits: Mapping[str, int]
    expiries: frozenset[str]
    lists: frozenset[str]
    personal_words: frozenset[str]

    def knows(self, name: str) -> bool:
        """Return whether any of the tables has a column of this name."""
        ranked = (self.keys, self.statuses, self.enabled, self.disabled, *self.roles.values())
        return any(
            name in table for table in (*ranked, self.coded, self.bits, self.expiries, self.lists)
        )


@cache
def vocabulary() -> Vocabulary:
    """Return the contents of `columns.toml`."""
    text = files("scimsync.init").joinpath("columns.toml").read_text("utf-8")
    data: Mapping[str, Any] = tomllib.loads(text)
    headers, status = data["headers"], data["status"]
    coded = {normal(column): entry for column, entry in status["coded"].items()}
    bits = {
        column: entry["disabled_bit"] for column, entry in coded.items() if "disabled_bit" in entry
    }
    return Vocabulary(
        prefixes=tuple(headers["prefixes"]),
        suffixes=tuple(headers["suffixes"]),
        groups=frozenset(headers["groups"]),
        keys=_ranks(data["key"]["names"]),
        never_keys=_names(data["key"]["never"]),
        roles={role: _ranks(names) for role, names in data["roles"].items()},
        manager_words=frozenset(data["managers"]["words"]),
        weak_names=_names(data["display"]["weak"]),
        statuses=_ranks(status["names"]),
        enabled=_ranks(status["enabled"]),
        disabled=_ranks(status["disabled"]),
        ambiguous_statuses=_names(status["ambiguous"]),
        other_words=frozenset(status["other_words"]),
        status_words=frozenset(status["status_words"]),
        negations=frozenset(status["negations"]),
        values=_meanings(status["values"]),
        codes=_meanings(status["codes"]),
        yes=_names(status["booleans"]["yes"]),
        no=_names(status["booleans"]["no"]),
        coded={column: _meanings(entry) for column, entry in coded.items() if column not in bits},
        bits=bits,
        expiries=_names(data["expiry"]["filetimes"]),
        lists=_names(data["lists"]["names"]),
        personal_words=frozenset(data["personal"]["words"]),
    )


def normal(name: str) -> str:
    """Return a name as the tables have it: `Employé n°` becomes `employen`.

    That is lower case, without accents and with nothing but letters, digits, `#`, and the sign of a
    negative number.
    """
    name = name.strip()
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    sign = "-" if _NEGATIVE.fullmatch(name) else ""
    return sign + "".join(char for char in decomposed if char.isalnum() or char == "#")


def words(name: str) -> list[str]:
    """Return the words of a name or value: `accountEnabled` has `account` and `enabled`."""
    return [normal(word) for word in _WORD.findall(_CAMEL.sub(" ", name))]


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(normal, names))


def _ranks(names: Iterable[str]) -> dict[str, int]:
    ranks: dict[str, int] = {}
    for name in names:
        ranks.setdefault(normal(name), len(ranks))
    return ranks


def _meanings(entry: Mapping[str, Iterable[str]]) -> dict[str, StatusMeaning]:
    return {
        normal(word): StatusMeaning(meaning) for meaning, found in entry.items() for word in found
    }
