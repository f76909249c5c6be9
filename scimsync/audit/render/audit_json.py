"""An audit report as a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scimsync.audit.report_values import (
    CONTROLS,
    AccessEnd,
    AccountHistory,
    AuditReport,
    LeaveStep,
    PersonHistory,
)


def json_report(report: AuditReport) -> dict[str, Any]:
    """Return the document of `audit --json`; times are UTC, durations are in seconds."""
    worst = report.worst
    return {
        "made_at": report.made_at,
        "made_by": asdict(report.made_by),
        "controls": list(CONTROLS),
        "key": report.key,
        "since": report.since,
        "until": report.until,
        "targets": list(report.targets),
        "sla_seconds": None if report.sla is None else report.sla.total_seconds(),
        "journal_since": report.journal_since,
        "outcomes": {str(name): number for name, number in report.outcomes.items()},
        "late": report.late,
        "worst": None
        if worst is None
        else {"key": worst[0], "target": worst[1], "seconds": worst[2].total_seconds()},
        "people": [_person(one) for one in report.people],
    }


def _person(person: PersonHistory) -> dict[str, Any]:
    return {
        "key": person.key,
        **({} if person.name is None else {"name": person.name}),
        "outcome": person.outcome,
        "removed_from_sources": dict(person.removed),
        "held_since": person.held_since,
        "targets": {one.target: _account(one) for one in person.targets},
    }


def _account(account: AccountHistory) -> dict[str, Any]:
    return {
        "status": account.status,
        "remote_id": account.remote_id,
        "may_have_access_since": account.may_have_access_since,
        "next_try_at": account.next_try_at,
        "last_error": account.last_error,
        "delete_after": account.delete_after,
        "keeps_leavers": account.keeps_leavers,
        "returned_at": None
        if account.returned is None
        else account.returned.restored.operation.done_at,
        "leave": None if account.leave is None else _leave(account.leave),
        "operations": [_step(step) for step in account.steps],
    }


def _leave(leave: AccessEnd) -> dict[str, Any]:
    return {
        "outcome": leave.outcome,
        "cause": leave.cause,
        "said_at": leave.said_at,
        "source_read_at": leave.read_at,
        "source_modified_at": leave.modified_at,
        "planned_at": leave.planned_at,
        "revoked_at": leave.revoked_at,
        "confirmed_by": leave.confirmed_by,
        "seconds": None if leave.duration is None else leave.duration.total_seconds(),
        "late": leave.is_late,
        "operations": [step.operation.id for step in leave.steps],
    }


def _step(step: LeaveStep) -> dict[str, Any]:
    operation = step.operation
    return {
        "id": operation.id,
        "run": operation.run,
        "command": None if step.run is None else step.run.command,
        "origin": None if step.origin is None else asdict(step.origin),
        "action": operation.action,
        "kind": operation.kind,
        "key": operation.key,
        "reason": operation.reason,
        "status": operation.status,
        "attempts": operation.attempts,
        "http_status": operation.http_status,
        "detail": operation.detail,
        "source_read_at": operation.source_read_at,
        "source_modified_at": operation.source_modified_at,
        "planned_at": operation.planned_at,
        "sent_at": operation.sent_at,
        "done_at": operation.done_at,
        "confirmed_by": operation.confirmed_by,
        "confirmed_at": operation.confirmed_at,
    }
