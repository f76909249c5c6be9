"""Infer the contents of the columns of an HR file from their names and sampled rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scimsync.desired.syntax import column_expression
from scimsync.formatting import plural
from scimsync.init.account_conditions import GuessedScope
from scimsync.init.date_formats import day_comes_first
from scimsync.init.headers import NamedColumn, read_header
from scimsync.init.key_columns import find_key, names_keys
from scimsync.init.lifecycle_columns import find_scope
from scimsync.init.roles import ADDRESSES_NEEDED, candidate_columns, choose_roles
from scimsync.init.sampled_table import Row, SampledTable, is_filled
from scimsync.init.vocabulary import vocabulary


@dataclass(frozen=True, slots=True)
class InferredColumns:
    """The apparent content of each column.

    `key` identifies a record, and `user_name` is the column for userName. `roles` maps the content
    of a column (`email`, `given`, …) to the column. `manager_is_key` is true if managers are named
    by their key. `lists` maps a column to its separator. The notes say what to check: about the
    key, the user names, the managers, and columns that cannot be used.
    """

    key: str | None
    roles: Mapping[str, str]
    user_name: str | None
    manager_is_key: bool
    scope: GuessedScope
    lists: Mapping[str, str]
    key_notes: tuple[str, ...] = ()
    user_notes: tuple[str, ...] = ()
    manager_notes: tuple[str, ...] = ()
    column_notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All notes, in the order of sync.toml."""
        return (
            *self.key_notes,
            *self.scope.notes,
            *self.user_notes,
            *self.manager_notes,
            *self.column_notes,
        )


def infer(columns: Sequence[str], rows: Sequence[Row]) -> InferredColumns:
    """Infer the contents of `columns` from their names and from `rows`, which may be empty."""
    repeated = dict.fromkeys(name for name in columns if columns.count(name) > 1)
    usable = tuple(name for name in columns if name.strip() and name not in repeated)
    table = SampledTable(usable, [row for row in rows if _is_user(row, usable)])
    headers = [read_header(column) for column in usable]
    candidates = candidate_columns(table, headers)
    held = {column for columns in candidates.values() for column in columns}
    scope = find_scope(table, headers, held, day_comes_first(table))
    staff = table.where(scope.holds)
    roles = choose_roles(table, staff, headers, candidates)
    key, key_notes = find_key(table, headers, candidates)
    user_name, user_notes = _user_name(staff, key, candidates["login"], roles.get("email"))
    manager = _manager(table, key, candidates["manager"], roles)
    if manager is not None:
        roles["manager"] = manager
    taken = {key, user_name, *roles.values(), *(each.column for each in scope.conditions)}
    return InferredColumns(
        key=key,
        roles=roles,
        user_name=user_name,
        manager_is_key=manager is not None,
        scope=scope,
        lists=_lists(table, headers, taken),
        key_notes=key_notes,
        user_notes=user_notes,
        manager_notes=() if manager else _manager_note(table, candidates["manager"], roles),
        column_notes=_repeated_note(list(filter(str.strip, repeated))),
    )


def _is_user(row: Row, columns: Sequence[str]) -> bool:
    """Return whether a row is about a user: a total or a remark fills one of many cells."""
    return len(columns) < 3 or sum(is_filled(row.get(column)) for column in columns) > 1


def _repeated_note(repeated: Sequence[str]) -> tuple[str, ...]:
    if not repeated:
        return ()
    names = ", ".join(map(column_expression, repeated))
    return (
        f"These names belong to more than one column, so that no expression can use them: {names}."
        " The setting headers gives the columns names of their own.",
    )


def _user_name(
    staff: SampledTable, key: str | None, logins: Sequence[str], email: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column for userName: filled and different for each user in scope.

    A few users without an e-mail address do not speak against it; they fail until they have one.
    """
    options = [*logins, *([email] if email else [])]
    unique = [column for column in options if staff.is_unique(column, ignore_case=True)]
    for column in unique:
        if not staff.rows or staff.is_filled(column):
            return column, ()
    for column in unique:
        missing = len(staff.rows) - len(staff.values(column))
        if len(staff.values(column)) >= ADDRESSES_NEEDED * len(staff.rows):
            count = plural(missing, "user in scope has", "users in scope have")
            return column, (
                f"{count} no {column_expression(column)} and will fail, because userName is"
                " required.",
            )
    if not options:
        return key, (
            "userName is the key, because no column with user names or e-mail addresses was"
            " recognized. Most applications expect one of these.",
        )
    names = " and ".join(map(column_expression, options))
    reason = "is" if len(options) == 1 else "are"
    return key, (
        f"userName is the key, because {names} {reason} empty or the same for several users.",
    )


def _manager(
    table: SampledTable, key: str | None, columns: Sequence[str], roles: Mapping[str, str]
) -> str | None:
    """Return the column that names managers by their key."""
    others = {column for role, column in roles.items() if role != "manager"}
    for column in columns if key is not None else ():
        if column not in others and names_keys(table, column, key or ""):
            return column
    return None


def _manager_note(
    table: SampledTable, columns: Sequence[str], roles: Mapping[str, str]
) -> tuple[str, ...]:
    """Return why the manager is not mapped, and where to read how to do it."""
    filled = [column for column in columns if not table.is_empty(column)]
    if not filled:
        return ()
    for column in filled:
        if (held := _named_by(table, column, roles)) is not None:
            return (
                f"The manager is not mapped, because {column_expression(column)} holds {held} and"
                " not keys. A query turns them into keys: see docs/how-to/query-recipes.md.",
            )
    name = column_expression(filled[0])
    return (
        f"The manager is not mapped, because {name} does not hold keys: ref() takes the key of the"
        " manager's row.",
    )


def _named_by(table: SampledTable, manager: str, roles: Mapping[str, str]) -> str | None:
    """Return the role by which half of the managers in a column are named, None if unknown."""
    managers = {text.lower() for text in table.texts(manager)}

    def are_among(texts: Iterable[str]) -> bool:
        return 2 * len(managers & {text.lower() for text in texts}) >= len(managers)

    for column in table.columns:
        unique = column != manager and table.is_unique(column, ignore_case=True)
        if unique and are_among(table.texts(column)):
            return f"values of {column_expression(column)}"
    if "given" in roles and "family" in roles:
        pairs = [
            [str(row.get(roles[role]) or "").strip() for role in ("given", "family")]
            for row in table.rows
        ]
        names = [*map(" ".join, pairs), *(f"{family}, {given}" for given, family in pairs)]
        if are_among(names):
            return "names of users"
    return None


def _lists(
    table: SampledTable, headers: Sequence[NamedColumn], taken: set[str | None]
) -> dict[str, str]:
    """Return the columns of several values with their separators."""
    found = {}
    for header in headers:
        column = header.column
        texts = [value for value in table.values(column) if isinstance(value, str)]
        usual = {header.name, header.core} & vocabulary().lists
        separators = ";|,+" if usual else "" if column in taken else ";|"
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
