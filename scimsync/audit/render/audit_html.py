"""An audit report as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from scimsync.audit.report_values import (
    CONTROLS,
    AccessOutcome,
    AccountHistory,
    AuditReport,
    PersonHistory,
)
from scimsync.audit.timeline import (
    NO_RUNS,
    NOT_RECORDED,
    TimelineEvent,
    events,
    headline,
    origin_text,
)
from scimsync.durations import format_duration
from scimsync.htmlpage import html_page

_TONES = {
    AccessOutcome.REVOKED: "good",
    AccessOutcome.OPEN: "bad",
    AccessOutcome.NOT_REMOVED: "warn",
}
WORDS = {
    AccessOutcome.REVOKED: "revoked",
    AccessOutcome.OPEN: "may still have access",
    AccessOutcome.NOT_REMOVED: "not removed",
}


@dataclass(frozen=True, slots=True)
class _Account:
    target: str
    text: str
    tone: str
    events: list[tuple[str, TimelineEvent]]
    runs: list[tuple[int, str, str]]


@dataclass(frozen=True, slots=True)
class _Person:
    key: str
    name: str | None
    outcome: str
    tone: str
    source: list[str]
    worst: str | None
    accounts: Iterator[_Account]


def html_report(report: AuditReport) -> Iterator[str]:
    """Return the page of a report in pieces. Times are UTC."""
    worst = report.worst
    return html_page(
        "scimsync.audit.render",
        "report.html",
        {
            "facts": _facts(report),
            "controls": ", ".join(CONTROLS),
            "figures": [
                (number, WORDS[one], _TONES[one]) for one, number in sorted(report.outcomes.items())
            ],
            "sla": None if report.sla is None else format_duration(report.sla),
            "late": report.late,
            "worst": None
            if worst is None
            else f"{format_duration(worst[2])} ({worst[0]} at {worst[1]})",
            "people": (_person(one) for one in report.people),
            "count": len(report.people),
            "is_period": report.key is None,
        },
    )


def _facts(report: AuditReport) -> list[str]:
    by = report.made_by
    facts = [
        f"made {utc(report.made_at)}",
        f"by {by.user} on {by.host}, scimsync {by.version}",
        f"SHA-256 of sync.toml {by.config_digest}",
        f"targets: {', '.join(report.targets)}",
        f"the journal {NO_RUNS}"
        if report.journal_since is None
        else f"the journal begins {utc(report.journal_since)}",
    ]
    if report.since is not None:
        facts.insert(0, f"{utc(report.since)} to {utc(report.until or report.made_at)}")
    return facts


def _person(person: PersonHistory) -> _Person:
    outcome = person.outcome
    worst = person.worst
    source = [
        f"source {name}: first read without the record {utc(at)}"
        for name, at in person.removed.items()
    ]
    if person.held_since is not None:
        source.append(f"deprovisioned by hand since {utc(person.held_since)}")
    return _Person(
        key=person.key,
        name=person.name,
        outcome=person.without_outcome if outcome is None else WORDS[outcome],
        tone="quiet" if outcome is None else _TONES[outcome],
        source=source,
        worst=None if worst is None else f"longest: {format_duration(worst[1])} at {worst[0]}",
        accounts=(_account(person, one) for one in person.targets),
    )


def _account(person: PersonHistory, account: AccountHistory) -> _Account:
    text, tone = headline(account)
    runs = {
        step.operation.run: (
            NOT_RECORDED if step.run is None else step.run.command,
            origin_text(step.origin),
        )
        for step in account.steps
    }
    return _Account(
        target=account.target,
        text=text,
        tone=tone,
        events=[(utc(one.at), one) for one in events(person.key, account)],
        runs=[(number, *texts) for number, texts in sorted(runs.items())],
    )


def utc(moment: datetime | None) -> str:
    """Return a time in UTC, `2026-11-24 08:00:03 UTC`."""
    return NOT_RECORDED if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
