"""A daemon whose clock goes on by what it sleeps, and to whom things happen at their time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from scimsync.daemon.loop import Daemon
from scimsync.daemon.systemd import Systemd
from scimsync.daemon.world import World
from tests.office import Office

Event = tuple[float, Callable[[], object]]
"""So many seconds after the start, this happens."""


class Inline(Executor):
    """Does at once what it is given."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Simulation:
    """The sleeper and the clock of a daemon. `now` may also be set from outside."""

    def __init__(self, now: datetime, events: Sequence[Event], seconds: float) -> None:
        self.now = self.start = now
        self._events = sorted(
            ((now + timedelta(seconds=after), do) for after, do in events),
            key=lambda event: event[0],
        )
        self._end = now + timedelta(seconds=seconds)
        self._awake = False
        self.stop: Callable[[int], None] = lambda _: None

    def clock(self) -> datetime:
        return self.now

    def steady(self) -> float:
        return (self.now - self.start).total_seconds()

    def wake(self) -> None:
        self._awake = True

    def wait(self, seconds: float) -> None:
        """Time goes on, and what happens meanwhile happens."""
        if self._awake:
            self._awake = False
            return
        until = self.now + timedelta(seconds=seconds)
        if self._events and self._events[0][0] <= until:
            until, do = self._events.pop(0)
            self.now = max(until, self.now)
            do()
            return
        self.now = until
        if self.now >= self._end:
            self.stop(15)


def live(
    office: Office,
    *events: Event,
    seconds: float,
    poll: float = 5,
    clocked: Callable[[Simulation], None] | None = None,
) -> Daemon:
    """Runs a daemon in the office for so long; afterwards it is as late there."""
    simulation = Simulation(office.now, events, seconds)
    each = timedelta(seconds=poll)
    world = World(
        simulation.clock,
        simulation.steady,
        simulation,
        Inline(),
        Inline(),
        Systemd({}),
        Random(1),
        poll=each,
        look=timedelta(minutes=1),
    )
    daemon = Daemon(office.folder / "sync.toml", world)
    simulation.stop = daemon.stop
    if clocked is not None:
        clocked(simulation)
    daemon.run()
    office.now = simulation.now
    return daemon


def log_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the daemon has said."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "scimsync" and record.levelno >= logging.INFO
    ]


def open_troubles(office: Office) -> list[tuple[str, str]]:
    """Event and subject of what is not over."""
    return [
        (one["event"], one["subject"])
        for one in json.loads(office.run("status", "--json").out)["troubles"]
    ]
