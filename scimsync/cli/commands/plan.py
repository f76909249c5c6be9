"""`scimsync plan`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import Any

import click
import orjson

from scimsync import __version__
from scimsync.builtin import load
from scimsync.cli.ui.combinations import not_with
from scimsync.cli.ui.common_options import CommonOptions, common_options
from scimsync.cli.ui.error_report import print_target_errors, print_violation
from scimsync.cli.ui.output_file import OutputFile, print_written
from scimsync.cli.ui.plan_output import FORMATS, Whole, print_plan
from scimsync.cli.ui.private_output import check_outputs, write_private
from scimsync.cli.ui.problems import problem_document
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.report_format import report_format
from scimsync.cli.ui.session import opened_state, this_moment
from scimsync.config.models import Config
from scimsync.errors import GuardStop, coded, combined_exit_code
from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.plan import Plan
from scimsync.plan.plan_digest import with_digest
from scimsync.plan.render.json import planned_documents
from scimsync.plan.saved import saved_header
from scimsync.plan.shown_plan import NameReader, shown_plan
from scimsync.run import Options
from scimsync.run import plan as make_plan
from scimsync.run.compile import compile_config
from scimsync.run.display_names import display_names
from scimsync.run.options import MOST_READ
from scimsync.run.settings_digests import settings_digests


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Output format. (default: text)",
)
@click.option(
    "--out",
    type=OutputFile("--json prints the plan to stdout"),
    metavar="FILE",
    help="Save the plan for scimsync push FILE.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Do not contact targets. Existing accounts are not found.",
)
@click.option(
    "--refresh",
    is_flag=True,
    help="Read all known accounts and groups first, and show the repair of what differs.",
)
@click.option("--exit-code", is_flag=True, help="Exit with code 6 if there is something to do.")
@not_with("--offline", "--refresh")
@common_options
def command(
    options: CommonOptions,
    form: str | None,
    out: Path | None,
    offline: bool,
    refresh: bool,
    exit_code: bool,
) -> None:
    """Show what a push would change, and why. Send and store nothing.

    Targets are only read, to find existing accounts. With --refresh, the plan is that of push
    --refresh: it also repairs values, accounts, and members that others changed at the targets.

    Exit codes: 0 done, 1 a source or a target cannot be reached, 2 invalid usage or configuration,
    3 a guard would abort the push, 4 some users cannot be planned, 6 there is something to do (with
    --exit-code).
    """
    form = report_format(options, form, None, FORMATS)
    options = replace(options, as_json=form == "json")
    config = load(options.config)
    check_outputs(config, out)
    setup = compile_config(config, options.targets, secrets=not offline)
    keys = tuple(Key(key) for key in options.keys)
    shows_requests = form == "json" or out is not None
    with opened_state(config, create=False) as store:
        with progress(options) as report:
            planned = make_plan(
                setup,
                store,
                Options(
                    keys=keys,
                    offline=offline,
                    refresh=refresh,
                    most_read=MOST_READ if shows_requests else 0,
                    command=options.repeated(f"push{' --refresh' if refresh else ''}"),
                ),
                this_moment(options),
                report,
            )
            prepared = planned.__enter__()
        try:
            names = display_names(config, store, prepared.records)
            command = f"scimsync plan{' --refresh' if refresh else ''}"
            whole = Whole(f"{command} --json", None if out is None else str(out))
            is_saved = False
            if out is not None:
                head = saved_header(
                    prepared.plan,
                    {"targets": options.targets, "keys": options.keys, "refresh": refresh},
                    settings_digests(setup.targets.values()),
                    options.clock(),
                )
                is_saved = save_plan(prepared.plan, names, head, out, config)
            _print_plan(prepared.plan, names, form, whole, options, config)
            if out is not None:
                print_saved(options, out, is_saved=is_saved)
            code = plan_exit_code(prepared.plan, tell=exit_code)
        finally:
            planned.__exit__(None, None, None)
    raise click.exceptions.Exit(code)


def _facts(config: Config, options: CommonOptions) -> dict[str, str]:
    """Return the subtitle of the page."""
    made = options.clock().astimezone(UTC)
    return {
        "of": config.path.name,
        "made": f"{made:%Y-%m-%d %H:%M} UTC",
        "by scimsync": __version__,
    } | ({"for keys": ", ".join(options.keys)} if options.keys else {})


def _print_plan(
    plan: Plan,
    names: NameReader | None,
    form: str,
    whole: Whole,
    options: CommonOptions,
    config: Config,
) -> None:
    """Print the plan to stdout, except a text plan if `--quiet` asks for errors only.

    Problems and errors of a text plan go to stderr.
    """
    if form == "json":
        sys.stdout.buffer.writelines(plan_document(plan, names))
        sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
        return
    facts = _facts(config, options)
    print_plan(shown_plan(plan, names), form, facts, whole, quiet=options.quiet)
    if form == "text":
        _print_errors(plan, "a push")


def print_text_plan(plan: Plan, names: NameReader | None, what: str, whole: str) -> None:
    """Print the plan of `what` to stdout, and its problems and errors to stderr.

    `whole` is the command that shows operations which are left out of a long plan.
    """
    print_plan(shown_plan(plan, names), "text", {}, Whole(whole))
    _print_errors(plan, what)


def _print_errors(plan: Plan, what: str) -> None:
    errors = {name: target.error for name, target in plan.targets.items()}
    for violation in plan.violations:
        whole = {*violation.stops} == errors.keys()
        aborted = f"{what} would be aborted"
        print_violation(violation, aborted, "nothing would be sent", whole=whole)
    print_target_errors(errors, "would be sent")


def save_plan(
    plan: Plan, names: NameReader | None, head: Mapping[str, Any], path: Path, config: Config
) -> bool:
    """Write the plan, with `head` beside it, to a private file, unless a push would refuse it.

    Return whether it was written. Raise ConfigError if that fails.
    """
    if plan.guard is not None or any(target.error for target in plan.targets.values()):
        return False
    start = [b'{"saved": ', orjson.dumps(head), b',\n"plan": ']
    content = with_digest(chain(start, plan_document(plan, names), [b",\n"]))
    write_private(path, content, config)
    return True


def print_saved(options: CommonOptions, path: Path, *, is_saved: bool) -> None:
    """Print to stderr whether the plan was saved. The plan shows why it was not."""
    if not is_saved:
        refused = coded(f"{path}: not saved, because a push would refuse this plan", "SYNC-0908")
        click.secho(printable(refused), fg="red", err=True)
    elif not path.is_file():  # a device such as /dev/null, or a pipe
        print_written(options, path)
    elif not options.quiet:
        command = f"scimsync push {shlex.quote(str(path))}"
        text = f"saved {path}; {command} applies exactly this plan, or nothing"
        click.echo(printable(text), err=True)


def plan_exit_code(plan: Plan, *, tell: bool = False) -> int:
    """Return the exit code; with `tell`, 6 where there is something to do."""
    whys = [target.why_not_sent for target in plan.targets.values()]
    codes = [why.exit_code for why in whys if why is not None]
    if plan.guard is not None:
        codes.append(GuardStop.exit_code)
    if plan.problems:
        codes.append(4)
    if codes:
        return combined_exit_code(codes)
    return 6 if tell and any(target.counts() for target in plan.targets.values()) else 0


def plan_document(plan: Plan, names: NameReader | None) -> Iterator[bytes]:
    """Yield `plan --json` in pieces, so that a plan of any size can be written."""
    yield b'{"targets": {'
    for number, (name, target) in enumerate(plan.targets.items()):
        yield b"%b%b: " % (b", " if number else b"", orjson.dumps(name))
        yield b'{"counts": %b, "operations": [' % orjson.dumps(target.counts())
        for place, operation in enumerate(planned_documents(target, names)):
            yield b",\n" if place else b"\n"
            yield orjson.dumps(operation)
        error = None if target.why_not_sent is None else target.why_not_sent.message
        yield b'], "error": %b' % orjson.dumps(error)
        if target.warnings:
            yield b', "warnings": %b' % orjson.dumps(target.warnings)
        yield b"}"
    yield b'},\n"guard": %b' % orjson.dumps(plan.guard)
    problems = [problem_document(problem) for problem in plan.problems]
    yield b',\n"problems": %b}' % orjson.dumps(problems)
