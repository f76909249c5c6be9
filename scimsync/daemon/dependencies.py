"""Injected dependencies of the daemon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from scimsync.config import Config
from scimsync.daemon.scheduler import JobScheduler
from scimsync.daemon.systemd import Systemd
from scimsync.transport.retry_policy import TimeSource


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Injected dependencies and settings of the daemon.

    `load` reads sync.toml. `scheduler` has the clocks, threads and sleeping. `random` is for
    jitter. `file_interval` is the time between two checks of files; `state_interval` that between
    two reads of due work, which other processes may change. With `personal`, the log may contain
    personal data. `time` is the clock for retries and rate limits; None is the real time.
    """

    load: Callable[[Path], Config]
    scheduler: JobScheduler
    systemd: Systemd
    random: Random
    file_interval: timedelta = timedelta(seconds=0.5)
    state_interval: timedelta = timedelta(minutes=1)
    personal: bool = False
    time: TimeSource | None = None
