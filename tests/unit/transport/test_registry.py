"""Registries are values: a test adds a kind without changing anything for others."""

from __future__ import annotations

import pytest

from scimsync.registry import Registry, UnknownName

COLOURS = Registry("colour", {"red": 1, "blue": 2})


def test_a_registry_is_a_mapping() -> None:
    assert dict(COLOURS) == {"red": 1, "blue": 2}
    assert "green" not in COLOURS
    assert COLOURS.get("green") is None


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName) as caught:
        COLOURS["green"]

    assert str(caught.value) == "no colour 'green'; there are: blue, red"


def test_a_kind_is_added_in_a_copy() -> None:
    more = COLOURS.with_("green", 3).with_("red", 4)

    assert dict(more) == {"red": 4, "blue": 2, "green": 3}
    assert dict(COLOURS) == {"red": 1, "blue": 2}
