"""Reconciliations of the daemon: read one target back, and remember what differs there.

Nothing is repaired. Targets are read one after the other, so that a push waits for one at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scimsync.config.models import Config
from scimsync.daemon.daemon_state import existing_state
from scimsync.daemon.push_job import log_bug
from scimsync.errors import ScimsyncError, innermost
from scimsync.model.ids import Kind
from scimsync.plan import Now
from scimsync.reconcile import Drift, ReadSettings, reconcile, record_findings
from scimsync.run import Report
from scimsync.run.cancellation import Cancellation
from scimsync.run.compile import compile_config
from scimsync.state import target_states
from scimsync.state.reconciliations import Reconciliation
from scimsync.transport.observer import Observer
from scimsync.transport.retry_policy import TimeSource


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """What the reconciliation of one target found, or the error that ended it.

    `done` is None if the target could not be read, or was never pushed to. `counts` maps
    kinds of findings to their numbers, `users` and `groups` are the numbers that were compared, and
    `seconds` is the duration.
    """

    target: str
    done: Reconciliation | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    users: int = 0
    groups: int = 0
    requests: int = 0
    seconds: float = 0.0
    error: Exception | None = None


def run_reconcile(
    config: Config,
    target: str,
    clock: Callable[[], datetime],
    report: Report,
    observe: Observer,
    cancellation: Cancellation,
    time_source: TimeSource | None = None,
) -> ReconcileResult:
    """Read a target back. Any error is part of the result."""
    try:
        return _reconcile(config, target, clock, report, observe, cancellation, time_source)
    except asyncio.CancelledError as error:  # it would cancel the future of this job
        return ReconcileResult(target, error=RuntimeError(type(error).__name__))
    except Exception as error:
        failure = innermost(error)
        if not isinstance(failure, ScimsyncError):
            log_bug(failure)
        return ReconcileResult(target, error=failure)


def _reconcile(
    config: Config,
    target: str,
    clock: Callable[[], datetime],
    report: Report,
    observe: Observer,
    cancellation: Cancellation,
    time_source: TimeSource | None,
) -> ReconcileResult:
    compiled = compile_config(config, [target], read=False)
    if target in compiled.unusable:
        raise compiled.unusable[target].error
    started = clock()
    with existing_state(config) as store:
        with store.read() as connection:
            known = target_states.get_target(connection, target)
        if known.digest is None:  # each account would be one that no user is linked to
            return ReconcileResult(target)
        now = Now(started, started.astimezone().date())
        settings = ReadSettings(compiled, store, now, observe, time_source, cancellation)
        with reconcile(settings, report) as findings:
            found = findings.targets[target]
            if cancellation.why is not None:
                return ReconcileResult(target, error=cancellation.why)
            done = record_findings(store, findings, started)
            return ReconcileResult(
                target,
                done[0] if done else None,
                {
                    drift.value: found.log.counts[drift]
                    for drift in Drift
                    if found.log.counts[drift]
                },
                found.compared(Kind.USER)[0],
                found.compared(Kind.GROUP)[0],
                found.requests,
                found.seconds,
                found.error,
            )
