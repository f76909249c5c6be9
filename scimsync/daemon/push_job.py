"""Pushes of the daemon: what requests them, which are waiting, and running one."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scimsync.config.models import Config
from scimsync.daemon.daemon_state import existing_state
from scimsync.errors import LeaseHeld, ScimsyncError, innermost
from scimsync.plan import Now
from scimsync.run import Options, Report, RunOutcome, push
from scimsync.run.cancellation import Cancellation
from scimsync.run.compile import compile_config
from scimsync.transport.observer import Observer
from scimsync.transport.retry_policy import TimeSource

_LOG = logging.getLogger("scimsync")


class Cause(StrEnum):
    """Why a push runs. Of several reasons to read the sources, the first one is reported."""

    FILE = "file"  # a source file changed and is complete
    SCHEDULE = "schedule"  # a scheduled time
    START = "start"  # at startup: a scheduled time was missed, or a run was killed
    DUE = "due"  # a retry or deletion is due, or a new day began

    @property
    def reads(self) -> bool:
        """Whether the push reads its sources. Due work needs none."""
        return self is not Cause.DUE


@dataclass(frozen=True, slots=True)
class PushRequest:
    """A push to `targets`."""

    targets: tuple[str, ...]
    cause: Cause


class PushQueue:
    """Pushes that were requested and have not started."""

    def __init__(self) -> None:
        self._causes: dict[str, set[Cause]] = {}

    def add(self, targets: Sequence[str], cause: Cause) -> None:
        """Request a push to `targets`."""
        for name in targets:
            self._causes.setdefault(name, set()).add(cause)

    def take(self, targets: Sequence[str]) -> PushRequest | None:
        """Remove and return the next request, for as many of `targets` as possible.

        Requests that read sources go first; they do the due work of their targets too.
        """
        waiting = {name: self._causes[name] for name in targets if name in self._causes}
        reading = {
            name: min(causes - {Cause.DUE}, key=list(Cause).index)
            for name, causes in waiting.items()
            if causes != {Cause.DUE}
        }
        names = tuple(reading or waiting)
        for name in names:
            del self._causes[name]
        if not names:
            return None
        cause = min(reading.values(), key=list(Cause).index, default=Cause.DUE)
        return PushRequest(names, cause)


@dataclass(frozen=True, slots=True)
class PushResult:
    """The outcome of a push, or the error that ended it; `seconds` is its duration."""

    request: PushRequest
    started: datetime
    ended: datetime
    seconds: float
    outcome: RunOutcome | None = None
    error: Exception | None = None

    @property
    def label(self) -> str:
        """`done`, `failed`, `stopped`, `interrupted`, `busy` or `error`."""
        if self.outcome is not None:
            return self.outcome.outcome
        return "busy" if isinstance(self.error, LeaseHeld) else "error"


def run_push(
    config: Config,
    request: PushRequest,
    clock: Callable[[], datetime],
    report: Report,
    observe: Observer,
    cancellation: Cancellation,
    time_source: TimeSource | None = None,
) -> PushResult:
    """Push. Any error is part of the result."""
    started, timer = clock(), time.monotonic()
    outcome: RunOutcome | None = None
    failure: Exception | None = None
    try:
        setup = compile_config(config, request.targets, read=request.cause.reads)
        with existing_state(config) as store:
            outcome = push(
                setup,
                store,
                Options(read=request.cause.reads),
                Now(started, started.astimezone().date()),
                report,
                command=f"daemon: {request.cause}",
                clock=clock,
                cancellation=cancellation,
                observe=observe,
                time=time_source,
            )
    except asyncio.CancelledError as error:  # it would cancel the future of this job
        failure = RuntimeError(type(error).__name__)
    except Exception as error:
        failure = innermost(error)
        if not isinstance(failure, ScimsyncError):
            log_bug(failure)
    seconds = time.monotonic() - timer
    return PushResult(request, started, clock(), seconds, outcome, failure)


def log_bug(error: BaseException) -> None:
    """Log an unexpected error: its type and traceback, but not its text, which may be personal."""
    where = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    _LOG.error(
        "unexpected error: %s; this is a bug in scimsync [SYNC-0704]\n%s",
        type(error).__name__,
        where,
    )
