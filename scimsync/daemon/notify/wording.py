"""The wording of notifications: a title, then the problem, since when, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from scimsync.config.notifications import Event
from scimsync.durations import format_duration
from scimsync.formatting import enumerated, one_line

MOST_NAMES = 3
MOST_LINES = 30
LONGEST_LINE = 400
LONGEST_TITLE = 200

PROBLEMS: Mapping[Event, str] = {
    Event.GUARD: "push blocked by a guard",
    Event.TARGET: "target unavailable",
    Event.ACCESS: "leavers may still have access",
    Event.FAILURES: "too many failures",
    Event.CREDENTIALS: "credentials expire",
    Event.DRIFT: "drift",
    Event.SOURCE: "source unreadable",
    Event.STALE: "source not updated",
    Event.CONFIG: "configuration invalid",
    Event.ERROR: "failing",
}


def fired_title(event: Event, subjects: Sequence[str]) -> str:
    """`[scimsync] wiki: target unavailable`."""
    return title(f"{names(subjects)}: {PROBLEMS[event]}")


def resolved_title(event: Event, subjects: Sequence[str], duration: timedelta) -> str:
    """`[scimsync] wiki: resolved: target unavailable (3 h 10 min)`."""
    return title(f"{names(subjects)}: resolved: {PROBLEMS[event]} ({format_duration(duration)})")


def title(text: str) -> str:
    """`[scimsync] 12 changes, 1 failing`."""
    return f"[scimsync] {one_line(text, LONGEST_TITLE)}"


def fired_body(text: str, todo: str | None, since: datetime, zone: tzinfo) -> str:
    """Return the problem, when it began, and what to do."""
    return "\n".join([text, f"Since {moment(since, zone)}.", *([todo] if todo else [])])


def resolved_body(text: str, since: datetime, now: datetime, zone: tzinfo) -> str:
    """Return when the problem existed, and its first line; the rest is no longer true."""
    first = text.partition("\n")[0]
    return f"From {moment(since, zone)} to {moment(now, zone)}.\nProblem: {first}"


def plain(text: str) -> str:
    """Return `text` without control characters and empty lines.

    The number and the length of its lines are limited.
    """
    lines = (line for one in text.splitlines() if (line := one_line(one, LONGEST_LINE)))
    first = list(islice(lines, MOST_LINES + 1))
    return "\n".join(first if len(first) <= MOST_LINES else [*first[:MOST_LINES], "…"])


def names(subjects: Sequence[str]) -> str:
    """`wiki`, `wiki and chat`, `wiki, chat, crm and 4 more`."""
    if len(subjects) > MOST_NAMES + 1:
        return f"{', '.join(subjects[:MOST_NAMES])} and {len(subjects) - MOST_NAMES} more"
    return enumerated(subjects)


def moment(when: datetime, zone: tzinfo) -> str:
    """`2026-03-02 08:00 UTC`."""
    return when.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z").strip()
