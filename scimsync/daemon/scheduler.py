"""APScheduler for the daemon: one thread makes all decisions, and clocks may be set.

It differs from the schedulers of APScheduler in three points:

- Jobs of the default executor run in the thread of `run`, between two rounds. So all decisions are
  made in one thread, and a job may reschedule itself.
- Signal handlers may call `call_soon`. Setting the event of a BlockingScheduler in a signal handler
  can deadlock.
- If the system clock is set back, jobs move with it. Otherwise they would stall until the clock
  reaches their old times.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from queue import Empty, SimpleQueue
from random import Random
from typing import Any

from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger

from scimsync.config.schedule import Timing, first_after

CLOCK_JUMP_S = 60.0
"""A smaller difference between the clocks is not a change of the system clock."""

PUSH_EXECUTOR = "push"
NOTIFY_EXECUTOR = "notify"

# what APScheduler logs per job is noise, and its tracebacks may contain personal data
logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)


class ScheduleTrigger(BaseTrigger):
    """A trigger that fires at the times of `timings`.

    Cron expressions are evaluated in `zone` as Debian's cron does. Each time is delayed by a random
    time of at most `jitter`.
    """

    def __init__(
        self,
        timings: Sequence[Timing],
        zone: tzinfo = UTC,
        jitter: timedelta = timedelta(),
        random: Random | None = None,
    ) -> None:
        self._timings = tuple(timings)
        self._zone = zone
        self._jitter = jitter
        self._random = random

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> Any:  # noqa: ARG002
        """Return the first time after `now`. Times that were missed are not made up for."""
        found = first_after(self._timings, now, self._zone)
        if found is None or self._random is None:
            return found
        return found + timedelta(seconds=self._random.uniform(0, self._jitter.total_seconds()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScheduleTrigger) and self._key() == other._key()

    def _key(self) -> tuple[object, ...]:
        # zones that were read from /etc/localtime are equal to themselves only
        return self._timings, str(self._zone), self._jitter

    __hash__ = None  # type: ignore[assignment]


def every(interval: timedelta) -> ScheduleTrigger:
    """Return a trigger that fires at multiples of `interval`."""
    return ScheduleTrigger([Timing(str(interval), every=interval)])


class JobScheduler(BaseScheduler):
    """Runs jobs in the thread that calls `run`, pushes and notifications in one thread each.

    Jobs run once however late they are (`coalesce`, no misfire grace time), and one at a time.
    `steady` returns seconds of a clock that cannot be set and runs while the machine sleeps;
    `on_clock_change` is called with the seconds by which the system clock was set.
    """

    longest_sleep_s = 5.0
    """How long a change of the clock may stay unnoticed, and the main loop may stay silent."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._steady = steady
        self._last_round = (self.now(), steady())
        self.on_clock_change: Callable[[float], None] = lambda _: None
        super().__init__(
            timezone=UTC,
            executors={
                "default": _PoolExecutor(MainThreadPool(self.call_soon)),
                PUSH_EXECUTOR: _PoolExecutor(self.make_pool(PUSH_EXECUTOR)),
                NOTIFY_EXECUTOR: _PoolExecutor(self.make_pool(NOTIFY_EXECUTOR)),
            },
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def make_pool(self, name: str) -> Executor:
        """Return the pool that runs the jobs of the executor `name`."""
        return ThreadPoolExecutor(1, name)

    def now(self) -> datetime:
        """Return the current time, aware."""
        return datetime.now(UTC)

    def call_soon(self, call: Callable[[], object]) -> None:
        """Call `call` in the thread of `run`. Signal handlers and other threads may use this."""
        self._calls.put(call)

    def run(self) -> None:
        """Run jobs, after `start`, until `shutdown`."""
        while True:
            seconds = self._round()
            if not self.running:
                return
            if self._calls.empty():
                self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Return after this many seconds, or when there is something to call."""
        with suppress(Empty):
            self._calls.get(timeout=seconds)()

    def shutdown(self, wait: bool = True) -> None:
        """Make `run` return; wait for jobs in other threads."""
        super().shutdown(wait)

    def wakeup(self) -> None:
        """Make `run` look at the jobs again."""
        self.call_soon(_nothing)

    @property
    def silent_s(self) -> float:
        """Seconds since the last round of the main loop."""
        return self._steady() - self._last_round[1]

    @property
    def steady_s(self) -> float:
        """The steady clock, in seconds."""
        return self._steady()

    def run_at(
        self,
        when: datetime,
        job_id: str,
        call: Callable[..., object],
        *args: object,
        **options: Any,
    ) -> None:
        """Run `call` once at `when`, instead of an earlier appointment of the same id."""
        self.add_job(
            call, DateTrigger(when, UTC), args, id=job_id, replace_existing=True, **options
        )

    def cancel(self, job_id: str) -> None:
        """Remove a job if it exists."""
        if self.get_job(job_id) is not None:
            self.remove_job(job_id)

    def _round(self) -> float:
        """Make the calls that wait, then start the jobs that are due.

        Return the seconds until the next job is due.
        """
        with suppress(Empty):
            while True:
                self._calls.get_nowait()()
        self._follow_clock()
        seconds: float | None = self._process_jobs()
        return self.longest_sleep_s if seconds is None else min(seconds, self.longest_sleep_s)

    def _follow_clock(self) -> None:
        (then, steady_then), (now, steady) = self._last_round, (self.now(), self._steady())
        self._last_round = (now, steady)
        jump = (now - then).total_seconds() - (steady - steady_then)
        if abs(jump) < CLOCK_JUMP_S or not self.running:
            return
        if jump < 0:
            for job in self.get_jobs():
                if isinstance(job.trigger, ScheduleTrigger):
                    job.reschedule(job.trigger)
                elif job.next_run_time is not None:
                    job.modify(next_run_time=job.next_run_time + timedelta(seconds=jump))
        self.on_clock_change(jump)


class MainThreadPool(Executor):
    """Runs functions one after the other in the thread of `JobScheduler.run`."""

    def __init__(self, call_soon: Callable[[Callable[[], object]], None]) -> None:
        self._call_soon = call_soon

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of a function that runs soon."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                result = fn(*args, **kwargs)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self._call_soon(run)
        return future


class _PoolExecutor(BasePoolExecutor):
    def __init__(self, pool: Executor) -> None:
        super().__init__(pool)


def _nothing() -> None:
    pass
