"""The values of an audit report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scimsync.model.ids import Key, RemoteId
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Confirmation, JournaledOperation, Run, RunOrigin

CONTROLS = ("SOC 2 CC6.2", "SOC 2 CC6.3", "ISO/IEC 27001:2022 A.5.18")
"""The controls that a report is evidence for."""


class AccessOutcome(StrEnum):
    """The outcome for a leaver's access at a target."""

    REVOKED = "revoked"
    OPEN = "open"
    NOT_REMOVED = "not_removed"


class LeaveCause(StrEnum):
    """What says that access is to end, and from when the time until it ends is counted.

    `FILE`: a file of the source, from when it was modified. `READING`: the source, from when it was
    read. `HAND`: `scimsync deprovision`, from when it was called.
    """

    FILE = "file"
    READING = "reading"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class LeaveStep:
    """One operation of the journal and its run, None if the run was deleted."""

    operation: JournaledOperation
    run: Run | None

    @property
    def origin(self) -> RunOrigin | None:
        """Who started the run, if that was recorded."""
        return None if self.run is None else self.run.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEnd:
    """The end of a user's access at one target.

    `said_at` is the time that the duration counts from, by `cause`; both are None if they were not
    recorded. `read_at` and `modified_at` are the times of the source. `steps` are the operations
    that were to end the access, the first of them planned at `planned_at`. `ended` is the operation
    that ended it, at `revoked_at`. `duration` is the time from `said_at` to then, or to the report
    if it is open, and `is_late` whether that is more than `[audit] sla`, None without one.
    """

    steps: tuple[LeaveStep, ...]
    outcome: AccessOutcome
    planned_at: datetime | None
    cause: LeaveCause | None = None
    said_at: datetime | None = None
    read_at: datetime | None = None
    modified_at: datetime | None = None
    ended: LeaveStep | None = None
    revoked_at: datetime | None = None
    duration: timedelta | None = None
    is_late: bool | None = None

    @property
    def confirmed_by(self) -> Confirmation | None:
        """What shows that the access ended."""
        return None if self.ended is None else self.ended.operation.confirmed_by


@dataclass(frozen=True, slots=True)
class Return:
    """Access that ended by the operation `ended`, and came back by `restored`."""

    ended: LeaveStep
    restored: LeaveStep


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHistory:
    """What was done for a user at one target.

    `steps` are all operations, of its account and of its memberships. `leave` is None if nothing
    was planned that ends the access, or if the user has it again: `returned` says how. `status` is
    that of the link, None if there is none. `keeps_leavers` is the setting of sync.toml that keeps
    the account of a leaver.
    """

    target: str
    steps: tuple[LeaveStep, ...]
    leave: AccessEnd | None = None
    returned: Return | None = None
    status: LinkStatus | None = None
    remote_id: RemoteId | None = None
    may_have_access_since: datetime | None = None
    next_try_at: datetime | None = None
    last_error: str | None = None
    delete_after: datetime | None = None
    keeps_leavers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonHistory:
    """What was done for a user at all targets.

    `removed` maps sources that no longer have the record to when they were read without it.
    `held_since` is when the user was deprovisioned by hand. `name` is shown beside the key.
    """

    key: Key
    targets: tuple[AccountHistory, ...]
    removed: Mapping[str, datetime]
    held_since: datetime | None = None
    name: str | None = None

    @property
    def leaves(self) -> list[tuple[str, AccessEnd]]:
        """The targets at which access had to end, with the outcome at each."""
        return [(one.target, one.leave) for one in self.targets if one.leave is not None]

    @property
    def outcome(self) -> AccessOutcome | None:
        """The worst outcome of all targets, None if no access had to end."""
        found = {leave.outcome for _, leave in self.leaves}
        order = (AccessOutcome.OPEN, AccessOutcome.NOT_REMOVED, AccessOutcome.REVOKED)
        return next((one for one in order if one in found), None)

    @property
    def without_outcome(self) -> str:
        """What to say if there is no outcome."""
        if any(one.returned is not None for one in self.targets):
            return "access had ended, and was given back"
        return "no access had to end"

    @property
    def worst(self) -> tuple[str, timedelta] | None:
        """The target at which the access lasted longest, and for how long."""
        known = [(name, one.duration) for name, one in self.leaves if one.duration is not None]
        return max(known, key=lambda one: one[1], default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """An audit report about one `key`, or about all who left in a period.

    `until` is None for a period that ends with the report. `made_by` is who made it, where, with
    which version and sync.toml. `journal_since` is when the first run of the journal started: older
    ones were deleted, or there were none.
    """

    made_at: datetime
    made_by: RunOrigin
    people: Sequence[PersonHistory]
    targets: Sequence[str]
    key: Key | None = None
    since: datetime | None = None
    until: datetime | None = None
    sla: timedelta | None = None
    journal_since: datetime | None = None

    @property
    def outcomes(self) -> Counter[AccessOutcome]:
        """How many leavers have which worst outcome."""
        return Counter(one.outcome for one in self.people if one.outcome is not None)

    @property
    def late(self) -> list[Key]:
        """Those whose access lasted longer than `sla` at a target."""
        return [one.key for one in self.people if any(leave.is_late for _, leave in one.leaves)]

    @property
    def worst(self) -> tuple[Key, str, timedelta] | None:
        """Whose access lasted longest, where, and for how long."""
        known = [(one.key, *one.worst) for one in self.people if one.worst is not None]
        return max(known, key=lambda one: one[2], default=None)
