"""Prints a plan as text, Markdown or JSON, operation by operation, so that it may be of any
size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click
import orjson

from scimsync.cli.options import Common
from scimsync.cli.output import printable
from scimsync.cli.private import write_private
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.model.operations import (
    OPEN_STATUSES,
    Action,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.model.records import Problem
from scimsync.plan.render.json import PlanOfTarget, operation_document
from scimsync.run.prepare import Prepared
from scimsync.run.saved import header
from scimsync.state import journal


def write_plan(prepared: Prepared, form: str) -> None:
    """Writes the plan to stdout; problems and errors of text plans go to stderr."""
    if form == "json":
        for piece in _json(prepared):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
        return
    plans = [_of_target(prepared, name) for name in prepared.targets]
    if form == "markdown":
        from scimsync.plan.render.markdown import markdown_plan

        for line in markdown_plan(plans, prepared.guard, prepared.problems):
            sys.stdout.write(line + "\n")
        return
    _write_text(plans)
    for problem in prepared.problems:
        click.secho(problem_line(problem), fg="yellow", err=True)
    if prepared.guard is not None:
        click.secho("a guard would stop the push; nothing would be sent", fg="red", err=True)
        click.echo("\n".join(printable(line) for line in prepared.guard.splitlines()), err=True)
    for target in prepared.targets.values():
        if target.error is not None:
            click.secho(printable(target.error.message), fg="red", err=True)


def _write_text(plans: list[PlanOfTarget]) -> None:
    if any(plan.counts or plan.error for plan in plans):
        from scimsync.plan.render.text import text_plan

        text_plan(plans)
    else:  # the usual night
        for plan in plans:
            click.echo(f"Plan for {printable(plan.name)}: nothing")


def save_plan(prepared: Prepared, path: Path, options: Common, config: Config) -> None:
    """Writes the plan to a file that only its owner can read. Raises ConfigError where that cannot
    be done, or where the plan is not fit to be carried out."""
    troubled = [
        target.error.message for target in prepared.targets.values() if target.error is not None
    ]
    if prepared.guard is not None or troubled:
        raise ConfigError(f"{path}: the plan was not saved: {prepared.guard or troubled[0]}")
    head = header(
        prepared.books, tuple(prepared.targets), {"targets": options.targets, "keys": options.keys}
    )
    write_private(
        path,
        chain([b'{"saved": ', orjson.dumps(head), b',\n"plan": '], _json(prepared), [b"}\n"]),
        config,
    )
    click.echo(f"saved; scimsync push {path} carries out exactly this plan, or nothing", err=True)


def exit_code_of(prepared: Prepared, tell: bool) -> int:
    """The exit code of `plan`; with `tell` 6 where there is something to do."""
    if prepared.guard is not None:
        return 3
    for target in prepared.targets.values():
        if target.error is not None:
            return target.error.exit_code
    if prepared.problems:
        return 4
    return 6 if tell and any(counts_of(prepared, name) for name in prepared.targets) else 0


def counts_of(prepared: Prepared, name: str) -> dict[str, int]:
    """How many operations of each action are planned for a target."""
    planned = OperationFilter(run=prepared.books.run, target=name, statuses=OPEN_STATUSES)
    with prepared.books.journal.read() as connection:
        counted = journal.count(connection, planned)
    numbers = {action: number for (action, _), number in counted.items()}
    return {action.value: numbers[action] for action in Action if numbers.get(action)}


def operations_of(prepared: Prepared, name: str) -> Iterator[JournaledOperation]:
    """The planned operations of a target, in the order in which they would be sent."""
    planned = OperationFilter(
        run=prepared.books.run, target=name, statuses=(OperationStatus.PLANNED,)
    )
    with prepared.books.journal.read() as connection:
        yield from journal.find(connection, planned)


def problem_document(problem: Problem) -> dict[str, Any]:
    """A problem in `plan --json` and `push --json`."""
    return {
        "source": problem.source,
        "line": problem.line,
        "key": problem.key,
        "detail": problem.detail,
    }


def problem_line(problem: Problem) -> str:
    """A problem in one line."""
    line = f" line {problem.line}" if problem.line is not None else ""
    key = f" {problem.key}" if problem.key is not None else ""
    return printable(f"{problem.source}{line}{key}: {problem.detail}")


def _of_target(prepared: Prepared, name: str) -> PlanOfTarget:
    target = prepared.targets[name]
    return PlanOfTarget(
        name=name,
        url=target.setup.config.url,
        counts=counts_of(prepared, name),
        operations=lambda: operations_of(prepared, name),
        error=None if target.error is None else target.error.message,
    )


def _json(prepared: Prepared) -> Iterator[bytes]:
    yield b'{"targets": {'
    for number, (name, target) in enumerate(prepared.targets.items()):
        yield b", " if number else b""
        yield (
            orjson.dumps(name)
            + b': {"counts": '
            + orjson.dumps(counts_of(prepared, name))
            + b', "operations": ['
        )
        for place, entry in enumerate(operations_of(prepared, name)):
            yield b",\n" if place else b"\n"
            yield orjson.dumps(operation_document(entry))
        error = None if target.error is None else target.error.message
        yield b'], "error": ' + orjson.dumps(error) + b"}"
    problems = [problem_document(problem) for problem in prepared.problems]
    yield (
        b'},\n"guard": '
        + orjson.dumps(prepared.guard)
        + b',\n"problems": '
        + orjson.dumps(problems)
        + b"}"
    )
