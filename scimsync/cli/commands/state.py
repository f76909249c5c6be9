"""`scimsync state`: looking after the state database."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from scimsync.cli.options import Common, common_without

_EXPORT = click.Path(path_type=Path, dir_okay=False)


class _Days(click.ParamType[timedelta]):
    """A time such as `90d`, `12w` or `36h`."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        from scimsync.settings.quantities import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write for example 90d", param, ctx)


@click.group(short_help="look after the state database")
def state() -> None:
    """Look after the state database: links, snapshots and the journal."""


@state.command(short_help="bring the tables up to this version")
@common_without("targets", "keys")
def upgrade(options: Common) -> None:
    """Bring the tables of the state up to this version of scimsync. A push does that by itself."""
    from scimsync.cli.session import begin, load_config, opened_state
    from scimsync.state.store import SCHEMA_VERSION

    begin(options)
    with opened_state(load_config(options), create=True) as store:
        _say(
            options,
            f"{store.label}: tables {SCHEMA_VERSION}",
            {"state": store.label, "tables": SCHEMA_VERSION},
        )


@state.command(short_help="forget old runs and their operations")
@click.option(
    "--keep",
    type=_Days(),
    default="90d",
    show_default=True,
    metavar="TIME",
    help="Keep runs of this time.",
)
@common_without("targets", "keys")
def prune(options: Common, keep: timedelta) -> None:
    """Forget runs that are older than --keep, and their operations in the journal. Links and
    snapshots stay.

    The last run stays, and so does what has no outcome yet.
    """
    from scimsync.cli.session import begin, clock, load_config, opened_state
    from scimsync.state.pruning import prune as forget

    begin(options)
    with opened_state(load_config(options), create=True) as store:
        with store.write() as connection:
            pruned = forget(connection, clock() - keep)
        store.give_back_space()
    runs = "1 run" if pruned.runs == 1 else f"{pruned.runs:,} runs"
    operations = "1 operation" if pruned.operations == 1 else f"{pruned.operations:,} operations"
    _say(
        options,
        f"forgot {runs} and {operations}",
        {"runs": pruned.runs, "operations": pruned.operations},
    )


@state.command(short_help="write the whole state to a file")
@click.argument("file", type=_EXPORT)
@common_without("targets", "keys")
def export(options: Common, file: Path) -> None:
    """Write the whole state to FILE (- for standard output), as lines of JSON. It holds personal
    data.

    FILE is readable by its owner only, and is not there before it is whole.
    """
    from scimsync.cli.private import write_private
    from scimsync.cli.session import begin, clock, load_config, opened_state
    from scimsync.errors import StateError
    from scimsync.state.store import is_scratch
    from scimsync.state.transfer import export as lines

    begin(options)
    config = load_config(options)
    with opened_state(config, create=False) as store:
        if is_scratch(store):
            raise StateError("there is no state yet: the first push makes it")
        if str(file) == "-":
            sys.stdout.buffer.writelines(lines(store, clock()))
            return
        number = write_private(file, lines(store, clock()), config)
    if options.verbosity >= 0:
        click.echo(f"{file}: {number - 2:,} rows", err=True)


@state.command("import", short_help="fill an empty state from such a file")
@click.argument("file", type=_EXPORT)
@common_without("targets", "keys")
def import_state(options: Common, file: Path) -> None:
    """Fill an empty state from FILE (- for standard input), which scimsync state export made. All
    of it or nothing.

    From SQLite to PostgreSQL: export, change [state] url in sync.toml, import.
    """
    from scimsync.cli.session import begin, load_config, opened_state
    from scimsync.errors import ConfigError
    from scimsync.state.transfer import import_

    begin(options)
    config = load_config(options)
    if str(file) == "-":
        with opened_state(config, create=True) as store:
            counts = import_(store, sys.stdin.buffer, "standard input")
    else:
        try:
            stream = file.open("rb")
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from None
        with stream, opened_state(config, create=True) as store:
            counts = import_(store, stream, str(file))
    _say(options, f"imported {sum(counts.values()):,} rows", {"rows": counts})


def _say(options: Common, words: str, document: dict[str, object]) -> None:
    from scimsync.cli.output import printable, write_json

    if options.as_json:
        write_json(document)
    elif options.verbosity >= 0:
        click.echo(printable(words))


command = state
