"""docs/reference/probe-checks.md shows the checks of the program."""

from __future__ import annotations

import re

import pytest

from scimsync.probe.checks import known_checks
from scimsync.probe.values import Check
from tests.docs.probe_checks_page import PAGE, with_checks


def test_the_page_has_the_checks_of_the_program() -> None:
    page = PAGE.read_text("utf-8")

    assert with_checks(page) == page, "run make messages"


@pytest.mark.parametrize("check", known_checks().values(), ids=known_checks())
def test_a_check_says_what_is_right_who_asks_for_it_and_what_to_do(check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", check.id)
    assert not check.title.endswith(".")
    assert check.hint.endswith(".")
    assert check.standard
