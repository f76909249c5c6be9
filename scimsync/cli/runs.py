"""How past runs look."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from scimsync.cli.moments import length, local
from scimsync.cli.output import printable
from scimsync.cli.screen import Part, Screen
from scimsync.model.operations import Run
from scimsync.plan.diff import describe_counts

STYLES = {"done": "green", "failed": "yellow", "stopped": "red", "error": "red", "died": "red"}


def outcome_of(run: Run, *, at_work: bool) -> str:
    """How a run ended: `done`, `failed` (some of it), `stopped` (by a guard), `error`, `running`;
    `died` where it has no end and nobody is at work."""
    return "died" if run.outcome == "running" and not at_work else run.outcome


def run_document(run: Run, targets: Collection[str], *, at_work: bool) -> dict[str, Any]:
    """A run in JSON; of `targets` only, if there are any."""
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
        "outcome": outcome_of(run, at_work=at_work),
        "detail": run.detail,
        "targets": _chosen(run, targets),
    }


def print_runs(
    runs: Sequence[Run], targets: Collection[str], now: datetime, *, at_work: bool
) -> None:
    """Runs one below the other."""
    screen = Screen()
    if not runs:
        screen.line("no run yet; scimsync push is the first")
        return
    screen.rows([run_row(run, targets, now, at_work=at_work) for run in runs], indent=0)


def run_row(run: Run, targets: Collection[str], now: datetime, *, at_work: bool) -> list[Part]:
    """One run in a row of `Screen.rows`."""
    outcome = outcome_of(run, at_work=at_work)
    if run.finished_at is not None:
        took = length((run.finished_at - run.started_at).total_seconds())
    else:
        took = length((now - run.started_at).total_seconds()) if outcome == "running" else "-"
    return [
        (f"run {run.id}", "bold"),
        local(run.started_at),
        took,
        run.command,
        (outcome, STYLES.get(outcome, "")),
        _summary(run, targets, outcome),
    ]


def _summary(run: Run, targets: Collection[str], outcome: str) -> str:
    if outcome in ("error", "stopped") and run.detail:
        return printable(run.detail.splitlines()[0])
    if outcome == "died":
        return "it ended without a word; the next push finishes what it began"
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
