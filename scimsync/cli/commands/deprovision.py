"""`scimsync deprovision`."""

from __future__ import annotations

import click

from scimsync.builtin import load
from scimsync.cli.commands.push import run_push
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.session import opened_state
from scimsync.errors import ConfigError
from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.run import Options
from scimsync.state import holds, links


@click.command()
@click.argument("key")
@click.option("--lift", is_flag=True, help="End the deprovisioning: the sources apply again.")
@common_options_without("keys")
def command(options: CommonOptions, key: str, lift: bool) -> None:
    """Remove the access of the user with KEY at all targets now, whatever the sources say.

    Accounts are deactivated, or deleted where leave says so. Later pushes do not give them back
    until you run deprovision KEY --lift. The sources are not read.
    """
    config = load(options.config)
    person = Key(key)
    with opened_state(config, create=True) as store, store.write() as connection:
        if lift:
            if not holds.lift_hold(connection, person, list(config.targets), options.clock()):
                raise ConfigError(
                    f'"{key}" is not deprovisioned',
                    hint="scimsync status lists deprovisioned keys",
                    code="SYNC-0351",
                )
        elif not links.is_known_key(connection, person):
            raise ConfigError(
                f'unknown key "{key}": no source record and no linked account',
                hint="keys are values of the source's key column",
                code="SYNC-0350",
            )
        else:
            holds.put_hold(connection, person, options.clock())
    if not options.as_json:
        what = (
            "no longer deprovisioned; the sources apply again"
            if lift
            else f"deprovisioned until scimsync deprovision {key} --lift"
        )
        click.echo(printable(f"{key}: {what}"), err=True)
    wanted = Options(keys=(person,), read=False, insistent=True)
    raise click.exceptions.Exit(run_push(options, "deprovision", wanted))
