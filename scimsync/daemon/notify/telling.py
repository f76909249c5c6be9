"""Which findings are news: what begins, what is over, and the messages that say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypeVar

from scimsync.config.notifications import Event
from scimsync.daemon.notify import words
from scimsync.daemon.notify.model import Change, Finding, Message
from scimsync.state.troubles import OpenTrouble

T = TypeVar("T")

Opened = Mapping[tuple[str, str], OpenTrouble]


@dataclass(frozen=True, slots=True)
class News:
    """What findings change: `began` are troubles nobody has been told of, `ended` those that are
    over, `reworded` those that are open already and read differently now."""

    began: tuple[Finding, ...]
    ended: tuple[OpenTrouble, ...]
    reworded: tuple[OpenTrouble, ...]
    now: datetime

    @property
    def opened(self) -> list[OpenTrouble]:
        """The troubles that began, as they are remembered."""
        return [
            OpenTrouble(one.event, one.subject, self.now, words.plain(one.text or ""))
            for one in self.began
        ]

    def changes(self) -> list[Change]:
        """For log and metrics; subjects of which the same is said stand together."""
        begun = _together((one.event, words.plain(one.text or "")) for one in self.began)
        changes = [
            Change(
                event,
                _subjects([self.began[at] for at in places]),
                began=True,
                text=text,
                since=self.now,
            )
            for (event, text), places in begun.items()
        ]
        over = _together((Event(one.event), one.text, one.since) for one in self.ended)
        return changes + [
            Change(
                event,
                _subjects([self.ended[at] for at in places]),
                began=False,
                text=text,
                since=since,
            )
            for (event, text, since), places in over.items()
        ]

    def messages(self, zone: tzinfo, *, personal: bool) -> list[Message]:
        """What receivers get, in order: first what is over. With `personal` messages may name
        people."""
        return [
            *(self._ended(change, zone) for change in self.changes() if not change.began),
            *self._beginnings(zone, personal=personal),
        ]

    def _beginnings(self, zone: tzinfo, *, personal: bool) -> list[Message]:
        texts = [
            words.plain((one.personal if personal else None) or one.text or "")
            for one in self.began
        ]
        messages = []
        for (event, text), places in _together(
            (one.event, text) for one, text in zip(self.began, texts, strict=True)
        ).items():
            said = [self.began[at] for at in places]
            subjects = _subjects(said)
            todo = (
                words.plain("\n".join(dict.fromkeys(one.todo for one in said if one.todo))) or None
            )
            title, body = (
                words.began_title(event, subjects),
                words.began_body(text, todo, self.now, zone),
            )
            messages.append(
                Message(event, True, subjects, title, text, todo, self.now, self.now, body)
            )
        return messages

    def _ended(self, change: Change, zone: tzinfo) -> Message:
        title = words.ended_title(change.event, change.subjects, self.now - change.since)
        body = words.ended_body(change.text, change.since, self.now, zone)
        return Message(
            change.event,
            False,
            change.subjects,
            title,
            change.text,
            None,
            change.since,
            self.now,
            body,
        )


def news(opened: Opened, findings: Sequence[Finding], now: datetime) -> News:
    """What `findings` change in the troubles that are open, by event and subject. The last word
    about a subject counts."""
    last = {(one.event.value, one.subject): one for one in findings}
    reworded = []
    for place, one in last.items():
        known = opened.get(place)
        if (
            known is not None
            and one.text is not None
            and known.text != (text := words.plain(one.text))
        ):
            reworded.append(OpenTrouble(known.event, known.subject, known.since, text))
    return News(
        began=tuple(
            one for place, one in last.items() if one.text is not None and place not in opened
        ),
        ended=tuple(
            opened[place] for place, one in last.items() if one.text is None and place in opened
        ),
        reworded=tuple(reworded),
        now=now,
    )


def _together(said: Iterable[T]) -> dict[T, list[int]]:
    """What is said -> at which places it is said, in the order of the first."""
    places: dict[T, list[int]] = {}
    for at, one in enumerate(said):
        places.setdefault(one, []).append(at)
    return places


def _subjects(of: Sequence[Finding | OpenTrouble]) -> tuple[str, ...]:
    return tuple(one.subject for one in of)
