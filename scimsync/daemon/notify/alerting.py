"""Findings, the alerts that they fire or resolve, and the notifications about that. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any, Self, TypeVar

import orjson

from scimsync.config.notifications import Event
from scimsync.daemon.notify import wording
from scimsync.state.alerts import FiringAlert

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run, a check of files, or a reload found about one subject.

    A subject is a target, a source, `sync.toml`, `push` or `daemon`. `text` describes the problem
    in a few lines without personal data; None means that there is no problem. `personal` is the
    same with keys and values, for receivers that ask for it, or None. `todo` is one line that says
    what to do.
    """

    event: Event
    subject: str
    text: str | None = None
    personal: str | None = None
    todo: str | None = None


@dataclass(frozen=True, slots=True)
class AlertTransition:
    """An alert that fires or is resolved, for all subjects with the same text.

    `since` is when it fired.
    """

    event: Event
    subjects: tuple[str, ...]
    fires: bool
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Notification:
    """What a receiver gets: an alert that began (fires) or ended, or a summary (`began` is None).

    `body` is `text` with times and `todo`, for readers.
    """

    event: Event
    began: bool | None
    subjects: tuple[str, ...]
    title: str
    text: str
    todo: str | None
    since: datetime
    at: datetime
    body: str

    @property
    def type(self) -> str:
        """The type of the event in webhooks, such as `scimsync.guard.began`."""
        if self.began is None:
            return f"scimsync.{self.event}"
        return f"scimsync.{self.event}.{'began' if self.began else 'ended'}"

    def to_json(self) -> str:
        """Return it as JSON, for the outbox."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the value from which `to_json` made `text`."""
        values: dict[str, Any] = orjson.loads(text)
        times = {name: datetime.fromisoformat(values[name]) for name in ("since", "at")}
        parsed = {"event": Event(values["event"]), "subjects": tuple(values["subjects"])}
        return cls(**{**values, **times, **parsed})


FiringAlerts = Mapping[tuple[str, str], FiringAlert]
"""(event, subject) -> alert."""


@dataclass(frozen=True, slots=True)
class AlertChanges:
    """The alerts that fire, that resolve, and that keep firing with another text."""

    new: tuple[Finding, ...]
    resolved: tuple[FiringAlert, ...]
    reworded: tuple[FiringAlert, ...]
    now: datetime

    @property
    def firing(self) -> list[FiringAlert]:
        """The alerts to store for `new`."""
        return [
            FiringAlert(one.event, one.subject, self.now, wording.plain(one.text or ""))
            for one in self.new
        ]

    def transitions(self) -> list[AlertTransition]:
        """Return one transition for all subjects of the same event and text."""
        fired = _group((one.event, wording.plain(one.text or "")) for one in self.new)
        resolved = _group((Event(one.event), one.text, one.since) for one in self.resolved)
        return [
            *(
                AlertTransition(event, _subjects(self.new, places), True, text, self.now)
                for (event, text), places in fired.items()
            ),
            *(
                AlertTransition(event, _subjects(self.resolved, places), False, text, since)
                for (event, text, since), places in resolved.items()
            ),
        ]

    def notifications(self, zone: tzinfo, *, personal: bool) -> list[Notification]:
        """Return what receivers get, resolved alerts first.

        With `personal`, texts may contain personal data.
        """
        return [
            *(self._ended(change, zone) for change in self.transitions() if not change.fires),
            *self._began(zone, personal=personal),
        ]

    def _began(self, zone: tzinfo, *, personal: bool) -> list[Notification]:
        texts = [
            (one.event, wording.plain((one.personal if personal else None) or one.text or ""))
            for one in self.new
        ]
        notifications = []
        for (event, text), places in _group(texts).items():
            todos = dict.fromkeys(todo for at in places if (todo := self.new[at].todo))
            todo = wording.plain("\n".join(todos)) or None
            subjects = _subjects(self.new, places)
            title = wording.fired_title(event, subjects)
            body = wording.fired_body(text, todo, self.now, zone)
            notifications.append(
                Notification(event, True, subjects, title, text, todo, self.now, self.now, body)
            )
        return notifications

    def _ended(self, change: AlertTransition, zone: tzinfo) -> Notification:
        return Notification(
            change.event,
            False,
            change.subjects,
            wording.resolved_title(change.event, change.subjects, self.now - change.since),
            change.text,
            None,
            change.since,
            self.now,
            wording.resolved_body(change.text, change.since, self.now, zone),
        )


def compare(firing: FiringAlerts, findings: Sequence[Finding], now: datetime) -> AlertChanges:
    """Return the changes that `findings` cause in the firing alerts.

    The last finding about an event and subject counts.
    """
    last = {(one.event.value, one.subject): one for one in findings}
    known = {place: (firing[place], one) for place, one in last.items() if place in firing}
    return AlertChanges(
        new=tuple(
            one for place, one in last.items() if one.text is not None and place not in firing
        ),
        resolved=tuple(alert for alert, one in known.values() if one.text is None),
        reworded=tuple(
            FiringAlert(alert.event, alert.subject, alert.since, text)
            for alert, one in known.values()
            if one.text is not None and (text := wording.plain(one.text)) != alert.text
        ),
        now=now,
    )


def _group(items: Iterable[T]) -> dict[T, list[int]]:
    """Return where each item is, in the order of first appearance."""
    places: dict[T, list[int]] = {}
    for at, one in enumerate(items):
        places.setdefault(one, []).append(at)
    return places


def _subjects(of: Sequence[Finding | FiringAlert], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(of[at].subject for at in places)
