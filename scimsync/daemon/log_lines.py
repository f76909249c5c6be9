"""The log of the daemon: pushes with cause and result, alerts, and what comes next.

Lines contain no personal data, except with `personal`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from scimsync.config.notifications import Event
from scimsync.daemon.notify import AlertTransition, Finding
from scimsync.daemon.push_job import Cause, PushRequest, PushResult
from scimsync.daemon.reconcile_job import ReconcileResult
from scimsync.errors import Interrupted, LeaseHeld, ScimsyncError, coded
from scimsync.formatting import plural
from scimsync.logcontext import in_run
from scimsync.model.links import AccessToRemove
from scimsync.model.records import Problem
from scimsync.plan.document_diff import describe_counts
from scimsync.run import RunOutcome, TargetOutcome

_LOG = logging.getLogger("scimsync")

_MOST_LINES = 10

_CAUSES = {
    Cause.FILE: "source file changed",
    Cause.SCHEDULE: "scheduled",
    Cause.START: "missed or unfinished",
    Cause.DUE: "retry, deletion or new day",
}

_LOGGED_IN_FULL = (Event.GUARD, Event.SOURCE, Event.CONFIG, Event.ERROR)
"""Events that the log details each time that they are found."""


def log_push_started(request: PushRequest) -> None:
    """Log that a push starts."""
    _LOG.info("push %s: %s", ", ".join(request.targets), _CAUSES[request.cause])


def log_push_result(result: PushResult, findings: Sequence[Finding], *, personal: bool) -> None:
    """Log the result of a push; `findings` describe its error, or those of sources and secrets."""
    if result.outcome is not None:
        with in_run(result.outcome.run):
            _log_findings(findings, personal=personal)
            _log_outcome(result.outcome, personal=personal)
    elif isinstance(result.error, LeaseHeld):
        _LOG.info("%s; retrying soon", result.error.message)
    else:
        _log_findings(findings, personal=personal)


def log_alerts(changes: Sequence[AlertTransition]) -> None:
    """Log alerts that fire or are resolved."""
    for change in changes:
        subjects = ", ".join(change.subjects)
        if not change.fires:
            _LOG.info("alert resolved (%s): %s", change.event, subjects)
        elif change.event in _LOGGED_IN_FULL:
            _LOG.warning("alert firing (%s): %s", change.event, subjects)
        else:
            _LOG.warning("alert firing (%s): %s: %s", change.event, subjects, change.text)


def log_reconciled(result: ReconcileResult, *, personal: bool) -> None:
    """Log the result of a reconciliation, in one line."""
    name, done = result.target, result.done
    if isinstance(result.error, Interrupted):
        _LOG.info("reconcile %s: %s", name, result.error.message)
    elif isinstance(result.error, ScimsyncError):
        _log_error(f"reconcile {name}", result.error, personal=personal)
    if done is None:
        if result.error is None:
            _LOG.info("reconcile %s: never pushed, nothing to compare", name)
        return
    compared = plural(result.users, "account")
    if result.groups:
        compared += f" and {plural(result.groups, 'group')}"
    found = ", ".join(f"{number:,} {drift}" for drift, number in result.counts.items())
    _LOG.log(
        logging.INFO if done.complete and not done.findings else logging.WARNING,
        "reconcile %s: %s%s (%s compared, %s, %.1f s)",
        name,
        found or "no drift",
        "" if done.complete else "; not everything could be compared",
        compared,
        plural(result.requests, "request"),
        result.seconds,
        extra={
            "target": name,
            "findings": done.findings,
            "complete": done.complete,
            "counts": dict(result.counts),
            "requests": result.requests,
        },
    )


def log_next_reconcile(at: datetime | None) -> None:
    """Log when targets are reconciled next by schedule, if ever."""
    if at is not None:
        _LOG.info("next reconciliation %s", f"{at.astimezone():%Y-%m-%d %H:%M:%S}")


def log_next_runs(next_runs: Mapping[str, datetime | None]) -> None:
    """Log when each target is pushed next by schedule."""
    for name, at in next_runs.items():
        if at is None:
            _LOG.info("%s: no scheduled push", name)
        else:
            _LOG.info("%s: next push %s", name, f"{at.astimezone():%Y-%m-%d %H:%M:%S}")


def _log_findings(findings: Sequence[Finding], *, personal: bool) -> None:
    for finding in findings:
        if finding.text is not None:
            text = (finding.personal or finding.text) if personal else finding.text
            _LOG.error("%s: %s", finding.subject, text)


def _log_guard(outcome: RunOutcome, text: str | None) -> None:
    stops = dict.fromkeys(name for one in outcome.violations for name in one.stops)
    where = "" if stops.keys() == outcome.targets.keys() else f" to {', '.join(stops)}"
    _LOG.warning("aborted by a guard; nothing was sent%s\n%s", where, text)


def _log_bad_rows(problems: Sequence[Problem], *, personal: bool) -> None:
    for source in dict.fromkeys(problem.source for problem in problems):
        some = [problem for problem in problems if problem.source == source]
        (_log_problems if personal else _log_problem_count)(source, some)


def _log_outcome(outcome: RunOutcome, *, personal: bool) -> None:
    if outcome.guard is not None:
        _log_guard(outcome, outcome.guard if personal else outcome.guard_brief)
    for name, target in outcome.targets.items():
        if target.error is not None and not target.blocked:
            _log_error(name, target.error, personal=personal)
        if target.error is None or (target.operations and not target.blocked):
            _log_counts(name, target)
        _log_access(name, target.access_to_remove, personal=personal)
    if any(target.failed for target in outcome.targets.values()):
        _LOG.warning("for the failed operations: scimsync journal --run %d --failed", outcome.run)
    _log_bad_rows(outcome.problems, personal=personal)


def _log_access(name: str, leavers: AccessToRemove, *, personal: bool) -> None:
    if leavers.count:
        who = plural(leavers.count, "leaver")
        names = f": {leavers.named}" if personal else ""
        _LOG.error("%s: %s may still have access%s [SYNC-0372]", name, who, names)


def _log_counts(name: str, target: TargetOutcome) -> None:
    failed = f", {target.failed} failed" if target.failed else ""
    requests = plural(target.requests, "request")
    _LOG.log(
        logging.WARNING if failed else logging.INFO,
        "%s: %s%s (%s, %.1f s)",
        name,
        describe_counts(target.counts),
        failed,
        requests,
        target.seconds,
        extra={
            "target": name,
            "counts": dict(target.counts),
            "failed": target.failed,
            "requests": target.requests,
        },
    )


def _log_error(name: str, error: ScimsyncError, *, personal: bool) -> None:
    if isinstance(error, Interrupted):
        _LOG.info("%s: %s; %s", name, error.message, error.hint)
        return
    text = coded(error.message if personal else error.brief, error.code)
    _LOG.error("%s%s", text, f"\n{error.hint}" if error.hint else "")


def _log_problems(source: str, problems: Sequence[Problem]) -> None:
    for problem in problems:
        _LOG.warning(
            "%s line %s %s: %s", source, problem.line or "-", problem.key or "-", problem.detail
        )


def _log_problem_count(source: str, problems: Sequence[Problem]) -> None:
    lines = [str(problem.line) for problem in problems if problem.line is not None]
    where = ""
    if lines:
        more = ", …" if len(lines) > _MOST_LINES else ""
        where = f" (line {', '.join(lines[:_MOST_LINES])}{more})"
    what = plural(len(problems), "row or user has", "rows or users have")
    _LOG.warning("%s: %s problems%s; scimsync plan shows them [SYNC-0809]", source, what, where)
