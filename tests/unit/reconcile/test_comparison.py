"""What counts as drift of one resource, and what is only the target's way of showing it."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.model.changes import Change
from scimsync.model.echoes import Echo
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import KnownResource, LinkStatus
from scimsync.model.placeholders import IdOf, SecretValue
from scimsync.reconcile.comparison import ResourceDifference, ShownRules, compare
from scimsync.reconcile.drift_findings import Drift

ACTIVE, INACTIVE, DELETED = LinkStatus.ACTIVE, LinkStatus.INACTIVE, LinkStatus.DELETED
WORK = 'emails[type eq "work"].value'


def known(status: LinkStatus = ACTIVE, **more: Any) -> KnownResource:
    document = more.pop("document", {"userName": "ann@example.com", "active": status is ACTIVE})
    return KnownResource(Key("1"), RemoteId("id-1"), status, document, **more)


def shown(**values: Any) -> dict[str, Any]:
    return {"id": "id-1", "userName": "ann@example.com", "active": True} | values


@pytest.mark.parametrize(
    ("status", "leaves", "active", "found"),
    [
        (ACTIVE, False, True, None),
        (ACTIVE, False, "True", None),
        (ACTIVE, False, False, Drift.DEACTIVATED),
        (ACTIVE, False, "inactive", Drift.DEACTIVATED),
        (ACTIVE, False, "?", None),
        (ACTIVE, True, True, Drift.STILL_ACTIVE),
        (ACTIVE, True, False, Drift.DEACTIVATED),
        (INACTIVE, False, False, None),
        (INACTIVE, False, "?", None),
        (INACTIVE, False, True, Drift.REACTIVATED),
        (INACTIVE, True, True, Drift.STILL_ACTIVE),
        (DELETED, False, True, Drift.REACTIVATED),
        (DELETED, False, "?", Drift.REACTIVATED),
        (DELETED, False, False, None),
    ],
)
def test_access(status: LinkStatus, leaves: bool, active: object, found: Drift | None) -> None:
    difference = compare(
        Kind.USER, known(status, access_to_remove=leaves), shown(active=active), ShownRules()
    )

    assert (None if difference is None else difference.drift) == found


def test_an_account_without_active_is_as_it_was() -> None:
    bare = {"id": "id-1", "userName": "ann@example.com"}
    assert compare(Kind.USER, known(), bare, ShownRules()) is None
    assert compare(Kind.USER, known(INACTIVE), bare, ShownRules()) is None


def test_an_open_invitation_is_no_deactivation() -> None:
    assert compare(Kind.USER, known(), shown(active=False), ShownRules(invites=True)) is None


def test_the_deactivation_of_an_account_whose_active_is_not_managed_is_no_drift() -> None:
    unmapped = known(document={"userName": "ann@example.com"})
    assert compare(Kind.USER, unmapped, shown(active=False), ShownRules()) is None


@pytest.mark.parametrize(
    ("path", "sent", "resource"),
    [
        ("displayName", "Ann", {"displayName": "ANN"}),
        ("displayName", "Zoe\u0308", {"DISPLAYNAME": "Zo\u00eb"}),
        ("title", "Lead", {"title": "Lead"}),
        ("level", 5, {"level": "5"}),
        (WORK, "a@example.com", {"emails": [{"type": "work", "value": "A@example.com"}]}),
        (
            WORK,
            "a@example.com",
            {
                "emails": [
                    {"type": "home", "value": "b"},
                    {"type": "work", "value": "a@example.com"},
                ]
            },
        ),
        (
            "roles",
            [{"value": "a"}, {"value": "b"}],
            {"roles": [{"value": "B", "display": "Bee"}, {"value": "a", "primary": False}]},
        ),
        ("urn:x:1.0:User:manager.value", "7", {"urn:x:1.0:User": {"manager": {"value": 7}}}),
    ],
)
def test_the_same_value_written_otherwise_is_no_drift(
    path: str, sent: Any, resource: dict[str, Any]
) -> None:
    assert compare(Kind.USER, known(document={path: sent}), resource, ShownRules()) is None


@pytest.mark.parametrize(
    ("path", "sent", "resource", "after"),
    [
        ("displayName", "Ann", {"displayName": "Anna"}, "Anna"),
        ("displayName", "Ann", {"displayName": ""}, None),
        ("displayName", "Ann", {}, None),
        (WORK, "a", {"emails": [{"type": "home", "value": "a"}]}, None),
        (
            "roles",
            [{"value": "a"}],
            {"roles": [{"value": "a"}, {"value": "b"}]},
            [{"value": "a"}, {"value": "b"}],
        ),
        ("roles", [{"value": "a"}], {"roles": []}, None),
        ("flag", True, {"flag": False}, False),
    ],
)
def test_another_value_is_drift(path: str, sent: Any, resource: dict[str, Any], after: Any) -> None:
    found = compare(Kind.USER, known(document={path: sent}), resource, ShownRules())

    assert found == ResourceDifference(None, (Change(path, sent, after),))
    assert found.absent == ((path,) if after is None else ())


@pytest.mark.parametrize("value", [SecretValue("x"), IdOf(Key("2"))])
def test_what_the_state_does_not_know_is_not_compared(value: object) -> None:
    assert compare(Kind.USER, known(document={"title": value}), {}, ShownRules()) is None


def test_attributes_that_are_never_returned_are_not_compared() -> None:
    rules = ShownRules(frozenset({"title"}))
    assert compare(Kind.USER, known(document={"title": "Lead"}), {}, rules) is None


def test_attributes_that_scimsync_did_not_set_are_not_compared() -> None:
    assert compare(Kind.USER, known(), shown(nickName="Annie"), ShownRules()) is None


def test_the_form_that_the_target_showed_for_what_was_sent_is_no_drift() -> None:
    echo = Echo("phone", "030 123", "+4930123")
    one = known(document={"phone": "030 123"}, echoes=(echo,))

    assert compare(Kind.USER, one, {"phone": "+4930123"}, ShownRules()) is None
    changed = compare(Kind.USER, one, {"phone": "+4930999"}, ShownRules())
    assert changed == ResourceDifference(None, (Change("phone", "030 123", "+4930999"),))
    later = known(document={"phone": "030 456"}, echoes=(echo,))
    assert compare(Kind.USER, later, {"phone": "+4930123"}, ShownRules()) is not None


def test_a_form_that_was_too_long_to_keep_is_recognized() -> None:
    long, cut = "x" * 300, "x" * 199 + "…"
    one = known(document={"title": long}, echoes=(Echo("title", cut, "y" * 199 + "…"),))

    assert compare(Kind.USER, one, {"title": "y" * 250}, ShownRules()) is None
    assert compare(Kind.USER, one, {"title": "z" * 250}, ShownRules()) is not None


def test_an_absent_attribute_that_the_target_never_shows_can_be_left_out() -> None:
    found = ResourceDifference(
        None, (Change("title", "Lead", None), Change("displayName", "A", "B"))
    )

    assert found.without({"title", "displayName"}) == ResourceDifference(
        None, (Change("displayName", "A", "B"),)
    )
    assert ResourceDifference(None, (Change("title", "Lead", None),)).without({"title"}) is None
    kept = ResourceDifference(Drift.DEACTIVATED, (Change("title", "Lead", None),)).without(
        {"title"}
    )
    assert kept == ResourceDifference(Drift.DEACTIVATED)


def test_groups_have_no_access() -> None:
    group = known(document={"displayName": "IT"})
    shown_group = {"id": "id-1", "displayName": "IT", "active": False}
    assert compare(Kind.GROUP, group, shown_group, ShownRules()) is None
