"""The events of an account in order, in words for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from scimsync.audit.report_values import (
    AccessEnd,
    AccessOutcome,
    AccountHistory,
    LeaveCause,
    LeaveStep,
)
from scimsync.durations import format_duration
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import member_of
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Confirmation,
    JournaledOperation,
    OperationStatus,
    RunOrigin,
)

NOT_RECORDED = "not recorded"
NO_RUNS = "has no runs: nothing was pushed yet"

CONFIRMATIONS = {
    Confirmation.READ: "a read after the request showed it",
    Confirmation.SEARCH: "a search showed that the account is gone",
    Confirmation.RESPONSE: "the response showed it; no separate read",
    Confirmation.STATUS: "the response had only a status; no read",
}
"""What shows that an operation is done, in words."""

_TONES = {
    OperationStatus.APPLIED: "good",
    OperationStatus.FAILED: "bad",
    OperationStatus.SKIPPED: "quiet",
}


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened `at` a time, None if that was not recorded."""

    at: datetime | None
    what: str
    text: str
    tone: str = "quiet"


def events(key: Key, account: AccountHistory) -> Iterator[TimelineEvent]:
    """Yield the events of a user at a target, from the change in the source to its outcome."""
    leave = account.leave
    first = None if leave is None else leave.steps[0]
    read_at = None
    for step in account.steps:
        operation = step.operation
        if leave is not None and step is first:
            yield from _said(leave)
            read_at = leave.read_at
        elif operation.source_read_at is not None and operation.source_read_at != read_at:
            read_at = operation.source_read_at
            yield from _source(operation.source_modified_at, read_at)
        yield from _events(key, step)
    yield from _open_events(account)


def _said(leave: AccessEnd) -> Iterator[TimelineEvent]:
    if leave.cause is None:
        yield TimelineEvent(
            None, "source", "when the source changed, or what else ended the access"
        )
    elif leave.cause is LeaveCause.HAND:
        yield TimelineEvent(leave.said_at, "by hand", "scimsync deprovision")
    else:
        yield from _source(leave.modified_at, leave.read_at)


def _source(modified_at: datetime | None, read_at: datetime | None) -> Iterator[TimelineEvent]:
    if modified_at is not None:
        yield TimelineEvent(modified_at, "source", "its newest file was modified")
    yield TimelineEvent(read_at, "source", "first read with this change")


def _open_events(account: AccountHistory) -> Iterator[TimelineEvent]:
    if account.may_have_access_since is not None:
        what = "the removal of access was planned and is not confirmed"
        if account.last_error:
            what += f"; last error: {account.last_error}"
        yield TimelineEvent(account.may_have_access_since, "open", what, "bad")
    if account.next_try_at is not None:
        yield TimelineEvent(account.next_try_at, "next", "runs after this time try again")
    if account.delete_after is not None:
        yield TimelineEvent(account.delete_after, "next", "runs after this time delete the account")


def headline(account: AccountHistory) -> tuple[str, str]:
    """Return the outcome for a user's access at a target in words, and its tone."""
    leave = account.leave
    if leave is None:
        return _without_leave(account)
    if leave.outcome is AccessOutcome.REVOKED:
        text = f"access revoked {_duration(leave)}"
        return text, "warn" if leave.is_late else "good"
    if leave.outcome is AccessOutcome.OPEN:
        return f"may still have access {_duration(leave)}", "bad"
    return "a removal of access was planned and not carried out", "warn"


def origin_text(origin: RunOrigin | None) -> str:
    """Return who started a run, where, with which options, version and sync.toml."""
    if origin is None:
        return f"user, host, options, version and sync.toml {NOT_RECORDED}"
    return str(origin)


def _without_leave(account: AccountHistory) -> tuple[str, str]:
    if account.status is None:
        return "no account is linked", "quiet"
    said = "no removal of access was planned"
    if account.returned is not None:
        run = account.returned.restored.run
        how = "" if run is None else f" by run {run.id} ({run.command})"
        said = f"access had ended, and was given back{how}"
    text = f"account {account.status}; {said}"
    if account.keeps_leavers is not None:
        text += f" (sync.toml: {account.keeps_leavers})"
    return text, "quiet"


def _duration(leave: AccessEnd) -> str:
    if leave.duration is not None:
        return f"{format_duration(leave.duration)} after {_FROM[leave.cause]}" + (
            ", over the limit" if leave.is_late else ""
        )
    end, start = leave.revoked_at, leave.planned_at
    if end is None or start is None:
        return "(since when is not recorded)"
    return f"{format_duration(end - start)} after it was planned; the time before is not recorded"


_FROM = {
    LeaveCause.FILE: "the file was modified",
    LeaveCause.READING: "the source was read",
    LeaveCause.HAND: "scimsync deprovision",
    None: "an unknown time",
}


def _events(key: Key, step: LeaveStep) -> Iterator[TimelineEvent]:
    operation = step.operation
    what = f"{_action(key, operation)}: {operation.reason}"
    yield TimelineEvent(operation.planned_at, "planned", f"{what} (run {operation.run})")
    if operation.sent_at is not None:
        yield TimelineEvent(operation.sent_at, "sent", "")
    if operation.status is OperationStatus.PLANNED:
        return
    status, detail = operation.http_status, operation.detail
    answered = operation.sent_at is not None and (
        status is not None or operation.status is OperationStatus.APPLIED
    )
    text = str(operation.status) + (f", status {status}" if status is not None else "")
    text += f": {detail}" if detail else ""
    if operation.done_at is not None:
        word = "answered" if answered else "ended"
        yield TimelineEvent(operation.done_at, word, text, _TONES.get(operation.status, "warn"))
    if operation.confirmed_by is not None:
        word = "read back" if _was_read(operation.confirmed_by) else "confirmed"
        tone = "good" if word == "read back" else "quiet"
        yield TimelineEvent(
            operation.confirmed_at, word, CONFIRMATIONS[operation.confirmed_by], tone
        )
    elif operation.status is OperationStatus.APPLIED:
        yield TimelineEvent(None, "read back", NOT_RECORDED)


def _was_read(confirmed_by: Confirmation) -> bool:
    return confirmed_by in (Confirmation.READ, Confirmation.SEARCH)


def _action(key: Key, operation: JournaledOperation) -> str:
    """Return what an operation does, for a group what it does with this member."""
    if operation.kind is Kind.USER or operation.action not in MEMBERSHIP_ACTIONS:
        return operation.action
    added = any(
        one_added
        for kind, member, one_added in map(member_of, operation.changes)
        if kind is Kind.USER and member == key
    )
    return f"{'add to' if added else 'remove from'} group {operation.key}"
