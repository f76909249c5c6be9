"""Find the columns that say who works here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from scimsync.desired.syntax import column_expression
from scimsync.init.account_conditions import (
    Condition,
    GuessedScope,
    constant,
    empty_values,
    is_none_of,
    is_one_of,
    listed,
)
from scimsync.init.headers import NamedColumn, ranked
from scimsync.init.sampled_table import Row, SampledTable, distinct
from scimsync.init.vocabulary import StatusMeaning, normal, vocabulary, words

_MOST_VALUES = 12
"""A column with more values than this does not say who works here."""


def status_scope(
    table: SampledTable, headers: Sequence[NamedColumn], taken: frozenset[str]
) -> GuessedScope:
    """Return the condition on the best status column, by its name or else by its values.

    `taken` are columns that hold something else.
    """
    known = vocabulary()
    named = [header for header in headers if header.name in known.coded]
    guesses, problems = [], []
    for header in [*named, *ranked(headers, known.statuses)]:
        found = _by_meaning(table, header, named=True)
        if isinstance(found, GuessedScope):
            if not found.guessed:
                return found
            guesses.append(found)
        elif found and header.name not in known.ambiguous_statuses:
            problems.append(GuessedScope(notes=(found,), candidate=header.column))
    if guesses:
        return guesses[0]
    for header in headers:
        if header.column not in taken and _looks_like_status(table, header):
            found = _by_meaning(table, header, named=False)
            if isinstance(found, GuessedScope):
                return found
    return problems[0] if problems else GuessedScope()


def flag_scope(table: SampledTable, headers: Sequence[NamedColumn]) -> GuessedScope:
    """Return the conditions on all columns that say yes or no about an account."""
    known = vocabulary()
    scope = GuessedScope()
    for header in headers:
        if header.name in known.bits:
            scope += _bit(table, header.column, known.bits[header.name])
        for names, wanted in ((known.enabled, True), (known.disabled, False)):
            if header.rank(names) is None or table.is_empty(header.column):
                continue
            if _texts(table, header.column) <= known.yes | known.no:
                scope += _flag(table, header.column, wanted=wanted)
            elif isinstance(found := _by_meaning(table, header, named=True), GuessedScope):
                scope += found
    return scope


def meaning_of(text: str, codes: Mapping[str, StatusMeaning]) -> StatusMeaning | None:
    """Return what a value of a status column says, or None if that is unknown."""
    known = vocabulary()
    whole = normal(text)
    if whole in codes:
        return codes[whole]
    if whole in known.values:
        return known.values[whole]
    parts = words(text)
    if known.negations & set(parts):
        return None
    found = {known.values.get(part) for part in (*parts, *map("".join, pairwise(parts)))}
    order = (
        StatusMeaning.ENDED,
        StatusMeaning.UNCLEAR,
        StatusMeaning.ACTIVE,
        StatusMeaning.EMPLOYMENT,
    )
    return next((meaning for meaning in order if meaning in found), None)


def _looks_like_status(table: SampledTable, header: NamedColumn) -> bool:
    """Return whether the values of a column are those of a status, whatever its name."""
    known = vocabulary()
    if header.words & known.other_words:
        return False
    found = {meaning_of(text, {}) for text in set(table.texts(header.column))}
    return (
        None not in found
        and StatusMeaning.ACTIVE in found
        and (StatusMeaning.ENDED in found or bool(header.words & known.status_words))
    )


def _by_meaning(
    table: SampledTable, header: NamedColumn, *, named: bool
) -> GuessedScope | str | None:
    """Return the condition on a status column, or why it cannot be used, or None."""
    known = vocabulary()
    column, name = header.column, column_expression(header.column)
    values = distinct(table.values(column))
    if not values:
        return None
    if len(values) > _MOST_VALUES:
        return f"{name} was not used for the scope, because it has more than {_MOST_VALUES} values."
    codes = known.coded.get(header.name, known.codes) if named else {}
    texts = _texts(table, column)
    if named and not texts <= set(codes) and texts <= known.yes | known.no:
        return _flag(table, column, wanted=True)
    meanings = [meaning_of(str(value), codes) for value in values]

    def having(*wanted: StatusMeaning | None) -> list[object]:
        return [value for value, meaning in zip(values, meanings, strict=True) if meaning in wanted]

    active, ended = having(StatusMeaning.ACTIVE), having(StatusMeaning.ENDED)
    unclear = having(StatusMeaning.UNCLEAR, None)
    notes = []
    guessed = not active
    if active:
        active += having(StatusMeaning.EMPLOYMENT)
    elif ended and len(values) > len(ended):
        active, unclear = having(StatusMeaning.EMPLOYMENT, None), having(StatusMeaning.UNCLEAR)
        if active:
            notes.append(
                f"{name}: {listed(active)} were treated as active, because the column has no other"
                " value for it."
            )
    if not active:
        return (
            f"{name} was not used for the scope, because it is unclear which of its values mean"
            f" that a user works here: {listed(values)}."
        )
    if unclear:
        notes.append(
            f"{name}: users with {listed(unclear)} are out of scope. If they should keep their"
            " accounts, add the value to the condition."
        )
    left_out = tuple(map(constant, [*ended, *unclear]))
    return GuessedScope(
        (is_one_of(column, active),),
        {column: left_out} if left_out else {},
        tuple(notes),
        guessed=guessed,
    )


def _flag(table: SampledTable, column: str, *, wanted: bool) -> GuessedScope:
    """Return the condition that a column of yes and no is yes, or no if `wanted` is false."""
    known = vocabulary()
    values = distinct(table.values(column))
    yes = [value for value in values if normal(str(value)) in known.yes]
    no = [value for value in values if normal(str(value)) in known.no]
    good, bad = (yes, no) if wanted else (no, yes)
    if not wanted and not table.is_filled(column):
        good = [*good, *empty_values(table, column)]
    condition = is_one_of(column, good) if good else is_none_of(column, bad)
    return GuessedScope((condition,), {column: tuple(map(constant, bad))} if bad else {})


def _bit(table: SampledTable, column: str, bit: int) -> GuessedScope:
    """Return the condition that a bit of a column of numbers is not set."""
    texts = table.texts(column)
    if not texts or not all(re.fullmatch(r"[0-9]+", text) for text in texts):
        return GuessedScope()

    def holds(row: Row) -> bool:
        text = str(row.get(column) or "").strip()
        return text.isdecimal() and int(text) // bit % 2 == 0

    expression = f"({column_expression(column)} | int) // {bit} % 2 == 0"
    return GuessedScope((Condition(column, expression, holds),))


def _texts(table: SampledTable, column: str) -> set[str]:
    return {normal(text) for text in table.texts(column)}
