"""Limits and durations: what `"10%"` and `"30d"` come to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from scimsync.model.limits import Limit, Minimum
from scimsync.settings.quantities import AtLeast, AtMost, Duration


@pytest.mark.parametrize(
    ("limit", "total", "most"),
    [
        ("10%", 25, 2),  # rounded down
        ("10%", 9, 0),
        ("100%", 7, 7),
        ("0%", 7, 0),
        ("12.5%", 8, 1),
        ("0.1%", 1_000_000, 1_000),  # exact, where floats are not
        ("29%", 100, 29),
        (5, 3, 5),  # a number does not depend on the total
        (0, 3, 0),
    ],
)
def test_at_most(limit: object, total: int, most: int) -> None:
    read: Limit = TypeAdapter(AtMost).validate_python(limit)
    assert read.of(total) == most


@pytest.mark.parametrize(
    ("limit", "total", "least"),
    [
        ("80%", 10, 8),
        ("80%", 11, 9),  # rounded up: 8 of 11 are less than 80%
        ("80%", 1, 1),
        ("80%", 0, 0),
        (100, 5000, 100),
    ],
)
def test_at_least(limit: object, total: int, least: int) -> None:
    read: Minimum = TypeAdapter(AtLeast).validate_python(limit)
    assert read.of(total) == least


def test_limits_read_as_they_are_written() -> None:
    assert str(Limit(Decimal("12.5"), is_share=True)) == "12.5%"
    assert str(Limit(Decimal(25))) == "25"
    assert TypeAdapter(AtMost).dump_json(Limit.share(10)) == b'"10%"'


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30d", timedelta(days=30)),
        ("0d", timedelta(0)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        (" 4 w ", timedelta(weeks=4)),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert TypeAdapter(Duration).validate_python(text) == duration
