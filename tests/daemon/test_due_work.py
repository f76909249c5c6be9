"""When a target is pushed without a change of its sources. No I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimsync.daemon.due_work import DueWork
from scimsync.daemon.pending_work import PendingWork
from scimsync.daemon.push_job import Cause, PushRequest, PushResult
from scimsync.errors import (
    GuardStop,
    Interrupted,
    ScimsyncError,
    SecretError,
    SourceUnavailable,
    TargetUnavailable,
)
from scimsync.model.target_memory import TargetState
from scimsync.run import RunOutcome, TargetOutcome

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KNOWN = TargetState("wiki", ran_at=NOON - HOUR)


def waiting(due_at: datetime | None = None, known: TargetState = KNOWN) -> PendingWork:
    return PendingWork(known, due_at, unfinished=False)


def result(
    *, changes: int = 0, cause: Cause = Cause.DUE, error: ScimsyncError | None = None
) -> PushResult:
    counts = {"update": changes} if changes else {}
    targets = {"wiki": TargetOutcome(counts, 0, changes, 1.0, error)}
    outcome = RunOutcome(1, "done", targets, ())
    return PushResult(PushRequest(("wiki",), cause), NOON - MINUTE, NOON, 60.0, outcome)


def due_at(work: DueWork, pending: PendingWork, *, uses_today: bool = False) -> datetime | None:
    return work.due_at("wiki", pending, NOON, uses_today=uses_today)


def test_a_target_is_due_when_its_first_retry_or_deletion_is() -> None:
    assert due_at(DueWork(), waiting(NOON + HOUR)) == NOON + HOUR
    assert due_at(DueWork(), waiting()) is None


def test_a_target_is_due_when_an_expression_changes_with_the_time() -> None:
    known = replace(KNOWN, changes_at=NOON + HOUR)

    assert due_at(DueWork(), waiting(known=known)) == NOON + HOUR
    assert due_at(DueWork(), waiting(NOON + MINUTE, known)) == NOON + MINUTE


def test_a_target_in_quarantine_is_due_when_that_ends() -> None:
    quarantined = replace(KNOWN, quarantined_until=NOON + 2 * HOUR)

    assert due_at(DueWork(), waiting(NOON, quarantined)) == NOON + 2 * HOUR


def test_a_quarantine_beyond_the_longest_delay_counts_as_past() -> None:
    """A clock that ran ahead has written it."""
    wrong = replace(KNOWN, quarantined_until=NOON + timedelta(days=400))

    assert due_at(DueWork(), waiting(NOON + HOUR, wrong)) == NOON + HOUR


def test_a_target_that_uses_the_date_is_due_when_a_day_begins() -> None:
    midnight = (NOON - HOUR).astimezone().replace(hour=0, minute=0) + timedelta(days=1)

    assert due_at(DueWork(), waiting(), uses_today=True) == midnight
    assert due_at(DueWork(), waiting(NOON), uses_today=True) == NOON
    assert due_at(DueWork(), waiting(known=TargetState("wiki")), uses_today=True) is None


def test_pushes_of_due_work_without_changes_pause_the_target_for_longer_and_longer() -> None:
    work = DueWork()
    pauses = []
    for _ in range(9):
        work.record(result(), ["wiki"])
        at = due_at(work, waiting(NOON))
        assert at is not None
        pauses.append((at - NOON) // MINUTE)

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60]


@pytest.mark.parametrize("other", [result(changes=1), result(cause=Cause.SCHEDULE)])
def test_any_other_push_resets_the_pause(other: PushResult) -> None:
    work = DueWork()
    for _ in range(5):
        work.record(result(), ["wiki"])

    work.record(other, ["wiki"])

    assert due_at(work, waiting(NOON)) == NOON + MINUTE


def test_a_push_has_tried_what_was_due_before_it_started() -> None:
    work = DueWork()
    work.record(result(), ["wiki"])

    started = NOON - MINUTE
    assert started - timedelta(seconds=1) < work.tried["wiki"] < started


@pytest.mark.parametrize(
    "error",
    [
        GuardStop("too many", code="SYNC-0000"),
        SourceUnavailable("no file", code="SYNC-0000"),
        SecretError("no token", code="SYNC-0000"),
    ],
)
def test_a_push_that_a_guard_a_source_or_a_secret_stopped_has_tried_nothing(
    error: ScimsyncError,
) -> None:
    work = DueWork()
    work.record(result(error=error), ["wiki"])

    assert work.tried == {}


@pytest.mark.parametrize(
    ("error", "failures", "until", "expected"),
    [
        (None, 0, None, None),
        (Interrupted("stopped", number=15), 0, None, None),
        (GuardStop("too many", code="SYNC-0000"), 0, None, None),
        (SourceUnavailable("no file", code="SYNC-0000"), 0, None, None),
        (TargetUnavailable("503", code="SYNC-0000"), 1, None, NOON + 5 * MINUTE),
        (TargetUnavailable("503", code="SYNC-0000"), 2, None, NOON + 10 * MINUTE),
        (TargetUnavailable("503", code="SYNC-0000"), 3, NOON + HOUR, NOON + HOUR),
    ],
)
def test_a_target_that_failed_is_retried(
    error: ScimsyncError | None,
    failures: int,
    until: datetime | None,
    expected: datetime | None,
) -> None:
    work = DueWork()
    known = replace(KNOWN, failures=failures, quarantined_until=until)

    again = work.retry_at("wiki", TargetOutcome({}, 0, 1, 1.0, error), waiting(NOON, known), NOON)

    assert again == expected
    if expected is not None:  # and no due work before that
        assert due_at(work, waiting(NOON)) == expected


def test_a_clock_that_was_set_back_ends_pauses() -> None:
    work = DueWork()
    work.record(result(), ["wiki"])

    work.clock_changed(NOON - HOUR)

    assert due_at(work, waiting(NOON)) == NOON
    assert work.tried["wiki"] == NOON - HOUR
