"""`scimsync state`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from scimsync.builtin import load
from scimsync.cli.ui.options import CommonOptions, common_options_without
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.private_output import write_private
from scimsync.cli.ui.session import opened_state
from scimsync.durations import LONG_UNITS, parse_duration
from scimsync.errors import ConfigError, StateError, coded
from scimsync.formatting import plural, printable
from scimsync.state import pruning, transfer
from scimsync.state.store import SCHEMA_VERSION

_EXPORT = click.Path(path_type=Path, dir_okay=False)
_LONGEST = timedelta(days=3650)


class _Duration(click.ParamType[timedelta]):
    """A duration such as `90d`, `12w` or `36h`."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        duration = value if isinstance(value, timedelta) else parse_duration(str(value), LONG_UNITS)
        if duration is None:
            self.fail(
                coded(f"{value!r} is no time; write for example 90d", "SYNC-0903"), param, ctx
            )
        return min(duration, _LONGEST)


@click.group("state")
def command() -> None:
    """Look after the state database: links, snapshots and the journal."""


@command.command(short_help="bring the tables up to this version")
@common_options_without("targets", "keys")
def upgrade(options: CommonOptions) -> None:
    """Bring the tables of the state up to this version of scimsync. A push does that by itself."""
    with opened_state(load(options.config), create=True) as store:
        _report(
            options,
            f"{store.label}: tables {SCHEMA_VERSION}",
            {"state": store.label, "tables": SCHEMA_VERSION},
        )


@command.command(short_help="forget old runs and their operations")
@click.option(
    "--keep",
    type=_Duration(),
    default="90d",
    show_default=True,
    metavar="TIME",
    help="Keep runs of this time.",
)
@common_options_without("targets", "keys")
def prune(options: CommonOptions, keep: timedelta) -> None:
    """Forget runs that are older than --keep, and their operations in the journal. Links and
    snapshots stay.

    The last run stays, and so does what has no outcome yet.
    """
    with opened_state(load(options.config), create=True) as store:
        with store.write() as connection:
            pruned = pruning.prune(connection, options.clock() - keep)
        store.give_back_space()
    _report(
        options,
        f"forgot {plural(pruned.runs, 'run')} and {plural(pruned.operations, 'operation')}",
        {"runs": pruned.runs, "operations": pruned.operations},
    )


@command.command(short_help="write the whole state to a file")
@click.argument("file", type=_EXPORT)
@common_options_without("targets", "keys")
def export(options: CommonOptions, file: Path) -> None:
    """Write the whole state to FILE (- for standard output), as lines of JSON. It holds personal
    data.

    FILE is readable by its owner only, and is not there before it is whole.
    """
    config = load(options.config)
    with opened_state(config, create=False) as store:
        if store.is_scratch:
            raise StateError("there is no state yet: the first push makes it", code="SYNC-0611")
        lines = transfer.export(store, options.clock())
        if str(file) == "-":
            sys.stdout.buffer.writelines(lines)
            return
        number = write_private(file, lines, config)
    if not options.quiet:
        click.echo(f"{file}: {number - 2:,} rows", err=True)


@command.command("import", short_help="fill an empty state from such a file")
@click.argument("file", type=_EXPORT)
@common_options_without("targets", "keys")
def import_state(options: CommonOptions, file: Path) -> None:
    """Fill an empty state from FILE (- for standard input), which scimsync state export made. All
    of it or nothing.

    From SQLite to PostgreSQL: export, change [state] url in sync.toml, import.
    """
    config = load(options.config)
    if str(file) == "-":
        with opened_state(config, create=True) as store:
            counts = transfer.import_(store, sys.stdin.buffer, "standard input")
    else:
        try:
            stream = file.open("rb")
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}", code="SYNC-0907") from None
        with stream, opened_state(config, create=True) as store:
            counts = transfer.import_(store, stream, str(file))
    _report(options, f"imported {sum(counts.values()):,} rows", {"rows": counts})


def _report(options: CommonOptions, text: str, document: dict[str, object]) -> None:
    if options.as_json:
        write_json(document)
    elif not options.quiet:
        click.echo(printable(text))
