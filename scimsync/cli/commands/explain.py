"""`scimsync explain`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="show one person: record, rules, accounts, history, what would be sent")
@click.argument("key")
@click.option(
    "--offline",
    is_flag=True,
    help="Do not contact targets; accounts that exist already are not looked for.",
)
@common_without("keys")
def command(options: Common, key: str, offline: bool) -> None:
    """Show one person: the record, the rules that hold, each account, its history, and what a push
    would send now.

    KEY is what the key column of the source holds. Nothing is sent or stored. With -v also the
    requests. Exit code 2 for a key that nobody has.
    """
    from scimsync.cli.explaining.document import explanation_document
    from scimsync.cli.explaining.gather import explain
    from scimsync.cli.explaining.text import print_explanation
    from scimsync.cli.output import write_json
    from scimsync.cli.session import begin, load_config, opened_state, this_moment
    from scimsync.cli.targets import check_targets
    from scimsync.model.ids import Key

    begin(options)
    config = load_config(options)
    names = check_targets(config, options.targets)
    now = this_moment()
    with opened_state(config, create=False) as store:
        explanation = explain(config, names, store, Key(key), now, offline=offline)
    if options.as_json:
        write_json(explanation_document(explanation))
    else:
        print_explanation(explanation, now.time, detailed=options.verbosity > 0)
