"""Infer what the columns of an HR file hold, from their names and a few hundred rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from scimsync.init.column_names import (
    ACTIVE_VALUES,
    KEY_NAMES,
    LIST_NAMES,
    ROLE_NAMES,
    normal,
)

Rows = Sequence[Mapping[str, object]]

_PREFIXES = (
    "employee",
    "emp",
    "user",
    "person",
    "worker",
    "staff",
    "work",
    "primary",
    "business",
    "mitarbeiter",
    "hr",
)
_VALUES = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "language": re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?"),
    "timezone": re.compile(r"[A-Za-z_]+(/[A-Za-z_+-]+)+"),
    "country": re.compile(r"[A-Z]{2}"),
}
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class StatusColumn:
    """A column that tells who works here.

    `values` are those that mean yes, `others` all other values that were found.
    """

    column: str
    values: tuple[object, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What each column seems to hold.

    `key` identifies a record; `sure` is true if it was never empty and never repeated. `roles` maps
    what a column holds (`email`, `given`, …) to the column. `manager_is_key` is true if managers
    are named by their key. `starts` is true if every record has a start date in the form
    YYYY-MM-DD. `lists` maps a column to its separator.
    """

    key: str | None
    sure: bool
    roles: Mapping[str, str]
    manager_is_key: bool
    status: StatusColumn | None
    starts: bool
    lists: Mapping[str, str]


def infer(columns: Sequence[str], rows: Rows) -> Findings:
    """Infer what `columns` hold from their names and from `rows`, which may be few or none."""
    usable = [column for column in dict.fromkeys(columns) if column.strip()]
    roles = {
        role: column for role in ROLE_NAMES if (column := _by_name(role, usable, rows)) is not None
    }
    if "email" not in roles:
        mails = [
            column
            for column in usable
            if _all_match(_values(column, rows), _VALUES["email"], empty=False)
        ]
        if mails:
            roles["email"] = mails[0]
    key, sure = _key(usable, rows, roles)
    status = _status(roles["status"], rows) if "status" in roles else None
    start = roles.get("start")
    return Findings(
        key=key,
        sure=sure,
        roles=roles,
        manager_is_key=key is not None
        and "manager" in roles
        and _names_keys(roles["manager"], key, rows),
        status=status,
        starts=start is not None and bool(rows) and all(_is_date(row.get(start)) for row in rows),
        lists=_lists(usable, rows, taken={key, *roles.values()}),
    )


def _by_name(role: str, columns: Sequence[str], rows: Rows) -> str | None:
    """Return the column with the best name for `role`, if its values fit the role."""
    ranks = {name: rank for rank, name in reversed(list(enumerate(ROLE_NAMES[role])))}
    ranked = [
        (rank, column) for column in columns if (rank := _rank(normal(column), ranks)) is not None
    ]
    pattern = _VALUES.get(role)
    fitting = [
        (rank, column)
        for rank, column in ranked
        if pattern is None or _all_match(_values(column, rows), pattern, empty=True)
    ]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _rank(name: str, ranks: Mapping[str, int]) -> int | None:
    if name in ranks:
        return ranks[name]
    for prefix in _PREFIXES:
        if name.startswith(prefix) and name.removeprefix(prefix) in ranks:
            return ranks[name.removeprefix(prefix)] + len(ranks)
    return None


def _values(column: str, rows: Rows) -> list[object]:
    return [value for row in rows if (value := row.get(column)) not in (None, "", [])]


def _all_match(values: Sequence[object], pattern: re.Pattern[str], *, empty: bool) -> bool:
    """Return whether at least 90 % of the values match; without values, return `empty`."""
    if not values:
        return empty
    return sum(pattern.fullmatch(str(value).strip()) is not None for value in values) >= 0.9 * len(
        values
    )


def _key(columns: Sequence[str], rows: Rows, roles: Mapping[str, str]) -> tuple[str | None, bool]:
    """Return the column that identifies a record, and whether it was never empty or repeated."""
    ranks = {name: rank for rank, name in enumerate(KEY_NAMES)}
    by_name = sorted(
        (column for column in columns if normal(column) in ranks),
        key=lambda name: ranks[normal(name)],
    )
    claimed = set(roles.values())
    numbered = [
        column
        for column in columns
        if re.search(r"(id|no|nr|num|number|code|key)$", normal(column))
    ]
    candidates = [
        *by_name,
        *(column for column in numbered if column not in claimed),
        *(roles[role] for role in ("login", "email") if role in roles),
    ]
    anything = [column for column in columns if column not in claimed]
    for column in candidates if not rows else [*candidates, *anything]:
        if _is_unique(column, rows):
            return column, True
    return next(iter([*candidates, *columns]), None), False


def _is_unique(column: str, rows: Rows) -> bool:
    values = [str(value) for value in _values(column, rows)]
    return len(values) == len(rows) == len(set(values))


def _names_keys(manager: str, key: str, rows: Rows) -> bool:
    """Return whether the values of `manager` are keys of other rows, or at least look like keys."""
    managers = {str(value) for value in _values(manager, rows)}
    keys = {str(value) for value in _values(key, rows)}
    if not managers:
        return bool(re.search(r"(id|no|nr|number|nummer|matricule)$", normal(manager)))
    if 2 * len(managers & keys) >= len(managers):
        return True
    shapes = {_shape(value) for value in keys}
    return all(_shape(value) in shapes for value in managers)


def _shape(text: str) -> str:
    """Return which kinds of characters follow each other: `E-1001` becomes `a-9`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text))


def _status(column: str, rows: Rows) -> StatusColumn | None:
    counted = Counter(
        value for value in _values(column, rows) if isinstance(value, str | bool | int)
    )
    distinct = [value for value, _ in counted.most_common()]
    active = tuple(value for value in distinct if normal(str(value)) in ACTIVE_VALUES)
    if not active or len(distinct) > 12:
        return None
    return StatusColumn(
        column, active, tuple(str(value) for value in distinct if value not in active)
    )


def _is_date(value: object) -> bool:
    if isinstance(value, date):
        return True
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _lists(columns: Sequence[str], rows: Rows, taken: set[str | None]) -> dict[str, str]:
    found = {}
    for column in columns:
        texts = [value for value in _values(column, rows) if isinstance(value, str)]
        separators = ";|," if normal(column) in LIST_NAMES else "" if column in taken else ";|"
        for separator in separators:
            if _splits(texts, separator):
                found[column] = separator
                break
    return found


def _splits(texts: Sequence[str], separator: str) -> bool:
    """Return whether `separator` is between short values in more than a stray row."""
    split = [text.split(separator) for text in texts if separator in text]
    enough = max(1, len(texts) // 20)
    return len(split) >= enough and all(
        part.strip() and len(part) <= 64 for parts in split for part in parts
    )
