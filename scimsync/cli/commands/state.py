"""`scimsync state`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from scimsync.builtin import load
from scimsync.cli.ui.combinations import refuse
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.private_output import write_private
from scimsync.cli.ui.session import opened_state
from scimsync.durations import LONG_UNITS, parse_duration
from scimsync.errors import ConfigError, StateError, coded
from scimsync.formatting import plural, printable
from scimsync.state import pending_events, pruning, transfer
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
            self.fail(coded(f"{value!r} is not a duration such as 90d", "SYNC-0903"), param, ctx)
        return min(duration, _LONGEST)


@click.group("state")
def command() -> None:
    """Manage the state database: links, snapshots and the journal."""


@command.command(short_help="Upgrade the tables to this version")
@common_options_without("targets", "keys")
def upgrade(options: CommonOptions) -> None:
    """Upgrade the tables to this version of scimsync. A push does so by itself."""
    with opened_state(load(options.config), create=True) as store:
        _report(
            options,
            f"{store.label}: tables have version {SCHEMA_VERSION}",
            {"state": store.label, "tables": SCHEMA_VERSION},
        )


@command.command(short_help="Delete old runs and their operations")
@click.option(
    "--keep",
    type=_Duration(),
    default="90d",
    show_default=True,
    metavar="TIME",
    help="Keep runs of this period.",
)
@common_options_without("targets", "keys")
def prune(options: CommonOptions, keep: timedelta) -> None:
    """Delete runs that are older than --keep, with their operations in the journal.

    The command keeps links, snapshots, the last run, operations without an outcome, and operations
    with an event that is not exported yet.
    """
    config = load(options.config)
    with opened_state(config, create=True) as store:
        with store.write() as connection:
            pending_events.keep_only(connection, config.audit.event_destinations)
            pruned = pruning.prune(connection, options.clock() - keep)
        store.give_back_space()
    _report(
        options,
        f"deleted {plural(pruned.runs, 'run')} and {plural(pruned.operations, 'operation')}",
        {"runs": pruned.runs, "operations": pruned.operations},
    )


@command.command(short_help="Export the whole state to a file")
@click.argument("file", type=_EXPORT)
@common_options_without("targets", "keys")
def export(options: CommonOptions, file: Path) -> None:
    """Export the whole state to FILE (- for stdout), as lines of JSON. It contains personal data.

    Only the owner can read FILE. It appears when it is complete.
    """
    config = load(options.config)
    with opened_state(config, create=False) as store:
        if store.is_scratch:
            raise StateError("there is no state yet; the first push creates it", code="SYNC-0611")
        lines = transfer.export(store, options.clock())
        if str(file) == "-":
            if options.as_json:
                refuse("--json cannot be used with -")
            sys.stdout.buffer.writelines(lines)
            return
        rows = write_private(file, lines, config) - 2
    if options.as_json:
        write_json({"file": str(file), "rows": rows})
    elif not options.quiet:
        click.echo(f"exported {plural(rows, 'row')} to {file}", err=True)


@command.command("import", short_help="Import an exported file into an empty state")
@click.argument("file", type=_EXPORT)
@common_options_without("targets", "keys")
def import_state(options: CommonOptions, file: Path) -> None:
    """Import FILE (- for stdin), written by scimsync state export, into an empty state.

    Either all of it is imported or nothing. To move from SQLite to PostgreSQL: export, change
    [state] url in sync.toml, import.
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
    _report(options, f"imported {plural(sum(counts.values()), 'row')}", {"rows": counts})


def _report(options: CommonOptions, text: str, document: dict[str, object]) -> None:
    if options.as_json:
        write_json(document)
    elif not options.quiet:
        click.echo(printable(text))
