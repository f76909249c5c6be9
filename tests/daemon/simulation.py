"""A daemon that moves the clock instead of sleeping, so that a month takes seconds."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from random import Random

import pytest
import time_machine

from scimsync.builtin import load
from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.jobs import Daemon
from scimsync.daemon.scheduler import JobScheduler, MainThreadPool
from scimsync.daemon.systemd import Systemd
from tests.office import Office

Event = tuple[float, Callable[["SteppingScheduler"], object]]
"""Seconds after the start, and what happens then."""


class SteppingScheduler(JobScheduler):
    """Runs everything in one thread. Its sleep is a step of the clock of time-machine.

    Events happen at their time; afterwards the daemon looks at the files at once. `on_end` is
    called at `end`, unless the clock was set.
    """

    longest_sleep_s = 24 * 3600.0

    def __init__(
        self,
        clock: time_machine.Traveller,
        end: datetime,
        events: Sequence[tuple[datetime, Callable[[SteppingScheduler], object]]],
    ) -> None:
        self._clock = clock
        self._end = end
        self._events = sorted(events, key=lambda event: event[0])
        self._elapsed = 0.0
        self.on_end: Callable[[], None] = lambda: None
        super().__init__(lambda: self._elapsed)

    def make_pool(self, name: str) -> Executor:
        return MainThreadPool(self.call_soon)

    def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=seconds)
        if self._events and self._events[0][0] <= until:
            at, do = self._events.pop(0)
            self.pass_time((at - self.now()).total_seconds())
            do(self)
            if self.get_job("files") is not None:
                self.modify_job("files", next_run_time=self.now())
            return
        self.pass_time(seconds)
        if self.now() >= self._end:
            self.on_end()

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        if seconds > 0:
            self._elapsed += seconds
            self._clock.shift(seconds)

    def set_clock(self, seconds: float) -> None:
        """Set the system clock by so many seconds."""
        self._clock.shift(seconds)


def live(
    office: Office, *events: Event, seconds: float, poll: float = 5, look: float = 60
) -> Daemon:
    """Run a daemon in the office for so many seconds; afterwards, it is as late there.

    `poll` are the seconds between two looks at the files, `look` between two reads of the state.
    """
    start = office.now
    with time_machine.travel(start.timestamp(), tick=False) as clock:
        scheduler = SteppingScheduler(
            clock,
            start + timedelta(seconds=seconds),
            [(start + timedelta(seconds=after), do) for after, do in events],
        )
        daemon = Daemon(
            office.folder / "sync.toml",
            Dependencies(
                load,
                scheduler,
                Systemd({}),
                Random(1),
                file_interval=timedelta(seconds=poll),
                state_interval=timedelta(seconds=look),
            ),
        )
        scheduler.on_end = lambda: daemon.stop(15)
        daemon.run()
        office.now = scheduler.now()
    return daemon


def log_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the daemon's log."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "scimsync" and record.levelno >= logging.INFO
    ]


def firing_alerts(office: Office) -> list[tuple[str, str]]:
    """Event and subject of each alert that fires."""
    return [
        (one["event"], one["subject"])
        for one in json.loads(office.run("status", "--json").out)["troubles"]
    ]
