"""Times and durations as people read and write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimsync.durations import (
    LONG_UNITS,
    format_duration,
    format_relative,
    parse_duration,
    parse_past,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (7200, "2 h"),
        (273600, "3 d 4 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(seconds=0.2), "now"),
        (timedelta(seconds=-30), "30 s ago"),
        (timedelta(hours=-3, minutes=-10), "3 h ago"),
        (timedelta(minutes=12), "in 12 min"),
        (timedelta(days=30), "in 30 d"),
    ],
)
def test_a_relative_time_has_its_largest_unit(delta: timedelta, text: str) -> None:
    assert format_relative(NOW + delta, NOW) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("3h", NOW - timedelta(hours=3)),
        ("2D", NOW - timedelta(days=2)),
        ("90 min", NOW - timedelta(minutes=90)),
        ("2026-11-24T10:00Z", NOW - timedelta(hours=2)),
        ("2026-11-24T10:00", datetime(2026, 11, 24, 10).astimezone()),
        ("2026-11-24", datetime(2026, 11, 24).astimezone()),
        ("yesterday", None),
        ("", None),
        ("999999w", None),
    ],
)
def test_a_point_in_time_is_a_date_a_time_or_a_duration_ago(
    text: str, moment: datetime | None
) -> None:
    assert parse_past(text, NOW) == moment


def test_a_timedelta_is_formatted_like_its_seconds() -> None:
    assert format_duration(timedelta(hours=3, minutes=10)) == "3 h 10 min"


@pytest.mark.parametrize(
    ("text", "duration"),
    [("90s", timedelta(seconds=90)), (" 8 w ", timedelta(weeks=8)), ("1y", None), ("-1d", None)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration: timedelta | None) -> None:
    assert parse_duration(text) == duration


def test_units_can_be_restricted() -> None:
    assert parse_duration("3m", LONG_UNITS) is None
