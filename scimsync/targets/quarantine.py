"""How a target fared in a run, and what later runs make of it: quarantine, and the rate that it was
seen to take."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from scimsync.errors import ScimsyncError, TargetQuarantined, TargetUnavailable
from scimsync.model.backoff import is_waiting, retry_delay
from scimsync.model.targets import TargetState
from scimsync.targets.connection import TargetConnection

QUARANTINE_AFTER = 3
"""So many runs in a row in which a target answered nothing of use, and it is left alone for a
while."""

RATE_LASTS = timedelta(days=1)
"""How long a rate that was found is where the next run begins."""


def is_suspect(known: TargetState) -> bool:
    """Whether a target has to prove by one request that it is back, before it gets more."""
    return known.failures >= QUARANTINE_AFTER


def quarantine_error(known: TargetState, now: datetime) -> TargetQuarantined | None:
    """Why a target is not to be talked to now, if it is not."""
    if not is_waiting(known.quarantined_until, now):
        return None
    until = known.quarantined_until.astimezone().strftime("%Y-%m-%d %H:%M")
    return TargetQuarantined(
        f"{known.name}: in quarantine until {until}, after {known.failures} runs in a row that"
        f" failed: {known.last_error}",
        hint=(
            f"nothing was sent to it, nothing is forgotten; scimsync push -t {known.name} tries at"
            " once"
        ),
        code="SYNC-0407",
    )


def learned_rate(known: TargetState, now: datetime) -> float | None:
    """The rate with which to begin, in requests a second."""
    if known.lowered_at is None or now - known.lowered_at > RATE_LASTS or known.lowered_at > now:
        return None
    return known.lowered_rate


def after_run(
    known: TargetState, channel: TargetConnection, error: ScimsyncError | None, now: datetime
) -> TargetState:
    """What is known of a target after a run in which it came to `error`, or to none."""
    if channel.pace.refusals:
        known = replace(
            known,
            lowered_rate=channel.pace.learned,
            lowered_at=now if channel.pace.learned is not None else None,
        )
    if (
        isinstance(error, TargetUnavailable)
        and not isinstance(error, TargetQuarantined)
        and not channel.answers
    ):
        failures = known.failures + 1
        until = (
            now + retry_delay(failures - QUARANTINE_AFTER + 1)
            if failures >= QUARANTINE_AFTER
            else None
        )
        return replace(known, failures=failures, quarantined_until=until, last_error=error.message)
    return (
        replace(known, failures=0, quarantined_until=None, last_error=None)
        if channel.answers
        else known
    )
