"""Print an audit report as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from scimsync.audit.report_values import (
    CONTROLS,
    AccessOutcome,
    AccountHistory,
    AuditReport,
    PersonHistory,
)
from scimsync.audit.timeline import NO_RUNS, NOT_RECORDED, events, headline, origin_text
from scimsync.cli.ui.output import Output, Part
from scimsync.durations import format_duration, format_local
from scimsync.formatting import plural, printable
from scimsync.plan.render.words import named

_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "quiet": ""}
_OUTCOMES = {
    AccessOutcome.REVOKED: "access revoked",
    AccessOutcome.OPEN: "may still have access",
    AccessOutcome.NOT_REMOVED: "removal planned and not carried out",
}


def print_report(output: Output, report: AuditReport, *, utc: bool = False) -> None:
    """Print a report. Times are local, or UTC."""
    shown = _utc if utc else _local
    _print_head(output, report, shown)
    for person in report.people:
        output.blank()
        _print_person(output, person, shown)
    if not report.people:
        output.line("no user left in this period")


def _print_head(
    output: Output, report: AuditReport, shown: Callable[[datetime | None], str]
) -> None:
    output.line(("Access audit report", "bold"))
    by = report.made_by
    rows: list[list[Part]] = []
    if report.since is not None:
        until = report.until or report.made_at
        rows.append(["period", f"{shown(report.since)} to {shown(until)}"])
    rows += [
        ["made", printable(f"{shown(report.made_at)} by {by.user} on {by.host}")],
        ["with", f"scimsync {by.version}, sync.toml {by.config_digest}"],
        ["targets", ", ".join(report.targets)],
        [
            "journal",
            NO_RUNS if report.journal_since is None else f"begins {shown(report.journal_since)}",
        ],
        ["evidence", f"for {', '.join(CONTROLS)}"],
    ]
    if report.sla is not None:
        number = plural(len(report.late), "user")
        text = f"{format_duration(report.sla)} from the source to the end of access; {number} over"
        rows.append(["limit", (text, "red" if report.late else "")])
    if report.since is not None and report.people:
        rows.append(["leavers", _leavers(report)])
    worst = report.worst
    if worst is not None and len(report.people) > 1:
        rows.append(
            ["longest", printable(f"{format_duration(worst[2])}: {worst[0]} at {worst[1]}")]
        )
    output.rows(rows)


def _leavers(report: AuditReport) -> str:
    found = [f"{number:,} {_OUTCOMES[one]}" for one, number in sorted(report.outcomes.items())]
    return f"{len(report.people):,}: {', '.join(found) or 'nothing was to be removed'}"


def _print_person(
    output: Output, person: PersonHistory, shown: Callable[[datetime | None], str]
) -> None:
    outcome, worst = person.outcome, person.worst
    text = person.without_outcome if outcome is None else _OUTCOMES[outcome]
    if worst is not None and len(person.leaves) > 1:
        text += f"; longest: {format_duration(worst[1])} at {worst[0]}"
    style = "" if outcome is None else ("green" if outcome is AccessOutcome.REVOKED else "red")
    output.line((named(person.key, person.name), "bold"), ": ", (text, style))
    for name, at in person.removed.items():
        output.line(f"{name} was first read without the record {shown(at)}", indent=2)
    if person.held_since is not None:
        output.line(f"deprovisioned by hand since {shown(person.held_since)}", indent=2)
    for account in person.targets:
        _print_account(output, person, account, shown)
    _print_runs(output, person)


def _print_account(
    output: Output,
    person: PersonHistory,
    account: AccountHistory,
    shown: Callable[[datetime | None], str],
) -> None:
    text, tone = headline(account)
    output.blank()
    output.line((account.target, "bold"), ": ", (printable(text), _STYLES[tone]), indent=2)
    rows: list[list[Part]] = [
        [shown(event.at), (event.what, _STYLES[event.tone]), printable(event.text)]
        for event in events(person.key, account)
    ]
    output.rows(rows, indent=4)


def _print_runs(output: Output, person: PersonHistory) -> None:
    runs = {
        step.operation.run: (
            NOT_RECORDED if step.run is None else step.run.command,
            printable(origin_text(step.origin)),
        )
        for account in person.targets
        for step in account.steps
    }
    if not runs:
        return
    output.blank()
    output.line(("runs", "bold"), indent=2)
    output.rows([[f"run {number}", *texts] for number, texts in sorted(runs.items())], indent=4)


def _local(moment: datetime | None) -> str:
    return NOT_RECORDED if moment is None else format_local(moment)


def _utc(moment: datetime | None) -> str:
    return NOT_RECORDED if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
