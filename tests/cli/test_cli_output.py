"""How text fits a terminal."""

from __future__ import annotations

import io

import pytest

from scimsync.cli.ui.output import Output


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
