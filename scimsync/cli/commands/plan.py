"""`scimsync plan`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import click
import orjson

from scimsync.cli.ui.options import CommonOptions, common_options
from scimsync.cli.ui.private_output import write_private
from scimsync.cli.ui.problems import problem_document, problem_line
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.session import opened_state, this_moment
from scimsync.config import load
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.model.operations import (
    OPEN_STATUSES,
    Action,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.plan.render.json import PlanOfTarget, operation_document
from scimsync.plan.render.markdown import markdown_plan
from scimsync.plan.render.text import text_plan
from scimsync.run.compile import compile_config
from scimsync.run.prepare import Options, Prepared
from scimsync.run.push import plan as make_plan
from scimsync.run.saved import header
from scimsync.state import journal


@click.command()
@common_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="How to print it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save it, for scimsync push FILE.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Do not contact targets; accounts that exist already are not looked for.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 6 where there is something to do.")
def command(
    options: CommonOptions, form: str, out: Path | None, offline: bool, exit_code: bool
) -> None:
    """Show what a push would do and why. Sends nothing, stores nothing.

    Targets are only asked for accounts that exist already. Exit codes: 0, 1 a source or target
    cannot be reached, 2 configuration, 3 a guard would stop the push, 4 some people cannot be
    planned, 6 with --exit-code.
    """
    form = "json" if options.as_json else form
    options = replace(options, as_json=form == "json")
    config = load(options.config)
    setup = compile_config(config, options.targets)
    keys = tuple(Key(key) for key in options.keys)
    with opened_state(config, create=False) as store:
        with progress(options) as report:
            planned = make_plan(
                setup, store, Options(keys=keys, offline=offline), this_moment(options), report
            )
            prepared = planned.__enter__()
        try:
            _print_plan(prepared, form)
            if out is not None:
                _save(prepared, out, options, config)
            code = _exit_code(prepared, tell=exit_code)
        finally:
            planned.__exit__(None, None, None)
    raise click.exceptions.Exit(code)


def _print_plan(prepared: Prepared, form: str) -> None:
    """Print the plan to stdout. Problems and errors of a text plan go to stderr."""
    if form == "json":
        sys.stdout.buffer.writelines(_document(prepared))
        sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
        return
    plans = [_plan_of(prepared, name) for name in prepared.targets]
    if form == "markdown":
        for line in markdown_plan(plans, prepared.guard, prepared.problems):
            sys.stdout.write(line + "\n")
        return
    text_plan(plans)
    for problem in prepared.problems:
        click.secho(problem_line(problem), fg="yellow", err=True)
    if prepared.guard is not None:
        click.secho("a guard would stop the push; nothing would be sent", fg="red", err=True)
        click.echo("\n".join(printable(line) for line in prepared.guard.splitlines()), err=True)
    for target in prepared.targets.values():
        if target.error is not None:
            click.secho(printable(target.error.message), fg="red", err=True)


def _save(prepared: Prepared, path: Path, options: CommonOptions, config: Config) -> None:
    """Write the plan to a private file.

    Raises ConfigError where that fails, and for a plan that a push would refuse.
    """
    errors = [
        target.error.message for target in prepared.targets.values() if target.error is not None
    ]
    if prepared.guard is not None or errors:
        raise ConfigError(f"{path}: the plan was not saved: {prepared.guard or errors[0]}")
    head = header(
        prepared.books, tuple(prepared.targets), {"targets": options.targets, "keys": options.keys}
    )
    start = [b'{"saved": ', orjson.dumps(head), b',\n"plan": ']
    write_private(path, chain(start, _document(prepared), [b"}\n"]), config)
    click.echo(f"saved; scimsync push {path} carries out exactly this plan, or nothing", err=True)


def _exit_code(prepared: Prepared, *, tell: bool) -> int:
    """Return the exit code; with `tell`, 6 where there is something to do."""
    if prepared.guard is not None:
        return 3
    for target in prepared.targets.values():
        if target.error is not None:
            return target.error.exit_code
    if prepared.problems:
        return 4
    return 6 if tell and any(_counts(prepared, name) for name in prepared.targets) else 0


def _document(prepared: Prepared) -> Iterator[bytes]:
    """Give `plan --json` in pieces, so that a plan of any size can be written."""
    yield b'{"targets": {'
    for number, name in enumerate(prepared.targets):
        target = _plan_of(prepared, name)
        yield b"%b%b: " % (b", " if number else b"", orjson.dumps(name))
        yield b'{"counts": %b, "operations": [' % orjson.dumps(target.counts)
        for place, entry in enumerate(target.operations()):
            yield b",\n" if place else b"\n"
            yield orjson.dumps(operation_document(entry))
        yield b'], "error": %b}' % orjson.dumps(target.error)
    yield b'},\n"guard": %b' % orjson.dumps(prepared.guard)
    problems = [problem_document(problem) for problem in prepared.problems]
    yield b',\n"problems": %b}' % orjson.dumps(problems)


# Reading the plan out of the journal


def _plan_of(prepared: Prepared, name: str) -> PlanOfTarget:
    target = prepared.targets[name]
    return PlanOfTarget(
        name=name,
        url=target.setup.config.url,
        counts=_counts(prepared, name),
        operations=lambda: _operations(prepared, name),
        error=None if target.error is None else target.error.message,
    )


def _counts(prepared: Prepared, name: str) -> dict[str, int]:
    """Return how many operations of each action are planned for a target."""
    planned = OperationFilter(run=prepared.books.run, target=name, statuses=OPEN_STATUSES)
    with prepared.books.journal.read() as connection:
        counted = journal.count(connection, planned)
    numbers = {action: number for (action, _), number in counted.items()}
    return {action.value: numbers[action] for action in Action if numbers.get(action)}


def _operations(prepared: Prepared, name: str) -> Iterator[JournaledOperation]:
    """Give the planned operations of a target, in the order in which they would be sent."""
    planned = OperationFilter(
        run=prepared.books.run, target=name, statuses=(OperationStatus.PLANNED,)
    )
    with prepared.books.journal.read() as connection:
        yield from journal.find(connection, planned)
