"""What a run repairs at a target: the differences that a reconciliation found there."""

from __future__ import annotations

from dataclasses import dataclass

from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus

_UNLINKED = " (unmanaged) "
"""Begins the keys under which accounts that no user is linked to take part in one run.

No source has such a key: sources strip white space from keys.
"""


@dataclass(frozen=True, slots=True)
class ShownMember:
    """A member that a group shows or, with `is_member` false, no longer shows.

    `key` is None for a member that no link has.
    """

    group: Key
    kind: Kind
    key: Key | None
    remote_id: RemoteId
    is_member: bool


@dataclass(frozen=True, slots=True)
class UnlinkedAccount:
    """An account that no user is linked to and that is to be deactivated."""

    remote_id: RemoteId
    document: Document


@dataclass(frozen=True, slots=True)
class Repair:
    """The differences at one target that a run repairs, and nothing else.

    `users` and `groups` are read again and planned. `members` count as what the target
    acknowledged. The accounts `unlinked` are deactivated.
    """

    users: tuple[Key, ...] = ()
    groups: tuple[Key, ...] = ()
    members: tuple[ShownMember, ...] = ()
    unlinked: tuple[UnlinkedAccount, ...] = ()

    @property
    def keys(self) -> frozenset[Key]:
        """The keys of all users that are planned, those of accounts without a link among them."""
        return frozenset([*self.users, *(unlinked_key(one.remote_id) for one in self.unlinked)])

    @property
    def pairs(self) -> frozenset[tuple[Key, Kind, Key]]:
        """The memberships that are planned: group, kind of the member, member."""
        return frozenset((one.group, one.kind, member_key(one)) for one in self.members)

    def __bool__(self) -> bool:
        return bool(self.users or self.groups or self.members or self.unlinked)


def unlinked_key(remote_id: RemoteId) -> Key:
    """Return the key under which an account that no user is linked to takes part in a run."""
    return Key(f"{_UNLINKED}{remote_id}")


def is_unlinked(key: Key) -> bool:
    """Return whether a key stands for an account that no user is linked to."""
    return key.startswith(_UNLINKED)


UNLINKED_KEYS = (_UNLINKED, _UNLINKED[:-1] + chr(ord(_UNLINKED[-1]) + 1))
"""The first key of such accounts, and the first one after them."""


def member_key(member: ShownMember) -> Key:
    """Return the key of a member, a made-up one if no link has it."""
    return unlinked_key(member.remote_id) if member.key is None else member.key


def unlinked_link(remote_id: RemoteId, document: Document, *, exists: bool, kind: Kind) -> Link:
    """Return the link by which a resource that is not linked takes part in a run.

    It is dropped after the run. One that does not count as existing stands for a member only.
    """
    status = LinkStatus.ACTIVE if exists else LinkStatus.DELETED
    return Link(
        kind,
        unlinked_key(remote_id),
        status,
        remote_id=remote_id,
        document=document,
        left_before=True,
    )
