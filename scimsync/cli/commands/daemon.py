"""`scimsync daemon`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="run on the schedules of sync.toml")
@click.option(
    "--personal",
    is_flag=True,
    help="Let the log name people: their keys, and values of their records.",
)
@common_without("targets", "keys", "as_json")
def command(options: Common, personal: bool) -> None:
    """Push on the schedules of sync.toml, as soon as a file of a source is complete, and when
    something is due.

    Runs in the foreground and writes its log to standard error; [health] says where it tells how it
    is. It may be mixed with push from cron or by hand. SIGTERM and Ctrl-C end it in order, a second
    one at once. SIGHUP, or a change of sync.toml, makes it read that again; one that cannot be used
    is refused.

    Exit codes: 0 stopped, 1 the state cannot be used, 2 configuration.
    """
    from scimsync.cli.daemonizing import run_daemon

    raise click.exceptions.Exit(run_daemon(options, personal=personal))
