"""Differences between documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.model.changes import Change, apply_changes
from scimsync.model.placeholders import SecretValue
from scimsync.plan.document_diff import (
    changes_between,
    describe_changes,
    describe_counts,
    hide_sensitive,
    short_path,
)

VALUES = st.one_of(st.text(min_size=1), st.booleans(), st.integers())
DOCUMENTS = st.dictionaries(st.sampled_from("abcdef"), VALUES)


@given(before=DOCUMENTS, after=DOCUMENTS)
def test_changes_lead_from_one_document_to_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    changes = changes_between(before, after)
    assert apply_changes(before, changes) == after
    assert all(change.before != change.after or change.before is not None for change in changes)


@given(document=DOCUMENTS)
def test_a_document_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert changes_between(document, dict(reversed(document.items()))) == ()


def test_the_order_of_a_list_is_no_change() -> None:
    assert changes_between({"roles": ["a", "b"]}, {"roles": ["b", "a"]}) == ()


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["title"], "title changed"),
        (["a", "b", "c"], "a, b, c changed"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more changed"),
        (["urn:example:2.0:User:department"], "department changed"),
    ],
)
def test_changes_are_described_by_their_attributes(paths: list[str], words: str) -> None:
    assert describe_changes([Change(path, None, 1) for path in paths]) == words


def test_counts_are_described_in_the_order_of_actions() -> None:
    assert describe_counts({"delete": 1, "create": 2, "update": 0}) == "2 create, 1 delete"
    assert describe_counts({}) == "no changes"


def test_a_password_is_hidden_and_its_change_is_seen() -> None:
    hidden = hide_sensitive("password", "one")
    assert isinstance(hidden, SecretValue)
    assert hidden == hide_sensitive("urn:x:Password", "one")
    assert hidden != hide_sensitive("password", "two")
    assert hide_sensitive("title", "one") == "one"


def test_a_path_is_short_without_its_urn() -> None:
    assert short_path("URN:example:User:department") == "department"
    assert short_path("name.givenName") == "name.givenName"
