"""Render a plan as text: each change with its reason, and the values before and after."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scimsync.formatting import printable
from scimsync.jsontext import printable_json
from scimsync.model.changes import Change
from scimsync.model.operations import MEMBERSHIP_ACTIONS
from scimsync.plan.document_diff import describe_counts, short_path
from scimsync.plan.render.words import (
    MEMBERS_SHOWN,
    SIGNS,
    adoption_notes,
    named,
    subject,
)
from scimsync.plan.requests import shown
from scimsync.plan.shown_plan import ShownOperation, ShownPlan

SHOWN_AT_MOST = 1000
"""Further operations of a target are only counted; --json shows all."""


def text_plan(plan: ShownPlan, console: Console | None = None, whole: str = "--json") -> None:
    """Print a plan to `console`, by default to stdout; lines are only wrapped on a terminal.

    `whole` is the command that shows operations left out of a long plan.
    """
    out = console or text_console()
    for target in plan.targets:
        if not target.counts:
            continue
        out.print(
            Text.assemble((printable(target.name), "bold"), "  ", (printable(target.url), "dim"))
        )
        for number, entry in enumerate(target.operations()):
            if number == SHOWN_AT_MOST:
                more = sum(target.counts.values()) - number
                out.print(Text(f"  and {more:,} more; {printable(whole)} shows all", "dim"))
                break
            print_operation(out, entry)
        out.print()
    for target in plan.targets:
        name = (printable(target.name), "bold")
        if target.error is None:
            out.print(Text.assemble("Plan for ", name, f": {describe_counts(target.counts)}"))
        else:
            out.print(Text.assemble("No plan for ", name, f": {printable(target.error)}"))


def text_console() -> Console:
    """Return a console that prints to stdout, and wraps lines on a terminal only."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def print_operation(out: Console, entry: ShownOperation) -> None:
    """Print one operation: a line with the action and its reason, then a line for each change."""
    operation = entry.operation
    sign, style = SIGNS[operation.action]
    what = Text.assemble(
        "  ",
        (f"{sign} {operation.action:<14} ", style),
        (subject(operation, entry.name), "bold"),
        "  ",
    )
    reason = Text(printable(operation.reason))
    if out.is_terminal and what.cell_len + reason.cell_len > out.width:
        out.print(what)
        out.print(Padding(reason, (0, 0, 0, 8)))
    else:
        out.print(Text.assemble(what, reason))
    if operation.action in MEMBERSHIP_ACTIONS:
        _print_members(out, entry)
        return
    for note in adoption_notes(operation):
        out.print(Text(f"      {printable(note)}", "dim"))
    print_values(
        out,
        [(short_path(change.path), change_text(change)) for change in operation.changes],
    )


def print_values(out: Console, rows: Sequence[tuple[str, Text]]) -> None:
    """Print attributes and the change of each, below an operation."""
    rows = [(printable(path), value) for path, value in rows]
    if not rows:
        return
    if not out.is_terminal:
        width = max(len(path) for path, _ in rows)
        for path, value in rows:
            out.print(Text.assemble(f"      {path:<{width}} ", value))
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for path, value in rows:
        grid.add_row(Text(f"      {path}", "dim"), value)
    out.print(grid)


def change_text(change: Change) -> Text:
    """Return a value before and after, as JSON without secrets."""
    before, after = printable_json(shown(change.before)), printable_json(shown(change.after))
    if change.before is None:
        return Text(after)
    changed = ("removed", "dim") if change.after is None else (after, "green")
    return Text.assemble((before, "red"), " → ", changed)


def _print_members(out: Console, entry: ShownOperation) -> None:
    """Print the removed and the added members, the first of them by name."""
    for sign, style, added in (("-", "red", False), ("+", "green", True)):
        members = entry.members(added=added)
        if members:
            left = len(members) - MEMBERS_SHOWN
            out.print(
                Text.assemble(
                    "      ",
                    (f"{sign} ", style),
                    ", ".join(named(*member) for member in members[:MEMBERS_SHOWN]),
                    (f" and {left:,} more" if left > 0 else "", "dim"),
                )
            )
