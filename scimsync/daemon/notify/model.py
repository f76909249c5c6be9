"""What is found, what that changes, and what is told about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from scimsync.config.notifications import Event


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run, a look at files, or a reload has found about one subject: a target, a source,
    `sync.toml`, `push`.

    `text` is what is wrong, in one or few lines that name no people; None where nothing is wrong
    (any more). `personal` is the same with keys and values, for receivers that ask for it; None
    where there are none. `todo` is what a person should do, in one line.
    """

    event: Event
    subject: str
    text: str | None = None
    personal: str | None = None
    todo: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A trouble that began, or is over, for subjects of which the same is said. `since` is when it
    began."""

    event: Event
    subjects: tuple[str, ...]
    began: bool
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver gets. `began` is None for a summary; `body` is `text` with times and `todo`,
    as a person reads it."""

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
        """The type of the event in webhooks: `scimsync.guard.began`."""
        if self.began is None:
            return f"scimsync.{self.event}"
        return f"scimsync.{self.event}.{'began' if self.began else 'ended'}"

    def stored(self) -> str:
        """As JSON, for the state."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def read(cls, stored: str) -> Self:
        """What `stored` has made."""
        values: dict[str, Any] = orjson.loads(stored)
        times = {name: datetime.fromisoformat(values[name]) for name in ("since", "at")}
        return cls(
            **{
                **values,
                **times,
                "event": Event(values["event"]),
                "subjects": tuple(values["subjects"]),
            }
        )
