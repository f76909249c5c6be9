"""Text fits the terminal."""

from __future__ import annotations

import io

import pytest

from scimsync.cli.ui.output import Output


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def printed(
    monkeypatch: pytest.MonkeyPatch, columns: int | None, rows: list[list[str]]
) -> list[str]:
    """Return how `rows` look on a terminal with `columns` columns, or in a pipe."""
    out = io.StringIO() if columns is None else Terminal()
    monkeypatch.setenv("COLUMNS", str(columns or 20))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    Output(out).rows([list(row) for row in rows], indent=2)
    return out.getvalue().splitlines()


LONG = "one two three four five six seven eight nine ten"


def test_cells_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["a", "bb", "x"], ["aaaa", "b", "y"]]
    assert printed(monkeypatch, 80, rows) == ["  a     bb  x", "  aaaa  b   y"]


def test_wide_characters_take_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, 80, [["李", "x"], ["abc", "y"]]) == ["  李   x", "  abc  y"]


def test_a_long_last_cell_wraps_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, 45, [["key", LONG]]) == [
        "  key  one two three four five six seven",
        "       eight nine ten",
    ]


def test_a_long_last_cell_continues_below_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = printed(monkeypatch, 40, [["k" * 20, LONG], ["k", "short"]])
    assert lines == [
        "  " + "k" * 20,
        "      one two three four five six seven",
        "      eight nine ten",
        "  k" + " " * 21 + "short",
    ]


def test_a_pipe_gets_one_line_per_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, None, [["key", LONG * 3]]) == [f"  key  {LONG * 3}"]
