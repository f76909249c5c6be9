"""The rows of a report: one for each user, account, and group."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.lookalikes import Resemblance
from scimsync.model.changes import Change
from scimsync.model.ids import Key, RemoteId
from scimsync.plan.adoption import is_reactivated, overwritten


class AdoptionOutcome(StrEnum):
    """What a first push would do about a user, an account, or a group."""

    MATCH = "match"
    """The account is the user's, and is taken over."""
    WEAK_MATCH = "weak_match"
    """The account may be another person's. It is taken over if `max_adoptions` allows it."""
    AMBIGUOUS = "ambiguous"
    """Several accounts match: nothing is sent."""
    CONTESTED = "contested"
    """The account matches, and belongs to another user: nothing is sent."""
    PROTECTED = "protected"
    """`protect` keeps the account as it is."""
    NOT_ADOPTED = "not_adopted"
    """The account or group matches, and settings prevent the takeover."""
    FAILED = "failed"
    """The user or group cannot be planned."""
    LEAVER = "leaver"
    """The account matches a user who should have none."""
    CREATE = "create"
    """There is no account or group yet: one is created."""
    NOT_CREATED = "not_created"
    """There is no account, and settings prevent its creation."""
    LINKED = "linked"
    """scimsync manages it already."""
    UNMATCHED = "unmatched"
    """No record or rule asks for it: it stays as it is."""


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user with the account that matches, a user without one, or an account without a user.

    `accounts` are those that match, or the one that no record matches. `matched` are the attributes
    by which it does (see `plan.adoption.matched_by`), and `changes` what a push would send.
    `user_name` is the one that the mapping gives. `detail` says why something is not done.
    `resembles` are accounts without a record that may be the user's, too.
    """

    outcome: AdoptionOutcome
    key: Key | None = None
    name: str | None = None
    user_name: str | None = None
    accounts: tuple[ExistingAccount, ...] = ()
    matched: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    detail: str | None = None
    resembles: tuple[Resemblance, ...] = ()

    @property
    def account(self) -> ExistingAccount | None:
        """The first account."""
        return self.accounts[0] if self.accounts else None

    @property
    def overwritten(self) -> tuple[Change, ...]:
        """The changes that replace a value of the account."""
        return tuple(overwritten(self.changes))

    @property
    def filled(self) -> tuple[Change, ...]:
        """The changes of values that the account lacks."""
        return tuple(
            change for change in self.changes if change.before is None and change.path != "active"
        )

    @property
    def is_reactivated(self) -> bool:
        """Whether a push would reactivate the account."""
        return is_reactivated(self.changes)


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a group: its id at the target, its user, and its name for people."""

    label: str
    key: Key | None = None
    remote_id: RemoteId | None = None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group that sync.toml asks for, or one that exists without that.

    `members` is the number of members that it shows, None where that was not read. `kept` are
    members that the rules include, `unwanted` users of this target that no rule includes and who
    stay, and `unknown` members who stay because they have no record, or it is undecided which
    account is theirs.
    """

    outcome: AdoptionOutcome
    name: str
    key: Key | None = None
    remote_id: RemoteId | None = None
    matched: tuple[str, ...] = ()
    members: int | None = None
    added: tuple[GroupMember, ...] = ()
    removed: tuple[GroupMember, ...] = ()
    kept: tuple[GroupMember, ...] = ()
    unwanted: tuple[GroupMember, ...] = ()
    unknown: tuple[GroupMember, ...] = ()
    detail: str | None = None
