"""Find the column that identifies a record, and columns that refer to it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scimsync.desired.syntax import column_expression
from scimsync.formatting import plural
from scimsync.init.date_formats import is_date
from scimsync.init.headers import NamedColumn, ends_like_number, ranked, read_header
from scimsync.init.roles import Candidates
from scimsync.init.sampled_table import SampledTable
from scimsync.init.vocabulary import vocabulary

_ENOUGH_ROWS = 10
_MOST = 0.9


def find_key(
    table: SampledTable, headers: Sequence[NamedColumn], candidates: Candidates
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column that identifies a record, and what to check about it.

    A column with the name of a key comes first, then one that ends like a number, a user name, an
    e-mail address, and anything that is different in each row. Of several numbers, the one that the
    managers are named by comes first.
    """
    by_name, numbered, others = _options(table, headers, candidates)
    logins = [*candidates["login"], *candidates["email"]]
    fallback = next(iter([*by_name, *numbered, *logins, *table.columns]), None)
    if not table.rows or fallback is None:
        return fallback, ()
    keys = [column for column in (*by_name, *numbered) if _identifies(table, column)]
    if keys:
        return next((key for key in keys if _names_managers(table, key, candidates)), keys[0]), ()
    for column in by_name:
        if _nearly_identifies(table, column):
            return column, (_doubt(table, column),)
    for column in (*logins, *others):
        if _identifies(table, column):
            return column, (_weakness(column, is_login=column in logins),)
    return fallback, (_doubt(table, fallback),)


def names_keys(table: SampledTable, manager: str, key: str) -> bool:
    """Return whether the values of `manager` are keys of other rows, or at least look like keys."""
    managers, keys = set(table.texts(manager)), set(table.texts(key))
    if not managers:
        return ends_like_number(read_header(manager))
    if 2 * len(managers & keys) >= len(managers):
        return True
    shapes = {_shape(value) for value in keys}
    return all(_shape(value) in shapes for value in managers)


def _names_managers(table: SampledTable, key: str, candidates: Candidates) -> bool:
    """Return whether half of the managers in a column are named by `key`."""
    keys = set(table.texts(key))
    managers = [set(table.texts(column)) for column in candidates["manager"] if column != key]
    return any(named and 2 * len(named & keys) >= len(named) for named in managers)


def _options(
    table: SampledTable, headers: Sequence[NamedColumn], candidates: Candidates
) -> tuple[list[str], list[str], list[str]]:
    """Return the columns that may be keys by their name, by its last word, and for no reason."""
    known = vocabulary()
    claimed = {column for columns in candidates.values() for column in columns}
    allowed = [header for header in headers if not {header.name, header.core} & known.never_keys]
    by_name = [header.column for header in ranked(allowed, known.keys)]
    others = [
        header
        for header in allowed
        if header.column not in (*claimed, *by_name) and not _are_dates(table, header.column)
    ]
    numbered = [header.column for header in others if ends_like_number(header)]
    return by_name, numbered, [each.column for each in others if each.column not in numbered]


def _identifies(table: SampledTable, column: str) -> bool:
    return table.is_filled(column) and table.is_unique(column)


def _nearly_identifies(table: SampledTable, column: str) -> bool:
    rows = len(table.rows)
    return rows >= _ENOUGH_ROWS and len(set(table.texts(column))) >= _MOST * rows


def _are_dates(table: SampledTable, column: str) -> bool:
    values = table.values(column)
    return bool(values) and all(not isinstance(value, int) and is_date(value) for value in values)


def _doubt(table: SampledTable, column: str) -> str:
    texts = table.texts(column)
    empty, repeated = len(table.rows) - len(texts), len(texts) - len(set(texts))
    problems = [
        *([f"is empty in {plural(empty, 'row')}"] if empty else []),
        *([f"repeats an earlier value in {plural(repeated, 'row')}"] if repeated else []),
    ]
    hint = (
        " If users have several rows, such as one for each job, choose the row that counts with the"
        " setting pick."
        if repeated
        else ""
    )
    return (
        f"The key {column_expression(column)} {' and '.join(problems)}. A key must identify one"
        f" user and never change.{hint}"
    )


def _weakness(column: str, *, is_login: bool) -> str:
    name = column_expression(column)
    if is_login:
        return (
            f"The key is {name}, because no number identifies each user. If such a value changes,"
            " scimsync sees one user leave and another one join. Prefer a number that never"
            " changes, if the export can include one."
        )
    return f"The key is {name} only because each sampled row has a different value there."


def _shape(text: str) -> str:
    """Return which kinds of characters follow each other: `E-1001` becomes `a-9`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text))
