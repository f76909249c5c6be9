"""Text for people: what does not print is escaped, and nouns are counted."""

from __future__ import annotations

import pytest

from scimsync.formatting import enumerated, one_line, plural, printable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Chloé Čapek 李", "Chloé Čapek 李"),
        ("\x1b[31mred\a", r"\x1b[31mred\x07"),
        ("a\u202eb", r"a\u202eb"),
        ("\ud800", r"\ud800"),
        (17, "17"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(value: object, text: str) -> None:
    assert printable(value) == text


def test_a_line_has_no_line_breaks_and_a_greatest_length() -> None:
    assert one_line(" a\n\tb\x1b ") == r"a b\x1b"
    assert one_line("one two three", 8) == "one two…"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1204, "1,204 rows")]
)
def test_a_noun_follows_its_number(count: int, text: str) -> None:
    assert plural(count, "row") == text


def test_a_plural_may_be_irregular() -> None:
    assert plural(2, "row has", "rows have") == "2 rows have"


@pytest.mark.parametrize(
    ("parts", "text"),
    [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_the_last_of_several_names_follows_and(parts: list[str], text: str) -> None:
    assert enumerated(parts) == text
