"""The requests of one change in each shape, and what they depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.differences import differences
from scimsync.scim.edit import edited
from scimsync.scim.messages import Member, RemoteResource
from scimsync.scim.shapes import CHOICES, Axis, Shape, Shapes
from scimsync.scim.shaping import member_uses, uses

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = f"{ENTERPRISE}:manager.value"
DEPARTMENT = f"{ENTERPRISE}:department"
WORK = 'emails[type eq "work"].value'
HELD = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": "1",
    "meta": {"version": 'W/"3"'},
    "userName": "ann",
    "nickName": "unmanaged",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [
        {"type": "home", "value": "ann@example.org"},
        {"type": "work", "value": "ann@example.com", "primary": True},
    ],
}
RESOURCE = RemoteResource("1", 'W/"3"', HELD)


def dialect(**choices: str) -> ShapedDialect:
    shapes = Shapes(Shape(**choices), Shape(**choices))
    return ShapedDialect(shapes, shapes)


def operations(before: Any, after: Any, **choices: str) -> list[Any]:
    requests = dialect(**choices).update("user", RESOURCE, before, after)
    return [one for request in requests for one in (request.body or {})["Operations"]]


def replaced(path: str | None, value: Any, op: str = "replace") -> dict[str, Any]:
    return {"op": op} | ({} if path is None else {"path": path}) | {"value": value}


@pytest.mark.parametrize(
    ("choices", "before", "after", "expected"),
    [
        ({}, {}, {"title": "CEO"}, [replaced("title", "CEO")]),
        ({"absent": "add"}, {}, {"title": "CEO"}, [replaced("title", "CEO", "add")]),
        ({}, {}, {"roles": [{"value": "a"}]}, [replaced("roles", [{"value": "a"}], "add")]),
        ({}, {"title": "CEO"}, {}, [{"op": "remove", "path": "title"}]),
        ({"path": "object"}, {"title": "CEO"}, {}, [replaced(None, {"title": None})]),
        (
            {"path": "object"},
            {"active": True},
            {"active": False},
            [replaced(None, {"active": False})],
        ),
        (
            {"path": "object"},
            {"name.givenName": "Ann"},
            {"name.givenName": "Anne"},
            [replaced(None, {"name": {"givenName": "Anne", "familyName": "Lee"}})],
        ),
        (
            {"path": "keys"},
            {"name.givenName": "Ann"},
            {"name.givenName": "Anne", DEPARTMENT: "IT"},
            [replaced(None, {"name.givenName": "Anne", DEPARTMENT: "IT"})],
        ),
        ({}, {WORK: "a"}, {WORK: "b"}, [replaced(WORK, "b")]),
        (
            {},
            {},
            {WORK: "b"},
            [replaced("emails", [{"type": "work", "value": "b"}], "add")],
        ),
        (
            {"element": "element"},
            {WORK: "ann@example.com"},
            {WORK: "b"},
            [replaced('emails[type eq "work"]', {"type": "work", "value": "b", "primary": True})],
        ),
        (
            {"element": "list"},
            {WORK: "ann@example.com"},
            {WORK: "b"},
            [
                replaced(
                    "emails",
                    [
                        {"type": "home", "value": "ann@example.org"},
                        {"type": "work", "value": "b", "primary": True},
                    ],
                )
            ],
        ),
        (
            {"element": "list"},
            {WORK: "ann@example.com"},
            {},
            [replaced("emails", [{"type": "home", "value": "ann@example.org"}])],
        ),
        ({}, {}, {DEPARTMENT: "IT"}, [replaced(DEPARTMENT, "IT")]),
        (
            {"extension": "nested"},
            {},
            {DEPARTMENT: "IT"},
            [replaced(None, {ENTERPRISE: {"department": "IT"}})],
        ),
        ({}, {}, {MANAGER: "7"}, [replaced(MANAGER, "7")]),
        (
            {"manager": "object"},
            {},
            {MANAGER: "7"},
            [replaced(f"{ENTERPRISE}:manager", {"value": "7"})],
        ),
        (
            {"manager": "object"},
            {MANAGER: "7"},
            {},
            [{"op": "remove", "path": f"{ENTERPRISE}:manager"}],
        ),
        (
            {"manager": "nested"},
            {},
            {MANAGER: "7"},
            [replaced(None, {ENTERPRISE: {"manager": {"value": "7"}}})],
        ),
        (
            {"words": "legacy"},
            {"active": True},
            {"active": False},
            [{"op": "Replace", "path": "active", "value": "False"}],
        ),
    ],
)
def test_the_operations_of_a_change(
    choices: dict[str, str], before: Any, after: Any, expected: list[Any]
) -> None:
    assert operations(before, after, **choices) == expected


def test_operations_travel_together_or_one_by_one() -> None:
    after = {"title": "CEO", "nickName": "Ann"}
    assert len(dialect().update("user", RESOURCE, {}, after)) == 1
    assert len(dialect(operations="single").update("user", RESOURCE, {}, after)) == 2


def test_a_put_keeps_what_is_not_managed_and_names_the_version() -> None:
    (request,) = dialect(write="put").update("user", RESOURCE, {}, {WORK: "b", DEPARTMENT: "IT"})

    assert (request.method, request.path, request.if_match) == ("PUT", "/Users/1", 'W/"3"')
    body = dict(request.body or {})
    assert body["nickName"] == "unmanaged"
    assert body["emails"][0] == {"type": "home", "value": "ann@example.org"}
    assert body["emails"][1]["value"] == "b"
    assert body[ENTERPRISE] == {"department": "IT"}
    assert body["schemas"][-1] == ENTERPRISE
    assert "meta" not in body


def test_a_put_without_effect_is_not_sent() -> None:
    assert dialect(write="put").update("user", RESOURCE, {}, {"userName": "ann"}) == ()


def test_a_put_spells_names_as_the_rfc_does() -> None:
    held = {"username": "ann", "name": {"givenname": "Ann"}, "phonenumbers": []}
    (request,) = dialect(write="put").update(
        "user", RemoteResource("1", None, held), {}, {"title": "CEO"}
    )
    assert request.body == {
        "userName": "ann",
        "name": {"givenName": "Ann"},
        "phoneNumbers": [],
        "title": "CEO",
    }


def test_single_attributes_can_be_left_to_put() -> None:
    patching = dialect()
    mixed = replace(patching, user=replace(patching.user, by_put=frozenset({"title"})))

    def method(after: dict[str, str]) -> str:
        (request,) = mixed.update("user", RESOURCE, {}, after)
        return request.method

    assert [method({"title": "CEO"}), method({"nickName": "x"})] == ["PUT", "PATCH"]
    assert mixed.needs_current("user", ["title"])
    assert not mixed.needs_current("user", ["nickName"])


GROUP = RemoteResource("g", None, {"id": "g", "members": [{"value": "1"}, {"value": "2"}]})


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, [{"op": "remove", "path": 'members[value eq "1"]'}]),
        (
            {"member_removal": "values"},
            [{"op": "remove", "path": "members", "value": [{"value": "1"}]}],
        ),
        ({"member_removal": "list"}, [replaced("members", [{"value": "2"}])]),
        (
            {"member_removal": "list", "path": "object"},
            [replaced(None, {"members": [{"value": "2"}]})],
        ),
    ],
)
def test_a_member_is_removed(choices: dict[str, str], expected: list[Any]) -> None:
    (request,) = dialect(**choices).change_members(GROUP, ["1"], [])
    assert (request.body or {})["Operations"] == expected


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, [replaced("members", [{"value": "3"}], "add")]),
        ({"member_addition": "object"}, [replaced(None, {"members": [{"value": "3"}]}, "add")]),
        (
            {"member_addition": "list"},
            [replaced("members", [{"value": "1"}, {"value": "2"}, {"value": "3"}])],
        ),
    ],
)
def test_a_member_is_added(choices: dict[str, str], expected: list[Any]) -> None:
    (request,) = dialect(**choices).change_members(GROUP, [], [Member("3")])
    assert (request.body or {})["Operations"] == expected


@pytest.mark.parametrize(
    "shapes", [Shapes(Shape(write="put")), Shapes(by_put=frozenset({"members"}))]
)
def test_members_by_put_keep_the_others(shapes: Shapes) -> None:
    (request,) = ShapedDialect(group=shapes).change_members(GROUP, ["1"], [Member("3")])
    assert request.method == "PUT"
    assert request.body == {"id": "g", "members": [{"value": "2"}, {"value": "3"}]}


@pytest.mark.parametrize(
    ("choices", "paths", "expected"),
    [
        ({}, [WORK, MANAGER, "name.givenName"], False),
        ({"write": "put"}, ["title"], True),
        ({"element": "list"}, ["title"], False),
        ({"element": "list"}, [WORK], True),
        ({"path": "object"}, ["active"], False),
        ({"path": "object"}, ["name.givenName"], True),
        ({"member_removal": "list"}, ["members"], True),
        ({"member_removal": "values"}, ["members"], False),
        ({"extension": "nested"}, ['urn:x:1.0:Badges:badge[type eq "work"].value'], True),
        ({"extension": "nested"}, [DEPARTMENT, MANAGER], False),
    ],
)
def test_what_is_read_before_a_change(
    choices: dict[str, str], paths: list[str], expected: bool
) -> None:
    assert dialect(**choices).needs_current("user", paths) is expected


SETTING, WRITE = "setting", ("setting", Axis.WRITE)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"title": "CEO"}, {(SETTING, Axis.PATH), (SETTING, Axis.ABSENT)}),
        ({"title": "x"}, {"title": "CEO"}, {(SETTING, Axis.PATH)}),
        ({"title": "x"}, {}, {("removing", Axis.PATH)}),
        ({WORK: "a"}, {WORK: "b"}, {(SETTING, Axis.ELEMENT), (SETTING, Axis.PATH)}),
        ({MANAGER: "1"}, {MANAGER: "2"}, {(SETTING, Axis.MANAGER)}),
        ({DEPARTMENT: "1"}, {DEPARTMENT: "2"}, {(SETTING, Axis.EXTENSION)}),
    ],
)
def test_what_a_request_depends_on(before: Any, after: Any, expected: Any) -> None:
    assert uses(differences(before, after), Shapes()) == expected | {WRITE}
    assert uses(differences(before, after), Shapes(Shape(write="put"))) == {WRITE}


def test_what_a_change_of_members_depends_on() -> None:
    assert member_uses(removed=True, added=False) == {WRITE, ("removing", Axis.MEMBER_REMOVAL)}
    assert member_uses(removed=False, added=True) == {WRITE, (SETTING, Axis.MEMBER_ADDITION)}


def test_a_resource_is_edited_in_its_own_spelling() -> None:
    held = {"USERNAME": "ann", "Name": {"GivenName": "Ann"}, "Emails": [{"Type": "work"}]}
    before = {"userName": "ann", "name.givenName": "Ann"}
    after = {"userName": "bob", WORK: "b"}
    assert edited(held, differences(before, after)) == {
        "USERNAME": "bob",
        "Emails": [{"Type": "work", "value": "b"}],
    }


def test_every_choice_is_a_shape_and_no_other_word_is() -> None:
    for axis, choices in CHOICES.items():
        for choice in choices:
            assert Shape().with_choice(axis, choice).choice(axis) == choice
    with pytest.raises(ValueError, match="write cannot be 'post'"):
        Shape(write="post")


def test_an_element_without_its_type_is_known_by_its_value() -> None:
    held = {"emails": [{"value": "x", "primary": True}, {"value": "old", "primary": False}]}
    assert edited(held, differences({WORK: "old"}, {WORK: "new"})) == {
        "emails": [
            {"value": "x", "primary": True},
            {"value": "new", "primary": False, "type": "work"},
        ]
    }
