"""`scimsync journal`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common


@click.command(short_help="show operations and what became of them")
@click.option(
    "--run",
    type=click.IntRange(1),
    metavar="ID",
    help="Only operations of this run (see scimsync runs).",
)
@click.option("--failed", is_flag=True, help="Only operations that failed.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Only what happened since then: 2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w ago.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="The newest N only; by default 50, all with --json.",
)
@common
def command(
    options: Common, run: int | None, failed: bool, since: str | None, limit: int | None
) -> None:
    """Show operations and what became of them, the newest last.

    Times are local. With -v also what each changed, and the requests that were sent, without what
    is secret.
    """
    from scimsync.cli.journals import Wanted, print_journal, write_journal
    from scimsync.cli.moments import parse_when
    from scimsync.cli.session import begin, clock, load_config, opened_state
    from scimsync.cli.targets import check_targets

    begin(options)
    moment = None
    if since is not None:
        moment = parse_when(since, clock())
        if moment is None:
            raise click.BadParameter(
                "write 2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w", param_hint="--since"
            )
    config = load_config(options)
    check_targets(config, options.targets)
    wanted = Wanted(run, options.targets, options.keys, failed, moment)
    with opened_state(config, create=False) as store:
        if options.as_json:
            write_journal(store, wanted, limit)
        else:
            print_journal(store, wanted, limit or 50, detailed=options.verbosity > 0)
