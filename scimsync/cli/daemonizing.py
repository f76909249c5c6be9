"""Gives the daemon a process: clocks, threads, signals."""

from __future__ import annotations

import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from scimsync.cli.failures import remember
from scimsync.cli.options import Common
from scimsync.cli.session import clock
from scimsync.cli.talk import set_up_logging
from scimsync.daemon.loop import Daemon
from scimsync.daemon.systemd import Systemd
from scimsync.daemon.waker import Waker
from scimsync.daemon.world import World
from scimsync.run.lease_keeper import steady_clock

ENDING = (signal.SIGTERM, signal.SIGINT)


def run_daemon(options: Common, *, personal: bool) -> int:
    """Runs until a signal ends it. Returns the exit code. Raises ConfigError, StateError when it
    cannot begin."""
    remember(options)
    set_up_logging(options, times=True)
    world = World(
        clock=clock,
        steady=steady_clock,
        sleeper=Waker(),
        pushing=ThreadPoolExecutor(1, "push"),
        telling=ThreadPoolExecutor(1, "telling"),
        systemd=Systemd(os.environ),
        chance=random.Random(),  # noqa: S311 - jitter
        personal=personal or options.debug,
    )
    daemon = Daemon(options.config, world)

    def end(number: int, _frame: FrameType | None) -> None:
        for one in ENDING:
            signal.signal(one, signal.SIG_DFL)  # a second one ends the process at once
        daemon.stop(number)

    for number in ENDING:
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, lambda _number, _frame: daemon.reload())
    daemon.run()
    return 0
