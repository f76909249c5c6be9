"""When access was to end, and when it ended, by the operations of an account."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimsync.audit.leave import find_leave, find_return
from scimsync.audit.report_values import AccessEnd, AccessOutcome, LeaveCause, LeaveStep
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import (
    Action,
    Confirmation,
    JournaledOperation,
    OperationStatus,
    Phase,
    Run,
)

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NOW = START + 100 * DAY
KEY = Key("00003")
OFF, ON = (Change("active", True, False),), (Change("active", False, True),)
PHASES = {
    Action.DEACTIVATE: Phase.LEAVE,
    Action.DELETE: Phase.DELETE,
    Action.CREATE: Phase.CREATE,
    Action.UPDATE: Phase.UPDATE,
    Action.REACTIVATE: Phase.UPDATE,
}


def step(
    day: int,
    action: Action,
    status: OperationStatus = OperationStatus.APPLIED,
    *,
    said: int | None = None,
    sent: bool = True,
    confirmed: int | None = None,
    command: str = "push",
) -> LeaveStep:
    """An operation of a day; `said` is the day on which the source was read with its cause."""
    at = START + day * DAY
    changes = {Action.DEACTIVATE: OFF, Action.REACTIVATE: ON}.get(action, ())
    operation = JournaledOperation(
        id=day,
        run=day,
        target="wiki",
        phase=PHASES[action],
        kind=Kind.USER,
        key=KEY,
        action=action,
        reason="",
        changes=changes,
        status=status,
        planned_at=at,
        sent_at=at if sent else None,
        done_at=at,
        source_read_at=None if said is None else START + said * DAY,
        confirmed_by=None if confirmed is None else Confirmation.READ,
        confirmed_at=None if confirmed is None else START + confirmed * DAY,
    )
    return LeaveStep(operation, Run(day, command, at, at, "done", None, {}))


FAILED, SKIPPED, SENT = OperationStatus.FAILED, OperationStatus.SKIPPED, OperationStatus.SENT
INACTIVE = Link(Kind.USER, KEY, LinkStatus.INACTIVE, None)
ACTIVE = Link(Kind.USER, KEY, LinkStatus.ACTIVE, None)
MAY_HAVE_ACCESS = replace(ACTIVE, may_have_access_since=START)


def leave_of(
    *steps: LeaveStep, link: Link | None = INACTIVE, sla: timedelta | None = None
) -> AccessEnd:
    leave = find_leave(steps, link, {}, NOW, sla)
    assert leave is not None
    return leave


CASES: dict[str, tuple[list[LeaveStep], Link | None, AccessOutcome, int | None, int | None]] = {
    # steps, link, outcome, day of the cause, day of the end
    "at once": ([step(5, Action.DEACTIVATE, said=4)], INACTIVE, AccessOutcome.REVOKED, 4, 5),
    "at the third try": (
        [
            step(5, Action.DEACTIVATE, FAILED, said=4),
            step(6, Action.DEACTIVATE, FAILED),
            step(7, Action.DEACTIVATE),
        ],
        INACTIVE,
        AccessOutcome.REVOKED,
        4,
        7,
    ),
    "a read shows it later": (
        [step(5, Action.DEACTIVATE, FAILED, said=4, confirmed=8)],
        INACTIVE,
        AccessOutcome.REVOKED,
        4,
        8,
    ),
    "deleted after a month": (
        [step(5, Action.DEACTIVATE, said=4), step(35, Action.DELETE)],
        None,
        AccessOutcome.REVOKED,
        4,
        5,
    ),
    "the deletion is refused, and the account deactivated": (
        [step(5, Action.DELETE, FAILED, said=4, confirmed=5), step(6, Action.DELETE, FAILED)],
        INACTIVE,
        AccessOutcome.REVOKED,
        4,
        5,
    ),
    "still open": (
        [step(5, Action.DEACTIVATE, FAILED, said=4)],
        MAY_HAVE_ACCESS,
        AccessOutcome.OPEN,
        4,
        None,
    ),
    "under way": ([step(5, Action.DEACTIVATE, SENT, said=4)], ACTIVE, AccessOutcome.OPEN, 4, None),
    "a guard stopped it": (
        [step(5, Action.DEACTIVATE, SKIPPED, said=4, sent=False)],
        ACTIVE,
        AccessOutcome.NOT_REMOVED,
        4,
        None,
    ),
    "allowed on the next day": (
        [
            step(5, Action.DEACTIVATE, SKIPPED, said=4, sent=False),
            step(6, Action.DEACTIVATE, said=4),
        ],
        INACTIVE,
        AccessOutcome.REVOKED,
        4,
        6,
    ),
    "a wrong file, and a year later the right one": (
        [
            step(5, Action.DEACTIVATE, SKIPPED, said=4, sent=False),
            step(60, Action.DEACTIVATE, said=59),
        ],
        INACTIVE,
        AccessOutcome.REVOKED,
        59,
        60,
    ),
    "a wrong file, changes as usual, then a leaver of an unknown day": (
        [
            step(5, Action.DEACTIVATE, SKIPPED, said=4, sent=False),
            step(6, Action.UPDATE),
            step(60, Action.DEACTIVATE),
        ],
        INACTIVE,
        AccessOutcome.REVOKED,
        None,
        60,
    ),
    "back, and gone again": (
        [
            step(5, Action.DEACTIVATE, said=4),
            step(10, Action.REACTIVATE, said=9),
            step(20, Action.DEACTIVATE, said=19),
        ],
        INACTIVE,
        AccessOutcome.REVOKED,
        19,
        20,
    ),
    "earlier versions": ([step(5, Action.DEACTIVATE)], INACTIVE, AccessOutcome.REVOKED, None, 5),
    "by hand": (
        [step(5, Action.DEACTIVATE, command="deprovision")],
        INACTIVE,
        AccessOutcome.REVOKED,
        5,
        5,
    ),
    "reactivated at the target, and open again": (
        [step(5, Action.DEACTIVATE, said=4), step(9, Action.DEACTIVATE, FAILED)],
        MAY_HAVE_ACCESS,
        AccessOutcome.OPEN,
        None,
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_end_of_access(name: str) -> None:
    steps, link, outcome, said, ended = CASES[name]
    leave = leave_of(*steps, link=link)

    assert leave.outcome is outcome
    assert leave.said_at == (None if said is None else START + said * DAY)
    assert leave.revoked_at == (None if ended is None else START + ended * DAY)
    end = NOW if outcome is AccessOutcome.OPEN else leave.revoked_at
    known = leave.said_at is not None and end is not None
    assert leave.duration == (end - leave.said_at if known else None)  # type: ignore[operator]


@pytest.mark.parametrize(
    "steps", [[], [step(1, Action.CREATE)], [step(5, Action.DEACTIVATE), step(9, Action.CREATE)]]
)
def test_whoever_has_access_has_no_leave(steps: list[LeaveStep]) -> None:
    assert find_leave(steps, ACTIVE, {}, NOW, None) is None


@pytest.mark.parametrize(("days", "late"), [(1, False), (2, False), (3, True)])
def test_what_is_late(days: int, late: bool) -> None:
    assert leave_of(step(4 + days, Action.DEACTIVATE, said=4), sla=2 * DAY).is_late is late
    assert leave_of(step(4 + days, Action.DEACTIVATE), sla=2 * DAY).is_late is None


def test_the_time_of_the_file_counts_unless_it_is_in_the_future() -> None:
    (first,) = [step(5, Action.DEACTIVATE, said=4)]

    def modified(days: int) -> AccessEnd:
        at = START + days * DAY
        return leave_of(LeaveStep(replace(first.operation, source_modified_at=at), first.run))

    assert (modified(3).cause, modified(3).said_at) == (LeaveCause.FILE, START + 3 * DAY)
    assert (modified(9).cause, modified(9).said_at) == (LeaveCause.READING, START + 4 * DAY)


def test_the_removal_of_the_record_counts_for_earlier_versions() -> None:
    steps = [step(5, Action.DEACTIVATE)]
    removed = {"hr": START + 4 * DAY, "later": START + 6 * DAY}
    leave = find_leave(steps, INACTIVE, removed, NOW, None)
    assert leave is not None
    assert (leave.cause, leave.said_at) == (LeaveCause.READING, START + 4 * DAY)


RETURNS: dict[str, tuple[list[LeaveStep], tuple[int, int] | None]] = {
    # steps, days of the end and of the return
    "reactivated": ([step(5, Action.DEACTIVATE), step(9, Action.REACTIVATE)], (5, 9)),
    "a new account": ([step(5, Action.DELETE), step(9, Action.CREATE)], (5, 9)),
    "never ended": ([step(1, Action.CREATE), step(5, Action.UPDATE)], None),
    "not removed": ([step(5, Action.DEACTIVATE, FAILED), step(9, Action.REACTIVATE)], None),
    "not given back": ([step(5, Action.DEACTIVATE), step(9, Action.REACTIVATE, FAILED)], None),
    "ended again": (
        [step(5, Action.DEACTIVATE), step(9, Action.REACTIVATE), step(11, Action.DEACTIVATE)],
        None,
    ),
    "given back twice": (
        [
            step(5, Action.DEACTIVATE),
            step(9, Action.REACTIVATE),
            step(11, Action.DEACTIVATE),
            step(12, Action.REACTIVATE),
        ],
        (11, 12),
    ),
}


@pytest.mark.parametrize("case", RETURNS)
def test_access_that_was_given_back(case: str) -> None:
    steps, expected = RETURNS[case]
    found = find_return(steps)
    days = None if found is None else (found.ended.operation.id, found.restored.operation.id)
    assert days == expected
