"""What the daemon does not have in itself: clocks, threads, chance, whom it sleeps with and whom it
reports to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from scimsync.daemon.systemd import Systemd


class Sleeper(Protocol):
    """What the loop sleeps with."""

    def wake(self) -> None: ...

    def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the daemon does not have in itself. `clock` gives aware times, `steady`
    seconds that never jump; pushes run in `pushing`, messages are delivered in `telling`; `poll` is
    how often files are looked at, `look` how often the state is asked what is due, since other
    processes may have changed it; `personal`: the log may name people."""

    clock: Callable[[], datetime]
    steady: Callable[[], float]
    sleeper: Sleeper
    pushing: Executor
    telling: Executor
    systemd: Systemd
    chance: Random
    poll: timedelta = timedelta(seconds=0.5)
    look: timedelta = timedelta(minutes=1)
    personal: bool = False
