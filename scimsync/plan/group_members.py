"""The members of groups whose own records name them, and of groups that are gone or adopted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.memberships import Membership, asked_for
from scimsync.model.operations import Action
from scimsync.plan.batch import BATCH
from scimsync.plan.protocols import PlanningState


class Staying(NamedTuple):
    """Members that stay in a group although its record no longer names them.

    `members` is the number of those that stay because the unknown keys `misnamed` may mean them,
    and `undecided` are users whose row cannot be used.
    """

    misnamed: Sequence[Key]
    members: int
    undecided: Sequence[Key]


class GroupMembers:
    """The memberships of the groups of one target.

    `leavers` returns which of the given users have left: they are added to no group.
    """

    def __init__(self, state: PlanningState, leavers: Callable[[Sequence[Key]], set[Key]]) -> None:
        self._state = state
        self._leavers = leavers

    def set(
        self,
        group: Key,
        wanted: Mapping[tuple[Kind, Key], None],
        unknown: Container[tuple[Kind, Key]] = (),
        undecided: Callable[[Sequence[Key]], Collection[Key]] = lambda _: (),
    ) -> Staying:
        """Want these members in a group, and no others. Return those that stay nevertheless.

        If it did not want some of `unknown` before, members of the same kind are not taken out, and
        the unknown ones are not wanted yet. Nor are users taken out whom `undecided` returns.
        """
        known = self._by_member(group)
        misnamed = [
            member
            for member in wanted
            if member in unknown and not (member in known and known[member].wanted)
        ]
        staying = _leaving(known, wanted, {kind for kind, _ in misnamed})
        if staying:
            left_out = {*misnamed}
            wanted = dict.fromkeys([*(one for one in wanted if one not in left_out), *staying])
        leaving = [key for _, key in _leaving(known, wanted, {Kind.USER})]
        kept = [key for chunk in batches(leaving, BATCH) for key in undecided(chunk)]
        wanted = {**wanted, **dict.fromkeys((Kind.USER, key) for key in kept)}
        self._put(group, wanted, known)
        return Staying([key for _, key in misnamed], len(staying), kept)

    def _put(
        self,
        group: Key,
        wanted: Mapping[tuple[Kind, Key], None],
        known: Mapping[tuple[Kind, Key], Membership],
    ) -> None:
        memberships = [
            asked_for(membership, wanted=member in wanted) for member, membership in known.items()
        ]
        new = [member for member in wanted if member not in known]
        users = (key for kind, key in new if kind is Kind.USER)
        leavers = {key for chunk in batches(users, BATCH) for key in self._leavers(chunk)}
        memberships += [
            Membership(
                group,
                kind,
                key,
                wanted=True,
                acknowledged=False,
                revoked=kind is Kind.USER and key in leavers,
            )
            for kind, key in new
        ]
        if memberships:
            self._state.put_memberships(memberships, known.values())

    def drop(self, group: Key, *, is_emptied: bool) -> None:
        """Want no new members in a group without a record or rule, and none if it is emptied."""
        memberships = () if is_emptied else self._state.memberships_of_group(group)
        held = [
            membership
            for membership in memberships
            if membership.wanted and (membership.acknowledged or membership.in_doubt)
        ]
        self.set(group, {(membership.member_kind, membership.member): None for membership in held})

    def forget(self, group: Key) -> None:
        """Delete the memberships of a group that is gone: its members, and its own in others."""
        memberships = [
            *self._state.memberships_of_group(group),
            *self._state.memberships_of_members([group], Kind.GROUP),
        ]
        if memberships:
            self._state.put_memberships(
                [
                    replace(membership, acknowledged=False, in_doubt=False)
                    for membership in memberships
                ],
                memberships,
            )

    def note(self, group: Key, ids: Sequence[RemoteId]) -> None:
        """Record the members that a group shows as acknowledged, and no others.

        Users who adopt their account in this plan are among them, and those who get another one are
        not, since targets may still show the id of one that is gone. Members that are in no source
        stay in the group.
        """
        members = {
            (kind, key)
            for kind in Kind
            for chunk in batches(ids, BATCH)
            for key in self._members_with(kind, chunk)
        }
        before = self._by_member(group)
        after = [
            replace(
                before.get((kind, key))
                or Membership(group, kind, key, wanted=False, acknowledged=False),
                acknowledged=(kind, key) in members,
                in_doubt=False,
            )
            for kind, key in members | before.keys()
        ]
        if after:
            self._state.put_memberships(after, before.values())

    def _members_with(self, kind: Kind, ids: Sequence[RemoteId]) -> list[Key]:
        owners = self._state.adopted(kind, ids) | self._state.owners(kind, ids)
        keys = sorted({*owners.values()})
        created = self._state.planned_keys(kind, keys, Action.CREATE)
        return [key for key in keys if key not in created]

    def _by_member(self, group: Key) -> dict[tuple[Kind, Key], Membership]:
        return {
            (membership.member_kind, membership.member): membership
            for membership in self._state.memberships_of_group(group)
        }


def _is_member(membership: Membership) -> bool:
    """Return whether a group wants a member that it has, or may have."""
    return membership.asked and (membership.acknowledged or membership.in_doubt)


def _leaving(
    known: Mapping[tuple[Kind, Key], Membership],
    wanted: Container[tuple[Kind, Key]],
    kinds: Container[Kind],
) -> list[tuple[Kind, Key]]:
    """Return the members of some kinds that a group has and that are not `wanted`."""
    return [
        member
        for member, membership in known.items()
        if member[0] in kinds and member not in wanted and _is_member(membership)
    ]
