"""What is read from the headers of servers."""

from __future__ import annotations

import pytest

from scimsync.transport.retry_after import parse_retry_after

NOON = "Wed, 21 Oct 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", None, 120.0),
        (" 1.5 ", None, 1.5),
        ("9" * 20, None, 1e20),
        # a date counts from the Date of the same response
        ("Wed, 21 Oct 2026 12:00:30 GMT", NOON, 30.0),
        ("Wed, 21 Oct 2026 11:00:00 GMT", NOON, 0.0),
        ("Wed, 21 Oct 2026 12:00:30 GMT", None, None),
        ("Wed, 21 Oct 2026 12:00:30 -0000", NOON, None),
        # what makes no sense
        ("Mon, 02 Mar 2026 08:00:00 +99999999999999999999", NOON, None),
        ("soon", NOON, None),
        ("-5", None, None),
        ("9" * 400, NOON, None),
        ("nan", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_retry_after(value: str | None, date: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, date) == seconds
