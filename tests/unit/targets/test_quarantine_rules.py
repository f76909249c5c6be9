"""What later runs make of how a target fared, without a target."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimsync.errors import ScimsyncError, TargetQuarantined, TargetUnavailable
from scimsync.model.target_memory import TargetState
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.connection import TargetConnection
from scimsync.targets.quarantine import (
    QUARANTINE_AFTER,
    after_run,
    is_suspect,
    learned_rate,
    quarantine_error,
)
from scimsync.transport.rate_limiter import RateLimiter

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KNOWN = TargetState("wiki")
DOWN = TargetUnavailable("wiki: down", code="SYNC-0000")


class Answering:
    async def send(self, request: ScimRequest) -> ScimResponse:
        return ScimResponse(200)


def connection(*, answered: bool, limiter: RateLimiter | None = None) -> TargetConnection:
    one = TargetConnection("wiki", Answering(), rate_limiter=limiter)
    if answered:
        asyncio.run(one.send(ScimRequest("GET", "/Users")))
    return one


@pytest.mark.parametrize(
    ("failures", "answered", "error", "expected"),
    [
        # a run without a useful response counts
        (0, False, DOWN, 1),
        (4, False, DOWN, 5),
        # a response ends the count
        (4, True, DOWN, 0),
        (4, True, None, 0),
        # these say nothing about the target
        (4, False, None, 4),
        (4, False, TargetQuarantined("wiki: in quarantine", code="SYNC-0000"), 4),
        (4, False, ScimsyncError("a guard", code="SYNC-0000"), 4),
    ],
)
def test_failed_runs_are_counted(
    failures: int, answered: bool, error: ScimsyncError | None, expected: int
) -> None:
    known = replace(KNOWN, failures=failures, last_error="before")

    after = after_run(known, connection(answered=answered), error, NOW)

    assert after.failures == expected
    assert (after.last_error is None) is answered


def test_after_some_failed_runs_a_target_is_left_alone_for_longer_and_longer() -> None:
    known, pauses = KNOWN, []
    for _ in range(QUARANTINE_AFTER + 3):
        known = after_run(known, connection(answered=False), DOWN, NOW)
        pauses.append(known.quarantined_until and known.quarantined_until - NOW)

    assert pauses[: QUARANTINE_AFTER - 1] == [None] * (QUARANTINE_AFTER - 1)
    lengths = [pause for pause in pauses if pause]
    assert len(lengths) == 4
    assert lengths == sorted(set(lengths))
    assert is_suspect(known)
    error = quarantine_error(known, NOW)
    assert error is not None
    assert error.message.startswith("wiki: in quarantine until 2026-03-0")
    assert error.message.endswith("after 6 runs in a row that failed: wiki: down")
    assert quarantine_error(known, NOW + lengths[-1]) is None


@pytest.mark.parametrize(
    ("age", "rate"),
    [
        (timedelta(hours=23), 12.5),
        (timedelta(hours=25), None),
        (timedelta(hours=-1), None),  # a wrong clock wrote it
    ],
)
def test_a_learned_rate_is_used_for_a_day(age: timedelta, rate: float | None) -> None:
    known = replace(KNOWN, lowered_rate=12.5, lowered_at=NOW - age)

    assert learned_rate(known, NOW) == rate
    assert learned_rate(KNOWN, NOW) is None


def test_a_rate_is_remembered_only_by_a_run_that_was_refused() -> None:
    known = replace(KNOWN, lowered_rate=12.5, lowered_at=NOW)
    limited = RateLimiter(learned=10.0)
    limited.refused(1.0, 1.0, None)

    assert after_run(known, connection(answered=True), None, NOW).lowered_rate == 12.5
    after = after_run(known, connection(answered=True, limiter=limited), None, NOW)
    assert (after.lowered_rate, after.lowered_at) == (limited.learned, NOW)
