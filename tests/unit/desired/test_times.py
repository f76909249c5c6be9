"""Days in time zones, times of day, and when a record has to be evaluated again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from scimsync.desired import DesireError, compile_program
from scimsync.desired.times import RunDay
from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression
from scimsync.model.records import Record
from tests.error_text import text_of

SUNDAY = datetime(2026, 11, 29, 22, 59, tzinfo=UTC)
"""A minute before Monday begins in Vienna, where it is UTC+1."""
MONDAY = datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
VIENNA, TOKYO = "tz='Europe/Vienna'", "tz='Asia/Tokyo'"


def desired(scope: str, now: datetime, **data: Any) -> tuple[bool, datetime | None]:
    """Whether a record is in scope, and when that may change."""
    program = compile_program("wiki", {"userName": Constant("a")}, scope, {}, {})
    today = RunDay.at(now, now.date())
    result = program.desire(Record("hr", Key("E17"), data), today)
    return result.in_scope, result.changes_at


def utc(day: int, hour: int = 0, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("time", ["now", "today"])
@pytest.mark.parametrize(
    ("scope", "x", "now", "expected", "changes_at"),
    [
        # starts on Monday: when Monday begins there
        (f"x | date({VIENNA}) <= TIME", "2026-11-30", SUNDAY, False, MONDAY),
        (f"x | date({VIENNA}) <= TIME", "2026-11-30", MONDAY, True, utc(30, 23)),
        (f"x | date({VIENNA}) <= TIME", "2026-11-30", utc(30, 23), True, None),
        (f"TIME >= x | date({VIENNA})", "30.11.2026", SUNDAY, False, MONDAY),
        (f"x | date('%m/%d/%Y', {VIENNA}) <= TIME", "11/30/2026", MONDAY, True, utc(30, 23)),
        (f"x | date({TOKYO}) <= TIME", "2026-11-30", SUNDAY, True, utc(30, 15)),
        # ends on Sunday: that day is included
        (f"x | date({VIENNA}) >= TIME", "2026-11-29", SUNDAY, True, MONDAY),
        (f"x | date({VIENNA}) >= TIME", "2026-11-29", MONDAY, False, None),
        (f"x | date({VIENNA}) < TIME", "2026-11-29", MONDAY, True, None),
        (f"x | date({VIENNA}) == TIME", "2026-11-30", MONDAY, True, utc(30, 23)),
        (f"x | date({VIENNA}) != TIME", "2026-11-30", SUNDAY, True, MONDAY),
        # the day of a moment, in the zone
        (f"x | date({VIENNA}) <= TIME", "2026-11-29T23:30:00Z", SUNDAY, False, MONDAY),
        (f"x | date({VIENNA}) <= TIME", "2026-11-29T23:30:00Z", MONDAY, True, utc(30, 23)),
        # summer time begins on 29 March 2026: the day has 23 hours
        (f"x | date({VIENNA}) < TIME", "2026-03-29", utc(29, 1, month=3), False, utc(29, 22, 0, 3)),
        # a FILETIME of 2026-11-29T23:00:00Z
        (f"x | filetime({VIENNA}) <= TIME", "134404668000000000", MONDAY, True, utc(30, 23)),
    ],
)
def test_days_in_a_zone(
    time: str, scope: str, x: str, now: datetime, expected: bool, changes_at: datetime | None
) -> None:
    assert desired(scope.replace("TIME", time), now, x=x) == (expected, changes_at)


@pytest.mark.parametrize(
    ("scope", "x", "now", "expected"),
    [
        (f"x | datetime({VIENNA}) <= now", "2026-11-30 00:00", SUNDAY, False),
        (f"x | datetime({VIENNA}) <= now", "2026-11-30 00:00", MONDAY, True),
        (f"x | datetime({VIENNA}) <= now", "30.11.2026 00:00", MONDAY, True),
        (f"x | datetime({VIENNA}) <= now", "30.11.2026", MONDAY, True),
        (f"x | datetime({VIENNA}) <= now", "2026-11-30T00:00:01", MONDAY, False),
        (f"x | datetime('%d/%m/%Y %H:%M', {VIENNA}) > now", "29/11/2026 23:59", SUNDAY, False),
        (f"x | datetime('%d/%m/%Y %H:%M', {VIENNA}) > now", "30/11/2026 00:00", SUNDAY, True),
        ("x | datetime <= now", "2026-11-29T23:00:00Z", MONDAY, True),
        ("x | datetime <= now", "2026-11-30T00:00:00+01:00", MONDAY, True),
        ("x | datetime <= now", "2026-11-30T00:00:00+01:00", SUNDAY, False),
        (f"now | date({VIENNA}) == '2026-11-30' | date", "", MONDAY, True),
        (f"now | date({VIENNA}) == '2026-11-30' | date", "", SUNDAY, False),
        (f"(now | date({VIENNA})).isoweekday() == 1", "", MONDAY, True),
        (f"x == '' or x | date({VIENNA}) <= now", "", SUNDAY, True),
        ("now == now", "", SUNDAY, True),
    ],
)
def test_times_of_day(scope: str, x: str, now: datetime, expected: bool) -> None:
    assert desired(scope, now, x=x)[0] is expected


def test_the_earliest_change_counts() -> None:
    scope = f"x | date({VIENNA}) <= now and y | datetime({TOKYO}) > now or z | date({VIENNA}) > now"

    found = desired(scope, SUNDAY, x="2026-11-01", y="2026-11-30 12:00", z="2026-12-24")

    assert found == (True, utc(30, 3))


def test_the_zone_of_a_column() -> None:
    scope = "x | date(tz=zone or 'Europe/Vienna') <= now"

    assert desired(scope, SUNDAY, x="2026-11-30", zone="Asia/Tokyo") == (True, utc(30, 15))
    assert desired(scope, SUNDAY, x="2026-11-30", zone="") == (False, MONDAY)
    with pytest.raises(DesireError, match="is not a time zone such as"):
        desired(scope, SUNDAY, x="2026-11-30", zone="Europe/Wien")


@pytest.mark.parametrize(
    ("scope", "x", "detail"),
    [
        ("x <= now", "2026-11-30", "now is compared with a day or a time, not"),
        ("x | datetime <= now", "2026-11-30 08:00", "does not say in which time zone"),
        (f"x | datetime({VIENNA}) <= now", "tomorrow", "is not a time such as 2026-11-24 18:00"),
        (f"x | date({VIENNA}) <= now", "", "now is compared with a day or a time, not null"),
        (f"x | datetime({VIENNA}) <= today", "2026-11-30", "a time is compared with now"),
    ],
)
def test_what_fails_a_person(scope: str, x: str, detail: str) -> None:
    with pytest.raises(DesireError) as caught:
        desired(scope, SUNDAY, x=x)
    assert detail in text_of(caught.value)


@pytest.mark.parametrize(
    "expression",
    ["x | date(tz='Mars/Olympus')", "x | filetime('../../etc/passwd')", "x | date(tz='')"],
)
def test_unknown_zones_are_found_before_anything_is_read(expression: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_program("wiki", {"userName": Expression(expression)}, None, {}, {})
    assert caught.value.code == "SYNC-0294"


def test_only_expressions_with_the_time_use_it() -> None:
    def uses(scope: str) -> tuple[bool, bool]:
        program = compile_program("wiki", {"userName": Constant("a")}, scope, {}, {})
        return program.uses_today, program.uses_time

    assert uses("x | date <= today") == (True, False)
    assert uses(f"x | date({VIENNA}) <= today") == (True, True)
    assert uses("x | filetime('Europe/Vienna') <= today") == (True, True)
    assert uses("x | date <= now") == (False, True)
    assert uses(f"x | date({VIENNA}) == y | date") == (False, False)


def test_a_program_without_a_moment_takes_noon() -> None:
    program = compile_program(
        "wiki", {"userName": Constant("a")}, f"x | date({VIENNA}) <= now", {}, {}
    )
    assert program.desire(Record("hr", Key("1"), {"x": "2026-11-30"}), date(2026, 11, 30)).in_scope
