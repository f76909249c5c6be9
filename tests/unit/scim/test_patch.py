"""PATCH: the effect of operations, and the fewest that turn one document into another."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.patch import PatchOperation, diff, patch_body
from scimsync.scim.resources import build, project
from tests.servers.patching import apply_patch

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HR = "urn:example:hr:1.0:Person"

add, replace, remove = (partial(PatchOperation, op) for op in ("add", "replace", "remove"))


def unordered(value: Any) -> Any:
    """Return `value` in a form in which lists have no order and true is not 1."""
    if isinstance(value, list):
        return sorted(
            (unordered(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True)
        )
    if isinstance(value, dict):
        return {name: unordered(one) for name, one in value.items()}
    return (type(value).__name__, value)


text = st.text(min_size=1, max_size=5)
people = st.fixed_dictionaries(
    {"userName": text},
    optional={
        "displayName": text,
        "active": st.booleans(),
        "x-level": st.integers(0, 2) | st.booleans(),
        "name.givenName": text,
        "name.familyName": text,
        "roles": st.lists(text, min_size=1, max_size=3, unique=True).map(
            lambda all_: [{"value": one} for one in all_]
        ),
        'emails[type eq "work"].value': text,
        'emails[type eq "work"].display': text,
        'emails[type eq "home"].value': text,
        'emails[type eq "home"].display': text,
        'addresses[type eq "work" and country eq "NO"].locality': text,
        'addresses[type eq "work" and country eq "NO"].region': text,
        f"{ENTERPRISE}:department": text,
        f"{ENTERPRISE}:manager.value": text,
        f"{HR}:desks[floor eq 2].number": st.integers(0, 3),
        f"{HR}:desks[floor eq 2].window": st.booleans(),
    },
)
primaries = st.sampled_from(
    [
        (),
        (("work", True),),
        (("home", True),),
        (("work", True), ("home", False)),
        (("home", False),),
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document with its paths in any order, and at most one primary address."""
    document = draw(people) | {
        f'emails[type eq "{kind}"].primary': on for kind, on in draw(primaries)
    }
    return dict(draw(st.permutations(list(document.items()))))


def with_extras(resource: dict[str, Any], extras: set[str], kept: dict[str, Any]) -> dict[str, Any]:
    """Return `resource` with attributes of others that a service provider may hold.

    A note within a managed element is added if the element is in `kept`, as it exists as long as
    its element.
    """
    resource = copy.deepcopy(resource)
    if "attribute" in extras:
        resource["timezone"] = "Europe/Oslo"
    if "sub-attribute" in extras:
        resource.setdefault("name", {})["middleName"] = "B."
    if "element" in extras:
        resource.setdefault("emails", []).append(
            {"type": "other", "value": "o@example.com", "primary": False}
        )
        resource.setdefault("addresses", []).append(
            {"type": "work", "country": "SE", "locality": "Lund"}
        )
    if "extension" in extras:
        resource.setdefault("urn:example:1.0:Other", {})["x"] = [1]
        resource["schemas"] = [*resource["schemas"], "urn:example:1.0:Other"]
    if "in extension" in extras:
        if ENTERPRISE not in resource:
            resource["schemas"] = [*resource["schemas"], ENTERPRISE]
        resource.setdefault(ENTERPRISE, {})["division"] = "North"
    for element in resource.get("emails", []) if "in element" in extras else []:
        if any(path.startswith(f'emails[type eq "{element["type"]}"]') for path in kept):
            element["x-note"] = "seen"
    return resource


all_extras = ["attribute", "sub-attribute", "element", "extension", "in extension", "in element"]


@settings(max_examples=500, database=None)
@given(documents(), documents(), st.sets(st.sampled_from(all_extras)))
def test_a_patched_resource_holds_the_new_document_and_all_else_as_before(
    before: dict[str, Any], after: dict[str, Any], extras: set[str]
) -> None:
    both = {
        path: after[path]
        for path in after
        if path.split("]")[0] in {other.split("]")[0] for other in before}
    }
    resource = with_extras(build(before, USER), extras, both)
    untouched = copy.deepcopy(resource)

    operations = diff(before, after)
    patched = apply_patch(operations, resource)

    assert unordered(project(patched, before | after)) == unordered(after)
    expected = with_extras(build(after, USER), extras, both)
    assert unordered(patched) == unordered(expected)
    assert resource == untouched
    assert apply_patch(operations, resource) == patched
    assert diff(after, project(patched, after)) == []
    json.dumps(patch_body(operations))


@settings(max_examples=300, database=None)
@given(documents(), st.randoms(use_true_random=False))
def test_nothing_is_sent_where_nothing_changed(document: dict[str, Any], random: Any) -> None:
    shuffled = list(document.items())
    random.shuffle(shuffled)

    assert diff(document, document) == []
    assert diff(document, dict(shuffled)) == []


@settings(max_examples=300, database=None)
@given(documents(), documents())
def test_every_operation_is_needed(before: dict[str, Any], after: dict[str, Any]) -> None:
    operations, resource = diff(before, after), build(before, USER)

    for index, operation in enumerate(operations):
        if operation.value is False and operation.path and operation.path.endswith(".primary"):
            # another address that becomes primary says so as well, at a service provider to the
            # letter
            continue
        fewer = operations[:index] + operations[index + 1 :]
        assert unordered(project(apply_patch(fewer, resource), before | after)) != unordered(after)


WORK, HOME = 'emails[type eq "work"]', 'emails[type eq "home"]'


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ({"title": "a"}, {"title": "b"}, [replace("title", "b")]),
        ({}, {"title": "b"}, [add("title", "b")]),
        ({"title": "a"}, {}, [remove("title")]),
        ({"title": "a"}, {"TITLE": "a"}, []),
        ({"x-level": 1}, {"x-level": True}, [replace("x-level", True)]),
        ({"name.givenName": "a"}, {"name.givenName": "b"}, [replace("name.givenName", "b")]),
        # elements: whole where they come or go, by sub-attribute where they stay
        (
            {},
            {f"{WORK}.value": "w", "title": "t", f"{WORK}.primary": True},
            [add("emails", [{"type": "work", "value": "w", "primary": True}]), add("title", "t")],
        ),
        ({f"{WORK}.value": "w", f"{WORK}.primary": True}, {}, [remove(WORK)]),
        ({f"{WORK}.value": "w"}, {f"{WORK}.value": "x"}, [replace(f"{WORK}.value", "x")]),
        (
            {f"{WORK}.value": "w", f"{WORK}.primary": True},
            {f"{WORK}.value": "x", f"{WORK}.display": "d"},
            [remove(f"{WORK}.primary"), replace(f"{WORK}.value", "x"), add(f"{WORK}.display", "d")],
        ),
        (
            {f"{WORK}.value": "w", "title": "t"},
            {"nickName": "n", f"{HOME}.value": "h"},
            [
                remove(WORK),
                remove("title"),
                add("nickName", "n"),
                add("emails", [{"type": "home", "value": "h"}]),
            ],
        ),
        # multi-valued attributes as a whole: their order means nothing
        (
            {"roles": [{"value": "a"}, {"value": "b"}]},
            {"roles": [{"value": "b"}, {"value": "a"}]},
            [],
        ),
        (
            {"roles": [{"value": "a"}]},
            {"roles": [{"value": "b"}]},
            [replace("roles", [{"value": "b"}])],
        ),
        # an object: a replace would leave the members that are gone (RFC 7644 section 3.5.2.3)
        (
            {"name": {"givenName": "a", "familyName": "f"}},
            {"name": {"givenName": "b"}},
            [remove("name.familyName"), replace("name.givenName", "b")],
        ),
        # extensions
        (
            {f"{ENTERPRISE}:department": "IT", f"{ENTERPRISE}:manager.value": "1"},
            {f"{ENTERPRISE}:department": "HR"},
            [remove(f"{ENTERPRISE}:manager.value"), replace(f"{ENTERPRISE}:department", "HR")],
        ),
        (
            {},
            {f"{HR}:desks[floor eq 2].number": 7},
            [add(f"{HR}:desks", [{"floor": 2, "number": 7}])],
        ),
        # paths are sent as the grammar prints them
        (
            {},
            {"title": "t", 'emails[ type EQ "work" ].value': "w"},
            [add("title", "t"), add("emails", [{"type": "work", "value": "w"}])],
        ),
        (
            {'emails[ type EQ "work" ].value': "w"},
            {f"{WORK}.value": "x"},
            [replace(f"{WORK}.value", "x")],
        ),
    ],
)
def test_the_operations_between_two_documents(
    before: dict[str, Any], after: dict[str, Any], operations: list[PatchOperation]
) -> None:
    assert diff(before, after) == operations


def test_operations_as_json() -> None:
    assert patch_body(
        [remove("title"), replace("active", False), add(None, {"a": 1}), replace("title", None)]
    ) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "remove", "path": "title"},
            {"op": "replace", "path": "active", "value": False},
            {"op": "add", "value": {"a": 1}},
            {"op": "replace", "path": "title", "value": None},
        ],
    }


ANN: dict[str, Any] = {
    "schemas": [USER, ENTERPRISE],
    "id": "1",
    "name": {"givenName": "Ann", "familyName": "Ash"},
    "emails": [{"type": "work", "value": "w", "primary": True}, {"type": "home", "value": "h"}],
    ENTERPRISE: {"department": "IT"},
}
W, H = ANN["emails"]
OFF = {**W, "primary": False}


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        # add: section 3.5.2.1
        (add("title", "t"), {"title": "t"}),
        (
            add("name", {"GIVENNAME": "A", "middleName": "B"}),
            {"name": {"givenName": "A", "familyName": "Ash", "middleName": "B"}},
        ),
        (
            add("emails", [{"type": "other", "value": "o"}]),
            {"emails": [W, H, {"type": "other", "value": "o"}]},
        ),
        (add("emails", {"type": "other"}), {"emails": [W, H, {"type": "other"}]}),
        (add("emails", [{"value": "h", "type": "home"}]), {}),  # already there
        (add("emails", [{"type": "x"}, {"type": "x"}]), {"emails": [W, H, {"type": "x"}]}),
        (
            add("emails", [{"type": "x", "primary": True}]),
            {"emails": [OFF, H, {"type": "x", "primary": True}]},
        ),
        (add("roles", {"value": "r"}), {"roles": [{"value": "r"}]}),
        (add("x-tags", ["a", "a", "b"]), {"x-tags": ["a", "a", "b"]}),
        (add(f"{HOME}.primary", True), {"emails": [OFF, {**H, "primary": True}]}),
        (add(HOME, {"display": "d"}), {"emails": [W, {**H, "display": "d"}]}),
        (add("NAME.middleName", "B"), {"name": {**ANN["name"], "middleName": "B"}}),
        (add("manager.value", "2"), {"manager": {"value": "2"}}),
        (
            add(None, {"title": "t", "name": {"middleName": "B"}}),
            {"title": "t", "name": {**ANN["name"], "middleName": "B"}},
        ),
        (
            add(None, {ENTERPRISE: {"division": "N"}}),
            {ENTERPRISE: {"department": "IT", "division": "N"}},
        ),
        (add(None, {HR: {"badge": 1}}), {HR: {"badge": 1}, "schemas": [USER, ENTERPRISE, HR]}),
        (add(f"{HR}:badge", 1), {HR: {"badge": 1}, "schemas": [USER, ENTERPRISE, HR]}),
        (
            add(f"{ENTERPRISE}:manager", {"value": "2"}),
            {ENTERPRISE: {"department": "IT", "manager": {"value": "2"}}},
        ),
        # replace: section 3.5.2.3
        (replace("title", "t"), {"title": "t"}),
        (replace("name", {"givenName": "A"}), {"name": {"givenName": "A", "familyName": "Ash"}}),
        (replace("emails", [{"type": "x"}]), {"emails": [{"type": "x"}]}),
        (replace("emails", []), {"emails": None}),
        (replace(f"{WORK}.value", "x"), {"emails": [{**W, "value": "x"}, H]}),
        (
            replace(WORK, {"type": "work", "value": "x"}),
            {"emails": [{"type": "work", "value": "x"}, H]},
        ),
        (
            replace("emails[value pr].display", "d"),
            {"emails": [{**W, "display": "d"}, {**H, "display": "d"}]},
        ),
        (
            replace("emails.display", "d"),
            {"emails": [{**W, "display": "d"}, {**H, "display": "d"}]},
        ),
        (replace(f"{HOME}.primary", True), {"emails": [OFF, {**H, "primary": True}]}),
        (replace("name.givenName", None), {"name": {"familyName": "Ash"}}),
        (
            replace(None, {"name.givenName": "A", "id": "1"}),
            {"name": {"givenName": "A", "familyName": "Ash"}},
        ),
        (replace(f"{USER}:title", "t"), {"title": "t"}),
        (replace(None, {"schemas": ["x"]}), {}),
        # remove: section 3.5.2.2
        (remove("name"), {"name": None}),
        (remove("name.givenName"), {"name": {"familyName": "Ash"}}),
        (remove("emails"), {"emails": None}),
        (remove(WORK), {"emails": [H]}),
        (remove("emails[value pr]"), {"emails": None}),
        (remove(f"{WORK}.PRIMARY"), {"emails": [{"type": "work", "value": "w"}, H]}),
        (remove('emails[type eq "other"]'), {}),
        (remove("title"), {}),
        (remove(f"{ENTERPRISE}:department"), {ENTERPRISE: None, "schemas": [USER]}),
        (remove(ENTERPRISE), {ENTERPRISE: None, "schemas": [USER]}),
        (remove(f"{HR}:badge"), {}),
    ],
)
def test_the_effect_of_an_operation(operation: PatchOperation, changed: dict[str, Any]) -> None:
    expected = {name: value for name, value in (ANN | changed).items() if value is not None}
    before = copy.deepcopy(ANN)

    assert apply_patch([operation], ANN) == expected
    assert before == ANN


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        (remove(), "noTarget"),
        (replace('emails[type eq "other"].value', "x"), "noTarget"),
        (add('emails[type eq "other"].value', "x"), "noTarget"),
        (replace("roles.value", "x"), "noTarget"),
        (replace("emails[type", "x"), "invalidPath"),
        (remove("a.b.c"), "invalidPath"),
        (replace("id.x", "x"), "mutability"),
        (replace("id", "2"), "mutability"),
        (remove("meta"), "mutability"),
        (replace(f"{ENTERPRISE}:department.name", "x"), "invalidPath"),
        (add(None, "x"), "invalidValue"),
        (add("title"), "invalidValue"),
        (add("title", None), "invalidValue"),
        (replace(ENTERPRISE, "x"), "invalidValue"),
        (replace(WORK, "x"), "invalidValue"),
        (replace("emails", [{"primary": True}, {"primary": True, "value": "x"}]), "invalidValue"),
        (PatchOperation("move", "title"), "invalidSyntax"),
    ],
)
def test_operations_that_a_strict_server_refuses(operation: PatchOperation, scim_type: str) -> None:
    before = copy.deepcopy(ANN)

    with pytest.raises(ErrorResponse) as caught:
        apply_patch([add("title", "t"), operation], ANN)

    assert (caught.value.status, caught.value.scim_type) == (400, scim_type)
    assert before == ANN
