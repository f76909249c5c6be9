"""Which operations of the journal are wanted, and how they are written out, however many they
are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import click
import orjson

from scimsync.cli.operations import (
    action_part,
    change_row,
    key_part,
    request_lines,
    status_part,
    when_part,
    why_part,
)
from scimsync.cli.screen import Part, Screen
from scimsync.model.ids import Key
from scimsync.model.operations import JournaledOperation, OperationFilter, OperationStatus
from scimsync.plan.render.json import journal_document
from scimsync.state import journal
from scimsync.state.store import Store

_ROWS = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show of the journal; None and empty restrict nothing."""

    run: int | None = None
    targets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    failed: bool = False
    since: datetime | None = None

    @property
    def where(self) -> OperationFilter:
        """The filter for these operations."""
        return OperationFilter(
            run=self.run,
            targets=self.targets or None,
            keys=[Key(key) for key in self.keys] or None,
            statuses=(OperationStatus.FAILED,) if self.failed else None,
            since=self.since,
        )


def write_journal(store: Store, wanted: Wanted, limit: int | None) -> None:
    """`journal --json`, written while it is read."""
    out = sys.stdout.buffer
    with store.read() as connection:
        out.write(b'{"operations": [')
        for number, entry in enumerate(journal.last(connection, wanted.where, limit)):
            out.write(b",\n" if number else b"\n")
            out.write(orjson.dumps(journal_document(entry)))
        out.write(b"]}\n")
    out.flush()


def print_journal(store: Store, wanted: Wanted, limit: int, *, detailed: bool) -> None:
    """A row for each operation; `detailed` also with its changes and requests."""
    screen = Screen()
    with store.read() as connection:
        number = sum(journal.count(connection, wanted.where).values())
        for entries in _batches(journal.last(connection, wanted.where, limit)):
            if detailed:
                for entry in entries:
                    _print_detailed(screen, entry)
            else:
                screen.rows([_row(entry) for entry in entries], indent=0)
    if number > limit:
        click.echo(f"the newest {limit:,} of {number:,}; --limit {number} shows all", err=True)
    if number == 0:
        click.echo(
            "no operation in the journal" + (" is like that" if wanted != Wanted() else " yet"),
            err=True,
        )


def _row(entry: JournaledOperation) -> list[Part]:
    return [
        when_part(entry),
        f"run {entry.run}",
        entry.target,
        action_part(entry.action),
        key_part(entry),
        status_part(entry),
        why_part(entry),
    ]


def _print_detailed(screen: Screen, entry: JournaledOperation) -> None:
    screen.rows([_row(entry)], indent=0)
    screen.rows([change_row(change) for change in entry.changes], indent=4)
    for line in request_lines(entry):
        screen.line((line, "cyan"), indent=4)


def _batches(entries: Iterator[JournaledOperation]) -> Iterator[Sequence[JournaledOperation]]:
    while batch := list(islice(entries, _ROWS)):
        yield batch
