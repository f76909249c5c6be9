"""Memberships: who should be in a group at a target, and who the target says is in it."""

from __future__ import annotations

from dataclasses import dataclass

from scimsync.model.ids import Key, Kind


@dataclass(frozen=True, slots=True)
class Membership:
    """`member`, a resource of `member_kind`, in the group `group` of one target.

    `wanted`: the rules want it there. `revoked`: the record of the group wants it there, but the
    user has left. `acknowledged`: the target has confirmed it. `in_doubt`: the outcome of the last
    request about it is unknown.
    """

    group: Key
    member_kind: Kind
    member: Key
    wanted: bool
    acknowledged: bool
    revoked: bool = False
    in_doubt: bool = False

    @property
    def effective(self) -> bool:
        """Whether the member should be in the group now."""
        return self.wanted and not self.revoked

    @property
    def due(self) -> bool:
        """Whether a request has to be sent about it."""
        return self.in_doubt or self.effective != self.acknowledged

    @property
    def id(self) -> tuple[Key, Kind, Key]:
        """Group, kind of the member, member: unique at one target."""
        return self.group, self.member_kind, self.member
