"""Documents and changes in the database: what is written is read again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.model.changes import Change
from scimsync.model.ids import Key
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.state.json_values import (
    dump_changes,
    dump_document,
    load_changes,
    load_document,
)

NAMES = st.sampled_from(["$ref", "$generate", "$secret", "$literal", "value", "$other"])
PLAIN = st.recursive(
    st.one_of(st.text(), st.booleans(), st.integers(-(2**53), 2**53)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(NAMES, inner)),
)
PLACEHOLDERS = st.one_of(
    st.text().map(lambda key: IdOf(Key(key))),
    st.integers(1, 99).map(RandomText),
    st.text().map(SecretValue),
)
VALUES = st.one_of(PLAIN, PLACEHOLDERS)


@given(document=st.dictionaries(st.text(), VALUES))
def test_a_document_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    assert load_document(dump_document(document)) == document


@given(rows=st.lists(st.tuples(st.text(), st.none() | VALUES, st.none() | VALUES)))
def test_changes_are_read_as_they_were_written(rows: list[tuple[str, Any, Any]]) -> None:
    changes = tuple(Change(*one) for one in rows)
    assert load_changes(dump_changes(changes)) == changes


@pytest.mark.parametrize(
    ("text", "document"),
    [
        # as earlier versions wrote placeholders
        ('{"manager.value":{"$ref":"00042"}}', {"manager.value": IdOf(Key("00042"))}),
        ('{"password":{"$secret":"abc"}}', {"password": SecretValue("abc")}),
        ('{"nickName":{"$generate":12}}', {"nickName": RandomText(12)}),
        # a record cannot forge one
        ('{"a":{"$literal":{"$ref":"x"}}}', {"a": {"$ref": "x"}}),
        ('{"a":{"$other":"x"}}', {"a": {"$other": "x"}}),
    ],
)
def test_the_form_in_the_database(text: str, document: dict[str, Any]) -> None:
    assert load_document(text) == document
