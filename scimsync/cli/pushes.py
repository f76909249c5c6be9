"""Runs a push from the command line and says what it came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scimsync.cli.options import Common
from scimsync.cli.output import printable, write_json
from scimsync.cli.plans import problem_document, problem_line
from scimsync.cli.session import begin, clock, load_config, opened_state, this_moment
from scimsync.cli.talk import LOG, reporting
from scimsync.config.models import Config
from scimsync.errors import ScimsyncError, StateError
from scimsync.model.ids import Key
from scimsync.plan.diff import describe_counts
from scimsync.plan.guard import Allowance
from scimsync.run.compile import compile_config
from scimsync.run.prepare import Options
from scimsync.run.push import RunOutcome, push, target_document
from scimsync.run.saved import read_saved
from scimsync.state import troubles
from scimsync.transport.observer import ignore

if TYPE_CHECKING:
    from scimsync.daemon.afterwards import Afterwards

MOST_PROBLEMS_SHOWN = 20


def run_push(
    options: Common,
    allowance: Allowance,
    name: str,
    keys: Sequence[Key] | None = None,
    *,
    saved: Path | None = None,
    read: bool = True,
    wait: bool = False,
    metrics_file: Path | None = None,
) -> int:
    """Pushes; `keys` instead of those of the options, or the plan `saved` in a file. Without `read`
    sources are left alone; with `wait` another run at work is waited for. Prints the outcome and
    returns the exit code.

    Whom `[notify]` names is told afterwards what needs somebody, and figures go into
    `metrics_file`.
    """
    begin(options)
    config = load_config(options)
    plan = None if saved is None else read_saved(saved)
    if plan is not None:
        options = replace(options, targets=plan.targets, keys=plan.keys)
    chosen = tuple(keys) if keys is not None else tuple(Key(key) for key in options.keys)
    afterwards = _afterwards(config, options, metrics_file, whole=not chosen, reads=read)
    try:
        setup = compile_config(config, options.targets, read=read)
        with opened_state(config, create=True) as store, reporting(options) as report:
            outcome = push(
                setup,
                store,
                Options(
                    keys=chosen,
                    allowance=allowance,
                    saved=plan,
                    read=read,
                    insistent=bool(options.targets or chosen),
                ),
                this_moment(),
                report,
                command=name,
                clock=clock,
                wait=wait,
                observe=ignore if afterwards is None else afterwards.figures.request,
            )
            with store.read() as connection:
                in_trouble = troubles.is_open(connection)
    except Exception as error:
        if afterwards is not None and not isinstance(error, StateError):
            _follow(partial(afterwards.failed, error))
        raise
    if options.as_json:
        write_json(outcome_document(outcome))
    else:
        _say(outcome, quiet=options.verbosity < 0)
    if afterwards is None and in_trouble:  # what this push has mended is over
        afterwards = _new_afterwards(config, options, None, whole=not chosen, reads=read)
    if afterwards is not None:
        _follow(partial(afterwards.done, outcome))
    return outcome.exit_code


def _afterwards(
    config: Config, options: Common, metrics_file: Path | None, *, whole: bool, reads: bool
) -> Afterwards | None:
    """What is to follow, where anybody wants to know. Raises ConfigError for a metrics file that
    cannot be written."""
    if metrics_file is None and not config.notify.to:
        return None
    if metrics_file is not None:
        from scimsync.daemon.metrics import check_textfile

        check_textfile(metrics_file)
    return _new_afterwards(config, options, metrics_file, whole=whole, reads=reads)


def _new_afterwards(
    config: Config, options: Common, metrics_file: Path | None, *, whole: bool, reads: bool
) -> Afterwards:
    from scimsync.daemon.afterwards import Afterwards

    return Afterwards(config, options.targets, metrics_file, clock, whole=whole, reads=reads)


def _follow(what: Callable[[], None]) -> None:
    """What follows a push does not change what it came to."""
    try:
        what()
    except ScimsyncError as error:
        LOG.warning("%s", error)


def outcome_document(outcome: RunOutcome) -> dict[str, object]:
    """`push --json`."""
    return {
        "run": outcome.run,
        "outcome": outcome.outcome,
        "targets": {name: target_document(target) for name, target in outcome.targets.items()},
        "guard": outcome.guard,
        "problems": [problem_document(problem) for problem in outcome.problems],
    }


def _say(outcome: RunOutcome, *, quiet: bool) -> None:
    for problem in outcome.problems[:MOST_PROBLEMS_SHOWN]:
        click.secho(problem_line(problem), fg="yellow", err=True)
    if len(outcome.problems) > MOST_PROBLEMS_SHOWN:
        more = len(outcome.problems) - MOST_PROBLEMS_SHOWN
        click.secho(
            f"and {more} more; scimsync journal --run {outcome.run} --failed", fg="yellow", err=True
        )
    if outcome.guard is not None:
        click.secho("stopped by a guard; nothing was sent", fg="red", err=True)
        click.echo("\n".join(printable(line) for line in outcome.guard.splitlines()), err=True)
        return
    for name, target in outcome.targets.items():
        if target.error is not None:
            click.secho(printable(f"{target.error.message}"), fg="red", err=True)
            if target.error.hint:
                click.echo(f"  {target.error.hint}", err=True)
        for refused in target.refused:
            click.secho(printable(f"{name}: {refused}"), fg="yellow", err=True)
        if not quiet:
            failed = f", {target.failed} failed" if target.failed else ""
            requests = "1 request" if target.requests == 1 else f"{target.requests:,} requests"
            click.echo(
                f"{name}: {describe_counts(target.counts)}{failed} ({requests},"
                f" {target.seconds:.1f} s)"
            )
    if any(target.failed for target in outcome.targets.values()):
        click.echo(f"scimsync journal --run {outcome.run} --failed shows all that failed", err=True)
