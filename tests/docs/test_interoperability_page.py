"""docs/interoperability.md shows the tables of the interop suite."""

from __future__ import annotations

from tests.interop.page import PAGE, page


def test_the_page_has_the_tables_of_the_suite() -> None:
    assert PAGE.read_text("utf-8") == page(), "run make interop"
