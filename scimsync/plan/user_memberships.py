"""The memberships of users in groups that a rule or a value gives them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Set
from dataclasses import replace

from scimsync.desired.groups import name_of
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership, asked_for


def unacknowledged(membership: Membership) -> Membership:
    """Return the membership for a member without an account."""
    membership = replace(membership, pinned=False)
    if not membership.wanted:
        return membership
    return replace(membership, acknowledged=False, in_doubt=False)


def new_memberships(
    wanted: Mapping[Key, Set[Key]], known: Container[tuple[Key, Kind, Key]]
) -> list[Membership]:
    """Return the memberships of `wanted` (user -> groups) that are not `known`."""
    return [
        Membership(group, Kind.USER, key, wanted=True, acknowledged=False)
        for key, groups in wanted.items()
        for group in sorted(groups)
        if (group, Kind.USER, key) not in known
    ]


def membership_after(
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
