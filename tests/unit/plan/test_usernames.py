"""Chains of users that take each other's userNames."""

from __future__ import annotations

import pytest

from scimsync.plan.usernames import comes_free


@pytest.mark.parametrize(
    ("gives_up", "takes", "free"),
    [
        # nobody is known to give it up
        ({}, {}, False),
        # its holder keeps it
        ({"a": False}, {}, False),
        # its holder leaves
        ({"a": True}, {}, True),
        # its holder takes a name that nobody is known to hold
        ({"a": True}, {"a": "b"}, True),
        # ... that another gives up, or keeps
        ({"a": True, "b": True}, {"a": "b"}, True),
        ({"a": True, "b": False}, {"a": "b"}, False),
        # a chain of three
        ({"a": True, "b": True, "c": False}, {"a": "b", "b": "c"}, False),
        # a cycle
        ({"a": True, "b": True}, {"a": "b", "b": "a"}, True),
    ],
)
def test_a_name_comes_free(gives_up: dict[str, bool], takes: dict[str, str], free: bool) -> None:
    assert comes_free("a", gives_up, takes) is (free if gives_up else True)
