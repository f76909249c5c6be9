"""`scimsync deprovision`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common


@click.command(short_help="take somebody's accounts away now")
@common
@click.argument("key")
@click.option("--lift", is_flag=True, help="End it: what the source says counts again.")
def command(options: Common, key: str, lift: bool) -> None:
    """Take the accounts of KEY away at every target, now, whatever the source says.

    Accounts are deactivated, or deleted where leave says so. It holds until it is lifted with
    --lift; a push in between does not give the accounts back. The sources are not read.
    """
    from scimsync.cli.deprovisioning import deprovision

    raise click.exceptions.Exit(deprovision(options, key, lift=lift))
