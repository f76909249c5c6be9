"""docs/reference/presets.md shows the presets of the program."""

from __future__ import annotations

import pytest

from scimsync.sources.http.preset import PRESETS, preset
from tests.docs.presets_page import PAGE, with_presets

UNIFORM = {
    "users": ("id", "user_name"),
    "groups": ("id", "name"),
}


def test_the_page_has_the_presets_of_the_program() -> None:
    page = PAGE.read_text("utf-8")

    assert with_presets(page) == page, "run make messages"


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_same_names_for_the_same_things(name: str) -> None:
    for resource, columns in preset(name).resources.items():
        assert set(UNIFORM[resource]) <= set(columns.columns)


@pytest.mark.parametrize("name", PRESETS)
def test_a_status_that_is_missing_is_no_reason_to_leave(name: str) -> None:
    users = preset(name).resources["users"].columns
    if "active" in users:
        assert users["active"].filled is not None
