"""Plan the members of groups, once users and groups are planned."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from scimsync.errors import coded
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.model.memberships import Membership, member_change, member_of
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    MEMBERSHIP_ACTIONS,
    REMOVAL_ACTIONS,
    Action,
    Operation,
    Phase,
    unplanned,
)
from scimsync.plan.batch import BATCH
from scimsync.plan.candidates import Policy
from scimsync.plan.identities import why_another_not_added
from scimsync.plan.protection import protected_keys, why_member_protected
from scimsync.plan.protocols import PlanningState

FIRST_KEYS = 5
"""The number of lost members of a group that are named."""


@dataclass(frozen=True, slots=True)
class LostMembers:
    """A group that loses members: how many, of how many, and the first of them.

    `staying` of them are users who do not leave in this plan.
    """

    group: Key
    removed: int
    members: int
    first: tuple[Key, ...]
    staying: int = 0


class _Chunks:
    """The members of a group that are not written yet, by the request that changes them.

    With `removals`, those that are removed are apart.
    """

    def __init__(self, most: int, removals: int | None) -> None:
        self._limits = {True: most, False: most if removals is None else removals}
        self._is_apart = removals is not None
        self._waiting: dict[bool, list[Membership]] = {False: [], True: []}

    def add(self, membership: Membership) -> Sequence[Membership]:
        """Return the members of a request that is full with this one, or nothing."""
        kind = membership.effective or not self._is_apart
        waiting = self._waiting[kind]
        waiting.append(membership)
        if len(waiting) < self._limits[kind]:
            return ()
        self._waiting[kind] = []
        return waiting

    def rest(self) -> Iterator[Sequence[Membership]]:
        """Yield the members of the last requests, removals first."""
        yield from self._waiting.values()


class MembershipPlanner:
    """The planner for memberships. After `plan`, `lost` holds the groups that lose members.

    `others` returns which of the given users are held back as other persons: they are added to no
    group. `waits_for_name` returns whether a group has a name that it should not have: nobody is
    added to it. A request changes up to `members_per_request` members. With `removals_per_request`,
    one that removes members adds none.
    """

    def __init__(
        self,
        state: PlanningState,
        policy: Policy,
        others: Callable[[Sequence[Key]], set[Key]],
        waits_for_name: Callable[[Key, Link | None], bool],
        members_per_request: int,
        removals_per_request: int | None = None,
    ) -> None:
        self._state = state
        self._policy = policy
        self._others = others
        self._waits_for_name = waits_for_name
        self._chunk = members_per_request
        self._removals = removals_per_request
        self.lost: list[LostMembers] = []

    def plan(
        self,
        only: Container[Key] | None,
        groups: Container[Key] = (),
        pairs: Container[tuple[Key, Kind, Key]] = (),
    ) -> None:
        """Plan one operation for each group and chunk whose members differ.

        `only` restricts the plan to these members, besides all members of `groups`, and `pairs` of
        group, kind of the member, and member.
        """
        paused: set[Key] | None = None
        held: Container[Key] = ()
        due = groupby(self._state.due_memberships(), key=lambda membership: membership.group)
        for group, memberships in due:
            if paused is None:
                paused, held = self._state.paused_keys(Kind.GROUP), self._state.all_held()
            if group not in paused or self._arrives(group):
                selected = (
                    membership
                    for membership in memberships
                    if only is None
                    or membership.member in only
                    or group in groups
                    or membership.id in pairs
                )
                self._plan_group(group, selected, held)
        self._count_deleted()

    def take(self, operations: Sequence[Operation]) -> None:
        """Count the members that given operations, already in the plan, remove from groups."""
        removed: dict[Key, list[Key]] = {}
        deleted = {one.key for one in operations if one.action == Action.DELETE}
        for operation in operations:  # deleted groups lose all members, and are counted below
            if operation.action in MEMBERSHIP_ACTIONS and operation.key not in deleted:
                gone = [key for _, key, added in map(member_of, operation.changes) if not added]
                removed.setdefault(operation.key, []).extend(gone)
        held = self._state.all_held()
        for group, members in removed.items():
            lost = [member for member in members if member not in held]
            if lost:
                number = self._state.count_acknowledged([group]).get(group, 0)
                first = tuple(lost[:FIRST_KEYS])
                members_before = max(number, len(lost))
                one = LostMembers(group, len(lost), members_before, first, staying=len(lost))
                self.lost.append(one)
        self._count_deleted()

    def _arrives(self, group: Key) -> bool:
        """Return whether this plan creates or adopts a group."""
        return bool(self._state.planned_keys(Kind.GROUP, [group], *ARRIVAL_ACTIONS))

    def _plan_group(
        self, group: Key, memberships: Iterator[Membership], held: Container[Key]
    ) -> None:
        """Plan the members of one group. Members in `held` do not count as lost."""
        link = self._state.links(Kind.GROUP, [group]).get(group)
        exists = (link is not None and link.has_account) or self._arrives(group)
        if not exists or self._state.planned_keys(Kind.GROUP, [group], Action.DELETE):
            return
        if self._waits_for_name(group, link):
            memberships = self._removals_of(group, memberships)
        removed = staying = 0
        first: list[Key] = []
        ready = _Chunks(self._chunk, self._removals)
        for batch in batches(memberships, BATCH):
            planned = self._without_held(self._with_accounts(batch))
            for membership in planned:
                self._write(group, link, ready.add(membership))
            lost = [one for one in planned if _is_lost(one) and one.member not in held]
            removed += len(lost)
            staying += self._count_staying(lost)
            first += [one.member for one in lost[: FIRST_KEYS - len(first)]]
        for rest in ready.rest():
            self._write(group, link, rest)
        if removed:
            members = self._state.count_acknowledged([group]).get(group, 0)
            members = max(members, removed)
            self.lost.append(LostMembers(group, removed, members, tuple(first), staying))

    def _count_staying(self, lost: Sequence[Membership]) -> int:
        """Return how many of the members that a group loses are users who do not leave."""
        users = [one.member for one in lost if one.member_kind is Kind.USER and not one.revoked]
        if not users:
            return 0
        return len(users) - len(self._state.planned_keys(Kind.USER, users, *REMOVAL_ACTIONS))

    def _removals_of(self, group: Key, memberships: Iterator[Membership]) -> Iterator[Membership]:
        """Yield the members to remove from a group. Report that the others wait for its name."""
        waiting = 0
        for membership in memberships:
            if membership.effective:
                waiting += 1
            else:
                yield membership
        if waiting:
            why = f"{plural(waiting, 'member')} to add: waiting until the group has its displayName"
            failure = unplanned(
                Phase.MEMBERS, Kind.GROUP, group, Action.ADD_MEMBERS, coded(why, "SYNC-0355")
            )
            self._state.add_operations([failure])

    def _with_accounts(self, memberships: list[Membership]) -> list[Membership]:
        """Leave out members that have no account and get none in this plan."""
        with_account: set[tuple[Kind, Key]] = set()
        for kind in Kind:
            keys = [
                membership.member
                for membership in memberships
                if membership.effective and membership.member_kind is kind
            ]
            if keys:
                keys_with_account = set(self._state.remote_ids(kind, keys))
                keys_with_account |= self._state.planned_keys(kind, keys, *ARRIVAL_ACTIONS)
                keys_with_account -= self._state.planned_keys(kind, keys, Action.DELETE)
                with_account |= {(kind, key) for key in keys_with_account}
        return [
            membership
            for membership in memberships
            if not membership.effective
            or (membership.member_kind, membership.member) in with_account
        ]

    def _without_held(self, memberships: list[Membership]) -> list[Membership]:
        """Leave out and report members whose account is protected.

        The same holds for new members whose record belongs to another person than the account.
        """
        users = [one for one in memberships if one.member_kind is Kind.USER]
        protected = protected_keys(self._policy, self._state, [one.member for one in users])
        others = self._others([one.member for one in users if one.effective])
        held = {
            one.id: why_member_protected(protected[one.member], one)
            if one.member in protected
            else why_another_not_added(one.group)
            for one in users
            if one.member in protected or (one.effective and one.member in others)
        }
        self._state.add_operations(
            [
                unplanned(Phase.MEMBERS, Kind.USER, one.member, Action.UPDATE, held[one.id])
                for one in users
                if one.id in held
            ]
        )
        return [one for one in memberships if one.id not in held]

    def _write(self, group: Key, link: Link | None, memberships: Sequence[Membership]) -> None:
        if memberships:
            self._state.add_operations(
                list(member_operations(group, link, memberships, len(memberships)))
            )

    def _count_deleted(self) -> None:
        """Count the members of deleted groups: all of them are lost."""
        for groups in self._state.keys_with(Kind.GROUP, [Action.DELETE], BATCH):
            for group, number in self._state.count_acknowledged(groups).items():
                members = self._state.memberships_of_group(group)
                first = tuple(
                    membership.member for membership in members if membership.acknowledged
                )[:FIRST_KEYS]
                self.lost.append(LostMembers(group, number, number, first))


def _is_lost(membership: Membership) -> bool:
    return membership.acknowledged and not membership.effective


def member_operations(
    group: Key, link: Link | None, memberships: Sequence[Membership], chunk: int
) -> Iterator[Operation]:
    """Return one operation for each `chunk` of memberships of one group."""
    for start in range(0, len(memberships), chunk):
        part = memberships[start : start + chunk]
        added = sum(1 for membership in part if membership.effective)
        removed = len(part) - added
        words = [f"{added} to add"] * bool(added) + [f"{removed} to remove"] * bool(removed)
        yield Operation(
            phase=Phase.MEMBERS,
            kind=Kind.GROUP,
            key=group,
            action=Action.REMOVE_MEMBERS if removed else Action.ADD_MEMBERS,
            reason=", ".join(words),
            changes=tuple(member_change(membership) for membership in part),
            remote_id=link.remote_id if link is not None and link.has_account else None,
        )
