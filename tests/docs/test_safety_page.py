"""docs/safety.md shows the evidence table of the program."""

from __future__ import annotations

from tests.docs.safety_page import PAGE, with_tables


def test_the_page_has_the_tables_of_the_program() -> None:
    page = PAGE.read_text("utf-8")

    assert with_tables(page) == page, "run make messages"
