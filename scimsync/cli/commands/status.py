"""`scimsync status`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="show sources, targets, links, failures and the last runs")
@common_without("keys")
def command(options: Common) -> None:
    """Show how things stand: sources, targets, accounts, what fails, who is at work, the last runs.

    Reads the state only; targets are not asked. Exit code 0, whatever it shows.
    """
    from scimsync.cli.output import write_json
    from scimsync.cli.session import begin, load_config, opened_state, this_moment
    from scimsync.cli.standing import look
    from scimsync.cli.standing_document import standing_document
    from scimsync.cli.standing_text import print_standing
    from scimsync.cli.targets import check_targets

    begin(options)
    config = load_config(options)
    names = check_targets(config, options.targets)
    with opened_state(config, create=False) as store:
        standing = look(config, names, store, this_moment())
    if options.as_json:
        write_json(standing_document(standing))
    else:
        print_standing(standing, options.targets)
