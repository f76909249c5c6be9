"""`scimsync push`."""

from __future__ import annotations

from pathlib import Path

import click

from scimsync.cli.options import Common, common


@click.command(short_help="do it")
@common
@click.argument("plan", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option(
    "--allow-removals",
    type=click.IntRange(0),
    metavar="N",
    help="Deactivate or delete up to N accounts, this once.",
)
@click.option(
    "--allow-updates",
    type=click.IntRange(0),
    metavar="N",
    help="Change up to N accounts, this once.",
)
@click.option(
    "--allow-records",
    type=click.IntRange(0),
    metavar="N",
    help="Go on with a source of N records, this once.",
)
@click.option(
    "--allow-new-url",
    is_flag=True,
    help="The accounts known are those of the target's new url too.",
)
@click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Write figures for the textfile collector of node_exporter.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for another run that is at work, instead of ending with exit code 5.",
)
def command(
    options: Common,
    plan: Path | None,
    wait: bool,
    metrics_file: Path | None,
    allow_removals: int | None,
    allow_updates: int | None,
    allow_records: int | None,
    allow_new_url: bool,
) -> None:
    """Bring all targets to what the sources say. This is cron's command.

    With FILE, a plan saved by plan --out: exactly its operations, or nothing (exit 3) where they
    are not the same any more.

    Exit codes: 0 done, 1 a source or target cannot be reached, 2 configuration, 3 a guard stopped
    it and nothing was sent, 4 some operations failed, 5 another run is at work.
    """
    from scimsync.cli.pushes import run_push
    from scimsync.plan.guard import Allowance

    allowance = Allowance(allow_removals, allow_updates, allow_records, allow_new_url)
    raise click.exceptions.Exit(
        run_push(options, allowance, "push", saved=plan, wait=wait, metrics_file=metrics_file)
    )
