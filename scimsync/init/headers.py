"""Recognize the contents of a column from its header."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from scimsync.init.vocabulary import normal, vocabulary, words

_BRACKETS = re.compile(r"\[([^\]]*)\]|\(([^)]*)\)")
_MARKED = re.compile(r"(?<=[\])])\s*(required|optional|pflichtfeld)\s*$", re.IGNORECASE)
_NUMBERED = re.compile(r"(id|no|nr|num|number|nummer|numero|matricule|code|key|#)$")
_PATH = re.compile(r"[.:/]")


@dataclass(frozen=True, slots=True)
class NamedColumn:
    """A column and the names by which the tables may know it.

    `name` is that of the whole header, without notes in brackets. `core` is the name without words
    such as "Employee" before it or "Name" after it; None unless the tables know only that one.
    """

    column: str
    name: str
    core: str | None

    def rank(self, table: Mapping[str, int]) -> int | None:
        """Return the rank of this column in a table, or None. Whole names come first."""
        if self.name in table:
            return table[self.name]
        if self.core is not None and self.core in table:
            return table[self.core] + len(table)
        return None

    @property
    def words(self) -> frozenset[str]:
        """The words of the header, with those in brackets."""
        return frozenset(words(self.column))


def read_header(column: str) -> NamedColumn:
    """Return the names of a column."""
    known = vocabulary().knows
    forms = list(_forms(column))
    name = next((form for form in forms if known(form)), forms[0])
    core = None
    if not known(name):
        core = next((form for form in _cores(name) if known(form)), None)
    return NamedColumn(column, name, core)


def ends_like_number(header: NamedColumn) -> bool:
    """Return whether a column seems to hold numbers or codes, by the end of its name."""
    return _NUMBERED.search(header.name) is not None


def _forms(column: str) -> Iterator[str]:
    """Yield the possible names of a column, the most telling one first.

    In `Name [displayName] Required`, that is the text outside the brackets: the column `Block sign
    in (Yes/No) [accountEnabled]` of Entra means the opposite of the attribute in its brackets.
    """
    outside = normal(_BRACKETS.sub(" ", _MARKED.sub("", column)))
    yield outside or normal(column)
    yield normal(column)
    for contents in _BRACKETS.findall(column):
        yield normal("".join(contents))
    groups = vocabulary().groups
    *before, last = _PATH.split(column)
    if before and all(normal(part) in groups for part in before):
        yield normal(last)


def _cores(name: str) -> Iterator[str]:
    known = vocabulary()
    shorter = [name.removesuffix(suffix) for suffix in known.suffixes if name.endswith(suffix)]
    yield from shorter
    for prefix in known.prefixes:
        for form in (name, *shorter):
            if form.startswith(prefix):
                yield form.removeprefix(prefix)


def ranked(headers: Iterable[NamedColumn], table: Mapping[str, int]) -> list[NamedColumn]:
    """Return the headers that a table knows, the best ones first."""
    found = [(rank, header) for header in headers if (rank := header.rank(table)) is not None]
    return [header for _, header in sorted(found, key=lambda pair: pair[0])]
