"""The state of one target as the planner sees it, with an overlay that stores nothing."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.interrupted import interrupted_links, members_in_doubt
from scimsync.model.links import Link, LinkStatus, link_in_doubt
from scimsync.model.memberships import Membership, in_doubt_at_new_id
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    OPEN_STATUSES,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.model.pins import Pin
from scimsync.state import (
    due,
    link_changes,
    link_store,
    membership_store,
    operation_journal,
    record_names,
    record_rows,
)
from scimsync.state.contents import UNKNOWN_CONTENTS, Contents
from scimsync.state.planning import LiveState
from scimsync.state.store import Store

_BATCH = 1000


class OverlayState(LiveState):
    """Reads the state database, and writes to a scratch database on top of it.

    It shows the state as the next push will find it: recovered from a run that died, and without
    leftovers of a refused plan.
    """

    def __init__(
        self,
        store: Store,
        scratch: Store,
        target: str,
        now: datetime,
        contents: Contents = UNKNOWN_CONTENTS,
    ) -> None:
        super().__init__(store, 0, target, now, contents=contents)
        self._plan = scratch
        self._refreshes = False
        self._refreshed: frozenset[Key] = frozenset()
        self._restored: set[Key] = set()
        self._kept_pins: dict[tuple[Kind, Key], Pin] = {}
        with store.read() as known, scratch.write() as overlay:
            self._recover_memberships(known, overlay)

    def _recover_memberships(self, known: Connection, overlay: Connection) -> None:
        for rows in (
            membership_store.due(known, self._target),
            membership_store.before_plan(known, self._target),
        ):
            for some in batches(rows, _BATCH):
                membership_store.put(overlay, self._target, some, keep_empty=True)
        for operation in operation_journal.find(known, self._open(actions=MEMBERSHIP_ACTIONS)):
            self._put_in_doubt(known, overlay, operation)

    def _put_in_doubt(
        self, known: Connection, overlay: Connection, operation: JournaledOperation
    ) -> None:
        doubted = members_in_doubt([operation])
        for kind in Kind:
            members = [key for _, of, key in doubted if of is kind]
            rows = {
                row.id: row
                for connection in (known, overlay)
                for row in membership_store.of_members(connection, self._target, kind, members)
                if row.group == operation.key
            }
            membership_store.put(overlay, self._target, rows.values(), keep_empty=True)
        membership_store.mark_in_doubt(overlay, self._target, doubted)

    def _open(
        self,
        kind: Kind | None = None,
        keys: Sequence[Key] | None = None,
        actions: Sequence[str] | None = None,
    ) -> OperationFilter:
        """Select operations that a run left without an outcome when it died."""
        return OperationFilter(
            target=self._target, kind=kind, keys=keys, actions=actions, statuses=OPEN_STATUSES
        )

    def keys_to_plan(
        self, sources: Sequence[str], cursor: Seq, *, everybody: bool
    ) -> Generator[Key, None, None]:
        stored = super().keys_to_plan(sources, cursor, everybody=everybody)
        with closing(stored), self._plan.read() as connection:
            newest = record_rows.changed_keys(connection, sources, Seq(-1))
            refreshed = self._accounts(Kind.USER)
            yield from _each_once(heapq.merge(stored, newest, self._referrers(sources), refreshed))

    def _referrers(self, sources: Sequence[str]) -> list[Key]:
        """Return the users who refer to a name that changed hands in the overlay."""
        found: set[Key] = set()
        with self._store.read() as known, self._plan.read() as overlay:
            for some in batches(record_names.changed_names(overlay, sources), _BATCH):
                found |= record_names.referrers_to(known, self._target, some)
        return sorted(found)

    def arrivals(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        stored = super().arrivals(sources, cursor)
        with self._store.read() as connection:
            may_have_accounts = due.may_have_accounts(connection, self._target)
        if not may_have_accounts and not self.in_doubt_keys(Kind.USER):
            return
        with self._plan.read() as connection:
            newest = record_rows.changed_keys(connection, sources, Seq(-1))
            for some in batches(_each_once(heapq.merge(stored, newest)), _BATCH):
                known = self.links(Kind.USER, some)
                yield from (key for key in some if key not in known or not known[key].has_account)

    def removed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        stored = super().removed_keys(sources, cursor)
        with self._plan.read() as connection:
            newest = record_rows.removed_keys(connection, sources, Seq(-1))
            yield from _each_once(heapq.merge(stored, newest))

    # A refresh: links are in doubt as they are read, so that a plan of many needs no copies

    def put_in_doubt(self, deleted_since: datetime, keys: Sequence[Key]) -> int:
        with self._store.read() as connection:
            restored = link_changes.perhaps_restored(connection, self._target, deleted_since, keys)
        for some in batches(restored, _BATCH):
            self.note_links(
                [
                    link_in_doubt(replace(link, status=LinkStatus.INACTIVE), self._now)
                    for link in self.links(Kind.USER, some).values()
                    if link.status is LinkStatus.DELETED
                ]
            )
        self._restored = set(restored)
        self._refreshes, self._refreshed = True, frozenset(keys)
        return self.count_accounts(Kind.USER)

    def count_accounts(self, kind: Kind) -> int:
        restored = len(self._restored) if kind is Kind.USER else 0
        return super().count_accounts(kind) + restored

    def _is_refreshed(self, kind: Kind, key: Key) -> bool:
        if not self._refreshes or not self._refreshed:
            return self._refreshes
        return kind is Kind.USER and key in self._refreshed

    def _accounts(self, kind: Kind) -> list[Key]:
        """Return the keys of the resources to refresh, in order."""
        if not self._refreshes:
            return []
        with self._store.read() as connection:
            known = link_store.account_keys(connection, self._target, kind)
        found = {key for key in known if self._is_refreshed(kind, key)}
        return sorted(found | self._restored if kind is Kind.USER else found)

    # Links

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        if not keys:
            return {}
        with self._store.read() as connection:
            known = link_store.get_links(connection, self._target, kind, keys)
            left = list(operation_journal.find(connection, self._open(kind, keys)))
        known |= {link.key: link for link in interrupted_links(kind, left, known, self._now)}
        if self._refreshes:
            known |= {
                key: link_in_doubt(link, self._now)
                for key, link in known.items()
                if link.has_account and self._is_refreshed(kind, key)
            }
        return known | self._noted.get(kind, keys)

    def note_links(self, some: Sequence[Link]) -> None:
        for kind in Kind:
            self._doubt_memberships(kind, [link for link in some if link.kind is kind])
        self._noted.put(some)

    def _doubt_memberships(self, kind: Kind, some: Sequence[Link]) -> None:
        """Put the memberships of resources in doubt that have another remote id now."""
        known = self.links(kind, [link.key for link in some])
        changed = [
            link.key
            for link in some
            if link.has_account
            and (before := known.get(link.key)) is not None
            and before.has_account
            and before.remote_id != link.remote_id
        ]
        rows = self.memberships_of_members(changed, kind)
        if kind is Kind.GROUP:
            rows += [row for key in changed for row in self.memberships_of_group(key)]
        self.put_memberships([in_doubt_at_new_id(row) for row in rows])

    def in_doubt_keys(self, kind: Kind) -> list[Key]:
        sent = OperationFilter(target=self._target, kind=kind, statuses=(OperationStatus.SENT,))
        with self._store.read() as connection:
            keys = set(link_store.in_doubt_keys(connection, self._target, kind, self._now))
            keys |= operation_journal.keys_of(connection, sent)
        return sorted(keys.union(self._accounts(kind)))

    def paused_keys(self, kind: Kind) -> set[Key]:
        paused = super().paused_keys(kind)
        if paused:
            with self._store.read() as connection:
                paused -= operation_journal.keys_of(connection, self._open(kind))
        return paused.difference(self._accounts(kind)) if paused else paused

    def due_groups(self) -> list[Key]:
        return sorted({*super().due_groups(), *self._accounts(Kind.GROUP)})

    # Memberships: rows of the scratch database hide those of the same members

    def memberships_of_members(
        self, members: Sequence[Key], kind: Kind = Kind.USER
    ) -> list[Membership]:
        rows = {row.id: row for row in super().memberships_of_members(members, kind)}
        with self._plan.read() as connection:
            newer = membership_store.of_members(connection, self._target, kind, members)
        return list((rows | {row.id: row for row in newer}).values())

    def memberships_of_group(self, group: Key) -> list[Membership]:
        rows = {row.id: row for row in super().memberships_of_group(group)}
        with self._plan.read() as connection:
            newer = membership_store.of_group(connection, self._target, group)
            return list((rows | {row.id: row for row in newer}).values())

    def put_memberships(self, rows: Sequence[Membership], *_: Any, **__: Any) -> None:
        with self._plan.write() as connection:
            membership_store.put(connection, self._target, rows, keep_empty=True)

    def groups_with_wanted(self, groups: Sequence[Key]) -> set[Key]:
        found = super().groups_with_wanted(groups)
        rest = [group for group in groups if group not in found]
        return found | {
            group for group in rest if any(row.wanted for row in self.memberships_of_group(group))
        }

    def count_acknowledged(self, groups: Sequence[Key]) -> dict[Key, int]:
        counts = {
            group: sum(row.acknowledged for row in self.memberships_of_group(group))
            for group in groups
        }
        return {group: count for group, count in counts.items() if count}

    # Pins

    def pins(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Pin]:
        known = super().pins(kind, keys)
        return {key: self._kept_pins.get((kind, key), pin) for key, pin in known.items()}

    def keep_pinned(self, some: Sequence[Pin]) -> None:
        self._kept_pins |= {(pin.kind, pin.key): pin for pin in some}

    # No plan stores its settlements

    def unpin(self, *_: Any, **__: Any) -> None:
        return

    def put_references(self, *_: Any, **__: Any) -> None:
        return

    def update_links(self, *_: Any, **__: Any) -> None:
        return

    def put_links(self, *_: Any, **__: Any) -> None:
        return


def _each_once(keys: Iterable[Key]) -> Iterator[Key]:
    """Yield ordered keys without duplicates."""
    last: Key | None = None
    for key in keys:
        if key != last:
            yield key
        last = key
