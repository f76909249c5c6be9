"""Work out from the operations of an account when its access was to end, and when it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scimsync.audit.report_values import AccessEnd, AccessOutcome, LeaveCause, LeaveStep, Return
from scimsync.model.changes import deactivates
from scimsync.model.ids import Kind
from scimsync.model.links import Link
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    OPEN_STATUSES,
    REMOVAL_ACTIONS,
    Action,
    JournaledOperation,
    OperationStatus,
    Phase,
)

BY_HAND = "deprovision"
"""The command of runs that end access ahead of the source."""


def find_leave(
    steps: Sequence[LeaveStep],
    link: Link | None,
    removed: Mapping[str, datetime],
    now: datetime,
    sla: timedelta | None,
) -> AccessEnd | None:
    """Return the last end of access in `steps`, the operations of an account.

    `removed` has the times at which sources were first read without the record.
    """
    leaving = _last_leave([step for step in steps if step.operation.kind is Kind.USER])
    if not leaving:
        return None
    ended = next((step for step in leaving if _ends_access(step.operation)), None)
    revoked_at = None if ended is None else _time_of_end(ended.operation)
    outcome = _outcome(leaving, ended, link)
    if (
        outcome is AccessOutcome.OPEN and ended is not None
    ):  # it ended before, and may be back since
        leaving = leaving[leaving.index(ended) + 1 :] or leaving
        ended, revoked_at = None, None
    cause, said_at, read_at, modified_at = _cause(leaving, removed)
    end = now if outcome is AccessOutcome.OPEN else revoked_at
    duration = None if said_at is None or end is None else end - said_at
    return AccessEnd(
        steps=tuple(leaving),
        outcome=outcome,
        planned_at=leaving[0].operation.planned_at,
        cause=cause,
        said_at=said_at,
        read_at=read_at,
        modified_at=modified_at,
        ended=ended,
        revoked_at=revoked_at,
        duration=duration,
        is_late=None if sla is None or duration is None else duration > sla,
    )


def _outcome(
    leaving: Sequence[LeaveStep], ended: LeaveStep | None, link: Link | None
) -> AccessOutcome:
    may_have_access = link is not None and link.may_have_access_since is not None
    if may_have_access or any(step.operation.status in OPEN_STATUSES for step in leaving):
        return AccessOutcome.OPEN
    return AccessOutcome.NOT_REMOVED if ended is None else AccessOutcome.REVOKED


def find_return(steps: Sequence[LeaveStep]) -> Return | None:
    """Return how the access came back after it had ended, None if that did not happen last."""
    found: Return | None = None
    ended: LeaveStep | None = None
    for step in steps:
        operation = step.operation
        if _ends_access(operation):
            ended, found = step, None
        elif ended is not None and _restores_access(operation):
            found, ended = Return(ended, step), None
    return found


def removes_access(operation: JournaledOperation) -> bool:
    """Return whether an operation is to end the access of a user."""
    return operation.kind is Kind.USER and (
        operation.action in REMOVAL_ACTIONS or deactivates(operation.changes)
    )


def _last_leave(steps: Sequence[LeaveStep]) -> list[LeaveStep]:
    """Return the operations of the last end of access, from the first that was planned for it."""
    leaving: list[LeaveStep] = []
    for step in steps:
        operation = step.operation
        if removes_access(operation):
            if _was_withdrawn(leaving, operation):
                leaving = []
            leaving.append(step)
        elif leaving and (_restores_access(operation) or _goes_on(leaving, operation)):
            leaving = []
        elif leaving and operation.phase == Phase.LEAVE:
            leaving.append(step)
    return leaving


def _was_withdrawn(leaving: Sequence[LeaveStep], operation: JournaledOperation) -> bool:
    """Return whether nothing was sent of an earlier removal, and this one has another cause."""
    return (
        bool(leaving)
        and all(step.operation.sent_at is None for step in leaving)
        and operation.source_read_at is not None
        and operation.source_read_at != leaving[0].operation.source_read_at
    )


def _restores_access(operation: JournaledOperation) -> bool:
    return operation.status is OperationStatus.APPLIED and (
        operation.action in (*ARRIVAL_ACTIONS, Action.REACTIVATE)
        or any(change.path == "active" and change.after is True for change in operation.changes)
    )


def _goes_on(leaving: Sequence[LeaveStep], operation: JournaledOperation) -> bool:
    """Return whether an account is changed as usual, after a removal of which nothing was sent."""
    return (
        operation.status is OperationStatus.APPLIED
        and operation.phase > Phase.DELETE
        and all(step.operation.sent_at is None for step in leaving)
    )


def _ends_access(operation: JournaledOperation) -> bool:
    if not removes_access(operation):
        return False
    if operation.status is OperationStatus.APPLIED:
        return operation.action == Action.DELETE or deactivates(operation.changes)
    return operation.confirmed_by is not None


def _time_of_end(operation: JournaledOperation) -> datetime | None:
    applied = operation.status is OperationStatus.APPLIED
    return operation.done_at if applied else operation.confirmed_at


def _cause(
    leaving: Sequence[LeaveStep], removed: Mapping[str, datetime]
) -> tuple[LeaveCause | None, datetime | None, datetime | None, datetime | None]:
    """Return the cause of an end of access, its time, and the times of the read and the file."""
    first = leaving[0]
    if first.run is not None and first.run.command == BY_HAND:
        return LeaveCause.HAND, first.run.started_at, None, None
    told = next(
        (one.operation for one in leaving if one.operation.source_read_at is not None), None
    )
    read_at = None if told is None else told.source_read_at
    if read_at is None:  # earlier versions recorded the time of a removal only
        planned_at = first.operation.planned_at
        known = [at for at in removed.values() if planned_at is not None and at <= planned_at]
        read_at = max(known, default=None)
    if read_at is None:
        return None, None, None, None
    modified_at = None if told is None else told.source_modified_at
    if modified_at is not None and modified_at <= read_at:
        return LeaveCause.FILE, modified_at, read_at, modified_at
    return LeaveCause.READING, read_at, read_at, modified_at
