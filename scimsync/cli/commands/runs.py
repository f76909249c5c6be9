"""`scimsync runs`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="show the last runs")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="So many at most.",
)
@common_without("keys")
def command(options: Common, limit: int) -> None:
    """Show the last runs, the newest first: when, how long, how they ended, and what they did at
    each target.

    scimsync journal --run ID shows the operations of one.
    """
    from scimsync.cli.output import write_json
    from scimsync.cli.runs import print_runs, run_document
    from scimsync.cli.session import begin, clock, load_config, opened_state
    from scimsync.cli.targets import check_targets
    from scimsync.state import journal, leases

    begin(options)
    config = load_config(options)
    check_targets(config, options.targets)
    now = clock()
    with opened_state(config, create=False) as store, store.read() as connection:
        runs = journal.runs(connection, limit)
        at_work = bool(leases.held(connection, now))
    if options.as_json:
        write_json({"runs": [run_document(run, options.targets, at_work=at_work) for run in runs]})
    else:
        print_runs(runs, options.targets, now, at_work=at_work)
