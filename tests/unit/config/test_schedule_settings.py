"""When things happen by themselves: intervals, cron expressions, and days on which the clocks are
set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.builtin import parse
from scimsync.config.schedule import Schedule, first_after, system_zone
from scimsync.errors import ConfigError

BERLIN = ZoneInfo("Europe/Berlin")
BASE = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.wiki]
url = "https://wiki.example.com/scim/v2"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.wiki.user]
userName = "email"
"""


def schedule(text: str) -> Schedule:
    return parse(f"{BASE}\n[schedule]\n{text}\n", Path("sync.toml")).schedule


def times(cron: str, start: datetime, number: int) -> list[str]:
    """The next times after `start`, on the clocks of Berlin."""
    timings = schedule(f'push = "{cron}"').push
    found: list[str] = []
    for _ in range(number):
        following = first_after(timings, start, BERLIN)
        assert following is not None
        start = following
        found.append(start.astimezone(BERLIN).strftime("%m-%d %H:%M %Z"))
    return found


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        # the hour from 2 to 3 is left out: what falls into it happens right after it, once
        ("30 2 * * *", ["03-28 02:30 CET", "03-29 03:00 CEST", "03-30 02:30 CEST"]),
        ("0 4 * * *", ["03-28 04:00 CET", "03-29 04:00 CEST", "03-30 04:00 CEST"]),
        # 1 is Monday, as in crontab
        ("0 4 * * 1", ["03-30 04:00 CEST", "04-06 04:00 CEST", "04-13 04:00 CEST"]),
        # either of day of month and day of week is enough
        ("0 4 30 * 0", ["03-29 04:00 CEST", "03-30 04:00 CEST", "04-05 04:00 CEST"]),
    ],
)
def test_summer_time_begins(cron: str, expected: list[str]) -> None:
    assert times(cron, datetime(2026, 3, 28, 0, tzinfo=BERLIN), 3) == expected


def test_summer_time_ends_and_nothing_happens_twice() -> None:
    start = datetime(2026, 10, 24, 0, tzinfo=BERLIN)
    assert times("30 2 * * *", start, 3) == [
        "10-24 02:30 CEST",
        "10-25 02:30 CEST",
        "10-26 02:30 CET",
    ]


def test_an_hourly_push_happens_in_each_hour_of_both_days() -> None:
    timings = schedule('push = "0 * * * *"').push
    for day, hours in (
        (datetime(2026, 3, 29, tzinfo=BERLIN), 23),
        (datetime(2026, 10, 25, tzinfo=BERLIN), 25),
    ):
        at, number = day.astimezone(UTC) - timedelta(seconds=1), 0
        while (following := first_after(timings, at, BERLIN)) is not None and following.astimezone(
            BERLIN
        ).date() == day.date():
            at, number = following, number + 1
        assert number == hours


@given(st.integers(10, 90_000), st.integers(1_700_000_000, 1_900_000_000))
def test_intervals_are_even_whenever_they_are_asked(seconds: int, moment: int) -> None:
    timings = schedule(f'push = "{seconds}s"').push
    at = datetime.fromtimestamp(moment, UTC)
    first = first_after(timings, at, BERLIN)
    assert first is not None
    assert timedelta(0) < first - at <= timedelta(seconds=seconds)
    assert first_after(timings, first, BERLIN) == first + timedelta(seconds=seconds)


def test_of_several_times_the_first_counts() -> None:
    assert first_after(
        schedule('push = ["0 2 * * *", "0 14 * * *"]').push,
        datetime(2026, 3, 2, 8, tzinfo=UTC),
        BERLIN,
    ) == datetime(2026, 3, 2, 13, tzinfo=UTC)


def test_false_is_never() -> None:
    assert (
        first_after(schedule("push = false").push, datetime(2026, 3, 2, 8, tzinfo=UTC), BERLIN)
        is None
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'push = "61 * * * *"',
            'sync.toml: schedule.push: "61 * * * *" is not a cron expression: bad minute',
        ),
        (
            'push = "0 0 31 2 *"',
            'sync.toml: schedule.push: "0 0 31 2 *" is not a cron expression: bad day-of-month',
        ),
        (
            'push = "tomorrow"',
            'schedule.push: "tomorrow" is neither an interval nor a cron expression of five fields',
        ),
        ('push = "5s"', 'schedule.push: "5s" is shorter than 10 seconds'),
        ("push = true", "schedule.push: true is not a schedule"),
        ("push = []", "schedule.push: must not be an empty list"),
        (
            'timezone = "Mars/Olympus"',
            'schedule.timezone: "Mars/Olympus" is not a time zone that this system knows',
        ),
        ('jitter = "5"', 'schedule.jitter: "5" is not a length of time'),
        ('[schedule.targets]\nwikki = "1h"', "sync.toml: schedule.targets.wikki: no such target"),
        (
            '[notify.to.ops]\napprise = "mailto://x"',
            "notify.to.ops.apprise: must be a reference to a secret",
        ),
        ("[notify.to.ops]\npersonal = true", "notify.to.ops: needs one of apprise and webhook"),
        (
            '[notify.to.ops]\napprise = "env:X"\nwebhook = "env:Y"\nsecret = "env:Z"',
            "notify.to.ops: needs one of apprise and webhook",
        ),
        (
            '[notify.to.ops]\nwebhook = "https://x.example.com"',
            "notify.to.ops: secret is missing",
        ),
        (
            '[notify.to.ops]\nwebhook = "http://x.example.com"\nsecret = "env:X"',
            "must begin with https://",
        ),
        (
            '[notify.to.ops]\napprise = "env:X"\nevents = ["gard"]',
            '"gard" is not one of guard, target, access, failures',
        ),
        ("[health]\nport = 70000", "health.port: must be at most 65535"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        schedule(text)
    assert said in str(raised.value)


def test_the_zone_of_the_system_knows_its_summer_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert datetime(2026, 7, 1, tzinfo=system_zone()).utcoffset() == timedelta(hours=2)
    monkeypatch.setenv("TZ", "nowhere at all")
    assert system_zone(tmp_path / "missing") is UTC
