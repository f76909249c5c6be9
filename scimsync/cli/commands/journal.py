"""`scimsync journal`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator

import click
import orjson

from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions, common_options
from scimsync.cli.ui.csv_text import csv_cell
from scimsync.cli.ui.integer_types import RowLimit, RunNumber
from scimsync.cli.ui.operation_rows import change_row, journal_row, request_lines
from scimsync.cli.ui.output import Output
from scimsync.cli.ui.report_format import report_format
from scimsync.cli.ui.session import chosen_targets, opened_state
from scimsync.cli.ui.time_options import past_period
from scimsync.config.models import Config
from scimsync.model.batches import batches
from scimsync.model.ids import Key
from scimsync.model.operations import (
    Action,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.plan.render.json import journal_document
from scimsync.plan.shown_plan import NameReader, Names, ShownOperation, names_of
from scimsync.state import operation_journal
from scimsync.state.store import Store

_FORMATS = ("text", "csv", "json")
_BATCH = 500


@click.command()
@click.option(
    "--run",
    type=RunNumber(),
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
    "--until",
    metavar="WHEN",
    help="Only operations before: as for --since.",
)
@click.option(
    "--action",
    "actions",
    type=click.Choice([action.value for action in Action]),
    multiple=True,
    metavar="ACTION",
    help="Only operations that do this, such as deactivate. Can be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Print rows, CSV, or one JSON document. (default: text)",
)
@click.option(
    "--limit",
    type=RowLimit(),
    metavar="N",
    help="Only the newest N. (default: 50; with JSON or CSV: all)",
)
@common_options
def command(
    options: CommonOptions,
    run: int | None,
    failed: bool,
    since: str | None,
    until: str | None,
    actions: tuple[str, ...],
    form: str | None,
    limit: int | None,
) -> None:
    """Show operations and their outcomes, the newest last.

    Times are local, and UTC in JSON and CSV. With -v, also show changes and the requests that were
    sent, without secrets.
    """
    form = report_format(options, form, None, _FORMATS)
    after, before = past_period(since, until, options)
    config = load(options.config)
    chosen_targets(config, options.targets)
    wanted = OperationFilter(
        run=run,
        targets=options.targets or None,
        keys=[Key(key) for key in options.keys] or None,
        statuses=(OperationStatus.FAILED,) if failed else None,
        actions=actions or None,
        since=after,
        until=before,
    )
    with opened_state(config, create=False) as store:
        names = _name_reader(config, store)
        if form == "csv":
            _write_csv(store, names, wanted, limit)
        elif form == "json":
            _write_document(store, names, wanted, limit)
        else:
            _print_journal(store, names, wanted, limit or 50, detailed=options.verbose)


_CSV_COLUMNS = (
    "id", "run", "target", "action", "kind", "key", "reason", "status", "attempts", "remote_id",
    "http_status", "scim_type", "detail", "planned_at", "sent_at", "done_at", "changes",
)  # fmt: skip


def _write_csv(
    store: Store, names: NameReader | None, wanted: OperationFilter, limit: int | None
) -> None:
    """Write a line for each operation; its changes are JSON.

    The last column has the names of users, if there is `[display] name`. Text that a spreadsheet
    would read as a formula gets a leading apostrophe.
    """
    columns = _CSV_COLUMNS if names is None else (*_CSV_COLUMNS, "name")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    with store.read() as connection:
        for entry, named in _with_names(operation_journal.last(connection, wanted, limit), names):
            document = journal_document(entry, named)
            document["changes"] = orjson.dumps(document["changes"]).decode()
            writer.writerow(csv_cell(document.get(column)) for column in columns)
    sys.stdout.flush()


def _write_document(
    store: Store, names: NameReader | None, wanted: OperationFilter, limit: int | None
) -> None:
    """Write `journal --json` while the journal is read."""
    out = sys.stdout.buffer
    with store.read() as connection:
        out.write(b'{"operations": [')
        entries = _with_names(operation_journal.last(connection, wanted, limit), names)
        for number, (entry, named) in enumerate(entries):
            out.write(b",\n" if number else b"\n")
            out.write(orjson.dumps(journal_document(entry, named)))
        out.write(b"]}\n")
    out.flush()


def _print_journal(
    store: Store,
    names: NameReader | None,
    wanted: OperationFilter,
    limit: int,
    *,
    detailed: bool,
) -> None:
    """Print a row for each operation; `detailed` also its changes and requests."""
    output = Output()
    with store.read() as connection:
        number = sum(operation_journal.count(connection, wanted).values())
        entries = _with_names(operation_journal.last(connection, wanted, limit), names)
        for some in batches(entries, _BATCH):
            if detailed:
                for entry, named in some:
                    _print_detailed(output, entry, named)
            else:
                rows = [journal_row(entry, ShownOperation(entry, of).name) for entry, of in some]
                output.rows(rows, indent=0)
    if number > limit:
        click.echo(
            f"newest {limit:,} of {number:,} operations; --limit {number} shows all", err=True
        )
    if number == 0:
        click.echo(
            "no matching operations" if wanted != OperationFilter() else "no operations yet",
            err=True,
        )


def _print_detailed(output: Output, entry: JournaledOperation, names: Names) -> None:
    shown = ShownOperation(entry, names)
    output.rows([journal_row(entry, shown.name)], indent=0)
    output.rows(
        [change_row(change, shown.member_name(change)) for change in entry.changes], indent=4
    )
    for line in request_lines([] if entry.request is None else orjson.loads(entry.request)):
        output.line((line, "cyan"), indent=4)


def _name_reader(config: Config, store: Store) -> NameReader | None:
    if config.display.name is None:
        return None
    from scimsync.run.display_names import display_names  # a third of the imports

    return display_names(config, store)


def _with_names(
    entries: Iterator[JournaledOperation], reader: NameReader | None
) -> Iterator[tuple[JournaledOperation, Names]]:
    """Yield operations with the names of their users."""
    for some in batches(entries, _BATCH):
        by_target: dict[str, list[JournaledOperation]] = {}
        for entry in some:
            by_target.setdefault(entry.target, []).append(entry)
        named = {name: names_of(reader, name, of) for name, of in by_target.items()}
        yield from ((entry, named[entry.target]) for entry in some)
