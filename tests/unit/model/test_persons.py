"""Whether two documents are of one person: the tables of cases."""

from __future__ import annotations

import pytest

from scimsync.model.ids import Document
from scimsync.model.persons import (
    Agreement,
    became_another,
    compare_names,
    is_another_user,
    is_same_user,
)

SAME, DIFFERENT, UNKNOWN = Agreement


def names(given: str = "", family: str = "", display: str = "", user: str = "") -> Document:
    """A document with the names that are not empty."""
    values = {
        "userName": user,
        "name.givenName": given,
        "name.familyName": family,
        "displayName": display,
    }
    return {path: value for path, value in values.items() if value}


ADA = names("Ada", "King", "Ada King", "ada@x")

COMPARED: list[tuple[Document, Document, Agreement]] = [
    (ADA, ADA, SAME),
    (ADA, names("ADA", " King "), SAME),  # case and blanks
    (ADA, names("Ada", "Byron", "Ada Byron"), DIFFERENT),
    (ADA, names("Ada", "Byron", "Ada King"), SAME),  # displayName is enough
    (names("Ada", "King"), names(display="Ada King"), UNKNOWN),
    (names(given="Ada"), names(given="Ada"), UNKNOWN),  # half a name
    (names(user="ada@x"), names(user="ada@x"), UNKNOWN),
    (names(display="straße"), names(display="strasse"), DIFFERENT),
]


@pytest.mark.parametrize(("before", "after", "expected"), COMPARED)
def test_names_agree(before: Document, after: Document, expected: Agreement) -> None:
    assert compare_names(before, after) is expected


BECAME: list[tuple[Document, Document, bool]] = [
    (ADA, names("Zoe", "Lee", "Zoe Lee", "zoe@x"), True),
    (ADA, names("Ada", "Byron", "Ada Byron", "byron@x"), False),  # marriage
    (ADA, names("Zoe", "Lee", "Zoe Lee", "ada@x"), False),  # corrected names
    (ADA, names("Ada", "King", "Ada King", "zoe@x"), False),
    (ADA, names(user="zoe@x"), False),  # names are no longer mapped
    (names(display="Ada King", user="a"), names(display="Zoe Lee", user="z"), True),
    (names(display="King, Ada", user="a"), names(display="Ada Lee", user="z"), False),
    (names(user="a"), names(user="z"), False),
    ({}, ADA, False),
]


@pytest.mark.parametrize(("before", "after", "expected"), BECAME)
def test_a_record_becomes_another_persons(
    before: Document, after: Document, expected: bool
) -> None:
    assert became_another(before, after) is expected


def numbered(external_id: str, document: Document) -> Document:
    """A document with an externalId."""
    return {**document, "externalId": external_id}


ANN = numbered("1", names("Ann", "Abel", "Ann Abel", "ann@x"))

SHOWN: list[tuple[Document, Document, bool]] = [
    (ANN, ANN, False),
    (ANN, names(user="ann@x"), False),  # neither externalId nor names are shown
    (names(user="ann@x"), ANN, False),  # or mapped
    (ANN, names("Ann", "Abel", "Ann Abel"), False),
    # an equal externalId
    (ANN, numbered("1", names(user="zoe@x")), False),
    (ANN, numbered("1", names("Zoe", "Zed", "Zoe Zed", "ann@x")), False),
    (ANN, numbered("1", names("Ann", "Zed", "Ann Zed", "zed@x")), False),
    (ANN, numbered("1", names("Zoe", "Zed", "Zoe Zed", "zoe@x")), True),
    # another externalId
    (ANN, numbered("2", names(user="ann@x")), True),
    (ANN, numbered("2", names("Zoe", "Zed", "Zoe Zed", "ann@x")), True),
    (ANN, numbered("2", names("Ann", "Zed", "Ann Zed", "ann@x")), True),
    (ANN, numbered("2", names("Ann", "Abel", user="ANN@x")), False),  # the same person
    (ANN, numbered("2", names(display="Ann Abel", user="ann@x")), False),
    (ANN, numbered("2", names("Ann", "Abel", user="other@x")), True),
    (ANN, numbered("", names(user="ann@x")), False),
    # other names
    (ANN, names("Zoe", "Zed", user="ann@x"), True),
    (ANN, names("Zoe", "Zed", "Ann Abel", "ann@x"), False),
    (ANN, names("Ann", "Zed", user="ann@x"), False),  # marriage
    (ANN, names(display="Zoe Zed", user="ann@x"), True),
    (ANN, names(display="Abel, Ann", user="ann@x"), False),
    (ANN, {"userName": "ann@x", "name": {"givenName": "Zoe", "familyName": "Zed"}}, True),
]


@pytest.mark.parametrize(("known", "shown", "expected"), SHOWN)
def test_an_account_contradicts_what_is_known_of_its_user(
    known: Document, shown: Document, expected: bool
) -> None:
    assert is_another_user(known, shown) is expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (names("ann", "abel", user="Ann@x"), True),
        (names(display="Ann Abel", user="ann@x"), True),
        (names("Ann", "Zed", user="ann@x"), False),
        (names("Ann", "Abel", user="zed@x"), False),
        (names("Ann", "Abel"), False),
        (names(user="ann@x"), False),
    ],
)
def test_a_user_has_the_user_name_and_the_names(shown: Document, expected: bool) -> None:
    assert is_same_user(ANN, shown) is expected
