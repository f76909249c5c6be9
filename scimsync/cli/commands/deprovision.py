"""`scimsync deprovision`."""

from __future__ import annotations

from dataclasses import replace

import click

from scimsync.builtin import load
from scimsync.cli.commands.push import run_push
from scimsync.cli.ui.options import CommonOptions, common_options
from scimsync.cli.ui.session import opened_state
from scimsync.errors import ConfigError
from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.state import holds, links


@click.command()
@common_options
@click.argument("key")
@click.option("--lift", is_flag=True, help="End it: what the source says counts again.")
def command(options: CommonOptions, key: str, lift: bool) -> None:
    """Take the accounts of KEY away at every target, now, whatever the source says.

    Accounts are deactivated, or deleted where leave says so. It holds until it is lifted with
    --lift; a push in between does not give the accounts back. The sources are not read.
    """
    config = load(options.config)
    person = Key(key)
    with opened_state(config, create=True) as store, store.write() as connection:
        if lift:
            if not holds.lift_hold(connection, person, list(config.targets), options.clock()):
                raise ConfigError(
                    f"{key} is not held", hint="scimsync status lists who is", code="SYNC-0351"
                )
        elif not links.is_known_key(connection, person):
            raise ConfigError(
                f"nobody with the key {key} is known: no record, no account",
                hint="keys are those of the source's key column; scimsync explain KEY shows one",
                code="SYNC-0350",
            )
        else:
            holds.put_hold(connection, person, options.clock())
    if not options.as_json:
        said = (
            "what the source says counts again"
            if lift
            else f"held until scimsync deprovision {key} --lift"
        )
        click.echo(printable(f"{key}: {said}"), err=True)
    raise click.exceptions.Exit(
        run_push(replace(options, keys=()), "deprovision", [person], read=False)
    )
