"""`scimsync journal`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice

import click
import orjson

from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions, common_options
from scimsync.cli.ui.operation_rows import change_row, journal_row, request_lines
from scimsync.cli.ui.output import Output
from scimsync.cli.ui.session import chosen_targets, opened_state
from scimsync.durations import parse_past
from scimsync.errors import coded
from scimsync.model.ids import Key
from scimsync.model.operations import JournaledOperation, OperationFilter, OperationStatus
from scimsync.plan.render.json import journal_document
from scimsync.state import journal
from scimsync.state.store import Store

_BATCH = 500


@click.command()
@click.option(
    "--run",
    type=click.IntRange(1),
    metavar="ID",
    help="Only operations of this run.",
)
@click.option("--failed", is_flag=True, help="Only failed operations.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Only operations since: 2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w ago.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Only the newest N. (default: 50; with --json: all)",
)
@common_options
def command(
    options: CommonOptions, run: int | None, failed: bool, since: str | None, limit: int | None
) -> None:
    """Show operations and their outcomes, the newest last.

    Times are local. With -v, also show changes and the requests that were sent, without secrets.
    """
    after = None if since is None else parse_past(since, options.clock())
    if since is not None and after is None:
        raise click.BadParameter(
            coded("write 2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w", "SYNC-0903"),
            param_hint="--since",
        )
    config = load(options.config)
    chosen_targets(config, options.targets)
    wanted = OperationFilter(
        run=run,
        targets=options.targets or None,
        keys=[Key(key) for key in options.keys] or None,
        statuses=(OperationStatus.FAILED,) if failed else None,
        since=after,
    )
    with opened_state(config, create=False) as store:
        if options.as_json:
            _write_document(store, wanted, limit)
        else:
            _print_journal(store, wanted, limit or 50, detailed=options.verbose)


def _write_document(store: Store, wanted: OperationFilter, limit: int | None) -> None:
    """Write `journal --json` while the journal is read."""
    out = sys.stdout.buffer
    with store.read() as connection:
        out.write(b'{"operations": [')
        for number, entry in enumerate(journal.last(connection, wanted, limit)):
            out.write(b",\n" if number else b"\n")
            out.write(orjson.dumps(journal_document(entry)))
        out.write(b"]}\n")
    out.flush()


def _print_journal(store: Store, wanted: OperationFilter, limit: int, *, detailed: bool) -> None:
    """Print a row for each operation; `detailed` also its changes and requests."""
    output = Output()
    with store.read() as connection:
        number = sum(journal.count(connection, wanted).values())
        for entries in _batches(journal.last(connection, wanted, limit)):
            if detailed:
                for entry in entries:
                    _print_detailed(output, entry)
            else:
                output.rows([journal_row(entry) for entry in entries], indent=0)
    if number > limit:
        click.echo(
            f"newest {limit:,} of {number:,} operations; --limit {number} shows all", err=True
        )
    if number == 0:
        click.echo(
            "no matching operations" if wanted != OperationFilter() else "no operations yet",
            err=True,
        )


def _print_detailed(output: Output, entry: JournaledOperation) -> None:
    output.rows([journal_row(entry)], indent=0)
    output.rows([change_row(change) for change in entry.changes], indent=4)
    for line in request_lines([] if entry.request is None else orjson.loads(entry.request)):
        output.line((line, "cyan"), indent=4)


def _batches(entries: Iterator[JournaledOperation]) -> Iterator[Sequence[JournaledOperation]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch
