"""`scimsync reconcile`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scimsync.builtin import load
from scimsync.cli.commands.plan import print_text_plan
from scimsync.cli.commands.push import run_afterwards, run_push
from scimsync.cli.ui.allowances import allowances
from scimsync.cli.ui.combinations import only_with
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.confirmation import require_yes
from scimsync.cli.ui.drift_report import drift_document, print_drift
from scimsync.cli.ui.output import Output, write_json
from scimsync.cli.ui.output_file import metrics_file_option
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.session import opened_state, this_moment
from scimsync.config.models import Config
from scimsync.errors import StateError, combined_exit_code
from scimsync.formatting import printable
from scimsync.model.ids import Key, Kind
from scimsync.model.limits import Limit
from scimsync.model.repairs import Repair
from scimsync.plan.guard import Allowance
from scimsync.plan.shown_plan import NameReader
from scimsync.reconcile import (
    Findings,
    ReadSettings,
    learn_own_forms,
    reconcile,
    record_findings,
    repair_of,
)
from scimsync.run import Options
from scimsync.run import plan as make_plan
from scimsync.run.acceptance import recover_first
from scimsync.run.compile import compile_config
from scimsync.run.compiled import CompiledConfig
from scimsync.run.display_names import display_names
from scimsync.run.reading import fill_tables
from scimsync.snapshot.view import SnapshotView
from scimsync.state.store import Store
from scimsync.transport.observer import ignore

if TYPE_CHECKING:
    from scimsync.daemon.metrics import PushMetrics

_ALLOWANCES = ("--allow-removals", "--allow-updates", "--allow-adoptions")


@click.command()
@click.option("--fix", is_flag=True, help="Repair the drift: push exactly the differences.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask for confirmation on a terminal.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with code 6 if there is drift, and 1 if not everything was compared.",
)
@metrics_file_option
@allowances(*_ALLOWANCES)
@only_with("--fix", "--yes", *_ALLOWANCES)
@common_options_without("keys")
def command(
    options: CommonOptions,
    fix: bool,
    yes: bool,
    exit_code: bool,
    metrics_file: Path | None,
    allowed: dict[str, Limit],
) -> None:
    """Read the targets back, and show how they differ from what they last acknowledged.

    Finds values and members that others changed, accounts and groups that no longer exist, leavers
    who are active again, and accounts without a linked user. Without --fix, the command only reads
    the targets. It doesn't read the sources.

    With --fix, the command plans and pushes exactly the differences. As in any push, the limits in
    [guard] apply, and the journal records each operation. On a terminal, the command shows the plan
    first; confirm with y, or use --yes.

    Exit codes: 0 done, 1 a target or a part of it cannot be read, 2 invalid usage or configuration,
    6 there is drift (with --exit-code; or else 1 if a request with an unknown outcome or a push at
    work kept something from being compared). With --fix, also the exit codes of push.
    """
    config = load(options.config)
    metrics = None if metrics_file is None else _metrics(metrics_file)
    compiled = compile_config(config, options.targets, read=False)
    with opened_state(config, create=fix) as store:
        observe = ignore if metrics is None else metrics.record_request
        settings = ReadSettings(compiled, store, this_moment(options), observe, options.time)
        with progress(options) as report:
            if fix:
                recover_first(compiled, store, settings.now, options.clock, report)
            found = reconcile(settings, report)
            findings = found.__enter__()
        try:
            fill_tables(config, SnapshotView(store), config.table_values)
            names = display_names(config, store)
            document = drift_document(findings, names) if options.as_json else {}
            if not options.as_json:
                print_drift(Output(), findings, names, quiet=options.quiet)
            if store.is_scratch:
                text = "no state yet: nothing was pushed, so no account is linked to a user"
                click.secho(text, fg="yellow", err=True)
            else:
                _record(config, store, findings, options, settings.now.time, fix=fix)
            if metrics is not None and metrics_file is not None:
                _write_metrics(metrics_file, metrics, config, store, options)
            repairs = _repairs(findings, settings, options) if fix else {}
        finally:
            found.__exit__(None, None, None)
        wanted = Options(
            read=False,
            insistent=True,
            allowance=Allowance(allowed),
            repairs=repairs,
            command=options.repeated("reconcile --fix"),
        )
        goes_on = bool(repairs) and (yes or _confirmed(compiled, store, wanted, names, options))
    codes = [findings.exit_code]
    if goes_on:
        codes.append(_fix(config, options, wanted, document, repairs, metrics_file))
    elif options.as_json:
        write_json(document)
    code = combined_exit_code(codes)
    if exit_code and not code:
        code = 6 if findings.drifts else int(not findings.is_complete)
    raise click.exceptions.Exit(code)


def _metrics(file: Path) -> PushMetrics:
    """Return the metrics to collect. Raise ConfigError if their file cannot be written."""
    from scimsync.daemon.metrics import PushMetrics, check_textfile

    check_textfile(file)
    return PushMetrics()


def _write_metrics(
    file: Path, metrics: PushMetrics, config: Config, store: Store, options: CommonOptions
) -> None:
    from scimsync.daemon.metrics_file import write_metrics

    run_afterwards(lambda: write_metrics(file, metrics, config, store, options.clock()))


def _record(
    config: Config,
    store: Store,
    findings: Findings,
    options: CommonOptions,
    began: datetime,
    *,
    fix: bool,
) -> None:
    """Remember the findings since `began`, and alert receivers, if the state can be written.

    Drift that is about to be repaired fires no alert.
    """
    from scimsync.daemon.notify import deliver, drift_findings, update_alerts

    now = options.clock()
    try:
        done = record_findings(store, findings, began)
        wanted = [one for one in drift_findings(done) if not (fix and one.text)]
        update_alerts(store, config, wanted, now)
        if config.notify.to:
            deliver(store, config, now, clock=options.clock)
    except StateError as error:
        text = f"status will not show this result: {error.message}"
        click.secho(printable(text), fg="yellow", err=True)


def _repairs(
    findings: Findings, settings: ReadSettings, options: CommonOptions
) -> dict[str, Repair]:
    """Return the repairs by target, and print to stderr which differences are not repaired."""
    repairs: dict[str, Repair] = {}
    for name, found in findings.targets.items():
        if found.error is not None:
            continue
        with progress(options) as report:
            repair, remarks = repair_of(settings, found, report)
        for remark in remarks:
            click.secho(printable(f"{name}: {remark}"), fg="yellow", err=True)
        if repair:
            repairs[name] = repair
    return repairs


def _confirmed(
    compiled: CompiledConfig,
    store: Store,
    wanted: Options,
    names: NameReader | None,
    options: CommonOptions,
) -> bool:
    """Show the plan, ask, and return whether there is anything to do.

    Without a terminal, nothing is asked. Raise Exit as `require_yes` does.
    """
    if options.as_json or not sys.stdin.isatty():
        return True
    targets = {name: compiled.targets[name] for name in wanted.repairs or ()}
    chosen = replace(compiled, targets=targets)
    with progress(options) as report:
        planned = make_plan(chosen, store, wanted, this_moment(options), report, options.time)
        plan = planned.__enter__().plan
    try:
        print_text_plan(plan, names, "a push", "scimsync reconcile --json")
        something = any(target.counts() for target in plan.targets.values())
    finally:
        planned.__exit__(None, None, None)
    if something:
        require_yes("Apply this plan?")
    return something


def _fix(
    config: Config,
    options: CommonOptions,
    wanted: Options,
    document: dict[str, object],
    repairs: Mapping[str, Repair],
    metrics_file: Path | None,
) -> int:
    """Push the repairs, and learn what the targets write their own way. Return the exit code."""
    before = this_moment(options)
    only = replace(options, targets=tuple(repairs))
    code = run_push(
        only,
        "reconcile --fix",
        wanted,
        metrics_file=metrics_file,
        document=lambda pushed: {**document, "push": pushed},
    )
    keys: dict[str, dict[Kind, Sequence[Key]]] = {
        name: {Kind.USER: repair.users, Kind.GROUP: repair.groups}
        for name, repair in repairs.items()
    }
    compiled = compile_config(config, tuple(repairs), read=False)
    with opened_state(config, create=True) as store:
        settings = ReadSettings(compiled, store, before, time=options.time)
        for name, learned in learn_own_forms(settings, keys).items():
            click.secho(printable(f"{name}: {learned}"), fg="yellow", err=True)
    return code
