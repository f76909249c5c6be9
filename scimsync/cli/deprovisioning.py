"""Takes one person's accounts away by hand, and gives them back."""

from __future__ import annotations

from dataclasses import replace

import click

from scimsync.cli.options import Common
from scimsync.cli.output import printable
from scimsync.cli.pushes import run_push
from scimsync.cli.session import begin, clock, load_config, opened_state
from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.plan.guard import Allowance
from scimsync.state import holds, links


def deprovision(options: Common, key: str, *, lift: bool) -> int:
    """Holds `key`, or lifts that, and pushes this one person to all targets. Returns the exit code.

    Raises ConfigError for a key that nobody has, or that is not held.
    """
    begin(options)
    config = load_config(options)
    person = Key(key)
    with opened_state(config, create=True) as store, store.write() as connection:
        if lift:
            if not holds.lift_hold(connection, person, list(config.targets), clock()):
                raise ConfigError(f"{key} is not held", hint="scimsync status lists who is")
        elif not links.known_key(connection, person):
            raise ConfigError(
                f"nobody with the key {key} is known: no record, no account",
                hint="keys are those of the source's key column; scimsync explain KEY shows one",
            )
        else:
            holds.put_hold(connection, person, clock())
    if not options.as_json:
        said = (
            "what the source says counts again"
            if lift
            else f"held until scimsync deprovision {key} --lift"
        )
        click.echo(printable(f"{key}: {said}"), err=True)
    return run_push(replace(options, keys=()), Allowance(), "deprovision", [person], read=False)
