"""`scimsync push`, and the push that `retry` and `deprovision` end with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from scimsync.builtin import load
from scimsync.cli.ui.access_report import access_document, print_access
from scimsync.cli.ui.allowances import ALLOWANCES, allowances
from scimsync.cli.ui.common_options import CommonOptions, common_options
from scimsync.cli.ui.confirmation import require_yes
from scimsync.cli.ui.error_report import (
    print_access_to_remove,
    print_target_errors,
    print_violation,
    print_waiting,
)
from scimsync.cli.ui.log_setup import LOG
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.output_file import metrics_file_option
from scimsync.cli.ui.problems import problem_document, problem_line
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.saved_plan import warn_without_digest
from scimsync.cli.ui.session import opened_state, this_moment
from scimsync.config.models import Config
from scimsync.errors import ConfigError, ScimsyncError, StateError
from scimsync.formatting import plural, printable
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.ids import Key
from scimsync.model.limits import Limit
from scimsync.plan.document_diff import describe_counts
from scimsync.plan.guard import Allowance
from scimsync.plan.saved import SavedPlan, read_saved, saved_header, shown_once
from scimsync.run import Options, RunOutcome
from scimsync.run.compile import compile_config
from scimsync.run.compiled import CompiledConfig
from scimsync.run.deprovisioned import access_after
from scimsync.run.given_file import given_in
from scimsync.run.outcome import TargetOutcome, target_document
from scimsync.run.push import push
from scimsync.state import alerts
from scimsync.transport.observer import ignore

if TYPE_CHECKING:
    from datetime import datetime

    from scimsync.daemon.after_push import AfterPush

PROBLEMS_SHOWN = 20


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@allowances(*ALLOWANCES)
@click.option(
    "--allow-emptied",
    "emptied",
    multiple=True,
    metavar="COLUMN",
    help=(
        "Accept that COLUMN lost filled cells. Can be repeated. A "
        "number or percentage applies to all."
    ),
)
@click.option(
    "--allow-new-url",
    is_flag=True,
    help="Keep the known accounts although the url of a target changed.",
)
@click.option(
    "--refresh",
    is_flag=True,
    help="Read all known accounts and groups first, and repair what differs.",
)
@click.option(
    "--ask",
    is_flag=True,
    help="Show the plan first, and apply exactly that one if you confirm it with y.",
)
@metrics_file_option
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for another run to finish, instead of exiting with code 5.",
)
@common_options
def command(
    options: CommonOptions,
    plan: Path | None,
    wait: bool,
    metrics_file: Path | None,
    allowed: dict[str, Limit],
    emptied: tuple[str, ...],
    allow_new_url: bool,
    refresh: bool,
    ask: bool,
) -> None:
    """Apply the plan to all targets: read the sources, plan, check the limits, send the requests.

    An option that allows more than a limit of [guard] applies to this run. Its N is a number, or a
    share such as 10%.

    With FILE, a plan saved by plan --out, apply exactly its operations, or none (exit code 3) if
    the plan is out of date.

    Exit codes: 0 done, 1 a source or a target cannot be reached, 2 invalid usage or configuration,
    3 aborted by a guard, 4 some operations failed, 5 another run is active.
    """
    if ask:
        _check_ask(options, plan)
    saved = None if plan is None else read_saved(plan)
    warn_without_digest(saved, quiet=options.quiet)
    if saved is not None:
        _check_whole(options, plan)
        options = replace(options, targets=saved.targets, keys=saved.keys)
    given = None if saved is None else given_in(saved)
    keys = () if given is not None else tuple(Key(key) for key in options.keys)
    for limit in filter(None, map(Limit.parse, emptied)):
        allowed["max_emptied"] = limit
    wanted = Options(
        keys=keys,
        allowance=Allowance(allowed, allow_new_url, frozenset(emptied)),
        saved=saved,
        given=given,
        read=given is None,
        insistent=bool(options.targets or keys or given),
        refresh=refresh or (saved is not None and saved.refresh),
        command=_command_line(options, plan, refresh=refresh, ask=ask),
    )
    if ask:
        wanted = replace(wanted, saved=_confirmed(options, wanted))
    raise click.exceptions.Exit(
        run_push(
            options,
            "push" if given is None else given.command,
            wanted,
            wait=wait,
            metrics_file=metrics_file,
        )
    )


def _command_line(options: CommonOptions, plan: Path | None, *, refresh: bool, ask: bool) -> str:
    """Return the command for hints, without the options that lift limits."""
    if plan is not None:
        return f"push {quote(str(plan))}"
    return options.repeated(f"push{' --ask' if ask else ''}{' --refresh' if refresh else ''}")


def _check_whole(options: CommonOptions, plan: Path | None) -> None:
    if options.targets or options.keys:
        raise ConfigError(
            f"push {plan}: a saved plan is applied as a whole; it cannot be combined with -t or -k",
            hint="plan a part: scimsync plan --out FILE -t TARGET -k KEY",
            code="SYNC-0511",
        )


def _check_ask(options: CommonOptions, plan: Path | None) -> None:
    """Raise ConfigError if `--ask` has no terminal, or no plan to show."""
    if plan is not None:
        raise ConfigError(
            f"push {plan} --ask: the plan in the file is already made",
            hint=f"run scimsync show {plan} to review it",
            code="SYNC-0514",
        )
    if options.as_json or not sys.stdin.isatty():
        what = "--json prints one document" if options.as_json else "stdin is not a terminal"
        raise ConfigError(
            f"push --ask: {what}, so it cannot ask",
            hint="run scimsync plan --out FILE and then push FILE to review without a terminal",
            code="SYNC-0514",
        )


def _confirmed(options: CommonOptions, wanted: Options) -> SavedPlan | None:
    """Show the plan, and return it once the user has confirmed it, None if it is empty.

    Raise Exit with the code of `plan` if it cannot be applied, and as `require_yes` does.
    """
    from scimsync.cli.commands.plan import plan_exit_code, print_text_plan
    from scimsync.run import plan as planned_run
    from scimsync.run.display_names import display_names
    from scimsync.run.settings_digests import settings_digests

    config = load(options.config)
    compiled = compile_config(config, options.targets)
    _check_columns(compiled, wanted.allowance.emptied)
    with opened_state(config, create=False) as store:
        with progress(options) as report:
            planned = planned_run(
                compiled, store, wanted, this_moment(options), report, options.time
            )
            made = planned.__enter__()
        try:
            names = display_names(config, store, made.records)
            option = " --refresh" if wanted.refresh else ""
            print_text_plan(made.plan, names, "the push", f"scimsync plan{option} --json")
            code = plan_exit_code(made.plan)
            if code not in (0, 4):
                raise click.exceptions.Exit(code)
            if not any(target.counts() for target in made.plan.targets.values()):
                return None
            header = saved_header(
                made.plan,
                {"targets": list(options.targets), "keys": list(options.keys)},
                settings_digests(compiled.targets.values()),
                options.clock(),
            )
            shown = shown_once("the plan shown", header, wanted.command)
        finally:
            planned.__exit__(None, None, None)
    require_yes("Apply this plan?")
    return shown


def run_push(
    options: CommonOptions,
    command_name: str,
    wanted: Options,
    *,
    wait: bool = False,
    metrics_file: Path | None = None,
    deprovisioned: Sequence[Key] = (),
    document: Callable[[dict[str, object]], dict[str, object]] = dict,
) -> int:
    """Push what is `wanted` to the targets of the options, and return the exit code.

    Prints the outcome. With `wait`, another run is waited for. Afterwards the receivers of
    `[notify]` get their messages, `[audit.events]` its tokens, and `metrics_file` its metrics.
    `deprovisioned` are users whose access is reported, target by target. `document` makes the JSON
    document from that of the push.
    """
    config = load(options.config)
    whole = not wanted.keys
    after = partial(_afterwards, config, options, metrics_file, whole=whole, reads=wanted.read)
    needed = metrics_file is not None or config.notify.to or config.audit.events is not None
    afterwards = after() if needed else None
    try:
        compiled = compile_config(config, options.targets, read=wanted.read)
        _check_columns(compiled, wanted.allowance.emptied)
        with opened_state(config, create=True) as store, progress(options) as report:
            outcome = push(
                compiled,
                store,
                wanted,
                this_moment(options),
                report,
                command=command_name,
                clock=options.clock,
                wait=wait,
                time=options.time,
                observe=ignore if afterwards is None else afterwards.observer,
            )
            with store.read() as connection:
                alert_is_firing = alerts.any_firing(connection)
            access = access_after(store, outcome, deprovisioned, list(config.targets))
    except Exception as error:
        if afterwards is not None and not isinstance(error, StateError):
            run_afterwards(partial(afterwards.failed, error))
        raise
    try:
        if options.as_json:
            users = {"users": access_document(access)} if access else {}
            write_json(document(_document(outcome) | users))
        else:
            _print_outcome(outcome, options.clock(), quiet=options.quiet)
            print_access(access, quiet=options.quiet)
    finally:  # also if stdout cannot be written
        if afterwards is None and alert_is_firing:  # this push may resolve it
            afterwards = after()
        if afterwards is not None:
            run_afterwards(partial(afterwards.done, outcome))
    return outcome.exit_code


def _check_columns(compiled: CompiledConfig, emptied: Iterable[str]) -> None:
    """Raise ConfigError for a column of `--allow-emptied` that no expression uses."""
    known = sorted({name for source in compiled.sources.values() for name in source.named})
    for name in emptied:
        if name not in known and Limit.parse(name) is None and not compiled.unusable:
            raise ConfigError(
                f'--allow-emptied: no expression uses a column "{name}"',
                details=[f"in use: {', '.join(known)}"],
                hint=did_you_mean(name, known),
                code="SYNC-0510",
            )


def _afterwards(
    config: Config, options: CommonOptions, metrics_file: Path | None, *, whole: bool, reads: bool
) -> AfterPush:
    """Return the work after a push. Raise ConfigError for a metrics file that cannot be written."""
    from scimsync.daemon.after_push import AfterPush

    if metrics_file is not None:
        from scimsync.daemon.metrics import check_textfile

        check_textfile(metrics_file)
    return AfterPush(config, options.targets, metrics_file, options.clock, whole=whole, reads=reads)


def run_afterwards(step: Callable[[], None]) -> None:
    """Run the steps that follow the work of a command. Their errors are only warnings."""
    try:
        step()
    except ScimsyncError as error:
        LOG.warning("%s", error)


def _document(outcome: RunOutcome) -> dict[str, object]:
    return {
        "run": outcome.run,
        "outcome": outcome.outcome,
        "targets": {name: target_document(target) for name, target in outcome.targets.items()},
        "guard": outcome.guard,
        "problems": [problem_document(problem) for problem in outcome.problems],
    }


def _done(target: TargetOutcome) -> str:
    """Return what was done at a target: `3 create, 1 failed`, or that it was not pushed."""
    failed = [f"{target.failed} failed"] if target.failed else []
    if target.error is None:
        return ", ".join([describe_counts(target.counts), *failed])
    done = [describe_counts(target.counts)] if target.counts else []
    return ", ".join([*done, *failed, "stopped early"]) if done or failed else "not pushed"


def _print_outcome(outcome: RunOutcome, now: datetime, *, quiet: bool) -> None:
    for problem in outcome.problems[:PROBLEMS_SHOWN]:
        click.secho(problem_line(problem), fg="yellow", err=True)
    if len(outcome.problems) > PROBLEMS_SHOWN:
        more = len(outcome.problems) - PROBLEMS_SHOWN
        click.secho(
            f"and {more} more: scimsync journal --run {outcome.run} --failed", fg="yellow", err=True
        )
    errors = {name: target.error for name, target in outcome.targets.items()}
    for violation in outcome.violations:
        whole = {*violation.stops} == errors.keys()
        print_violation(violation, "aborted", "nothing was sent", whole=whole)
    print_target_errors(errors, "was sent")
    for name, target in outcome.targets.items():
        if target.blocked:
            continue
        for refused in target.refused:
            click.secho(printable(f"{name}: {refused}"), fg="yellow", err=True)
        if not quiet:
            requests = plural(target.requests, "request")
            click.echo(f"{name}: {_done(target)} ({requests}, {target.seconds:.1f} s)")
    for name, target in outcome.targets.items():
        print_access_to_remove(name, target.access_to_remove)
        print_waiting(name, target.waiting, now)
    if any(target.failed for target in outcome.targets.values()):
        click.echo(f"For details: scimsync journal --run {outcome.run} --failed", err=True)
