"""What `scimsync init` says about the sync.toml that it wrote."""

from __future__ import annotations

import shlex
from typing import Any

from scimsync.cli.first import ROWS, First
from scimsync.cli.options import DEFAULT_CONFIG
from scimsync.cli.output import printable
from scimsync.cli.screen import Part, Screen
from scimsync.config.mapping import MappedKind
from scimsync.desired.syntax import column_expression
from scimsync.plan.diff import short_path


def first_document(first: First) -> dict[str, Any]:
    """`init --json`."""
    source = next(iter(first.config.sources.values()))
    target = next(iter(first.config.targets.values()))
    return {
        "config": str(first.path),
        "source": {
            "path": source.path,
            "key": source.key,
            "lists": dict(source.lists),
            "encoding": source.encoding,
        },
        "columns": list(first.sample.columns),
        "rows_looked_at": len(first.sample.rows),
        "scope": target.scope,
        "user": mapped(first),
        "unused": unused(first),
    }


def print_first(first: First) -> None:
    """What was guessed, and what to do next."""
    screen = Screen()
    source = next(iter(first.config.sources.values()))
    target = next(iter(first.config.targets.values()))
    number = len(first.sample.rows)
    seen = (
        f"the first {number} rows"
        if number == ROWS
        else "1 row"
        if number == 1
        else f"{number} rows"
    )
    screen.line(
        "wrote ",
        (printable(first.path), "bold"),
        f" from {printable(first.file)} ({seen} looked at)",
    )
    screen.blank()
    unsure = "# Not sure" in first.text
    table = [
        ("key", f"{source.key}{'  (not sure: empty or repeated in some rows)' if unsure else ''}")
    ]
    table.append(("who has an account", target.scope or "everybody; no column says who works here"))
    if source.encoding:
        table.append(("encoding", source.encoding))
    if source.lists:
        table.append(("lists", ", ".join(source.lists)))
    table += [(short_path(path), value) for path, value in mapped(first).items()]
    if names := unused(first):
        table.append(("not used", ", ".join(names)))
    rows: list[list[Part]] = [[(printable(name), "dim"), printable(value)] for name, value in table]
    screen.rows(rows)
    screen.blank()
    screen.line(("Next", "bold"))
    option = "" if first.path == DEFAULT_CONFIG else f" -c {shlex.quote(printable(first.path))}"
    steps: list[list[Part]] = [
        [
            f"edit {shlex.quote(printable(first.path))}",
            "read it through; set url to that of the app",
        ],
        [
            f"scimsync plan --offline{option}",
            "who would get which account; sends nothing, needs no token",
        ],
        ["export SCIM_TOKEN=…", "the app's token"],
        [f"scimsync check{option}", "does the app answer, does it take all these attributes"],
        [f"scimsync push{option}", "do it"],
    ]
    screen.rows([[f"{number}. {step}", what] for number, (step, what) in enumerate(steps, 1)])


def mapped(first: First) -> dict[str, str]:
    """SCIM path -> expression or constant, as written."""
    target = next(iter(first.config.targets.values()))
    return {
        path: entry.expr
        if entry.kind is MappedKind.EXPR and entry.expr is not None
        else str(entry.value).lower()
        for path, entry in target.user.items()
    }


def unused(first: First) -> list[str]:
    """Columns that nothing uses."""
    from scimsync.run.compile_mappings import compile_users

    used = set(compile_users(first.config, next(iter(first.config.targets))).columns)
    key = next(iter(first.config.sources.values())).key
    return [
        column_expression(column)
        for column in first.sample.columns
        if column not in used and column != key
    ]
