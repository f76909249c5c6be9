"""The rows of a report in private temporary files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.rows import AdoptionOutcome, GroupRow, UserRow
from scimsync.disk_collections import Query, TemporaryDatabase, packed, unpacked
from scimsync.model.batches import batches
from scimsync.model.ids import Key, RemoteId

Row = TypeVar("Row", UserRow, GroupRow)

_BATCH = 500

_ROWS = """
CREATE TABLE row (
    id INTEGER PRIMARY KEY, outcome TEXT, key TEXT, label TEXT, remote_id TEXT,
    overwrites INTEGER, reactivates INTEGER, resembles INTEGER, packed
);
CREATE INDEX in_order ON row (label, remote_id);
CREATE INDEX by_outcome ON row (outcome, label, remote_id);
CREATE TABLE account (remote_id TEXT, row INTEGER, user_name TEXT, user_type TEXT);
CREATE INDEX by_remote_id ON account (remote_id);
"""
"""`label` and `remote_id` are empty but for accounts without a record, which come last, and for
which there are no rows in `account`."""


class Trait(StrEnum):
    """What some users have in common."""

    OVERWRITES = "overwrites"
    """A push would replace or remove a value of the account."""
    REACTIVATES = "reactivates"
    """A push would reactivate the account."""
    RESEMBLES = "resembles"
    """Accounts without a record may be the user's, too."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose record an account matches, and the outcome of that user."""

    key: Key
    outcome: AdoptionOutcome


class _Rows(Generic[Row]):
    """The rows of one target. `select` returns those of some outcomes, or all."""

    def __init__(self) -> None:
        self._database = TemporaryDatabase(_ROWS)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.select())

    def __len__(self) -> int:
        return len(self.select())

    def select(self, *outcomes: AdoptionOutcome, trait: Trait | None = None) -> Query[Row]:
        """Return the rows with one of `outcomes`, if any is given, and with a trait, in order."""
        conditions = [f"outcome IN ({_marks(outcomes)})"] if outcomes else []
        if trait is not None:
            conditions.append(trait)
        where = " AND ".join(conditions) or "TRUE"
        return Query(
            self._database,
            f"SELECT packed FROM row WHERE {where} ORDER BY label, remote_id, id",  # noqa: S608
            outcomes,
            lambda row: unpacked(row[0]),
        )


class GroupRows(_Rows[GroupRow]):
    """The rows of groups, in the order in which they were added."""

    def __init__(self, rows: Iterable[GroupRow] = ()) -> None:
        super().__init__()
        self.add(rows)

    def add(self, rows: Iterable[GroupRow]) -> None:
        """Add rows at the end."""
        for some in batches(rows, _BATCH):
            self._database.connection.executemany(
                "INSERT INTO row (outcome, label, remote_id, packed) VALUES (?, '', '', ?)",
                [(row.outcome, packed(row)) for row in some],
            )


class UserRows(_Rows[UserRow]):
    """The rows of users in the order in which they were added, then accounts without a record.

    These are in the order of their labels.
    """

    def __init__(self, rows: Iterable[UserRow] = ()) -> None:
        super().__init__()
        self._next = 1
        for some in batches(rows, _BATCH):
            self.add(some)

    def add(self, rows: Sequence[UserRow]) -> None:
        """Add rows of users at the end, and accounts without a record where they belong."""
        numbered = list(enumerate(rows, self._next))
        self._next += len(numbered)
        self._put(numbered)
        if numbered:
            self._database.connection.executemany(
                "INSERT INTO account VALUES (?, ?, ?, ?)",
                [
                    (account.remote_id, number, account.user_name, account.user_type)
                    for number, row in numbered
                    for account in (row.accounts if row.key is not None else ())
                ],
            )

    def users(self) -> Iterator[list[tuple[int, UserRow]]]:
        """Yield the rows of users, not of accounts without a record, with numbers for `replace`."""
        last = 0
        while self._database.is_used:
            found = self._database.connection.execute(
                "SELECT id, packed FROM row WHERE id > ? AND key IS NOT NULL ORDER BY id LIMIT ?",
                (last, _BATCH),
            ).fetchall()
            if not found:
                return
            yield [(number, unpacked(content)) for number, content in found]
            last = found[-1][0]

    def replace(self, rows: Collection[tuple[int, UserRow]]) -> None:
        """Put other rows in the place of those with the same numbers, with the same accounts."""
        self._put(rows)

    def counts(self) -> dict[AdoptionOutcome, int]:
        """Return how many rows of users and accounts there are of each outcome, in order."""
        if not self._database.is_used:
            return {}
        rows = self._database.connection.execute("SELECT outcome, count(*) FROM row GROUP BY 1")
        numbers = Counter(dict(rows))
        return {one: numbers[one] for one in AdoptionOutcome if numbers[one]}

    def matched(self) -> Query[ExistingAccount]:
        """Return the accounts of users that `protect` does not cover; of each, id, name and type.

        An account that several users match is there for each of them.
        """
        return Query(
            self._database,
            "SELECT account.remote_id, user_name, user_type FROM account"
            " JOIN row ON row.id = account.row WHERE outcome <> ?",
            (AdoptionOutcome.PROTECTED,),
            lambda row: ExistingAccount(RemoteId(row[0]), user_name=row[1], user_type=row[2]),
        )

    def unmatched(self) -> Query[ExistingAccount]:
        """Return the accounts without a record that `protect` does not cover, in order."""
        return Query(
            self._database,
            "SELECT packed FROM row WHERE outcome = ? ORDER BY label, remote_id, id",
            (AdoptionOutcome.UNMATCHED,),
            lambda row: unpacked(row[0]).accounts[0],
        )

    def owners(
        self, ids: Sequence[RemoteId], first: Collection[AdoptionOutcome]
    ) -> dict[RemoteId, Owner]:
        """Return whose record each account matches: of several, one with an outcome of `first`."""
        found: dict[RemoteId, Owner] = {}
        for some in batches(ids, _BATCH) if self._database.is_used else ():
            rows = self._database.connection.execute(
                "SELECT account.remote_id, key, outcome FROM account"  # noqa: S608
                f" JOIN row ON row.id = account.row WHERE account.remote_id IN ({_marks(some)})"
                f" ORDER BY outcome NOT IN ({_marks(first)}), account.rowid",
                (*some, *first),
            )
            for remote_id, key, outcome in rows:
                found.setdefault(RemoteId(remote_id), Owner(Key(key), AdoptionOutcome(outcome)))
        return found

    def taken(self, ids: Sequence[RemoteId], number: int | None = None) -> set[RemoteId]:
        """Return those of `ids` that match a user, or one of the first `number` users."""
        found: set[RemoteId] = set()
        for some in batches(ids, _BATCH) if self._database.is_used else ():
            rows = self._database.connection.execute(
                f"SELECT remote_id FROM account WHERE remote_id IN ({_marks(some)})"  # noqa: S608
                " AND row <= ?",
                (*some, self._next if number is None else number),
            )
            found |= {RemoteId(remote_id) for (remote_id,) in rows}
        return found

    def _put(self, rows: Collection[tuple[int, UserRow]]) -> None:
        if rows:
            self._database.connection.executemany(
                "INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_columns(number, row) for number, row in rows],
            )


def _columns(number: int, row: UserRow) -> tuple[Any, ...]:
    alone = row.account if row.key is None else None
    order = ("", "") if alone is None else alone.order()
    traits = (bool(row.overwritten), row.is_reactivated, bool(row.resembles))
    return (number, row.outcome, row.key, *order, *traits, packed(row))


def _marks(values: Collection[object]) -> str:
    """Return as many parameters of a statement as there are values."""
    return ", ".join("?" * len(values))
