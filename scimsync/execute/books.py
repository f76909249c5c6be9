"""Where a run reads what is known and writes what is planned, so that a plan and a push are the same work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Connection

from scimsync.snapshot.view import SnapshotView
from scimsync.state import links, memberships
from scimsync.state.links import Link
from scimsync.state.memberships import Membership
from scimsync.state.store import Store
from scimsync.types import Key, Kind

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Books:
    """`links` holds what is known; `journal` gets the plan: the same store for a push, a scratch one for a plan that stores
    nothing."""

    view: SnapshotView
    links: Store
    journal: Store
    run: int

    @property
    def stores(self) -> bool:
        return self.links is self.journal


@dataclass(frozen=True, slots=True)
class Now:
    """When a run happens: `time` is aware, `today` is the day that expressions see."""

    time: datetime
    today: date


class Settled:
    """What a plan settles without a request: links that change, keys that are not wanted any more. It is written once the plan is
    accepted, and at once from then on: until then its people have to be planned again, should nobody accept it."""

    def __init__(self, target: str, kind: Kind) -> None:
        self._target = target
        self._kind = kind
        self._links: list[Link] = []
        self._unwanted: list[Key] = []
        self._accepted = False

    def add(self, connection: Connection, changed: Iterable[Link], unwanted: Iterable[Key]) -> None:
        """Notes what a batch settles."""
        self._links += changed
        self._unwanted += unwanted
        if self._accepted:
            self.accept(connection)

    def accept(self, connection: Connection) -> None:
        """The plan counts."""
        self._accepted = True
        links.put_links(connection, self._target, self._links)
        for some in _slices(iter(self._unwanted)):
            links.forget_pending(connection, self._target, self._kind, some)
        self._links.clear()
        self._unwanted.clear()


class Memberships:
    """Who is wanted in which group of a target, and who is there, as this plan sees it.

    In a plan that stores nothing, rows of the scratch store count instead of those of the same members in the other.
    """

    def __init__(self, books: Books, target: str) -> None:
        self._books = books
        self._target = target
        self._accepted = False
        if not books.stores:
            with books.links.read() as known, books.journal.write() as scratch:
                for some in _slices(memberships.due(known, target)):
                    memberships.put(scratch, target, some, keep_empty=True)

    def accept(self) -> None:
        """What was planned counts; what is planned from now on, within the same run, counts at once."""
        self._accepted = True

    def of_members(self, members: Sequence[Key], kind: Kind = Kind.USER) -> list[Membership]:
        """All rows of some members."""
        found: dict[object, Membership] = {}
        for store in self._stores():
            with store.read() as connection:
                found |= {row.id: row for row in memberships.of_members(connection, self._target, kind, members)}
        return list(found.values())

    def of_group(self, group: Key) -> list[Membership]:
        """All rows of one group."""
        found: dict[object, Membership] = {}
        for store in self._stores():
            with store.read() as connection:
                found |= {row.id: row for row in memberships.of_group(connection, self._target, group)}
        return list(found.values())

    def put(self, rows: Sequence[Membership], before: Iterable[Membership]) -> None:
        """Stores rows as this plan wants them; `before` are those of them that there are, perhaps with others."""
        if self._books.stores:
            known = {row.id: row for row in before}
            rows = [row for row in rows if row != known.get(row.id)]
        with self._books.journal.write() as connection:
            if self._books.stores and not self._accepted:
                memberships.keep_replaced(connection, self._target, rows, known)
            memberships.put(connection, self._target, rows, keep_empty=not self._books.stores)

    def due(self) -> Iterator[Membership]:
        """Rows that the target has to be told of, group by group."""
        with self._books.journal.read() as connection:
            yield from memberships.due(connection, self._target)

    def wanted(self, groups: Sequence[Key]) -> set[Key]:
        """Those of `groups` in which somebody is wanted."""
        with self._books.journal.read() as connection:
            found = set(memberships.count_wanted(connection, self._target, groups))
        if not self._books.stores:
            found |= {group for group in groups if group not in found and any(row.wanted for row in self.of_group(group))}
        return found

    def acknowledged(self, groups: Sequence[Key]) -> dict[Key, int]:
        """How many members the target is known to have in each group."""
        with self._books.links.read() as connection:
            return memberships.count_acknowledged(connection, self._target, groups)

    def _stores(self) -> Iterator[Store]:
        yield self._books.links
        if not self._books.stores:
            yield self._books.journal


def _slices(rows: Iterator[_Row], size: int = 1000) -> Iterator[list[_Row]]:
    some: list[_Row] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
