"""Find the conditions for having an account: the status of a user, and the first and last day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from scimsync.desired.day_numbers import read_filetime
from scimsync.desired.expression_errors import UnusableValue
from scimsync.desired.syntax import column_expression, text_literal
from scimsync.init.account_conditions import Condition, GuessedScope, is_empty_test, shortened
from scimsync.init.date_formats import DateFormat, NotADate, find_format
from scimsync.init.headers import NamedColumn, ranked
from scimsync.init.sampled_table import SampledTable, is_filled
from scimsync.init.status import flag_scope, status_scope
from scimsync.init.vocabulary import vocabulary


def find_scope(
    table: SampledTable,
    headers: Sequence[NamedColumn],
    taken: Iterable[str],
    day_first: bool | None,
) -> GuessedScope:
    """Return the conditions that the columns of a file support.

    `taken` are columns that hold something else. `day_first` is the order of its dates.
    """
    scope = status_scope(table, headers, frozenset(taken))
    used = {condition.column for condition in scope.conditions}
    scope += flag_scope(table, [header for header in headers if header.column not in used])
    scope += _last_day(table, headers, day_first, optional=bool(scope.conditions))
    scope = replace(scope, tells_leavers=bool(scope.conditions))
    for header in headers:
        if header.name in vocabulary().expiries:
            scope += _not_expired(table, header.column)
    return scope + _first_day(table, headers, day_first, sure=scope.tells_leavers)


def _last_day(
    table: SampledTable, headers: Sequence[NamedColumn], day_first: bool | None, *, optional: bool
) -> GuessedScope:
    """Return the condition that the last day of a user is unknown or has not passed.

    If `optional`, because another column says who has left, it is a hint. Many HR systems keep the
    last day of people who came back.
    """
    dates, notes = _find_dates(table, headers, "end", ">=", day_first)
    if dates is None:
        return GuessedScope() if optional else GuessedScope(notes=notes)
    condition = _not_ended(table, *dates)
    if optional:
        hint = "To remove access after the last day, whatever the status, add to the scope:"
        return GuessedScope(hints=(f"{hint}\n  {condition.expression}",))
    return GuessedScope((condition,))


def _first_day(
    table: SampledTable, headers: Sequence[NamedColumn], day_first: bool | None, *, sure: bool
) -> GuessedScope:
    """Return the condition that the first day of a user has come.

    Users without a first day are in scope if `sure`, because then another column says that they
    work here.
    """
    dates, notes = _find_dates(table, headers, "start", "<=", day_first)
    return GuessedScope(notes=notes) if dates is None else _started(table, *dates, sure=sure)


def _find_dates(
    table: SampledTable,
    headers: Sequence[NamedColumn],
    role: str,
    comparison: str,
    day_first: bool | None,
) -> tuple[tuple[str, DateFormat] | None, tuple[str, ...]]:
    """Return the best column of a role whose values are dates, with their format.

    Without one, return None and the note about the best column, if there is any. `comparison` is
    that of the date with today.
    """
    notes = []
    for header in ranked(headers, vocabulary().roles[role]):
        column = header.column
        if table.is_empty(column):
            continue
        found = find_format(table.values(column), day_first)
        if isinstance(found, DateFormat):
            return (column, found), ()
        notes.append(_unused(column, found, comparison))
    return None, tuple(notes[:1])


def _not_ended(table: SampledTable, column: str, found: DateFormat) -> Condition:
    date = found.expression(column_expression(column))
    expression = f"({is_empty_test(table, column, empty=True)} or {date} >= today)"
    return Condition(column, expression, lambda row: not is_filled(row.get(column)))


def _not_expired(table: SampledTable, column: str) -> GuessedScope:
    """Return the condition that a column of FILETIMEs is not over, or never will be."""
    try:
        days = [read_filetime(value) for value in table.values(column)]
    except UnusableValue:
        return GuessedScope()
    if not days:
        return GuessedScope()
    name = f"{column_expression(column)} | filetime"
    expression = f"({name} is none or {name} > today)"
    return GuessedScope((Condition(column, expression, lambda _: True),))


def _started(table: SampledTable, column: str, found: DateFormat, *, sure: bool) -> GuessedScope:
    expression = f"{found.expression(column_expression(column))} <= today"
    if not table.is_filled(column):
        test = is_empty_test(table, column, empty=sure)
        expression = f"({test} or {expression})" if sure else f"{test} and {expression}"
    return GuessedScope((Condition(column, expression, lambda _: True),))


def _unused(column: str, problem: NotADate, comparison: str) -> str:
    """Return the note about a column of dates that cannot be read."""
    name = column_expression(column)
    if not problem.ambiguous:
        return (
            f"{name} was not used for the scope, because not all of its values are dates in one"
            f" format: {shortened(problem.value)}."
        )
    readings = "".join(
        f"\n  {name} | date('{pattern}') {comparison} today" for pattern in ("%d/%m/%Y", "%m/%d/%Y")
    )
    return (
        f"{name} was not used for the scope, because {text_literal(problem.value)} can mean two"
        f" different days. Add the condition that fits:{readings}"
    )
