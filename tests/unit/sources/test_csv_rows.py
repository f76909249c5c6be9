"""Rows of delimited text with their lines, good and bad."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.sources.file.delimited_rows import read_rows


def read(text: str, delimiter: str = ",") -> list[tuple[int, int, list[str], str | None, bool]]:
    lines = io.StringIO(text, newline="")
    return [
        (row.line, row.end, row.fields, row.problem, row.cut) for row in read_rows(lines, delimiter)
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n", [(1, 1, ["a", "b"], None, False)]),
        ("a,b", [(1, 1, ["a", "b"], None, True)]),
        ("\n  \r\na,b\r\n\n", [(3, 3, ["a", "b"], None, False)]),
        (
            '"a\r\nb",c\rd,e\n',
            [(1, 2, ["a\r\nb", "c"], None, False), (3, 3, ["d", "e"], None, False)],
        ),
        (' "a,b" ,c \n', [(1, 1, ["a,b", "c "], None, False)]),
        ('x"y,"z""",""\n', [(1, 1, ['x"y', 'z"', ""], None, False)]),
        (",\n", [(1, 1, ["", ""], None, False)]),
    ],
)
def test_rows_are_read_with_their_lines(text: str, rows: list[object]) -> None:
    assert read(text) == rows


def test_after_a_bad_row_the_next_line_is_read() -> None:
    rows = read('1,"never closed\n2,b\n3,"c" d\n4,"e\nf"\n5,"g')

    assert [(line, fault) for line, _, _, fault, _ in rows] == [
        (1, "has text beside a quoted cell"),  # the quote of line 3 ends the cell
        (2, None),
        (3, "has text beside a quoted cell"),
        (4, None),
        (6, "has a quote that is never closed"),
    ]
    assert rows[-1][-1]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_row_of_millions_of_characters_is_bad(quote: str) -> None:
    rows = read(f"1,{quote}{'x' * 3_000_000}{quote}\n2,y\n")

    assert [(line, fault) for line, _, _, fault, _ in rows] == [(1, "is too long"), (2, None)]


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=3),
        max_size=5,
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(
    table: list[list[str]], delimiter: str, end: str
) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        table
    )

    assert [fields for _, _, fields, _, _ in read(buffer.getvalue(), delimiter)] == table
