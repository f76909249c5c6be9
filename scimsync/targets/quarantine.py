"""Derive what later runs have to know of a target: quarantine, rate, and what does not work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from scimsync.errors import ScimsyncError, TargetQuarantined, TargetUnavailable
from scimsync.model.backoff import is_waiting, retry_delay
from scimsync.model.ids import Kind
from scimsync.model.target_memory import TargetState
from scimsync.targets.connection import TargetConnection

QUARANTINE_AFTER = 3
"""After this number of runs in a row without a useful response, a target is in quarantine."""

RATE_LASTS = timedelta(days=1)
"""The time after which a later run ignores a learned rate."""

FINDINGS_LAST = timedelta(days=30)
"""The time after which a later run tries again what did not work: a filter, bulk requests."""


def is_suspect(known: TargetState) -> bool:
    """Return whether a target has to respond to one request before others are sent."""
    return known.failures >= QUARANTINE_AFTER


def quarantine_error(known: TargetState, now: datetime) -> TargetQuarantined | None:
    """Return why nothing may be sent to a target now, or None if it is not in quarantine."""
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
    """Return the rate to start with, in requests per second, or None if none was learned."""
    if known.lowered_at is None or now - known.lowered_at > RATE_LASTS or known.lowered_at > now:
        return None
    return known.lowered_rate


def remembered_filters(known: TargetState, kind: Kind, now: datetime) -> dict[str, str]:
    """Return attribute -> why its filter proves nothing, as far as that was found lately."""
    oldest = (now - FINDINGS_LAST).date().isoformat()
    return {
        name.removeprefix(f"{kind} "): found.why
        for name, found in known.unusable_filters.items()
        if name.startswith(f"{kind} ") and found.found_on >= oldest
    }


def remembered_bulk(known: TargetState, now: datetime) -> str | None:
    """Return why bulk requests cannot be used, if that was found lately."""
    found_at = known.bulk_unusable_at
    if found_at is None or not timedelta() <= now - found_at < FINDINGS_LAST:
        return None
    return known.bulk_unusable


def after_run(
    known: TargetState, connection: TargetConnection, error: ScimsyncError | None, now: datetime
) -> TargetState:
    """Return the state to store for a target after a run that ended with `error`, or with None."""
    limiter = connection.rate_limiter
    if limiter.refusals:
        lowered_at = now if limiter.learned is not None else None
        known = replace(known, lowered_rate=limiter.learned, lowered_at=lowered_at)
    if connection.responses:
        return replace(known, failures=0, quarantined_until=None, last_error=None)
    if not isinstance(error, TargetUnavailable) or isinstance(error, TargetQuarantined):
        return known
    failures = known.failures + 1
    until = None
    if failures >= QUARANTINE_AFTER:
        until = now + retry_delay(failures - QUARANTINE_AFTER + 1)
    return replace(known, failures=failures, quarantined_until=until, last_error=error.message)
