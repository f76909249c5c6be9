"""Which names are one name: only those that differ in the case of their letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.model.ids import fold_name


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Ann@Example.com", "ann@example.COM", True),
        ("MÜLLER@example.com", "müller@example.com", True),
        ("\u03a3@example.com", "\u03c3@example.com", True),
        ("\u03a3@example.com", "\u03c2@example.com", False),  # the final sigma
        ("ẞ@example.com", "ß@example.com", True),
        # what case folding makes one
        ("strauß@example.com", "strauss@example.com", False),
        ("ﬁona@example.com", "fiona@example.com", False),
        ("İpek@example.com", "i̇pek@example.com", False),
        ("İpek@example.com", "ipek@example.com", False),
        ("\u0149@example.com", "\u02bcn@example.com", False),
        ("\u017fam@example.com", "sam@example.com", False),
    ],
)
def test_names_are_compared_by_the_case_of_each_letter(left: str, right: str, same: bool) -> None:
    assert (fold_name(left) == fold_name(right)) is same


@given(st.text())
def test_a_folded_name_has_as_many_letters_and_is_folded(name: str) -> None:
    folded = fold_name(name)
    assert folded is not None
    assert len(folded) == len(name)
    assert fold_name(folded) == folded


@given(st.text(st.characters(max_codepoint=127)))
def test_the_case_of_ascii_does_not_count(name: str) -> None:
    assert fold_name(name.upper()) == fold_name(name) == name.lower()


def test_no_name_stays_none() -> None:
    assert fold_name(None) is None
