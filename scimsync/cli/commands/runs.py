"""`scimsync runs`, and how a run looks in `status`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.integer_types import RowLimit
from scimsync.cli.ui.output import Output, Part, write_json
from scimsync.cli.ui.session import chosen_targets, opened_state
from scimsync.durations import format_duration, format_local
from scimsync.formatting import printable
from scimsync.model.operations import Run, RunOrigin
from scimsync.plan.document_diff import describe_counts
from scimsync.state import leases, run_rows

_STYLES = {
    "done": "green",
    "failed": "yellow",
    "stopped": "red",
    "error": "red",
    "died": "red",
    "not begun": "dim",
}


@click.command()
@click.option(
    "--limit",
    type=RowLimit(),
    default=20,
    show_default=True,
    metavar="N",
    help="Show at most N runs.",
)
@common_options_without("keys")
def command(options: CommonOptions, limit: int) -> None:
    """Show recent runs, the newest first.

    Each line shows start, duration, command, outcome, and what the run did at each target. A run
    that ended with an error before it had a plan is "not begun". With -v, also who started it, on
    which machine, and with which options, version and configuration.
    scimsync journal --run ID shows the operations of a run.
    """
    config = load(options.config)
    chosen_targets(config, options.targets)
    now = options.clock()
    with opened_state(config, create=False) as store, store.read() as connection:
        runs = run_rows.last(connection, limit)
        at_work = bool(leases.held(connection, now))
    if options.as_json:
        write_json({"runs": [run_document(run, options.targets, at_work=at_work) for run in runs]})
    else:
        _print_runs(runs, options.targets, now, at_work=at_work, detailed=options.verbose)


def run_document(run: Run, targets: Collection[str], *, at_work: bool) -> dict[str, Any]:
    """Return a run in JSON; of `targets` only, if there are any."""
    seconds = (
        None
        if run.finished_at is None
        else round((run.finished_at - run.started_at).total_seconds(), 3)
    )
    return {
        "id": run.id,
        "command": run.command,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": seconds,
        "outcome": _outcome(run, at_work=at_work),
        "detail": run.detail,
        "origin": None if run.origin is None else asdict(run.origin),
        "targets": _chosen(run, targets),
    }


def run_row(run: Run, targets: Collection[str], now: datetime, *, at_work: bool) -> list[Part]:
    """Return a row for a run. `at_work` is whether some process holds a lease now."""
    outcome = _outcome(run, at_work=at_work)
    ended = run.finished_at or (now if outcome == "running" else None)
    return [
        (f"run {run.id}", "bold"),
        format_local(run.started_at),
        "-" if ended is None else format_duration(ended - run.started_at),
        run.command,
        (outcome, _STYLES.get(outcome, "")),
        _summary(run, targets, outcome),
    ]


def _print_runs(
    runs: Sequence[Run],
    targets: Collection[str],
    now: datetime,
    *,
    at_work: bool,
    detailed: bool,
) -> None:
    output = Output()
    if not runs:
        output.line("no runs yet: scimsync push starts the first")
        return
    rows = [run_row(run, targets, now, at_work=at_work) for run in runs]
    if not detailed:
        output.rows(rows, indent=0)
        return
    for run, row in zip(runs, rows, strict=True):
        output.rows([row], indent=0)
        output.line((origin_text(run.origin), "dim"), indent=2)


def origin_text(origin: RunOrigin | None) -> str:
    """Return who started a run, where and how, on one line."""
    if origin is None:
        return "who started it was not recorded"
    return printable(origin)


def _outcome(run: Run, *, at_work: bool) -> str:
    """Return how a run ended: `done`, `failed` (some of it), `stopped` (by a guard), `error`.

    A run without an end is `running`, or `died` if no process works on it. A run that ended with an
    error before anything was planned is `not begun`.
    """
    if run.outcome == "error" and run.is_empty:
        return "not begun"
    return "died" if run.outcome == "running" and not at_work else run.outcome


def _summary(run: Run, targets: Collection[str], outcome: str) -> str:
    if outcome in ("error", "not begun", "stopped") and run.detail:
        return printable(run.detail.splitlines()[0])
    if outcome == "died":
        return "ended without an outcome; the next push continues from there"
    parts = []
    for name, target in _chosen(run, targets).items():
        done = describe_counts(target["counts"])
        failed = f", {target['failed']:,} failed" if target["failed"] else ""
        error = (target["error"] or "").removeprefix(f"{name}: ")
        if error and not target["counts"] and not failed:
            parts.append(f"{name}: {error}")
        else:
            parts.append(f"{name}: {done}{failed}{', then ' if error else ''}{error}")
    return printable("; ".join(parts))


def _chosen(run: Run, targets: Collection[str]) -> Mapping[str, Any]:
    return {name: target for name, target in run.counts.items() if not targets or name in targets}
