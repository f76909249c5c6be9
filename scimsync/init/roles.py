"""Find which column holds which attribute of a user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scimsync.init.headers import NamedColumn, ends_like_number, ranked
from scimsync.init.sampled_table import SampledTable
from scimsync.init.vocabulary import vocabulary

Candidates = Mapping[str, Sequence[str]]
"""What a column may hold -> the columns that may, the best ones first."""

_VALUES = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "language": re.compile(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?"),
    "timezone": re.compile(r"[A-Za-z_]+(/[A-Za-z_+-]+)+"),
    "country": re.compile(r"[A-Z]{2}"),
}
_MOST = 0.9
"""The share of the cells that must fit a rule. Some files have a few odd ones."""

ADDRESSES_NEEDED = _MOST
"""The share of the users who must have an e-mail address, for it to be their user name."""

_NO_ATTRIBUTES = ("start", "end", "login")


def candidate_columns(table: SampledTable, headers: Sequence[NamedColumn]) -> dict[str, list[str]]:
    """Return, for each role, the columns whose names and values fit."""
    known = vocabulary()
    found = {
        role: [header.column for header in ranked(headers, names) if _fits(table, header, role)]
        for role, names in known.roles.items()
    }
    found["manager"] += [
        header.column
        for header in headers
        if header.column not in found["manager"]
        and header.words & known.manager_words
        and ends_like_number(header)
    ]
    found["email"] += [
        header.column
        for header in headers
        if header.column not in (*found["email"], *found["manager"])
        and not header.words & known.personal_words
        and _share(table, header.column, "email") >= _MOST
    ]
    return found


def choose_roles(
    table: SampledTable, staff: SampledTable, headers: Sequence[NamedColumn], candidates: Candidates
) -> dict[str, str]:
    """Return one column for each role, and no column for two of them.

    `staff` are the rows in scope.
    """
    roles: dict[str, str] = {}
    for role, columns in candidates.items():
        if role in _NO_ATTRIBUTES:
            continue
        free = [column for column in columns if column not in roles.values()]
        filled = [column for column in free if not table.is_empty(column)]
        if role == "email":
            filled.sort(key=lambda column: not _is_one_each(staff, column))
        elif role in ("given", "family", "display"):
            filled.sort(key=lambda column: not staff.is_filled(column))
        if filled or (free and not table.rows):
            roles[role] = (filled or free)[0]
    _correct_names(table, staff, {header.column: header for header in headers}, roles)
    return roles


def _fits(table: SampledTable, header: NamedColumn, role: str) -> bool:
    """Return whether the values of a column fit its role; without values, they do.

    An address whose name is known only in part must not be a private one.
    """
    if role == "email" and header.core and header.words & vocabulary().personal_words:
        return False
    if role not in _VALUES or table.is_empty(header.column):
        return True
    return _share(table, header.column, role) >= _MOST


def _share(table: SampledTable, column: str, role: str) -> float:
    return table.share(column, _VALUES[role].fullmatch)


def _is_one_each(staff: SampledTable, column: str) -> bool:
    return staff.is_filled(column) and staff.is_unique(column, ignore_case=True)


def _correct_names(
    table: SampledTable,
    staff: SampledTable,
    headers: Mapping[str, NamedColumn],
    roles: dict[str, str],
) -> None:
    """Correct which columns hold names, after a look at them."""
    given, family, display = (roles.get(role) for role in ("given", "family", "display"))
    if display and given and not family:
        if headers[display].name in ("name", "naam") and _is_family(table, given, display):
            roles["family"] = roles.pop("display")
    elif display and given:
        if not _is_good_display(staff, headers[display]):
            del roles["display"]
    elif not display and bool(given) != bool(family):
        role = "given" if given else "family"
        if table.share(roles[role], lambda text: " " in text) > 0.5:
            roles["display"] = roles.pop(role)


def _is_family(table: SampledTable, given: str, name: str) -> bool:
    """Return whether a column `Name` holds family names, as in German files: `Name;Vorname`."""
    pairs = [(str(row.get(given) or ""), str(row.get(name) or "")) for row in table.rows]
    apart = sum(first.strip().lower() not in whole.lower() for first, whole in pairs)
    return bool(pairs) and apart >= _MOST * len(pairs)


def _is_good_display(staff: SampledTable, header: NamedColumn) -> bool:
    """Return whether a column of whole names is better than a given and a family name."""
    return (
        not {header.name, header.core} & vocabulary().weak_names
        and staff.is_filled(header.column)
        and staff.share(header.column, lambda text: "," in text) < 1 - _MOST
    )
