"""Plan the memberships of users in groups that a rule or a value gives them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence, Set
from dataclasses import replace

from scimsync.desired.groups import name_of
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership, asked_for
from scimsync.model.operations import Action
from scimsync.plan.batch import Batch
from scimsync.plan.candidates import Policy
from scimsync.plan.decision_writer import Decisions
from scimsync.plan.protocols import PlanningState


def put_memberships(
    state: PlanningState,
    policy: Policy,
    rules: Container[str],
    groups: Mapping[Key, set[Key]],
    batch: Batch,
    decisions: Decisions,
) -> set[Key]:
    """Store the memberships of a batch of users as this plan wants them. Return the groups.

    `groups` are those that the users' own records want them in, by the tables `rules`.
    """
    planned = [key for key in batch.planned if key not in batch.pinned]
    leavers = {key for key in planned if not batch.is_wanted(key)}
    revoked = leavers if "memberships" in policy.revoke else set()
    wanted = _wanted_groups(groups, batch, decisions, planned, leavers, revoked)
    before = {membership.id: membership for membership in state.memberships_of_members(planned)}
    kept = (
        _membership_after(membership, wanted, leavers, revoked, rules)
        for membership in before.values()
    )
    after = [membership for membership in kept if membership is not None]
    without_account = {
        *filter(batch.is_gone, batch.keys),
        *batch.without_account(planned),
    }
    after = [
        _held(membership, without_account, batch.unpinned)
        for membership in (*after, *_new_memberships(wanted, before))
    ]
    if after:
        state.put_memberships(after, before.values())
    return {membership.group for membership in after}


def _wanted_groups(
    groups: Mapping[Key, set[Key]],
    batch: Batch,
    decisions: Decisions,
    planned: Sequence[Key],
    leavers: set[Key],
    revoked: set[Key],
) -> dict[Key, set[Key]]:
    """Return user -> groups, without leavers whose memberships stay."""
    deleted = {
        operation.key for operation in decisions.operations if operation.action == Action.DELETE
    }
    memberless = leavers & (revoked | deleted | batch.without_account(planned))
    return {
        key: set() if key in memberless else groups.get(key, set())
        for key in planned
        if key in memberless or key not in leavers
    }


def _held(
    membership: Membership, without_account: Container[Key], unpinned: Container[Key]
) -> Membership:
    """Return the membership as the target can hold it, without a pin that has ended.

    A user without an account is in no group. A membership that is not wanted stays acknowledged,
    since the target may still need a request.
    """
    if membership.member in without_account:
        membership = _unacknowledged(membership)
    return replace(membership, pinned=False) if membership.member in unpinned else membership


def _unacknowledged(membership: Membership) -> Membership:
    """Return the membership for a member without an account."""
    membership = replace(membership, pinned=False)
    if not membership.wanted:
        return membership
    return replace(membership, acknowledged=False, in_doubt=False)


def _new_memberships(
    wanted: Mapping[Key, Set[Key]], known: Container[tuple[Key, Kind, Key]]
) -> list[Membership]:
    """Return the memberships of `wanted` (user -> groups) that are not `known`."""
    return [
        Membership(group, Kind.USER, key, wanted=True, acknowledged=False)
        for key, groups in wanted.items()
        for group in sorted(groups)
        if (group, Kind.USER, key) not in known
    ]


def _membership_after(
    membership: Membership,
    wanted: dict[Key, set[Key]],
    leavers: set[Key],
    revoked: set[Key],
    rules: Container[str],
) -> Membership | None:
    """Return a membership after this plan, or None if it stays as it is.

    `wanted` are the groups of users, and `rules` the tables whose groups users get by a rule or a
    value. `leavers` leave, and `revoked` lose their memberships.
    """
    if name_of(membership.group) not in rules:  # a record of the group decides
        is_new = not membership.acknowledged
        return asked_for(
            membership,
            revoked=membership.member in revoked or (membership.member in leavers and is_new),
        )
    if membership.member in wanted:
        return asked_for(membership, wanted=membership.group in wanted[membership.member])
    # a leaver keeps its memberships and gets no further ones
    return None if membership.acknowledged else asked_for(membership, wanted=False)
