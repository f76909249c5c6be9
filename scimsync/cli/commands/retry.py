"""`scimsync retry`."""

from __future__ import annotations

from dataclasses import replace

import click
from sqlalchemy import Connection

from scimsync.builtin import load
from scimsync.cli.commands.push import run_push
from scimsync.cli.ui.common_options import CommonOptions, common_options
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.session import chosen_targets, opened_state
from scimsync.formatting import plural
from scimsync.model.ids import Key, Kind
from scimsync.run import Options
from scimsync.run.known_keys import check_keys
from scimsync.state import overview


@click.command()
@common_options
def command(options: CommonOptions) -> None:
    """Retry failed operations of users now, and do nothing else.

    A push retries them too, but only when they are due: delays grow with each failure. Exit codes
    are those of push; 0 if nothing has failed.
    """
    config = load(options.config)
    names = chosen_targets(config, options.targets)
    with opened_state(config, create=False) as store, store.read() as connection:
        check_keys(connection, map(Key, options.keys))
        failing = {name: _failing_users(connection, options, name) for name in names}
        groups = sum(len(overview.failing_keys(connection, name, Kind.GROUP)) for name in names)
    if groups and not options.quiet:
        click.echo(
            f"{plural(groups, 'group')} failed as well: retry covers users only, and push retries"
            " groups when they are due",
            err=True,
        )
    targets = tuple(name for name in names if failing[name])
    if targets:
        keys = sorted({key for some in failing.values() for key in some})
        wanted = Options(keys=tuple(keys), insistent=True)
        raise click.exceptions.Exit(run_push(replace(options, targets=targets), "retry", wanted))
    if options.as_json:
        write_json({"run": None, "outcome": "done", "targets": {}, "guard": None, "problems": []})
    elif not options.quiet:
        click.echo("no failed users to retry" if groups else "nothing to retry")


def _failing_users(connection: Connection, options: CommonOptions, target: str) -> list[Key]:
    """Return the users of a target that fail, or may still have access although they left.

    The keys of the options restrict them, if there are any.
    """
    failing = {
        *overview.failing_keys(connection, target, Kind.USER),
        *overview.keys_with_access(connection, target),
    }
    return [key for key in sorted(failing) if not options.keys or key in options.keys]
