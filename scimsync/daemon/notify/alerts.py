"""Findings, the alerts that they fire or resolve, and the notifications about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from scimsync.config.notifications import Event


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run, a look at files, or a reload found about one subject: a target, a source,
    `sync.toml`, `push`, `daemon`.

    `text` describes the problem in a few lines without personal data; None means that there is no
    problem. `personal` is the same with keys and values, for receivers that ask for it, or None.
    `todo` is one line that says what to do.
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
        """Return what `to_json` made `text` from."""
        values: dict[str, Any] = orjson.loads(text)
        times = {name: datetime.fromisoformat(values[name]) for name in ("since", "at")}
        parsed = {"event": Event(values["event"]), "subjects": tuple(values["subjects"])}
        return cls(**{**values, **times, **parsed})
