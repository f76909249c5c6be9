"""`scimsync daemon`."""

from __future__ import annotations

import os
import random
import signal
from types import FrameType

import click

from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.daemon.extras import require_extra
from scimsync.run.lease_keeper import steady_clock

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option(
    "--personal",
    is_flag=True,
    help="Allow the log to name users: keys, and values of records.",
)
@common_options_without("targets", "keys", "as_json")
def command(options: CommonOptions, personal: bool) -> None:
    """Push on schedule, when a source file is complete, and when a retry or deletion is due.

    Runs in the foreground and logs to stderr; [health] configures its HTTP endpoint. You can run
    push at the same time. SIGTERM and Ctrl-C finish requests in flight and stop; a second signal
    stops at once. SIGHUP, or a change of sync.toml, reloads the file; an invalid one is ignored.

    Exit codes: 0 stopped, 1 the state cannot be used, 2 invalid usage or configuration.
    """
    options.set_up_logging(times=True)
    require_extra("apscheduler", "daemon")
    from scimsync.daemon.dependencies import Dependencies
    from scimsync.daemon.jobs import Daemon
    from scimsync.daemon.scheduler import JobScheduler
    from scimsync.daemon.systemd import Systemd

    dependencies = Dependencies(
        load=load,
        scheduler=JobScheduler(steady_clock),
        systemd=Systemd(os.environ),
        random=random.Random(),  # noqa: S311 - jitter
        personal=personal or options.debug,
    )
    daemon = Daemon(options.config, dependencies)

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in _STOP_SIGNALS:
            signal.signal(one, signal.SIG_DFL)  # a second one ends the process at once
        daemon.stop(number)

    for number in _STOP_SIGNALS:
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda _number, _frame: daemon.reload())
    daemon.run()
