"""How text fits a terminal, and how times are read and written."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from scimsync.cli.ui.output import Output
from scimsync.durations import format_duration, format_relative, parse_past

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def printed(
    monkeypatch: pytest.MonkeyPatch, columns: int | None, rows: list[list[str]]
) -> list[str]:
    """What `rows` look like on a terminal of so many columns; in a pipe without."""
    out = io.StringIO() if columns is None else Terminal()
    monkeypatch.setenv("COLUMNS", str(columns or 20))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    Output(out).rows([list(row) for row in rows], indent=2)
    return out.getvalue().splitlines()


LONG = "one two three four five six seven eight nine ten"


def test_what_fits_stands_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["a", "bb", "x"], ["aaaa", "b", "y"]]
    assert printed(monkeypatch, 80, rows) == ["  a     bb  x", "  aaaa  b   y"]


def test_wide_characters_take_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, 80, [["李", "x"], ["abc", "y"]]) == ["  李   x", "  abc  y"]


def test_a_long_cell_is_wrapped_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, 45, [["key", LONG]]) == [
        "  key  one two three four five six seven",
        "       eight nine ten",
    ]


def test_where_too_little_room_is_left_it_goes_below(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, 40, [["k" * 20, LONG], ["k", "short"]])
    assert lines == [
        "  " + "k" * 20,
        "      one two three four five six seven",
        "      eight nine ten",
        "  k" + " " * 21 + "short",
    ]


def test_a_pipe_gets_one_line_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, None, [["key", LONG * 3]]) == [f"  key  {LONG * 3}"]


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
def test_lengths(seconds: float, text: str) -> None:
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
def test_distances(delta: timedelta, text: str) -> None:
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
def test_points_in_time(text: str, moment: datetime | None) -> None:
    assert parse_past(text, NOW) == moment
