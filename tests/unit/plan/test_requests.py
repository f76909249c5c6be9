"""The requests of each operation: as a plan shows it, and as it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.memberships import Membership, member_change
from scimsync.model.operations import Action, Operation, Phase
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.plan.requests import Values, request_documents, shape_requests, shown
from scimsync.scim.dialects import rfc

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
NAME = {"userName": "ann"}


def operation(action: str, *changes: Change, kind: Kind = Kind.USER, **more: Any) -> Operation:
    given = {"remote_id": None if action == "create" else RemoteId("id-1"), **more}
    return Operation(
        phase=Phase.UPDATE,
        kind=kind,
        key=Key("00001"),
        action=action,
        reason="",
        changes=changes,
        **given,
    )


PLANNED = Values(fill=shown, member_id=lambda _kind, key: f"(id of {key})")


def shaped(one: Operation, before: Any = NAME, values: Values = PLANNED) -> Any:
    requests = request_documents(shape_requests(rfc, one, before, values))
    return requests[0] if len(requests) == 1 else requests or None


def patch(*operations: dict[str, Any], path: str = "/Users/id-1") -> dict[str, Any]:
    body = {"schemas": [PATCH_OP], "Operations": list(operations)}
    return {"method": "PATCH", "path": path, "body": body}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # a creation posts the whole document
        (
            operation("create", Change("userName", None, "ann"), Change("active", None, True)),
            {
                "method": "POST",
                "path": "/Users",
                "body": {"schemas": [CORE], "userName": "ann", "active": True},
            },
        ),
        # `active` alone
        (
            operation("deactivate", Change("active", True, False)),
            patch({"op": "replace", "path": "active", "value": False}),
        ),
        (
            operation("reactivate", Change("active", False, True)),
            patch({"op": "replace", "path": "active", "value": True}),
        ),
        # other changes
        (
            operation("update", Change("userName", "ann", "bob"), Change("title", None, "Boss")),
            patch(
                {"op": "replace", "path": "userName", "value": "bob"},
                {"op": "add", "path": "title", "value": "Boss"},
            ),
        ),
        # a deletion
        (operation("delete"), {"method": "DELETE", "path": "/Users/id-1", "body": None}),
        # an account that is adopted as it is
        (operation("adopt"), None),
    ],
)
def test_an_operation_on_a_user(one: Operation, expected: Any) -> None:
    assert shaped(one) == expected


def test_active_that_is_removed_is_no_deactivation() -> None:
    one = operation("update", Change("active", True, None))
    assert shaped(one, {**NAME, "active": True}) == patch({"op": "remove", "path": "active"})


def test_placeholders_are_shown_in_words_and_sent_as_values() -> None:
    one = operation(
        "create",
        Change("userName", None, "ann"),
        Change("password", None, SecretValue("digest")),
        Change("nickName", None, RandomText(12)),
        Change("manager.value", None, IdOf(Key("00002"))),
    )
    shown = shaped(one)["body"]
    assert (shown["password"], shown["nickName"]) == ("(secret)", "(12 random characters)")
    assert shown["manager"] == {"value": "(id of 00002)"}

    def fill(value: Any) -> Any:
        return {SecretValue: "s3cret", RandomText: "x" * 12, IdOf: "id-2"}[type(value)]

    sent = shaped(one, values=Values(fill, lambda *_: None))["body"]
    assert (sent["password"], sent["nickName"]) == ("s3cret", "x" * 12)
    assert sent["manager"] == {"value": "id-2"}


def test_a_secret_that_was_there_before_is_replaced() -> None:
    one = operation("update", Change("password", SecretValue("old"), SecretValue("new")))
    before = {**NAME, "password": SecretValue("old")}
    assert shaped(one, before) == patch({"op": "replace", "path": "password", "value": "(secret)"})


def members(*some: tuple[str, bool], kind: Kind = Kind.USER) -> tuple[Change, ...]:
    return tuple(
        member_change(Membership(Key("g"), kind, Key(key), wanted=wanted, acknowledged=not wanted))
        for key, wanted in some
    )


def test_members_travel_together_removals_first() -> None:
    one = operation(
        Action.REMOVE_MEMBERS, *members(("a", True), ("b", False), ("c", True)), kind=Kind.GROUP
    )
    ids = Values(lambda value: value, lambda _, key: f"id-{key}")
    assert shaped(one, values=ids) == patch(
        {"op": "remove", "path": 'members[value eq "id-b"]'},
        {"op": "add", "path": "members", "value": [{"value": "id-a"}, {"value": "id-c"}]},
        path="/Groups/id-1",
    )


def test_a_group_in_a_group_has_its_type() -> None:
    one = operation(Action.ADD_MEMBERS, *members(("a", True), kind=Kind.GROUP), kind=Kind.GROUP)
    (added,) = shaped(one)["body"]["Operations"]
    assert added["value"] == [{"value": "(id of a)", "type": "Group"}]


def test_members_without_an_id_are_left_out() -> None:
    known = Values(lambda value: value, lambda _, key: "id-a" if key == "a" else None)
    some = operation(Action.ADD_MEMBERS, *members(("a", True), ("b", True)), kind=Kind.GROUP)
    (added,) = shaped(some, values=known)["body"]["Operations"]
    assert added["value"] == [{"value": "id-a"}]
    none = operation(Action.ADD_MEMBERS, *members(("b", True)), kind=Kind.GROUP)
    assert shaped(none, values=known) is None


def test_a_group_that_this_plan_creates_is_shown_by_its_key() -> None:
    one = operation(Action.ADD_MEMBERS, *members(("a", True)), kind=Kind.GROUP, remote_id=None)
    assert shaped(one)["path"].startswith("/Groups/")
    assert "00001" in shaped(one)["path"]
