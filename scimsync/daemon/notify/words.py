"""The words of messages: a title of one line, then what, since when, and what to do. Somebody reads
them at night, on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from scimsync.config.notifications import Event
from scimsync.transport.redaction import printable

MOST_NAMES = 3
MOST_LINES = 30
LONGEST_LINE = 400

_BEGAN: Mapping[Event, tuple[str, str]] = {
    Event.GUARD: ("a guard stops {}", "a guard stops {}"),
    Event.TARGET: ("{} cannot be used", "{} cannot be used"),
    Event.FAILURES: ("too many failures at {}", "too many failures at {}"),
    Event.SOURCE: ("{} cannot be read", "{} cannot be read"),
    Event.STALE: ("nothing new from {}", "nothing new from {}"),
    Event.CONFIG: ("{} cannot be used", "{} cannot be used"),
    Event.ERROR: ("{} does not work", "{} do not work"),
}
"""Event -> what its beginning is called, for one subject and for several."""

_ENDED: Mapping[Event, tuple[str, str, str]] = {
    Event.GUARD: ("no guard stops {} any more", "no guard stops {} any more", "stopped"),
    Event.TARGET: ("{} is back", "{} are back", "down"),
    Event.FAILURES: ("failures at {} are few again", "failures at {} are few again", "too many"),
    Event.SOURCE: ("{} can be read again", "{} can be read again", "unreadable"),
    Event.STALE: ("something new from {} again", "something new from {} again", "stale"),
    Event.CONFIG: ("{} can be used again", "{} can be used again", "unusable"),
    Event.ERROR: ("{} works again", "{} work again", "out of order"),
}
"""Event -> what its end is called, for one subject and for several, and what it was for so long."""


def began_title(event: Event, subjects: Sequence[str]) -> str:
    """`scimsync: wiki cannot be used`."""
    return _title(_BEGAN[event][len(subjects) > 1].format(names(subjects)))


def ended_title(event: Event, subjects: Sequence[str], lasted: timedelta) -> str:
    """`scimsync: wiki is back (down for 3 h 10 min)`."""
    *forms, was = _ENDED[event]
    return _title(f"{forms[len(subjects) > 1].format(names(subjects))} ({was} for {span(lasted)})")


def summary_title(what: str) -> str:
    """`scimsync: 12 changes, 1 failed`."""
    return _title(what)


def began_body(text: str, todo: str | None, since: datetime, zone: tzinfo) -> str:
    """What is wrong, since when, what to do."""
    return "\n".join([text, f"Since {moment(since, zone)}.", *([todo] if todo else [])])


def ended_body(text: str, since: datetime, now: datetime, zone: tzinfo) -> str:
    """From when to when it was, and what: the first line of `text`, since the rest is not true any
    more."""
    first = text.partition("\n")[0]
    return f"From {moment(since, zone)} to {moment(now, zone)}.\nIt was: {first}"


def plain(text: str) -> str:
    """`text` without what a terminal or a log would obey: lines of bounded number and length, none
    of them empty."""
    lines = (line for one in text.splitlines() if (line := printable(one, LONGEST_LINE)))
    first = list(islice(lines, MOST_LINES + 1))
    return "\n".join(first if len(first) <= MOST_LINES else [*first[:MOST_LINES], "…"])


def _title(what: str) -> str:
    return f"scimsync: {printable(what, 200)}"


def names(subjects: Sequence[str]) -> str:
    """`wiki`, `wiki and chat`, `wiki, chat, crm and 4 more`."""
    if len(subjects) > MOST_NAMES + 1:
        return f"{', '.join(subjects[:MOST_NAMES])} and {len(subjects) - MOST_NAMES} more"
    return " and ".join(part for part in (", ".join(subjects[:-1]), subjects[-1]) if part)


def moment(when: datetime, zone: tzinfo) -> str:
    """`2026-03-02 08:00 UTC`."""
    return when.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z").strip()


def span(length: timedelta) -> str:
    """`40 min`, `3 h 10 min`, `2 days 4 h`."""
    minutes = max(round(length.total_seconds() / 60), 0)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{counted(days, 'day')}{f' {hours} h' if hours else ''}"
    if hours:
        return f"{hours} h{f' {rest} min' if rest else ''}"
    return f"{minutes} min" if minutes > 0 else "less than a minute"


def counted(number: int, one: str, several: str | None = None) -> str:
    """`1 day`, `12 days`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
