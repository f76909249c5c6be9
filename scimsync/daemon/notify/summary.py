"""What has happened since the last summary: runs, what was done at each target and how it stands,
which troubles are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify import words
from scimsync.daemon.notify.model import Message
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Action, OperationFilter, OperationStatus
from scimsync.state import journal, overview, troubles
from scimsync.state.troubles import OpenTrouble

AHEAD = timedelta(days=7)
"""Deletions that are due within this time are told."""

_OUTCOMES: Mapping[str, str] = {
    "done": "done",
    "failed": "with failures",
    "stopped": "stopped by a guard",
    "interrupted": "interrupted",
    "error": "ended by an error",
    "running": "not ended yet",
}
"""Outcome of a run -> how a summary calls it, in this order."""

_DONE: Mapping[str, str] = {
    Action.CREATE: "created",
    Action.ADOPT: "adopted",
    Action.UPDATE: "updated",
    Action.REACTIVATE: "reactivated",
    Action.DEACTIVATE: "deactivated",
    Action.DELETE: "deleted",
    Action.ADD_MEMBERS: "groups got members",
    Action.REMOVE_MEMBERS: "groups lost members",
}


@dataclass(frozen=True, slots=True)
class AtTarget:
    """What happened at one target, and how it stands: applied operations by action, those that
    failed, accounts by status, links that fail now, accounts that are deleted within `AHEAD`."""

    name: str
    applied: Mapping[str, int]
    failed: int
    accounts: Mapping[LinkStatus, int]
    failing: int
    deletions: int

    def line(self) -> str:
        """`wiki: 3 created, 1 failed. Now 120 active, 4 inactive; 2 fail; 1 is deleted within 7
        days.`"""
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
        stands = [
            ", ".join(accounts) or "no accounts",
            *([words.counted(self.failing, "fails", "fail")] if self.failing else []),
            *(
                [f"{words.counted(self.deletions, 'is', 'are')} to be deleted within 7 days"]
                if self.deletions
                else []
            ),
        ]
        return f"{self.name}: {', '.join(did) or 'nothing changed'}. Now {'; '.join(stands)}."


_SHOWN = (LinkStatus.ACTIVE, LinkStatus.INACTIVE, LinkStatus.PENDING)


@dataclass(frozen=True, slots=True)
class Happenings:
    """What a summary says."""

    since: datetime
    now: datetime
    zone: tzinfo
    runs: Mapping[str, int]
    targets: Sequence[AtTarget]
    open: Sequence[OpenTrouble]

    def message(self) -> Message:
        """As it is told. Nobody is named."""
        text = words.plain(
            "\n".join(
                [self._runs(), *(one.line() for one in self.targets), *map(self._open, self.open)]
            )
        )
        body = (
            f"{text}\nFrom {words.moment(self.since, self.zone)} to"
            f" {words.moment(self.now, self.zone)}."
        )
        subjects = tuple(one.name for one in self.targets)
        title = words.summary_title(self._title())
        return Message(Event.SUMMARY, None, subjects, title, text, None, self.since, self.now, body)

    def _title(self) -> str:
        changes = sum(sum(one.applied.values()) for one in self.targets)
        failing = sum(one.failing for one in self.targets)
        said = [words.counted(changes, "change")] if changes else ["nothing happened"]
        said += [words.counted(failing, "fails", "fail")] if failing else []
        said += (
            [words.counted(len(self.open), "trouble is open", "troubles are open")]
            if self.open
            else []
        )
        if not failing and not self.open:
            count = len(self.targets)
            said.append("the target is fine" if count == 1 else f"all {count} targets are fine")
        return ", ".join(said)

    def _runs(self) -> str:
        total = sum(self.runs.values())
        if not total:
            return "No run."
        known = [
            f"{number:,} {word}"
            for outcome, word in _OUTCOMES.items()
            if (number := self.runs.get(outcome))
        ]
        return f"{words.counted(total, 'run')}: {', '.join(known)}."

    def _open(self, trouble: OpenTrouble) -> str:
        title = words.began_title(Event(trouble.event), [trouble.subject]).removeprefix(
            "scimsync: "
        )
        return f"Open: {title}, since {words.moment(trouble.since, self.zone)}."


def happenings(
    connection: Connection, config: Config, since: datetime, now: datetime
) -> Happenings:
    """What the state knows of the time from `since` to `now`."""
    return Happenings(
        since,
        now,
        config.schedule.zone,
        troubles.count_runs(connection, since, now),
        [_at(connection, name, since, now) for name in config.targets],
        troubles.open_troubles(connection),
    )


def _at(connection: Connection, name: str, since: datetime, now: datetime) -> AtTarget:
    counted = journal.count(connection, OperationFilter(target=name, since=since))
    links = overview.count_links(connection, name)
    return AtTarget(
        name,
        {
            action: number
            for (action, status), number in counted.items()
            if status is OperationStatus.APPLIED
        },
        sum(number for (_, status), number in counted.items() if status is OperationStatus.FAILED),
        {status: number for (kind, status), number in links.items() if kind is Kind.USER},
        overview.troubles(connection, name, 0).count,
        troubles.count_deletions_due(connection, name, now + AHEAD),
    )
