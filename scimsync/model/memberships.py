"""Memberships: who should be in a group at a target, and who the target says is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind

_USER_PATH = "members"
_GROUP_PATH = 'members[type eq "Group"]'


@dataclass(frozen=True, slots=True)
class Membership:
    """`member`, a resource of `member_kind`, in the group `group` of one target.

    `wanted`: the rules want it there. `revoked`: the record of the group wants it there, but the
    user has left. `acknowledged`: the target has confirmed it. `in_doubt`: the outcome of the last
    request about it is unknown. `pinned`: a revert did the opposite of what the rules ask for, and
    this stays until they ask for something else.
    """

    group: Key
    member_kind: Kind
    member: Key
    wanted: bool
    acknowledged: bool
    revoked: bool = False
    in_doubt: bool = False
    pinned: bool = False

    @property
    def asked(self) -> bool:
        """Whether the rules and the record of the user ask for the member."""
        return self.wanted and not self.revoked

    @property
    def effective(self) -> bool:
        """Whether the member should be in the group now."""
        return self.asked is not self.pinned

    @property
    def due(self) -> bool:
        """Whether a request has to be sent about it."""
        return self.in_doubt or self.effective != self.acknowledged

    @property
    def id(self) -> tuple[Key, Kind, Key]:
        """Group, kind of the member, member: unique at one target."""
        return self.group, self.member_kind, self.member


def asked_for(
    membership: Membership, *, wanted: bool | None = None, revoked: bool | None = None
) -> Membership:
    """Return a membership with other values of `wanted` or `revoked`; None keeps them.

    It is pinned no longer if something else is asked for than before.
    """
    after = replace(
        membership,
        wanted=membership.wanted if wanted is None else wanted,
        revoked=membership.revoked if revoked is None else revoked,
    )
    return after if after.asked is membership.asked else replace(after, pinned=False)


def in_doubt_at_new_id(membership: Membership) -> Membership:
    """Return a membership whose group or member has another remote id than before.

    Neither the members of the group nor the groups of the member are known at the new id: a member
    that should be there is added again, and one that should not is removed.
    """
    if not (membership.acknowledged or membership.in_doubt):
        return membership
    acknowledged = membership.acknowledged and not membership.effective
    return replace(membership, acknowledged=acknowledged, in_doubt=True)


def moved_memberships(
    before: Iterable[Membership], keys: Mapping[Key, Key]
) -> Iterator[Membership]:
    """Yield the memberships of old keys as those of new ones (`keys`: old -> new).

    `before` are those of both. Groups that want a new key already still want it.
    """
    known = {row.id: row for row in before}
    for row in known.values():
        if row.member in keys:
            moved = replace(row, member=keys[row.member])
            named = known.get(moved.id)
            yield replace(moved, wanted=row.wanted or (named is not None and named.wanted))
            yield replace(row, wanted=False, revoked=False, acknowledged=False, in_doubt=False)


def separated(membership: Membership, old: Key) -> tuple[Membership, Membership]:
    """Return the membership of a key without its account, and that of the account as `old`.

    The group still wants the key. The account leaves the group.
    """
    stays = replace(membership, acknowledged=False, in_doubt=False, pinned=False)
    leaves = replace(membership, member=old, wanted=False, revoked=False, pinned=False)
    return stays, leaves


def member_change(membership: Membership) -> Change:
    """Return the change of an operation that adds or removes the member."""
    path = _USER_PATH if membership.member_kind is Kind.USER else _GROUP_PATH
    member = membership.member
    return Change(path, None, member) if membership.effective else Change(path, member, None)


def member_of(change: Change) -> tuple[Kind, Key, bool]:
    """Return kind and key of the member that a change is about, and whether it is added."""
    kind = Kind.USER if change.path == _USER_PATH else Kind.GROUP
    added = change.after is not None
    return kind, Key(str(change.after if added else change.before)), added
