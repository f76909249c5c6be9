"""Plan the members of groups, once users and groups are planned."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.model.memberships import Membership, member_change
from scimsync.model.operations import ARRIVAL_ACTIONS, Action, Operation, Phase
from scimsync.plan.planner import BATCH
from scimsync.plan.protocols import PlanningState

FIRST_KEYS = 5
"""How many of the members that a group loses are named."""


@dataclass(frozen=True, slots=True)
class LostMembers:
    """A group that loses members: how many, of how many, and the first of them."""

    group: Key
    removed: int
    members: int
    first: tuple[Key, ...]


class MembershipPlanner:
    """Plans memberships. `lost` says afterwards which groups lose members."""

    def __init__(self, state: PlanningState, members_per_request: int) -> None:
        self._state = state
        self._chunk = members_per_request
        self.lost: list[LostMembers] = []

    def plan(self, only: Container[Key] | None) -> None:
        """Plan one operation for each group and chunk whose members differ.

        `only` restricts the plan to these members.
        """
        paused: set[Key] | None = None
        held: Container[Key] = ()
        due = groupby(self._state.due_memberships(), key=lambda one: one.group)
        for group, memberships in due:
            if paused is None:
                paused, held = self._state.paused_keys(Kind.GROUP), self._state.all_held()
            if group not in paused:
                some = (one for one in memberships if only is None or one.member in only)
                self._plan_group(group, some, held)
        self._count_deleted()

    def _plan_group(
        self, group: Key, memberships: Iterator[Membership], held: Container[Key]
    ) -> None:
        """Plan the members of one group. Members in `held` do not count as lost."""
        link = self._state.links(Kind.GROUP, [group]).get(group)
        arrives = bool(self._state.planned_keys(Kind.GROUP, [group], *ARRIVAL_ACTIONS))
        exists = arrives or (link is not None and link.has_account)
        if not exists or self._state.planned_keys(Kind.GROUP, [group], Action.DELETE):
            return
        removed = 0
        first: list[Key] = []
        ready: list[Membership] = []
        for some in batches(memberships, BATCH):
            for one in self._with_accounts(some):
                ready.append(one)
                if not one.effective and one.acknowledged and one.member not in held:
                    removed += 1
                    first += [one.member] if len(first) < FIRST_KEYS else []
                if len(ready) == self._chunk:
                    self._write(group, link, ready)
                    ready = []
        self._write(group, link, ready)
        if removed:
            members = self._state.count_acknowledged([group]).get(group, 0)
            self.lost.append(LostMembers(group, removed, max(members, removed), tuple(first)))

    def _with_accounts(self, memberships: list[Membership]) -> list[Membership]:
        """Leave out members that have no account and get none in this plan: they wait."""
        there: set[tuple[Kind, Key]] = set()
        for kind in Kind:
            keys = [one.member for one in memberships if one.effective and one.member_kind is kind]
            if keys:
                some = set(self._state.remote_ids(kind, keys))
                some |= self._state.planned_keys(kind, keys, *ARRIVAL_ACTIONS)
                some -= self._state.planned_keys(kind, keys, Action.DELETE)
                there |= {(kind, key) for key in some}
        return [
            one
            for one in memberships
            if not one.effective or (one.member_kind, one.member) in there
        ]

    def _write(self, group: Key, link: Link | None, memberships: list[Membership]) -> None:
        if memberships:
            self._state.add_operations(
                list(member_operations(group, link, memberships, self._chunk))
            )

    def _count_deleted(self) -> None:
        """Count the members of deleted groups, which lose all of them."""
        after = ""
        while some := self._state.keys_with(Kind.GROUP, [Action.DELETE], after, BATCH):
            after = some[-1]
            for group, number in self._state.count_acknowledged(some).items():
                members = self._state.memberships_of_group(group)
                first = tuple(one.member for one in members if one.acknowledged)[:FIRST_KEYS]
                self.lost.append(LostMembers(group, number, number, first))


def member_operations(
    group: Key, link: Link | None, memberships: Sequence[Membership], chunk: int
) -> Iterator[Operation]:
    """Return one operation for each `chunk` of memberships of one group."""
    for start in range(0, len(memberships), chunk):
        some = memberships[start : start + chunk]
        added = sum(1 for one in some if one.effective)
        removed = len(some) - added
        words = [f"{added} to add"] * bool(added) + [f"{removed} to remove"] * bool(removed)
        yield Operation(
            phase=Phase.MEMBERS,
            kind=Kind.GROUP,
            key=group,
            action=Action.REMOVE_MEMBERS if removed else Action.ADD_MEMBERS,
            reason=", ".join(words),
            changes=tuple(member_change(one) for one in some),
            remote_id=link.remote_id if link is not None and link.has_account else None,
        )
