"""`scimsync revert`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote

import click

from scimsync.builtin import load
from scimsync.cli.commands.plan import (
    plan_document,
    plan_exit_code,
    print_saved,
    print_text_plan,
    save_plan,
)
from scimsync.cli.commands.push import run_push
from scimsync.cli.ui.allowances import allowances
from scimsync.cli.ui.combinations import not_with
from scimsync.cli.ui.common_options import CommonOptions, common_options
from scimsync.cli.ui.confirmation import require_yes
from scimsync.cli.ui.integer_types import RunNumber
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.output_file import OutputFile
from scimsync.cli.ui.private_output import check_outputs
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.session import chosen_targets, opened_state, this_moment
from scimsync.config.models import Config
from scimsync.errors import ConfigError, coded
from scimsync.formatting import plural, printable
from scimsync.model.ids import Key, Kind
from scimsync.model.limits import Limit
from scimsync.plan.given_operations import GivenPlan
from scimsync.plan.guard import Allowance
from scimsync.plan.saved import carrying_header, saved_header
from scimsync.plan.shown_plan import NameReader
from scimsync.run import Options
from scimsync.run.compile import compile_config
from scimsync.run.display_names import display_names
from scimsync.run.given_file import given_document
from scimsync.run.options import MOST_READ
from scimsync.run.revert_plan import PlannedRevert, check_keys_of_run, plan_revert, targets_of
from scimsync.run.settings_digests import settings_digests
from scimsync.run.unpin import lift_pins

_ALLOWANCES = ("--allow-removals", "--allow-updates")
_NAMED = 5
"""The number of users that a warning names."""


@click.command()
@click.argument("run", type=RunNumber())
@click.option(
    "--out",
    type=OutputFile("without --out, the plan is shown on a terminal"),
    metavar="FILE",
    help="Send nothing; save the plan for scimsync push FILE.",
)
@allowances(*_ALLOWANCES)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation on a terminal.")
@click.option(
    "--lift",
    is_flag=True,
    help="Send nothing; end the pins of this revert, so that the sources apply again.",
)
@not_with("--lift", "--out", "--yes", *_ALLOWANCES)
@not_with("--out", "--yes")
@common_options
def command(
    options: CommonOptions,
    run: int,
    out: Path | None,
    allowed: dict[str, Limit],
    yes: bool,
    lift: bool,
) -> None:
    """Undo the changes of a run, as far as possible.

    RUN is a number from scimsync runs. The revert restores previous values and members, reactivates
    accounts that the run deactivated, deactivates accounts that it created, and deletes groups that
    it created. Anything that the run deleted stays deleted. The revert leaves anything that has
    changed since as it is, and names the user or group.

    Later pushes leave reverted users and groups as they are until their records or sync.toml ask
    for something else, or until you run revert RUN --lift.

    On a terminal, the command shows the plan first; confirm with y, or use --yes. The exit codes
    are those of push; 4 if something could not be reverted.
    """
    config = load(options.config)
    check_outputs(config, out)
    names = chosen_targets(config, options.targets)
    keys = tuple(map(Key, options.keys))
    with opened_state(config, create=False) as store:
        check_keys_of_run(store, run, keys)
        names = names if lift else targets_of(store, run, names)
    if lift:
        _lift(config, options, names, run)
        return
    given = None
    again = options.repeated(f"revert {run}")
    wanted = Options(
        keys=keys,
        allowance=Allowance(allowed),
        insistent=True,
        most_read=0 if out is None else MOST_READ,
        command=again if out is None else f"{again} --out {quote(str(out))}",
    )
    if names:
        options = replace(options, targets=tuple(names))
        given = _planned(config, options, run, out, wanted, ask=not yes)
    if given is None:
        _print_nothing(options, run)
        return
    wanted = replace(wanted, given=given, read=False, keys=())
    code = run_push(replace(options, keys=()), given.command, wanted)
    pins = any(target.pins for target in given.targets.values())
    if code in (0, 4) and pins and not (options.as_json or options.quiet):
        click.echo(
            "pushes keep this until the sources or sync.toml ask for something else; to end"
            f" that: scimsync revert {run} --lift",
            err=True,
        )
    raise click.exceptions.Exit(code)


def _planned(
    config: Config,
    options: CommonOptions,
    run: int,
    out: Path | None,
    wanted: Options,
    *,
    ask: bool,
) -> GivenPlan | None:
    """Return the operations to send, None if there are none. Exit if none are to be sent."""
    setup = compile_config(config, options.targets, read=False)
    whole = f"scimsync {wanted.command} --out FILE"
    with opened_state(config, create=False) as store:
        with progress(options) as report:
            planned = plan_revert(setup, store, run, wanted, this_moment(options), report)
            made = planned.__enter__()
        try:
            names = display_names(config, store)
            _warn(made, run, quiet=options.quiet)
            if out is not None:
                head = saved_header(
                    made.plan,
                    {"targets": options.targets, "keys": options.keys},
                    settings_digests(setup.targets.values()),
                    options.clock(),
                )
                given = given_document(made.given)
                head = carrying_header(head, given, made.given.command)
                is_saved = save_plan(made.plan, names, head, out, config)
                _print(made, names, options, f"scimsync show {out}")
                print_saved(options, out, is_saved=is_saved)
                raise click.exceptions.Exit(plan_exit_code(made.plan))
            if not any(target.operations for target in made.given.targets.values()):
                code = plan_exit_code(made.plan)
                if code:
                    _print(made, names, options, whole)
                    raise click.exceptions.Exit(code)
                return None
            if ask and sys.stdin.isatty() and not options.as_json:
                _print(made, names, options, whole)
                code = plan_exit_code(made.plan)
                if code not in (0, 4):
                    raise click.exceptions.Exit(code)
                require_yes(f"Revert run {run} now?")
            return made.given
        finally:
            planned.__exit__(None, None, None)


def _print(
    made: PlannedRevert, names: NameReader | None, options: CommonOptions, whole: str
) -> None:
    if options.as_json:
        sys.stdout.buffer.writelines(plan_document(made.plan, names))
        sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
    else:
        print_text_plan(made.plan, names, "the revert", whole)


def _warn(made: PlannedRevert, run: int, *, quiet: bool) -> None:
    """Name the users who are active again, and stay so, though the sources do not ask for them."""
    for target, keys in made.unasked.items():
        first = ", ".join(keys[:_NAMED])
        more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
        who = plural(len(keys), "user is", "users are")
        text = (
            f"{target}: {who} reactivated although the sources do not ask "
            f"for them: {first}{more}; they stay"
            f" active until scimsync revert {run} --lift -k KEY, and a push"
        )
        if not quiet:
            click.secho(printable(coded(text, "SYNC-0396")), fg="yellow", err=True)


def _print_nothing(options: CommonOptions, run: int) -> None:
    if options.as_json:
        write_json({"run": None, "outcome": "done", "targets": {}, "guard": None, "problems": []})
    elif not options.quiet:
        click.echo(f"nothing in run {run} is left to revert")


def _lift(config: Config, options: CommonOptions, names: list[str], run: int) -> None:
    """End the pins of the revert of a run, and print how many there were."""
    with opened_state(config, create=True) as store:
        keys = [Key(key) for key in options.keys]
        lifted = lift_pins(config, store, run, names, keys, options.clock)
    if not any(lifted.values()):
        raise ConfigError(
            f"the revert of run {run} has no pins here",
            hint="scimsync status shows what is pinned",
            code="SYNC-0395",
        )
    if options.as_json:
        write_json({name: [[kind, key] for kind, key in some] for name, some in lifted.items()})
        return
    for name, some in lifted.items():
        users = sum(kind is Kind.USER for kind, _ in some)
        counted = [(users, "user"), (len(some) - users, "group")]
        what = " and ".join(plural(number, noun) for number, noun in counted if number)
        if what and not options.quiet:
            text = f"{name}: {what} no longer pinned; the next push applies the sources"
            click.echo(printable(text))
