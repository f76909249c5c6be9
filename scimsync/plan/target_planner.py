"""Plan one target: users, users that refer to them, groups, and memberships."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from scimsync.desired import Desired
from scimsync.model.batches import batches
from scimsync.model.clock import ClockDoubt
from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.operations import Operation, OperationStatus
from scimsync.model.repairs import Repair
from scimsync.model.target_memory import GroupTable
from scimsync.plan.adoption import is_weak
from scimsync.plan.arrivals import ArrivalFinder
from scimsync.plan.batch import BATCH
from scimsync.plan.group_planner import GroupPlanner
from scimsync.plan.identities import (
    NOTHING_SUSPECTED,
    Identities,
    IdentityChanges,
    Move,
    Suspicion,
)
from scimsync.plan.membership_planner import LostMembers, MembershipPlanner
from scimsync.plan.now import Now
from scimsync.plan.protocols import PlanningState, Records, TargetRules
from scimsync.plan.target_reader import TargetReader
from scimsync.plan.user_planner import UserPlanner
from scimsync.transport.request_errors import RequestError


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a target that a run plans.

    `only` restricts the run to these users; None plans all. `cursor` is the sequence number up to
    which records were planned before. `changed`: the configuration changed since then, so that all
    groups are planned. `accepted` is the sequence number up to which earlier runs accepted plans,
    whatever changed since. `everybody`: all users with an account are planned too, because users
    who are no longer in a source would not be found otherwise. `refreshed`: all resources are read,
    the members of groups among them. `repair` restricts the run to some users, groups and
    memberships. `checks_clock`: the clock is behind that of an earlier run, and is compared with
    that of the target.
    """

    only: frozenset[Key] | None = None
    cursor: Seq = Seq(0)
    accepted: Seq = Seq(0)
    changed: bool = False
    everybody: bool = False
    refreshed: bool = False
    repair: Repair | None = None
    checks_clock: bool = False


class TargetPlanner:
    """The planner for one target. It can plan resources again within the same run.

    `users` and `groups` say how resources are found and read; without them the plan is offline.
    `known_tables` are the group tables that the target was last planned with.
    """

    def __init__(
        self,
        rules: TargetRules,
        state: PlanningState,
        records: Records,
        now: Now,
        users: TargetReader | None,
        groups: TargetReader | None,
        known_tables: Mapping[str, GroupTable],
        *,
        has_groups: bool,
    ) -> None:
        self._state = state
        self._records = records
        self._sources = rules.sources
        self._policy = rules.policy
        self._now = now
        self._users = UserPlanner(state, records, rules, now, users, has_groups=has_groups)
        self._groups = GroupPlanner(
            state, records, rules, now, groups, self._users.leavers, known_tables
        )
        self._memberships = MembershipPlanner(
            state,
            rules.policy,
            self._users.identity.known_others,
            self._groups.waits_for_name,
            rules.members_per_request,
            rules.removals_per_request,
        )
        self._has_groups = has_groups
        self._repair: Repair | None = None

    @property
    def lost_members(self) -> Sequence[LostMembers]:
        """The groups that lose members in this plan."""
        return self._memberships.lost

    @property
    def weak_adoptions(self) -> Sequence[Key]:
        """The users who adopt an account that may belong to someone else."""
        return self._users.weak_adoptions

    @property
    def unconfirmed(self) -> Sequence[Key]:
        """The users whose deletion is due and waits for another run."""
        return self._users.unconfirmed

    @property
    def search_error(self) -> RequestError | None:
        """Why resources without a link could not be searched for. They are not planned."""
        return self._users.search_error or self._groups.search_error

    @property
    def clock_doubt(self) -> ClockDoubt | None:
        """Why this plan deletes no account by the clock, as far as it had to know."""
        return self._users.clock_doubt

    @property
    def unchangeable(self) -> Sequence[Mapping[str, set[Key]]]:
        """The users, then the groups, whose attribute, by its path, should change and cannot."""
        return self._users.unchangeable, self._groups.unchangeable

    @property
    def invited(self) -> Collection[Key]:
        """The users who were read and did not accept their invitation."""
        return self._users.invited

    @property
    def kept_referrers(self) -> Collection[Key]:
        """The users with a reference that should change and stays as it is."""
        return self._users.kept_referrers

    @property
    def nameless(self) -> dict[str, tuple[int, int]]:
        """The paths of references that mostly match no record, with their and the total number."""
        return self._users.nameless | self._groups.nameless

    @property
    def changes_at(self) -> datetime | None:
        """When the time may next change the plan for the evaluated records, None for never."""
        times = (self._users.changes.at, self._groups.changes.at)
        return min((at for at in times if at is not None), default=None)

    @property
    def protected(self) -> Mapping[Key, str]:
        """The users out of scope whose account is protected and not linked, with the reason."""
        return self._users.protected

    @property
    def unsearchable(self) -> int:
        """The number of users without an account whose records have no value to search by."""
        return self._users.unsearchable

    @property
    def identity_changes(self) -> IdentityChanges:
        """The keys that this plan treats as other users' than before."""
        return self._users.identity.changes

    @property
    def moves(self) -> Mapping[Key, Move]:
        """The accounts that this plan moves, by their new key."""
        return self._users.identity.identities.moves

    def suspicions(self, scope: Scope) -> Iterator[Suspicion]:
        """Yield the arriving users that may be users who left under another key."""
        return ArrivalFinder(
            self._state,
            self._records,
            self._sources,
            self._policy,
            self._users.desired_of,
            self._users.people,
            self._now.time,
            scope.cursor,
            scope.accepted,
        ).suspicions()

    def other_persons(self, scope: Scope) -> dict[Key, str]:
        """Return the changed records that are of other persons than before, and why."""
        keys = self._records.changed_keys(self._sources, scope.cursor)
        only = scope.only
        concerned = (key for key in keys if only is None or key in only)
        found: dict[Key, str] = {}
        for some in batches(concerned, BATCH):
            found |= self._users.identity.others(some)
        return found

    async def check_clock(self) -> ClockDoubt | None:
        """Compare the clock with that of the target before anything is planned."""
        await self._users.check_clock()
        return self._users.clock_doubt

    async def plan(
        self,
        scope: Scope,
        progress: Callable[[int], None] | None = None,
        identities: Identities = NOTHING_SUSPECTED,
    ) -> None:
        """Write the operations that `scope` needs into the plan, after the decisions about keys.

        Raise RequestError if reading from the target fails.
        """
        self._users.identity.accepted = scope.accepted
        if identities.moves or identities.held:
            self._users.identity.settle(_within(identities, scope.only))
        if scope.repair is not None:
            self._repair = scope.repair
            await self._plan_repair(scope.repair, progress)
            return
        if scope.only is not None:
            only = scope.only | self.moves.keys()
            await self._users.plan(sorted(only), progress)
            await self._users.plan_unlinked_leavers()
            if self._has_groups:
                await self._groups.plan_new(sorted(self._users.touched_groups))
                self._memberships.plan(only)
            return
        self._groups.refreshes = self._users.refreshes = scope.refreshed
        if scope.changed:
            self._groups.empty_changed_tables()
        keys = self._state.keys_to_plan(self._sources, scope.cursor, everybody=scope.everybody)
        with closing(keys):  # a target that fails half-way leaves no query open
            await self._users.plan(_merged(keys, self.moves), progress, read_due=True)
        await self._users.plan_referrers()
        await self._users.plan_unlinked_leavers()
        if self._has_groups:
            await self._groups.plan_due(
                self._users.touched_groups, scope.cursor, everything=scope.changed
            )
            self._memberships.plan(None)

    def asked(self, kind: Kind, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        """Return what the sources ask for, and why some cannot be worked out."""
        return (self._users if kind is Kind.USER else self._groups).asked(keys)

    def take(self, operations: Sequence[Operation]) -> None:
        """Write given operations into the plan, instead of those that `plan` would write."""
        self._state.add_operations(operations)
        planned = [one for one in operations if one.status is OperationStatus.PLANNED]
        self._users.weak_adoptions += [
            one.key for one in planned if one.kind is Kind.USER and is_weak(one.matched)
        ]
        self._memberships.take(planned)

    async def _plan_repair(
        self, repair: Repair, progress: Callable[[int], None] | None = None
    ) -> None:
        """Plan the users, groups and memberships of a repair."""
        await self._users.plan(sorted(repair.keys), progress)
        await self._users.plan_unlinked_leavers()
        if self._has_groups:
            await self._groups.plan_new(
                sorted(self._users.touched_groups.difference(repair.groups))
            )
            await self._groups.plan(sorted(repair.groups))
            self._memberships.plan(repair.keys, repair.groups, repair.pairs)

    async def plan_again(
        self, users: Iterable[Key], groups: Iterable[Key], only: frozenset[Key] | None
    ) -> None:
        """Plan some resources again within the same run, except groups that failed in it.

        Raise RequestError from reading.
        """
        self._users.touched_groups.clear()
        await self._users.plan(sorted(users), read_due=only is None)
        await self._users.plan_unlinked_leavers()
        if not self._has_groups:
            return
        if self._repair is not None:
            again = [group for group in groups if group in self._repair.groups]
            await self._groups.plan(self._groups.without_paused(again))
            self._memberships.plan(self._repair.keys, again, self._repair.pairs)
            return
        keys = self._groups.without_paused({*self._users.touched_groups, *groups})
        if only is None:
            await self._groups.plan(keys)
        else:
            await self._groups.plan_new(keys)
        self._memberships.plan(only)


def _within(identities: Identities, only: frozenset[Key] | None) -> Identities:
    """Return the decisions about the users of a run that is restricted to `only`."""
    if only is None:
        return identities
    moves = {key: move for key, move in identities.moves.items() if key in only or move.old in only}
    return replace(identities, moves=moves)


def _merged(keys: Iterable[Key], more: Iterable[Key]) -> Iterator[Key]:
    """Yield the keys of both in order, each once. `keys` are in order."""
    last: Key | None = None
    for key in heapq.merge(keys, sorted(more)):
        if key != last:
            yield key
        last = key
