"""What is known of one target, as a plan sees it: what the plan itself found out counts before what
is stored.

A plan that stores nothing sees it as the push will that comes next, which first settles what a run
that died left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from scimsync.execute.books import Books, Now, slices
from scimsync.execute.outcome import perhaps_there
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Key, Kind, RemoteId, fold_name
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    MEMBERSHIP_ACTIONS,
    OPEN_STATUSES,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.plan.groups import member_of
from scimsync.state import journal, links, memberships
from scimsync.state.store import Store


class KnownLinks:
    """The links of one target."""

    def __init__(self, books: Books, target: str, now: Now) -> None:
        self._books = books
        self._target = target
        self._now = now.time
        self._noted: dict[tuple[Kind, Key], Link] = {}

    def note(self, link: Link) -> None:
        """What a resource was found to hold in this plan."""
        if not self._books.stores:
            self._noted[link.kind, link.key] = link
            return
        with self._books.links.write() as connection:
            links.put_links(connection, self._target, [link])

    def get(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        """The links of `keys` that exist."""
        if not keys:
            return {}
        with self._books.links.read() as connection:
            known = links.get_links(connection, self._target, kind, keys)
            if not self._books.stores:
                left_over = OperationFilter(
                    target=self._target, kind=kind, keys=keys, statuses=OPEN_STATUSES
                )
                known |= {
                    one.key: one
                    for one in as_settled(
                        kind, list(journal.find(connection, left_over)), known, self._now
                    )
                }
        return known | {
            key: link for key in keys if (link := self._noted.get((kind, key))) is not None
        }

    def in_doubt(self, kind: Kind) -> list[Key]:
        """Keys of those of whose last request nobody knows what became of it, and that may be
        looked at again."""
        with self._books.links.read() as connection:
            keys = set(links.in_doubt_keys(connection, self._target, kind, self._now))
            sent = OperationFilter(target=self._target, kind=kind, statuses=(OperationStatus.SENT,))
            return sorted(keys | journal.keys_of(connection, sent))

    def paused(self, kind: Kind) -> set[Key]:
        """Keys of those that failed lately."""
        with self._books.links.read() as connection:
            paused = set(links.paused_keys(connection, self._target, kind, self._now))
            if paused and not self._books.stores:
                paused -= journal.keys_of(
                    connection,
                    OperationFilter(target=self._target, kind=kind, statuses=OPEN_STATUSES),
                )
        return paused

    def holders(self, kind: Kind, names: Sequence[str]) -> dict[str, Link]:
        """Folded unique name -> the link of who holds it."""
        if not names:
            return {}
        with self._books.links.read() as connection:
            stored = links.name_holders(connection, self._target, kind, names)
        noted = {
            fold_name(link.document.get(UNIQUE_ATTRIBUTE[kind])): link for link in self._of(kind)
        }
        stay = {name: link for name, link in stored.items() if (kind, link.key) not in self._noted}
        return stay | {name: noted[name] for name in names if name in noted}

    def owners(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        """Remote id -> the key that is linked to it."""
        if not ids:
            return {}
        with self._books.links.read() as connection:
            stored = links.owners(connection, self._target, kind, ids)
        wanted = set(ids)
        return stored | {
            remote_id: link.key
            for link in self._of(kind)
            if (remote_id := link.remote_id) in wanted and remote_id
        }

    def remote_ids(
        self, kind: Kind, keys: Sequence[Key], *, deleted: bool = False
    ) -> dict[Key, RemoteId]:
        """Remote ids of the resources of `keys` that exist; with `deleted` also of those that
        did."""
        if not keys:
            return {}
        with self._books.links.read() as connection:
            stored = links.remote_ids(connection, self._target, keys, kind, deleted=deleted)
        wanted = set(keys) if self._noted else set()
        return stored | {
            link.key: link.remote_id
            for link in self._of(kind)
            if link.key in wanted and link.remote_id is not None
        }

    def _of(self, kind: Kind) -> Iterator[Link]:
        return (link for (of, _), link in self._noted.items() if of is kind and link.has_account)


class Memberships:
    """Who is wanted in which group of a target, and who is there, as this plan sees it.

    In a plan that stores nothing, rows of the scratch store count instead of those of the same
    members in the other.
    """

    def __init__(self, books: Books, target: str) -> None:
        self._books = books
        self._target = target
        self._accepted = False
        if not books.stores:
            with books.links.read() as known, books.journal.write() as scratch:
                self._lay_over(known, scratch)

    def _lay_over(self, known: Connection, scratch: Connection) -> None:
        """What is due, as a push finds it that puts back what nobody accepted and doubts what was
        sent without an answer."""
        for some in slices(memberships.due(known, self._target)):
            memberships.put(scratch, self._target, some, keep_empty=True)
        for some in slices(memberships.before_plan(known, self._target)):
            memberships.put(scratch, self._target, some, keep_empty=True)
        left_over = OperationFilter(
            target=self._target, actions=MEMBERSHIP_ACTIONS, statuses=OPEN_STATUSES
        )
        for entry in journal.find(known, left_over):
            doubted = sent_members([entry])
            for kind in Kind:
                members = [key for _, of, key in doubted if of is kind]
                rows = {
                    row.id: row
                    for row in memberships.of_members(known, self._target, kind, members)
                }
                rows |= {
                    row.id: row
                    for row in memberships.of_members(scratch, self._target, kind, members)
                }
                here = [row for row in rows.values() if row.group == entry.key]
                memberships.put(scratch, self._target, here, keep_empty=True)
            memberships.doubt(scratch, self._target, doubted)

    def accept(self) -> None:
        """What was planned counts; what is planned from now on, within the same run, counts at
        once."""
        self._accepted = True

    def of_members(self, members: Sequence[Key], kind: Kind = Kind.USER) -> list[Membership]:
        """All rows of some members."""
        found: dict[object, Membership] = {}
        for store in self._stores():
            with store.read() as connection:
                found |= {
                    row.id: row
                    for row in memberships.of_members(connection, self._target, kind, members)
                }
        return list(found.values())

    def of_group(self, group: Key) -> list[Membership]:
        """All rows of one group."""
        found: dict[object, Membership] = {}
        for store in self._stores():
            with store.read() as connection:
                found |= {
                    row.id: row for row in memberships.of_group(connection, self._target, group)
                }
        return list(found.values())

    def put(self, rows: Sequence[Membership], before: Iterable[Membership]) -> None:
        """Stores rows as this plan wants them; `before` are those of them that there are, perhaps
        with others."""
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
            found |= {
                group
                for group in groups
                if group not in found and any(row.wanted for row in self.of_group(group))
            }
        return found

    def acknowledged(self, groups: Sequence[Key]) -> dict[Key, int]:
        """How many members the target is known to have in each group."""
        with self._books.links.read() as connection:
            return memberships.count_acknowledged(connection, self._target, groups)

    def _stores(self) -> Iterator[Store]:
        yield self._books.links
        if not self._books.stores:
            yield self._books.journal


def as_settled(
    kind: Kind, entries: Sequence[JournaledOperation], known: Mapping[Key, Link], now: datetime
) -> list[Link]:
    """The links of those whose operations of one kind have no outcome: due from now on. What may
    have been sent makes them doubtful; who may have been made, or adopted, is looked for."""
    sent = [
        entry
        for entry in entries
        if entry.status is OperationStatus.SENT and entry.action not in MEMBERSHIP_ACTIONS
    ]
    changed = {entry.key for entry in sent}
    born = {entry.key: entry for entry in sent if entry.action in ARRIVAL_ACTIONS}
    due = []
    for key in dict.fromkeys(entry.key for entry in entries):
        link = known.get(key) or Link(kind, key, LinkStatus.PENDING)
        if key in born and not link.has_account:
            link = perhaps_there(link, born[key])
        due.append(
            replace(
                link,
                next_try_at=now,
                in_doubt=link.in_doubt or (key in changed and link.has_account),
            )
        )
    return due


def sent_members(entries: Sequence[JournaledOperation]) -> list[tuple[Key, Kind, Key]]:
    """Members of groups who may have been put in or taken out: what is wanted of them may be
    something else by now."""
    sent = [
        entry
        for entry in entries
        if entry.status is OperationStatus.SENT and entry.action in MEMBERSHIP_ACTIONS
    ]
    return [(entry.key, *member_of(change)[:2]) for entry in sent for change in entry.changes]
