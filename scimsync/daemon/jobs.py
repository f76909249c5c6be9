"""What the daemon does, one at a time: a push to some targets, and why now."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scimsync.config.models import Config
from scimsync.daemon.state import same_state
from scimsync.errors import LeaseHeld, ScimsyncError, innermost
from scimsync.plan import Now
from scimsync.run import Options, Report, RunOutcome, push
from scimsync.run.cancellation import Cancellation
from scimsync.run.compile import compile_config
from scimsync.transport.observer import Observer

_LOG = logging.getLogger("scimsync")


class Cause(StrEnum):
    """Why a push is done."""

    FILE = "file"  # a file of a source has changed and is complete
    SCHEDULE = "schedule"  # it is time
    START = "start"  # a push was missed while nothing ran, or one was left unfinished
    DUE = "due"  # somebody's deletion or next try is due, or a day has begun

    @property
    def reads(self) -> bool:
        """Whether sources are read. What is due needs none of them."""
        return self is not Cause.DUE


@dataclass(frozen=True, slots=True)
class Job:
    """A push to `targets`."""

    targets: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Ran:
    """What a job came to: an outcome, or the error that it ended with. `seconds` is how long it
    took."""

    job: Job
    began: datetime
    ended: datetime
    seconds: float
    sources: tuple[str, ...] = ()
    outcome: RunOutcome | None = None
    error: Exception | None = None

    @property
    def word(self) -> str:
        """`done`, `failed`, `stopped`, `interrupted`, `busy` or `error`."""
        if self.outcome is not None:
            return self.outcome.outcome
        return "busy" if isinstance(self.error, LeaseHeld) else "error"


def run_job(
    config: Config,
    job: Job,
    clock: Callable[[], datetime],
    report: Report,
    observe: Observer,
    interruption: Cancellation,
) -> Ran:
    """Pushes. Whatever goes wrong is in what it returns."""
    began, timer = clock(), time.monotonic()
    sources: tuple[str, ...] = ()
    outcome: RunOutcome | None = None
    failed: Exception | None = None
    try:
        setup = compile_config(config, job.targets, read=job.cause.reads)
        sources = tuple(setup.sources)
        with same_state(config) as store:
            outcome = push(
                setup,
                store,
                Options(read=job.cause.reads),
                Now(began, began.astimezone().date()),
                report,
                command=f"daemon: {job.cause}",
                clock=clock,
                cancellation=interruption,
                observe=observe,
            )
    except asyncio.CancelledError as error:  # an Exception to whoever waits for this thread
        failed = RuntimeError(type(error).__name__)
    except Exception as error:
        failed = innermost(error)
        if not isinstance(failed, ScimsyncError):
            _LOG.error(
                "unexpected error: %s; this is a bug in scimsync\n%s",
                type(failed).__name__,
                where(failed),
            )
    return Ran(job, began, clock(), time.monotonic() - timer, sources, outcome, failed)


def where(error: BaseException) -> str:
    """Where an error came from, without what it says: that may name people."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()
