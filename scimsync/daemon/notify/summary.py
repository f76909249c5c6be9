"""The summary: runs, operations and status of each target, and alerts that fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify import wording
from scimsync.daemon.notify.alerting import Notification
from scimsync.formatting import plural
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Action, OperationFilter, OperationStatus
from scimsync.state import alerts, due, operation_journal, overview, run_rows
from scimsync.state.alerts import FiringAlert

AHEAD = timedelta(days=7)
"""Deletions that are due within this time are counted."""

_OUTCOMES: Mapping[str, str] = {
    "done": "done",
    "failed": "with failures",
    "stopped": "blocked by a guard",
    "interrupted": "interrupted",
    "error": "with an error",
    "running": "running",
}
"""Outcome of a run -> its wording, in this order."""

_DONE: Mapping[str, str] = {
    Action.CREATE: "created",
    Action.ADOPT: "adopted",
    Action.UPDATE: "updated",
    Action.MOVE: "moved to other keys",
    Action.REACTIVATE: "reactivated",
    Action.DEACTIVATE: "deactivated",
    Action.DELETE: "deleted",
    Action.ADD_MEMBERS: "groups with added members",
    Action.REMOVE_MEMBERS: "groups with removed members",
}


@dataclass(frozen=True, slots=True)
class TargetActivity:
    """The activity of one target.

    It counts applied operations by action, failed operations, accounts by status, accounts and
    groups that are failing now, and accounts to be deleted within `AHEAD`.
    """

    name: str
    applied: Mapping[str, int]
    failed: int
    accounts: Mapping[LinkStatus, int]
    failing: int
    deletions: int

    def line(self) -> str:
        """Return the activity as one line.

        For example: `wiki: 3 created, 1 failed. Now 120 active, 4 inactive; 2 failing; 1 to be
        deleted within 7 days.`
        """
        did = [
            f"{number:,} {_DONE[action]}"
            for action in Action
            if (number := self.applied.get(action))
        ]
        did += [f"{self.failed:,} failed"] if self.failed else []
        accounts = [
            f"{number:,} {status.value}"
            for status in _SHOWN
            if (number := self.accounts.get(status))
        ]
        status = [", ".join(accounts) or "no accounts"]
        status += [f"{self.failing:,} failing"] if self.failing else []
        status += [f"{self.deletions:,} to be deleted within 7 days"] if self.deletions else []
        return f"{self.name}: {', '.join(did) or 'no changes'}. Now {'; '.join(status)}."


_SHOWN = (LinkStatus.ACTIVE, LinkStatus.INACTIVE, LinkStatus.PENDING)


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened between `since` and `now`."""

    since: datetime
    now: datetime
    zone: tzinfo
    runs: Mapping[str, int]
    targets: Sequence[TargetActivity]
    firing: Sequence[FiringAlert]

    def notification(self) -> Notification:
        """Return the summary, without personal data."""
        targets = [one.line() for one in self.targets]
        alerts = [self._alert(one) for one in self.firing]
        text = wording.plain("\n".join([self._runs(), *targets, *alerts]))
        body = (
            f"{text}\nFrom {wording.moment(self.since, self.zone)} to"
            f" {wording.moment(self.now, self.zone)}."
        )
        subjects = tuple(one.name for one in self.targets)
        title = wording.title(self._title())
        return Notification(
            Event.SUMMARY, None, subjects, title, text, None, self.since, self.now, body
        )

    def _title(self) -> str:
        changes = sum(sum(one.applied.values()) for one in self.targets)
        failing = sum(one.failing for one in self.targets)
        parts = [plural(changes, "change") if changes else "no changes"]
        parts += [f"{failing:,} failing"] if failing else []
        parts += [plural(len(self.firing), "alert")] if self.firing else []
        if not failing and not self.firing:
            count = len(self.targets)
            parts.append("the target is OK" if count == 1 else f"all {count} targets are OK")
        return ", ".join(parts)

    def _runs(self) -> str:
        total = sum(self.runs.values())
        if not total:
            return "No runs."
        known = [
            f"{number:,} {word}"
            for outcome, word in _OUTCOMES.items()
            if (number := self.runs.get(outcome))
        ]
        return f"{plural(total, 'run')}: {', '.join(known)}."

    def _alert(self, alert: FiringAlert) -> str:
        problem = wording.PROBLEMS[Event(alert.event)]
        since = wording.moment(alert.since, self.zone)
        return f"Alert: {alert.subject}: {problem}, since {since}."


def read_activity(
    connection: Connection, config: Config, since: datetime, now: datetime
) -> Activity:
    """Read what happened from `since` to `now`."""
    return Activity(
        since,
        now,
        config.schedule.zone,
        run_rows.count_outcomes(connection, since, now),
        [_of_target(connection, name, since, now) for name in config.targets],
        alerts.firing_alerts(connection),
    )


def _of_target(connection: Connection, name: str, since: datetime, now: datetime) -> TargetActivity:
    counted = operation_journal.count(connection, OperationFilter(target=name, since=since))
    links = overview.count_by_status(connection, name)
    return TargetActivity(
        name,
        {
            action: number
            for (action, status), number in counted.items()
            if status is OperationStatus.APPLIED
        },
        sum(number for (_, status), number in counted.items() if status is OperationStatus.FAILED),
        {status: number for (kind, status), number in links.items() if kind is Kind.USER},
        overview.failing_links(connection, name, 0).count,
        due.count_deletions(connection, name, now + AHEAD),
    )
