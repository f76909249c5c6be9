"""How well an account matches, and which matches are weak."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.model.changes import Change
from scimsync.plan.adoption import (
    OTHER_NAMES,
    describe_match,
    is_reactivated,
    is_weak,
    matched_by,
    overwritten,
)
from tests.unit.plan.building import account

ANN = {
    "externalId": "E1",
    "userName": "ann@example.com",
    "name.familyName": "Abel",
    "name.givenName": "Ann",
    "displayName": "Ann Abel",
}

ROOT = {
    "externalId": "E1",
    "userName": "root@example.com",
    "name.familyName": "Root",
    "name.givenName": "Admin",
    "displayName": "Root Admin",
}


@pytest.mark.parametrize(
    ("wanted", "held", "by", "matched", "weak"),
    [
        # an equal externalId, whatever else differs
        (ANN, {"externalId": "E1", "userName": "x"}, "externalId", "externalId", False),
        (
            ANN,
            {**ANN, "name.familyName": "Bohr"},
            "userName",
            "userName|externalId|displayName",
            False,
        ),
        # ... in its own case
        (ANN, {"externalId": "e1", "userName": "ann@example.com"}, "userName", "userName", True),
        # an equal userName of somebody with the same name
        (ANN, {**ANN, "externalId": "okta|7"}, "userName", "userName|name|displayName", False),
        (
            ANN,
            {"userName": "ANN@example.com", "name.familyName": "ABEL", "name.givenName": "ann "},
            "userName",
            "userName|name",
            False,
        ),
        (
            ANN,
            {"userName": "ann@example.com", "displayName": "ann abel"},
            "userName",
            "userName|displayName",
            False,
        ),
        (
            {**ANN, "name": {"familyName": "Abel", "givenName": "Ann"}},
            ANN,
            "userName",
            "userName|externalId|name|displayName",
            False,
        ),
        # ... but not of somebody with half of it, or of nobody
        (
            ANN,
            {"userName": "ann@example.com", "name.familyName": "Abel"},
            "userName",
            "userName",
            True,
        ),
        (ANN, {"userName": "ann@example.com", "displayName": ""}, "userName", "userName", True),
        ({"userName": "ann@example.com"}, {**ANN}, "userName", "userName", True),
        # an equal externalId of somebody with other names, and another userName
        (ANN, ROOT, "externalId", "externalId|other names", True),
        (ANN, {**ROOT, "displayName": "Ann Root"}, "externalId", "externalId|other names", True),
        (
            {"externalId": "E1", "userName": "a", "displayName": "Ann Abel"},
            {"externalId": "E1", "userName": "b", "displayName": "Root, Admin"},
            "externalId",
            "externalId|other names",
            True,
        ),
        # ... but one of them is the same, or nothing can be compared
        (ANN, {**ROOT, "userName": "ann@example.com"}, "externalId", "externalId|userName", False),
        (ANN, {**ROOT, "name.givenName": "ann"}, "externalId", "externalId", False),
        (ANN, {**ROOT, "displayName": "ann abel"}, "externalId", "externalId|displayName", False),
        (
            {"externalId": "E1", "userName": "a", "displayName": "Ann Abel"},
            {"externalId": "E1", "userName": "b", "displayName": "Abel, A."},
            "externalId",
            "externalId",
            False,
        ),
        (ANN, {"externalId": "E1", "userName": "root"}, "externalId", "externalId", False),
        (ANN, {**ROOT, "userName": None}, "externalId", "externalId", False),
        # another attribute, even with the same name
        (
            ANN,
            {**ANN, "externalId": "x", "userName": "y"},
            "emails.value",
            "emails.value|name|displayName",
            True,
        ),
        (
            ANN,
            {**ANN, "externalId": "x"},
            "emails.value",
            "emails.value|userName|name|displayName",
            False,
        ),
    ],
)
def test_how_an_account_matches(
    wanted: dict[str, Any], held: dict[str, Any], by: str, matched: str, weak: bool
) -> None:
    found = matched_by(wanted, account(identity=held, found_by=by))
    assert found == tuple(matched.split("|"))
    assert is_weak(found) is weak


def test_what_scimsync_created_is_no_weak_adoption() -> None:
    assert not is_weak(())


def test_what_an_adoption_does_to_the_account() -> None:
    changes = (
        Change("externalId", "okta|7", "E1"),
        Change("title", None, "Dr"),
        Change("nickName", "Annie", None),
        Change("active", False, True),
    )
    assert [change.path for change in overwritten(changes)] == ["externalId", "nickName"]
    assert is_reactivated(changes)
    assert not is_reactivated(changes[:3])
    assert not is_reactivated((Change("active", None, True),))


def test_a_match_is_described_in_words() -> None:
    other = ("externalId", OTHER_NAMES)
    assert describe_match(("userName",), may_be_weak=True) == "matches by userName only"
    assert describe_match(("userName",), may_be_weak=False) == "matches by userName"
    assert describe_match(other, may_be_weak=True) == (
        "matches by externalId only, but userName and all names differ"
    )
