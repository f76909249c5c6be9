"""The state of one target as the planner sees it; implements `plan.protocols.PlanningState`."""

from __future__ import annotations

from collections.abc import Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.disk_collections import DiskList
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId, Seq
from scimsync.model.links import Link, LinkStatus, Reference, moved_link
from scimsync.model.memberships import Membership, moved_memberships
from scimsync.model.pins import Pin, PinnedMember
from scimsync.state import (
    absent_users,
    confirmations,
    due,
    holds,
    link_changes,
    link_store,
    membership_store,
    pin_store,
    read_events,
    record_rows,
    reference_rows,
)
from scimsync.state.contents import UNKNOWN_CONTENTS, Contents
from scimsync.state.ingests import NewChanges
from scimsync.state.links_before import LinksBefore
from scimsync.state.noted_links import NotedLinks
from scimsync.state.planned_operations import PlannedOperations
from scimsync.state.store import Store

_BATCH = 1000


class LiveState(PlannedOperations):
    """Reads the state database and writes the plan of a run to its journal.

    What a plan settles without a request is stored when the plan is accepted, and at once from then
    on: until then the resources have to be planned again, should the plan not be accepted.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        target: str,
        now: datetime,
        changes: NewChanges | None = None,
        contents: Contents = UNKNOWN_CONTENTS,
        event_destinations: Sequence[str] = (),
    ) -> None:
        super().__init__(store, run, target, now, changes)
        self._event_destinations = event_destinations
        self._accepted = False
        self._links: DiskList[Link] = DiskList()
        self._absent: dict[Key, str] = {}
        self._protected: dict[Key, str] = {}
        self._unwanted: dict[Kind, list[Key]] = {kind: [] for kind in Kind}
        self._returned: dict[Kind, list[Key]] = {kind: [] for kind in Kind}
        self._moves: dict[Key, Key] = {}
        self._noted = NotedLinks()
        self._has_pins = contents.pins
        self._has_references = contents.references
        self._pins: Sequence[Pin] = ()
        self._pinned_members: Sequence[PinnedMember] = ()
        self._unpinned: dict[Kind, set[Key]] = {kind: set() for kind in Kind}
        self._given_up: list[Link] = []
        self.before = LinksBefore(store, target)

    def go_on(self, now: datetime) -> None:
        """Plan again in the same run, `now`: what was to be planned at once is due."""
        self._now = now

    def accept(self, connection: Connection) -> None:
        """Store the settlements of the plan; the plan counts from now on."""
        self._accepted = True
        self.before.clear()
        if self._moves:
            link_changes.move(connection, self._target, self._moves)
            moved = [link for link in self._noted if self._is_moved(link)]
            link_store.put_links(connection, self._target, moved)
            self._moves.clear()
            self._noted.clear()
        for changed in batches(self._links, _BATCH):
            self._note_read_events(connection, changed)
            removed = link_changes.read_as_removed(connection, self._target, changed)
            confirmations.confirm_removals(connection, self._target, removed, self._now)
        for has_account in (False, True):  # one may give up the resource that another takes
            some_links = (link for link in self._links if link.has_account is has_account)
            for changed in batches(some_links, _BATCH):
                link_store.put_links(connection, self._target, changed)
        for kind in Kind:
            for some in batches(self._unwanted[kind], _BATCH):
                link_changes.delete_pending(connection, self._target, kind, some)
            for some in batches(self._returned[kind], _BATCH):
                link_changes.cancel_deletion(connection, self._target, kind, some)
            self._unwanted[kind].clear()
            self._returned[kind].clear()
        self._links.clear()
        link_store.put_links(connection, self._target, self._given_up)
        self._given_up.clear()
        self._accept_pins(connection)
        absent_users.put(connection, self._target, self._absent, self._protected)
        self._absent.clear()
        self._protected.clear()
        self._mark_removals(connection)

    def _note_read_events(self, connection: Connection, read: Sequence[Link]) -> None:
        destinations = self._event_destinations
        read_events.note_read(connection, destinations, self._target, read, self._now)

    def _accept_pins(self, connection: Connection) -> None:
        for kind, ended in self._unpinned.items():
            for some in batches(sorted(ended), _BATCH):
                pin_store.drop(connection, self._target, kind, some)
            ended.clear()
        if self._pins or self._pinned_members:
            membership_store.pin(connection, self._target, self._pinned_members)
            pin_store.put_pins(connection, self._target, self._pins, self._now)
            self._has_pins = self._has_pins or bool(self._pins)
            self._pins, self._pinned_members = (), ()

    def keys_to_plan(
        self, sources: Sequence[str], cursor: Seq, *, everybody: bool
    ) -> Generator[Key, None, None]:
        with self._store.read() as connection:
            yield from due.keys_to_plan(
                connection, self._target, sources, cursor, self._now, everybody=everybody
            )

    def arrivals(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        with self._store.read() as connection:
            yield from due.arrivals(connection, self._target, sources, cursor)

    def removed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        with self._store.read() as connection:
            yield from record_rows.removed_keys(connection, sources, cursor)

    def deactivated(self, since: datetime) -> Iterator[Link]:
        with self._store.read() as connection:
            yield from link_store.deactivated(connection, self._target, since)

    def move(self, pairs: Mapping[Key, Key]) -> None:
        """Show the accounts under their new keys; the old keys seem to have lost theirs.

        Memberships move at once, and back if the plan is not accepted.
        """
        old_keys = {old: new for new, old in pairs.items()}
        for some in batches(sorted(old_keys), _BATCH):
            for old, link in self.links(Kind.USER, some).items():
                lost = Link(Kind.USER, old, LinkStatus.DELETED)
                self._noted.put([moved_link(link, old_keys[old]), lost])
            news = [old_keys[old] for old in some]
            before = self.memberships_of_members([*some, *news])
            self.put_memberships(list(moved_memberships(before, old_keys)), before)
        self._moves |= pairs
        self._note_moved(old_keys)

    def put_in_doubt(self, deleted_since: datetime, keys: Sequence[Key]) -> int:
        """Let the plan read all resources, or the users `keys` if there are any.

        Accounts that were deleted after `deleted_since` are read too. Return the number of users at
        the target.
        """
        self.before.keep_all(deleted_since, keys)
        with self._store.write() as connection:
            return link_changes.put_in_doubt(
                connection, self._target, self._now, deleted_since, keys
            )

    # Links

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        if not keys:
            return {}
        with self._store.read() as connection:
            known = link_store.get_links(connection, self._target, kind, keys)
        return known | self._noted.get(kind, keys)

    def note_link(self, link: Link) -> None:
        self.note_links([link])

    def note_links(self, some: Sequence[Link]) -> None:
        """Store the values found in some resources."""
        if self._event_destinations:
            with self._store.write() as connection:
                self._note_read_events(connection, some)
        self.put_links(some)

    def in_doubt_keys(self, kind: Kind) -> list[Key]:
        with self._store.read() as connection:
            return sorted(link_store.in_doubt_keys(connection, self._target, kind, self._now))

    def paused_keys(self, kind: Kind) -> set[Key]:
        with self._store.read() as connection:
            return set(link_store.paused_keys(connection, self._target, kind, self._now))

    def name_holders(self, kind: Kind, names: Sequence[str]) -> dict[str, Link]:
        if not names:
            return {}
        with self._store.read() as connection:
            stored = link_store.name_holders(connection, self._target, kind, names)
        if not self._noted:
            return stored
        stored = {
            name: link for name, link in stored.items() if (kind, link.key) not in self._noted
        }
        return {**stored, **self._noted.name_holders(kind, names)}

    def owners(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        if not ids:
            return {}
        with self._store.read() as connection:
            stored = link_store.owners(connection, self._target, kind, ids)
        return stored | self._noted.owners(kind, ids)

    def sharers(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, list[Key]]:
        with self._store.read() as connection:
            return link_store.sharers(connection, self._target, kind, ids)

    def remote_ids(
        self, kind: Kind, keys: Sequence[Key], *, include_deleted: bool = False
    ) -> dict[Key, RemoteId]:
        if not keys:
            return {}
        with self._store.read() as connection:
            stored = link_store.remote_ids(
                connection, self._target, keys, kind, deleted=include_deleted
            )
        noted = self._noted.get(kind, keys).values()
        return stored | {
            link.key: link.remote_id
            for link in noted
            if link.has_account and link.remote_id is not None
        }

    def _is_moved(self, link: Link) -> bool:
        return link.kind is Kind.USER and link.key in self._moves

    def count_accounts(self, kind: Kind) -> int:
        """Return how many resources of a kind exist at the target."""
        with self._store.read() as connection:
            return link_store.count_accounts(connection, self._target, kind)

    def group_keys(self, *, existing: bool) -> list[Key]:
        with self._store.read() as connection:
            keys = link_store.account_keys if existing else link_store.all_keys
            return keys(connection, self._target, Kind.GROUP)

    def due_groups(self) -> list[Key]:
        with self._store.read() as connection:
            return due.groups_to_plan(connection, self._target, self._now)

    def referrers(self, keys: Sequence[Key]) -> set[Key]:
        with self._store.read() as connection:
            return reference_rows.referrers(connection, self._target, keys)

    def held(self, keys: Sequence[Key]) -> dict[Key, datetime]:
        if not keys:
            return {}
        with self._store.read() as connection:
            return holds.held(connection, keys)

    def absent_users(self, keys: Sequence[Key]) -> dict[Key, str]:
        if not keys:
            return {}
        with self._store.read() as connection:
            return absent_users.digests(connection, self._target, keys)

    def put_absent_users(self, found: Mapping[Key, str], protected: Mapping[Key, str]) -> None:
        self._absent |= found
        self._protected |= protected
        if self._accepted and (found or protected):
            with self._store.write() as connection:
                self.accept(connection)

    def pins(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Pin]:
        if not keys or not self._has_pins:
            return {}
        with self._store.read() as connection:
            return pin_store.get_pins(connection, self._target, kind, keys)

    def all_pins(self) -> list[Pin]:
        with self._store.read() as connection:
            return pin_store.all_pins(connection, self._target)

    def keep_pinned(self, some: Sequence[Pin]) -> None:
        """Store the values of pins at once, with those that the target acknowledged."""
        if some:
            with self._store.write() as connection:
                pin_store.put_values(connection, self._target, some)

    def unpin(self, kind: Kind, keys: Collection[Key]) -> None:
        self._unpinned[kind] |= set(keys)
        if keys and self._accepted:
            with self._store.write() as connection:
                self.accept(connection)

    def pin(self, resources: Sequence[Pin], members: Sequence[PinnedMember]) -> None:
        """Pin the values that a revert restores, once the plan is accepted."""
        self._pins, self._pinned_members = resources, members

    def all_held(self) -> Collection[Key]:
        with self._store.read() as connection:
            return holds.all_holds(connection)

    # Memberships

    def memberships_of_members(
        self, members: Sequence[Key], kind: Kind = Kind.USER
    ) -> list[Membership]:
        if not members:
            return []
        with self._store.read() as connection:
            return membership_store.of_members(connection, self._target, kind, members)

    def memberships_of_group(self, group: Key) -> list[Membership]:
        with self._store.read() as connection:
            return list(membership_store.of_group(connection, self._target, group))

    def put_memberships(self, rows: Sequence[Membership], before: Iterable[Membership]) -> None:
        known = {row.id: row for row in before}
        changed = [row for row in rows if row != known.get(row.id)]
        if not changed:
            return
        with self._store.write() as connection:
            if not self._accepted:
                membership_store.keep_replaced(connection, self._target, changed, known)
            membership_store.put(connection, self._target, changed)

    def due_memberships(self) -> Iterator[Membership]:
        with self._plan.read() as connection:
            yield from membership_store.due(connection, self._target)

    def put_members(self, group_id: RemoteId) -> set[RemoteId]:
        """Return the ids of the members that the group with this id has, or that are wanted there.

        The members may have been deleted at the target.
        """
        group = self.owners(Kind.GROUP, [group_id]).get(group_id)
        rows = [] if group is None else self.memberships_of_group(group)
        return {
            remote_id
            for kind in Kind
            for some in batches([row.member for row in rows if row.member_kind is kind], _BATCH)
            for remote_id in self.remote_ids(kind, some, include_deleted=True).values()
        }

    def groups_with_wanted(self, groups: Sequence[Key]) -> set[Key]:
        with self._plan.read() as connection:
            return set(membership_store.count_wanted(connection, self._target, groups))

    def count_acknowledged(self, groups: Sequence[Key]) -> dict[Key, int]:
        with self._store.read() as connection:
            return membership_store.count_acknowledged(connection, self._target, groups)

    # What follows without a request

    def put_references(self, keys: Sequence[Key], references: Sequence[Reference]) -> None:
        self._has_references = self._has_references or bool(references)
        if keys and self._has_references:
            with self._store.write() as connection:
                reference_rows.put_references(connection, self._target, keys, references)

    def update_links(
        self,
        kind: Kind,
        updated_links: Sequence[Link],
        unwanted: Sequence[Key],
        returned: Sequence[Key],
        due: Container[Key],
    ) -> None:
        self.put_links([link for link in updated_links if link.key not in due])
        self._links.add([link for link in updated_links if link.key in due])
        self._unwanted[kind] += unwanted
        self._returned[kind] += returned
        if self._accepted and (self._links or unwanted or returned or self._removes):
            with self._store.write() as connection:
                self.accept(connection)

    def give_up(self, some: Iterable[Link]) -> None:
        """Let the resources of these links be no longer those of their keys, once the plan counts.

        Nothing is known of what becomes of them. The ids stay, to take them out of groups.
        """
        self._given_up += [
            Link(one.kind, one.key, LinkStatus.DELETED, remote_id=one.remote_id) for one in some
        ]

    def put_links(self, some: Sequence[Link]) -> None:
        moved = [link for link in some if self._is_moved(link)]
        self._noted.put(moved)
        stored = [link for link in some if not self._is_moved(link)] if moved else some
        if stored:
            with self._store.write() as connection:
                link_store.put_links(connection, self._target, stored)
