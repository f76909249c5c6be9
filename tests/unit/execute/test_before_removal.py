"""What an account shows that must not be deleted, although its user left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from scimsync.execute.before_removal import NotToBeDeleted, check_account, is_never_reused
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.plan.candidates import Leaving, Policy
from scimsync.scim.filters import parse_filter

ANN = {
    "userName": "ann@example.com",
    "name": {"givenName": "Ann", "familyName": "Abel"},
    "active": False,
}
BOSS = {"userName": "boss@example.com", "name": {"givenName": "The", "familyName": "Boss"}}
LATER = Leaving("deactivate", timedelta(days=30))
AT_ONCE = Leaving("delete")


def why_kept(
    shown: dict[str, Any], leave: Leaving = LATER, external_id: str | None = None
) -> str | None:
    document = {
        "userName": "ann@example.com",
        "name.givenName": "Ann",
        "name.familyName": "Abel",
        "active": False,
    }
    if external_id is not None:
        document["externalId"] = external_id
    link = Link(Kind.USER, Key("1"), LinkStatus.INACTIVE, RemoteId("7"), document)
    policy = Policy("wiki", None, leave, protect=(parse_filter('title eq "Root"'),))
    try:
        check_account(policy, link, RemoteId("7"), {"id": "7", **shown})
    except NotToBeDeleted as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("shown", "leave", "external_id", "code"),
    [
        (ANN, LATER, None, None),
        ({**ANN, "userName": "renamed@example.com"}, LATER, None, None),
        ({"userName": "ann@example.com"}, LATER, None, None),  # it shows nothing of `active`
        ({**ANN, **BOSS}, LATER, None, "SYNC-0397"),
        ({**ANN, **BOSS}, AT_ONCE, None, "SYNC-0397"),
        ({**ANN, **BOSS}, LATER, "1", "SYNC-0397"),  # it shows no externalId
        ({**ANN, **BOSS, "externalId": "1"}, LATER, "1", None),  # married, and renamed by hand
        ({**ANN, "active": True}, LATER, None, "SYNC-0397"),
        ({**ANN, "active": "True"}, LATER, None, "SYNC-0397"),
        ({**ANN, "active": True}, AT_ONCE, None, None),
        ({**ANN, "title": "Root"}, AT_ONCE, None, "SYNC-0361"),
    ],
)
def test_which_account_is_not_deleted(
    shown: dict[str, Any], leave: Leaving, external_id: str | None, code: str | None
) -> None:
    assert why_kept(shown, leave, external_id) == code


@pytest.mark.parametrize(
    ("remote_id", "never"),
    [
        ("2819c223-7f76-453a-919d-413861904646", True),
        ("2819C2237F76453A919D413861904646", True),
        ("48", False),
        ("00u1abcd2EFGH3ijk4X7", False),
        ("anna.adler@example.com", False),
    ],
)
def test_only_a_uuid_is_never_given_to_another(remote_id: str, never: bool) -> None:
    assert is_never_reused(RemoteId(remote_id)) is never
