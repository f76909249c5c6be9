"""`scimsync forget`."""

from __future__ import annotations

import click

from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.session import opened_state
from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.run.key_correction import forget


@click.command()
@click.argument("key")
@common_options_without("keys", "targets")
def command(options: CommonOptions, key: str) -> None:
    """Separate the user with KEY from the accounts that the key has now, at all targets.

    Use it when a key was given to another person. Nothing is sent: the next push treats the
    accounts like those of someone who left, and gives KEY new ones.
    """
    config = load(options.config)
    with opened_state(config, create=False) as store:
        old, targets = forget(config, store, Key(key.strip()), options.clock)
    if options.as_json:
        write_json({"forgotten": {key: {"old": old, "targets": targets}}})
    elif not options.quiet:
        where = ", ".join(targets)
        click.echo(
            printable(
                f'{key}: the accounts at {where} belong to "{old}" now; the next push removes their'
                f" access as leave says, and gives {key} new ones"
            )
        )
