"""Plans the memberships of one target: who comes into its groups, who goes out of them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from itertools import groupby

from scimsync.execute.books import BATCH, Books, Now, slices
from scimsync.execute.known import KnownLinks, Memberships
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.memberships import Membership
from scimsync.model.operations import ARRIVAL_ACTIONS, OPEN_STATUSES, Action, OperationFilter
from scimsync.plan.groups import plan_members
from scimsync.plan.requests import shape_members, showing
from scimsync.scim.dialects import Dialect
from scimsync.state import holds, journal

_FIRST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Shrinking:
    """A group that loses members: how many of how many, and the first of them."""

    group: Key
    removed: int
    members: int
    first: tuple[Key, ...]


class MemberPlanner:
    """Plans memberships once people and groups are planned, `members_per_patch` in a request at
    most. `shrinking` tells afterwards which groups lose members."""

    def __init__(
        self,
        books: Books,
        target: str,
        dialect: Dialect,
        known: KnownLinks,
        memberships: Memberships,
        members_per_patch: int,
        now: Now,
    ) -> None:
        self._books = books
        self._target = target
        self._dialect = dialect
        self._links = known
        self._memberships = memberships
        self._chunk = members_per_patch
        self._now = now
        self.shrinking: list[Shrinking] = []

    def plan(self, only: frozenset[Key] | None) -> None:
        """Writes one operation for each group and chunk whose members differ; `only` restricts it
        to these people."""
        paused = self._links.paused(Kind.GROUP)
        with self._books.links.read() as connection:
            by_name = holds.all_holds(connection)
        for group, rows in groupby(self._memberships.due(), key=lambda row: row.group):
            if group not in paused:
                self._plan_group(
                    group, (row for row in rows if only is None or row.member in only), by_name
                )
        self._count_deleted()

    def _plan_group(self, group: Key, rows: Iterator[Membership], by_name: Container[Key]) -> None:
        """Who is deprovisioned `by_name` goes out of a group by nobody's accident."""
        link = self._links.get(Kind.GROUP, [group]).get(group)
        with self._books.journal.read() as connection:
            planned = journal.actions_of(connection, self._planned(Kind.GROUP, keys=[group]))
        coming = bool(planned & set(ARRIVAL_ACTIONS))
        if Action.DELETE in planned or not (coming or (link is not None and link.has_account)):
            return
        removed = 0
        first: list[Key] = []
        ready: list[Membership] = []
        for some in slices(rows, BATCH):
            for row in self._with_accounts(some):
                ready.append(row)
                if not row.effective and row.acknowledged and row.member not in by_name:
                    removed += 1
                    first += [row.member] if len(first) < _FIRST_NAMES else []
                if len(ready) == self._chunk:
                    self._write_members(group, link, ready)
                    ready = []
        self._write_members(group, link, ready)
        if removed:
            total = self._memberships.acknowledged([group]).get(group, 0)
            self.shrinking.append(Shrinking(group, removed, max(total, removed), tuple(first)))

    def _planned(
        self,
        kind: Kind,
        *,
        keys: Collection[Key] | None = None,
        actions: Collection[str] | None = None,
    ) -> OperationFilter:
        """Return a filter for operations of this plan."""
        return OperationFilter(
            run=self._books.run,
            target=self._target,
            kind=kind,
            keys=keys,
            actions=actions,
            statuses=OPEN_STATUSES,
        )

    def _with_accounts(self, rows: list[Membership]) -> list[Membership]:
        """Without those who have no account and get none in this plan: they wait."""
        there: set[tuple[Kind, Key]] = set()
        for kind in Kind:
            keys = [row.member for row in rows if row.effective and row.member_kind is kind]
            if not keys:
                continue
            there |= {(kind, key) for key in self._links.remote_ids(kind, keys)}
            with self._books.journal.read() as connection:
                coming = journal.keys_of(
                    connection, self._planned(kind, keys=keys, actions=ARRIVAL_ACTIONS)
                )
                going = journal.keys_of(
                    connection, self._planned(kind, keys=keys, actions=(Action.DELETE,))
                )
            there = (there | {(kind, key) for key in coming}) - {(kind, key) for key in going}
        return [row for row in rows if not row.effective or (row.member_kind, row.member) in there]

    def _write_members(self, group: Key, link: Link | None, rows: list[Membership]) -> None:
        if not rows:
            return
        ids = {
            (kind, key): remote_id
            for kind in Kind
            for key, remote_id in self._links.remote_ids(
                kind, [row.member for row in rows if row.member_kind is kind], deleted=True
            ).items()
        }
        remote_id = link.remote_id if link is not None and link.has_account else None
        operations = []
        for operation in plan_members(group, link, rows, self._chunk):
            request = shape_members(
                self._dialect,
                remote_id or RemoteId(f"(id of {group})"),
                operation.changes,
                lambda kind, key: ids.get((kind, key), f"(id of {key})"),
            )
            operations.append(showing(operation, request))
        with self._books.journal.write() as connection:
            journal.add_entries(
                connection, self._books.run, self._target, operations, self._now.time
            )

    def _count_deleted(self) -> None:
        """A group that is deleted loses all its members."""
        deletions = self._planned(Kind.GROUP, actions=(Action.DELETE,))
        with self._books.journal.read() as connection:
            deleted = [entry.key for entry in journal.find(connection, deletions)]
        for group, number in self._memberships.acknowledged(deleted).items():
            members = self._memberships.of_group(group)
            first = tuple(row.member for row in members if row.acknowledged)[:_FIRST_NAMES]
            self.shrinking.append(Shrinking(group, number, number, first))
