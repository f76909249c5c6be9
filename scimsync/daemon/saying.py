"""What the daemon writes into its log: what it begins, what that came to, what comes next. People
are named only where asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime

from scimsync.config.notifications import Event
from scimsync.daemon.jobs import Cause, Job, Ran
from scimsync.daemon.notify import Change, Finding
from scimsync.errors import Interrupted, LeaseHeld, ScimsyncError
from scimsync.logcontext import in_run
from scimsync.model.records import Problem
from scimsync.plan.diff import describe_counts
from scimsync.run import RunOutcome

_LOG = logging.getLogger("scimsync")

_REASONS = {
    Cause.FILE: "a file has changed and is complete",
    Cause.SCHEDULE: "it is time",
    Cause.START: "it was missed, or not finished",
    Cause.DUE: "something is due, or a day begins",
}


_SAID = (Event.GUARD, Event.SOURCE, Event.CONFIG, Event.ERROR)
"""Troubles of which the log says more each time they are found."""


def say_job(job: Job) -> None:
    """A push begins."""
    _LOG.info("pushing to %s: %s", ", ".join(job.targets), _REASONS[job.cause])


def say_result(ran: Ran, findings: Sequence[Finding], *, personal: bool) -> None:
    """What a push came to. `findings` has the words for an error."""
    with in_run(ran.outcome.run) if ran.outcome is not None else nullcontext():
        if ran.outcome is not None:
            _say_outcome(ran.outcome, personal=personal)
        elif isinstance(ran.error, LeaseHeld):
            _LOG.info("%s; tried again soon", ran.error.message)
        else:
            for finding in findings:
                if finding.text is not None:
                    said = (finding.personal or finding.text) if personal else finding.text
                    _LOG.error("%s: %s", finding.subject, said)


def say_changes(changes: Sequence[Change]) -> None:
    """Troubles that began or are over."""
    for change in changes:
        subjects = ", ".join(change.subjects)
        if change.began:
            if change.event in _SAID:
                _LOG.warning("trouble (%s) began: %s", change.event, subjects)
            else:
                _LOG.warning("trouble (%s) began: %s: %s", change.event, subjects, change.text)
        else:
            _LOG.info("trouble (%s) is over: %s", change.event, subjects)


def say_next(next_runs: Mapping[str, datetime | None]) -> None:
    """When targets are pushed to by schedule."""
    for name, at in next_runs.items():
        when = "not by schedule" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
        _LOG.info("%s: next push %s", name, when)


def _say_outcome(outcome: RunOutcome, *, personal: bool) -> None:
    if outcome.guard is not None:
        _LOG.warning(
            "stopped by a guard; nothing was sent\n%s",
            outcome.guard if personal else outcome.guard_brief,
        )
    for name, target in outcome.targets.items():
        if target.error is not None:
            _say_error(name, target.error, personal=personal)
        if outcome.guard is None and (target.error is None or target.operations):
            failed = f", {target.failed} failed" if target.failed else ""
            counted = describe_counts(target.counts)
            requests = "1 request" if target.requests == 1 else f"{target.requests:,} requests"
            _LOG.log(
                logging.WARNING if failed else logging.INFO,
                *("%s: %s%s (%s, %.1f s)", name, counted, failed, requests, target.seconds),
                extra={
                    "target": name,
                    "counts": dict(target.counts),
                    "failed": target.failed,
                    "requests": target.requests,
                },
            )
    if any(target.failed for target in outcome.targets.values()):
        _LOG.warning("scimsync journal --run %d --failed shows what failed", outcome.run)
    _say_problems(outcome.problems, personal=personal)


def _say_error(name: str, error: ScimsyncError, *, personal: bool) -> None:
    if isinstance(error, Interrupted):
        _LOG.info("%s: %s; %s", name, error.message, error.hint)
        return
    _LOG.error(
        "%s%s", error.message if personal else error.brief, f"\n{error.hint}" if error.hint else ""
    )


def _say_problems(problems: Sequence[Problem], *, personal: bool) -> None:
    if personal:
        for problem in problems:
            _LOG.warning(
                "%s line %s %s: %s",
                problem.source,
                problem.line or "-",
                problem.key or "-",
                problem.detail,
            )
        return
    for source in dict.fromkeys(problem.source for problem in problems):
        some = [problem for problem in problems if problem.source == source]
        lines = [str(problem.line) for problem in some if problem.line is not None]
        where = (
            f" (line {', '.join(lines[:10])}{', …' if len(lines) > 10 else ''})" if lines else ""
        )
        what = "row or person needs" if len(some) == 1 else "rows or people need"
        _LOG.warning(
            "%s: %d %s somebody%s; scimsync plan shows which", source, len(some), what, where
        )
