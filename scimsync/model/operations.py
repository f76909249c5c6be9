"""Operations: intended changes of one resource, and their outcomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key, Kind, RemoteId


class Action(StrEnum):
    """What an operation does to a resource."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    MOVE = "move"
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"
    DELETE = "delete"
    ADD_MEMBERS = "add_members"
    REMOVE_MEMBERS = "remove_members"


MEMBERSHIP_ACTIONS = (Action.ADD_MEMBERS, Action.REMOVE_MEMBERS)
"""Actions that change the members of a group."""

RESOURCE_ACTIONS = tuple(action for action in Action if action not in MEMBERSHIP_ACTIONS)
"""Actions that change a resource itself."""

REMOVAL_ACTIONS = (Action.DEACTIVATE, Action.DELETE)
"""Actions that end the access of a user."""

ARRIVAL_ACTIONS = (Action.CREATE, Action.ADOPT)
"""Actions after which the target has a resource that was not linked before."""


class Phase(IntEnum):
    """The order in which operations are sent. A phase ends before the next one starts."""

    LEAVE = 10
    DELETE = 20
    UPDATE = 30
    CREATE = 40
    REFERENCE = 50
    GROUP = 60
    MEMBERS = 70
    DELETE_GROUP = 80


PHASE_WORDS = {
    Phase.LEAVE: "leavers",
    Phase.DELETE: "deletions",
    Phase.UPDATE: "updates",
    Phase.CREATE: "creations",
    Phase.REFERENCE: "references",
    Phase.GROUP: "groups",
    Phase.MEMBERS: "memberships",
    Phase.DELETE_GROUP: "group deletions",
}


class OperationStatus(StrEnum):
    """The outcome of an operation."""

    PLANNED = "planned"
    SENT = "sent"
    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"


class Confirmation(StrEnum):
    """What shows that an operation is done.

    `READ`: the resource, or its absence, was read after the request. `SEARCH`: a search shows that
    the resource is gone. `RESPONSE`: the response shows the resource with the new values. `STATUS`:
    the response says so by its status alone.
    """

    READ = "read"
    SEARCH = "search"
    RESPONSE = "response"
    STATUS = "status"


OPEN_STATUSES = (OperationStatus.PLANNED, OperationStatus.SENT)
"""Statuses of operations without a known outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One intended change of one resource, as the planner makes it.

    `base` is the document that `changes` start from where that is not the document of the link.
    `waits_for` is the key whose operation frees the unique name that this one takes. `delete_after`
    is when an account that this operation deactivates is to be deleted. `matched` are the
    attributes by which an account that is adopted matches. A problem found while planning is an
    operation with the status `failed`, and `detail` says why.
    """

    phase: int
    kind: Kind
    key: Key
    action: str
    reason: str
    changes: tuple[Change, ...] = ()
    status: OperationStatus = OperationStatus.PLANNED
    remote_id: RemoteId | None = None
    unique_name: str | None = None
    waits_for: Key | None = None
    delete_after: datetime | None = None
    base: Document | None = None
    matched: tuple[str, ...] = ()
    request: str | None = None
    detail: str | None = None


def unplanned(
    phase: int, kind: Kind, key: Key, action: str, why: str, remote_id: RemoteId | None = None
) -> Operation:
    """Return the operation that says why a resource could not be planned."""
    return Operation(
        phase=phase,
        kind=kind,
        key=key,
        action=action,
        reason="could not be planned",
        status=OperationStatus.FAILED,
        remote_id=remote_id,
        detail=why,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JournaledOperation(Operation):
    """An operation as the journal holds it, with its run, its target and its outcome.

    `source_read_at` is when the source was first read with the change of the record that the
    operation follows from, and `source_modified_at` when the newest file of the source was last
    modified by then. `confirmed_by` shows that it is done since `confirmed_at`; a refused deletion
    is confirmed by the deactivation in its place. All are None if they are not known.
    """

    id: int
    run: int
    target: str
    attempts: int = 0
    http_status: int | None = None
    scim_type: str | None = None
    planned_at: datetime | None = None
    sent_at: datetime | None = None
    done_at: datetime | None = None
    source_read_at: datetime | None = None
    source_modified_at: datetime | None = None
    confirmed_by: Confirmation | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFilter:
    """Selects operations of the journal. None admits every operation, an empty collection none.

    `after_run` admits only operations of later runs.
    `was_sent` admits only operations that reached, or may have reached, the target, and
    `deactivates` only those that set `active` to false. `since`
    (aware) admits only those whose latest known event happened then or later, and `until` those
    whose latest known event happened before.
    """

    run: int | None = None
    after_run: int | None = None
    target: str | None = None
    targets: Collection[str] | None = None
    phase: int | None = None
    kind: Kind | None = None
    ids: Collection[int] | None = None
    keys: Collection[Key] | None = None
    exclude_keys: Collection[Key] = ()
    actions: Collection[str] | None = None
    statuses: Collection[OperationStatus] | None = None
    was_sent: bool = False
    deactivates: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The outcome of one journaled operation.

    None leaves `action`, `request`, and `remote_id`, the resource that it was about, as they are.
    `confirmed_by` shows at `done_at` that the operation is done.
    """

    operation_id: int
    status: OperationStatus
    done_at: datetime
    attempts: int = 0
    action: str | None = None
    request: str | None = None
    remote_id: RemoteId | None = None
    http_status: int | None = None
    scim_type: str | None = None
    detail: str | None = None
    confirmed_by: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Who started a run: the user of the operating system and the machine.

    `options` are those of the command line that decide what the run does. `version` is that of
    scimsync, and `config_digest` the SHA-256 of sync.toml.
    """

    user: str
    host: str
    options: tuple[str, ...]
    version: str
    config_digest: str

    def __str__(self) -> str:
        """Return all of it in words, with the first digits of the digest."""
        options = " ".join(self.options) or "no options"
        return (
            f"by {self.user} on {self.host}, {options}, scimsync {self.version},"
            f" sync.toml {self.config_digest[:12]}"
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `counts` is the object that `push --json` prints under `targets`.

    `origin` is None for runs of versions that did not record it. `is_empty` is whether the journal
    has no operation of it, so that a run with an error had not begun; None if that was not read.
    """

    id: int
    command: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    detail: str | None
    counts: Mapping[str, Any]
    origin: RunOrigin | None = None
    is_empty: bool | None = None
