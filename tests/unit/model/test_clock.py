"""When the clock of this machine may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimsync.model.clock import doubt_of_date, doubt_of_gap

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("last_run", "is_wrong"),
    [
        (None, None),
        (NOW, None),
        (NOW - 31 * DAY + HOUR, None),
        (NOW - 31 * DAY, False),
        (NOW + 23 * HOUR, None),
        (NOW + 25 * HOUR, True),
        (NOW + 3650 * DAY, True),
    ],
)
def test_a_clock_far_from_the_last_run_is_doubted(
    last_run: datetime | None, is_wrong: bool | None
) -> None:
    doubt = doubt_of_gap(last_run, NOW)

    assert (None if doubt is None else doubt.is_wrong) is is_wrong


@pytest.mark.parametrize(
    ("date", "is_wrong"),
    [(None, False), (NOW, None), (NOW - 23 * HOUR, None), (NOW - DAY, True), (NOW + DAY, True)],
)
def test_a_clock_that_differs_from_the_targets_is_doubted(
    date: datetime | None, is_wrong: bool | None
) -> None:
    doubt = doubt_of_date(date, NOW)

    assert (None if doubt is None else doubt.is_wrong) is is_wrong
