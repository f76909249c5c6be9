"""An audit report as CSV: a row for each leaver and target."""

from __future__ import annotations

from collections.abc import Iterator

from scimsync.audit.report_values import AccountHistory, AuditReport, LeaveStep, PersonHistory
from scimsync.cli.ui.csv_text import csv_lines

COLUMNS = (
    "key", "target", "outcome", "account", "cause", "said_at", "source_modified_at",
    "source_read_at", "planned_at", "sent_at", "answered_at", "http_status", "confirmed_by",
    "confirmed_at", "revoked_at", "seconds", "late", "attempts", "may_have_access_since",
    "last_error", "run", "command", "user", "host", "options", "version", "config_digest",
)  # fmt: skip


def csv_report(report: AuditReport) -> Iterator[str]:
    """Yield the lines. Times are UTC. The last column has the names of users, if they have some.

    The run and the times of a request are those of the operation that ended the access, or of the
    last one that was to do so.
    """
    has_names = any(person.name is not None for person in report.people)
    yield from csv_lines([(*COLUMNS, "name") if has_names else COLUMNS])
    for person in report.people:
        rows = [_row(person, account) for account in person.targets]
        yield from csv_lines([*row, person.name] if has_names else row for row in rows)


def _row(person: PersonHistory, account: AccountHistory) -> list[object]:
    leave = account.leave
    if leave is None:
        head = [person.key, account.target, None, account.status]
        rest = [account.may_have_access_since, account.last_error]
        return [*head, *[None] * 14, *rest, *[None] * 7]
    step = leave.ended or leave.steps[-1]
    operation = step.operation
    return [
        person.key,
        account.target,
        leave.outcome,
        account.status,
        leave.cause,
        leave.said_at,
        leave.modified_at,
        leave.read_at,
        leave.planned_at,
        operation.sent_at,
        operation.done_at,
        operation.http_status,
        operation.confirmed_by,
        operation.confirmed_at,
        leave.revoked_at,
        None if leave.duration is None else leave.duration.total_seconds(),
        None if leave.is_late is None else str(leave.is_late).lower(),
        len(leave.steps),
        account.may_have_access_since,
        account.last_error,
        operation.run,
        *_run(step),
    ]


def _run(step: LeaveStep) -> list[object]:
    command = None if step.run is None else step.run.command
    origin = step.origin
    if origin is None:
        return [command, *["not recorded"] * 5]
    return [
        command,
        origin.user,
        origin.host,
        " ".join(origin.options),
        origin.version,
        origin.config_digest,
    ]
