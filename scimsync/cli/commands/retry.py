"""`scimsync retry`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common


@click.command(short_help="do again what failed, now")
@common
def command(options: Common) -> None:
    """Push what failed last time or waits for another try, now and nothing else.

    A push does this too, each in its turn: who keeps failing waits longer and longer. Exit codes
    are those of push; 0 as well where nothing has failed.
    """
    from dataclasses import replace

    from scimsync.cli.output import write_json
    from scimsync.cli.pushes import run_push
    from scimsync.cli.session import begin, load_config, opened_state
    from scimsync.cli.targets import check_targets
    from scimsync.model.ids import Kind
    from scimsync.plan.guard import Allowance
    from scimsync.state import overview

    begin(options)
    config = load_config(options)
    names = check_targets(config, options.targets)
    with opened_state(config, create=False) as store, store.read() as connection:
        failing = {name: overview.failing_keys(connection, name, Kind.USER) for name in names}
        groups = sum(len(overview.failing_keys(connection, name, Kind.GROUP)) for name in names)
    if groups and options.verbosity >= 0:
        which = "1 group failed" if groups == 1 else f"{groups} groups failed"
        click.echo(
            f"{which} too; retry is about people, scimsync push tries groups again in their turn",
            err=True,
        )
    if options.keys:
        failing = {
            name: [key for key in keys if key in options.keys] for name, keys in failing.items()
        }
    failing = {name: keys for name, keys in failing.items() if keys}
    if failing:
        keys = sorted({key for some in failing.values() for key in some})
        raise click.exceptions.Exit(
            run_push(replace(options, targets=tuple(failing)), Allowance(), "retry", keys)
        )
    if options.as_json:
        write_json({"run": None, "outcome": "done", "targets": {}, "guard": None, "problems": []})
    elif options.verbosity >= 0:
        click.echo(
            "nobody has failed: there is nothing to try again"
            if groups
            else "nothing has failed: there is nothing to try again"
        )
