"""Where a run reads what is known and writes what is planned, so that a plan and a push are the
same work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Connection

from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.snapshot.view import SnapshotView
from scimsync.state import links
from scimsync.state.store import Store

BATCH = 500
"""So many people, groups or memberships are planned at a time."""

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Books:
    """`links` holds what is known; `journal` gets the plan: the same store for a push, a scratch
    one for a plan that stores nothing."""

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
    """What a plan settles without a request: links that change, keys that are not wanted any more,
    people who had left and are wanted again. It is written once the plan is accepted, and at once
    from then on: until then its people have to be planned again, should nobody accept it."""

    def __init__(self, target: str, kind: Kind) -> None:
        self._target = target
        self._kind = kind
        self._links: list[Link] = []
        self._unwanted: list[Key] = []
        self._returned: list[Key] = []
        self._accepted = False

    def add(
        self,
        connection: Connection,
        changed: Iterable[Link],
        unwanted: Iterable[Key],
        returned: Iterable[Key] = (),
    ) -> None:
        """Notes what a batch settles."""
        self._links += changed
        self._unwanted += unwanted
        self._returned += returned
        if self._accepted:
            self.accept(connection)

    def accept(self, connection: Connection) -> None:
        """The plan counts."""
        self._accepted = True
        links.put_links(connection, self._target, self._links)
        for some in slices(iter(self._unwanted)):
            links.forget_pending(connection, self._target, self._kind, some)
        for some in slices(iter(self._returned)):
            links.forget_leaving(connection, self._target, self._kind, some)
        self._returned.clear()
        self._links.clear()
        self._unwanted.clear()


def slices(rows: Iterator[_Row], size: int = 1000) -> Iterator[list[_Row]]:
    """Some at a time."""
    some: list[_Row] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
