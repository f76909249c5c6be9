"""`scimsync deprovision`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from scimsync.builtin import load
from scimsync.cli.commands.push import run_push
from scimsync.cli.ui.combinations import not_with
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.confirmation import require_yes
from scimsync.cli.ui.session import chosen_targets, opened_state
from scimsync.errors import ConfigError
from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.run import Options
from scimsync.run.known_keys import HINT, check_keys
from scimsync.state import holds


@click.command()
@click.argument("users", nargs=-1, required=True, metavar="KEY...")
@click.option("--lift", is_flag=True, help="End the deprovisioning: the sources apply again.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation on a terminal.")
@not_with("--lift", "--yes")
@common_options_without("keys")
def command(options: CommonOptions, users: tuple[str, ...], lift: bool, yes: bool) -> None:
    """Remove the access of the users with these keys at all targets now.

    Each target is asked, whatever the sources and the state say: an account that is linked, or that
    is found by the attributes of match, is deactivated, or deleted where leave says so. Later
    pushes do not give accounts back until you run deprovision KEY --lift. The sources are not read.
    With -t, only these targets are asked now, and the others by the next push.

    If a key is unknown, the command does nothing. On a terminal, confirm with y, or use --yes. Exit
    code 4 if a user may still have access at a target; later runs try again.
    """
    config = load(options.config)
    people = tuple(dict.fromkeys(map(Key, users)))
    now_at = chosen_targets(config, options.targets)
    names = list(config.targets)
    with opened_state(config, create=True) as store:
        if not lift:
            with store.read() as connection:
                check_keys(connection, people, f"{HINT}; nothing was changed")
            if not yes and sys.stdin.isatty():
                _ask(people, now_at, [name for name in names if name not in now_at])
        with store.write() as connection:
            for user in people:
                if not lift:
                    holds.put_hold(connection, user, names, options.clock())
                elif not holds.lift_hold(connection, user, names, options.clock()):
                    raise ConfigError(
                        f'"{user}" is not deprovisioned',
                        hint="scimsync status lists deprovisioned keys",
                        code="SYNC-0351",
                    )
    if not options.as_json:
        for user in people:
            what = (
                "no longer deprovisioned; the sources apply again"
                if lift
                else f"deprovisioned until scimsync deprovision {user} --lift"
            )
            click.echo(printable(f"{user}: {what}"), err=True)
    wanted = Options(keys=people, read=False, insistent=True)
    reported = () if lift else people
    code = run_push(options, "deprovision", wanted, deprovisioned=reported)
    raise click.exceptions.Exit(code)


def _ask(users: Sequence[Key], now_at: Sequence[str], later_at: Sequence[str]) -> None:
    later = f", and at {', '.join(later_at)} with the next push" if later_at else ""
    question = f"Remove the access of {', '.join(users)} at {', '.join(now_at)} now{later}?"
    require_yes(printable(question))
