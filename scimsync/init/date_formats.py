"""Find the format of a column of dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from scimsync.desired.dates import read_date
from scimsync.desired.expression_errors import UnusableValue
from scimsync.desired.syntax import text_literal
from scimsync.init.sampled_table import SampledTable

_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_PATTERNS: tuple[str | None, ...] = (
    None,
    *(
        f"{first}{mark}{second}{mark}{year}{time}"
        for first, second, marks in (("%d", "%m", "/-."), ("%m", "%d", "/-"))
        for mark in marks
        for year in ("%Y", "%y")
        for time in _TIMES
    ),
    *("%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
"""The formats to try; None is what the filter reads without one."""

_DIGITS_FIRST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d")


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How the dates of a column are read: `pattern` of the filter `date`, None for its default."""

    pattern: str | None

    def expression(self, column: str) -> str:
        """Return the expression for the date in a column, given as an expression."""
        argument = "" if self.pattern is None else f"({text_literal(self.pattern)})"
        return f"{column} | date{argument}"


@dataclass(frozen=True, slots=True)
class NotADate:
    """Why a column of dates cannot be used: `value` is not a date, or can be read in two ways."""

    value: str
    ambiguous: bool


def find_format(values: Sequence[object], day_first: bool | None) -> DateFormat | NotADate:
    """Return the format in which all `values` are dates.

    `day_first` decides between 3 April and March 4 where the values do not: None if the file does
    not show it.
    """
    found = list(_PATTERNS)
    for value in values:
        found = [pattern for pattern in found if _reads(value, pattern)]
        if not found:
            return NotADate(str(value), ambiguous=False)
    if None in found:
        return DateFormat(None)
    if {_day_first(pattern) for pattern in found} == {True, False}:
        if day_first is None:
            return NotADate(str(values[0]), ambiguous=True)
        found = [pattern for pattern in found if _day_first(pattern) is day_first]
    return DateFormat(found[0])


def day_comes_first(table: SampledTable) -> bool | None:
    """Return whether the dates of a file start with the day: None if no column shows it."""
    answers: set[bool | None] = set()
    for column in table.columns:
        texts = table.texts(column)
        if texts and all(_DIGITS_FIRST.match(text) for text in texts):
            found = find_format(texts, None)
            if isinstance(found, DateFormat) and found.pattern is not None:
                answers.add(_day_first(found.pattern))
    return answers.pop() if len(answers) == 1 else None


def is_date(value: object) -> bool:
    """Return whether a value is a date in any of the formats."""
    return any(_reads(value, pattern) for pattern in _PATTERNS)


def _reads(value: object, pattern: str | None) -> bool:
    if isinstance(value, date):
        return True
    try:
        read_date(str(value), pattern)
    except UnusableValue:
        return False
    return True


def _day_first(pattern: str | None) -> bool | None:
    """Return whether the day comes before the month; None if the month is a word."""
    if pattern is None or "%m" not in pattern:
        return None
    return pattern.startswith("%d")
