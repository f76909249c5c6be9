"""Documents and resources, and the paths that a mapping can set."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.scim.attributes import MAX_NAME, count_in, resource_id, same_value
from scimsync.scim.grammar import PathError
from scimsync.scim.messages import ScimResponse
from scimsync.scim.resources import build, project
from scimsync.scim.settable import check_settable, settable_path

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HR = "urn:example:hr:1.0:Person"

text = st.text(min_size=1, max_size=8)
value = (
    text
    | st.booleans()
    | st.integers()
    | st.lists(st.fixed_dictionaries({"value": text}), min_size=1, max_size=3)
)
paths = [
    "userName",
    f"{USER}:nickName",
    "active",
    "roles",
    "name.givenName",
    "name.familyName",
    'emails[type eq "work"].value',
    'emails[type eq "work"].primary',
    'emails[type eq "home"].value',
    'addresses[type eq "work" and country eq "NO"].locality',
    'addresses[country eq "NO" and type eq "work"].region',
    'addresses[type eq "work" and country eq "SE"].locality',
    "x-badges[slot eq 1].number",
    "x-badges[slot eq true].number",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager.value",
    f"{HR}:desks[floor eq 2 and window eq true].number",
]
documents = st.lists(st.sampled_from(paths), unique=True).flatmap(
    lambda chosen: st.fixed_dictionaries(dict.fromkeys(chosen, value))
)


@settings(max_examples=400, database=None)
@given(documents)
def test_a_built_resource_projects_to_its_document(document: dict[str, Any]) -> None:
    resource = build(document, USER)

    assert project(resource, document) == document
    assert project(resource, paths) == document


def test_build_creates_a_complete_user() -> None:
    document = {
        "userName": "ann@example.com",
        'emails[type eq "work"].value': "ann@example.com",
        "name.givenName": "Ann",
        'emails[type eq "home"].value': "ann@home.example.com",
        'emails[TYPE eq "Work"].primary'.replace("TYPE", "type"): True,
        f"{ENTERPRISE}:manager.value": "26118915",
        "Name.familyName": "Ash",
        "roles": [{"value": "Admin"}],
        f"{ENTERPRISE}:department": "IT",
        f"{HR}:badge": 7,
        "active": True,
    }

    assert build(document, USER) == {
        "schemas": [USER, ENTERPRISE, HR],
        "userName": "ann@example.com",
        "emails": [
            {"type": "work", "value": "ann@example.com", "primary": True},
            {"type": "home", "value": "ann@home.example.com"},
        ],
        "name": {"givenName": "Ann", "familyName": "Ash"},
        ENTERPRISE: {"manager": {"value": "26118915"}, "department": "IT"},
        "roles": [{"value": "Admin"}],
        HR: {"badge": 7},
        "active": True,
    }


def test_build_without_extensions_names_the_core_schema_alone() -> None:
    assert build({f"{USER}:userName": "ann"}, USER) == {"schemas": [USER], "userName": "ann"}


def test_attribute_names_are_case_insensitive() -> None:
    resource = {
        "USERNAME": "ann",
        "Name": {"GivenName": "Ann"},
        "emails": [
            {"type": "home", "value": "h"},
            {"type": "WORK"},
            {"Type": "Work", "Value": "w"},
        ],
        ENTERPRISE.upper(): {"Department": "IT"},
    }
    wanted = [
        "userName",
        "name.givenName",
        'emails[type eq "work"].value',
        f"{ENTERPRISE}:department",
    ]

    assert list(project(resource, wanted).values()) == ["ann", "Ann", "w", "IT"]


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {
            "title": None,
            "name": {"givenName": None},
            "emails": [{"type": "work", "value": None}],
            "roles": None,
        },
        {
            "title": "",
            "name": {"givenName": ""},
            "emails": [{"type": "work", "value": ""}],
            "roles": [],
        },
        {"name": "Ann", "emails": ["ann@example.com"], ENTERPRISE: "none", "roles": {}},
        {"name": [{"givenName": "Ann"}], "emails": {"type": "home", "value": "h"}, ENTERPRISE: {}},
    ],
)
def test_missing_null_and_empty_values_are_absent(resource: dict[str, Any]) -> None:
    wanted = [
        "title",
        "name.givenName",
        'emails[type eq "work"].value',
        "roles",
        f"{ENTERPRISE}:department",
    ]

    assert project(resource, wanted) == {}


def test_false_and_zero_are_values() -> None:
    assert project({"active": False, "x-level": 0}, ["active", "x-level"]) == {
        "active": False,
        "x-level": 0,
    }


def test_an_object_in_place_of_a_list_is_its_only_element() -> None:
    assert project(
        {"emails": {"type": "work", "value": "w"}}, ['emails[type eq "work"].value']
    ) == {'emails[type eq "work"].value': "w"}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("id", "'id' is set by the service provider and cannot be mapped"),
        ("META.version", "'META' is set by the service provider and cannot be mapped"),
        ("groups", "'groups' is set by the service provider and cannot be mapped"),
        (
            "emails.value",
            "'emails' holds several values; say which, as in emails[type eq \"work\"].value",
        ),
        ('emails[type eq "work"]', "expected a sub-attribute such as .value after the filter"),
        ('emails[type eq "work"].Type', "'Type' is set by the filter already"),
        (ENTERPRISE, f"expected ':' and an attribute of the schema, as in {ENTERPRISE}:department"),
        *(
            (
                f"emails[{condition}].value",
                'the filter of a mapping must identify its element, with only eq and "and"',
            )
            for condition in (
                "primary pr",
                'type co "work"',
                'type eq "work" or type eq "home"',
                'not (type eq "work")',
                'type eq "work" and primary pr',
                'type eq "work" and type eq "home"',
                'owner.type eq "work"',
                "type eq null",
                'type eq ""',
            )
        ),
    ],
)
def test_a_path_that_cannot_be_mapped_is_refused(path: str, problem: str) -> None:
    for refuse in (settable_path, lambda path: build({path: "x"}, USER)):
        with pytest.raises(PathError) as caught:
            refuse(path)
        assert caught.value.problem.startswith(problem)


def test_paths_that_can_be_mapped_together() -> None:
    check_settable(paths)


@pytest.mark.parametrize(
    ("one", "other", "problem"),
    [
        ("userName", "USERNAME", "sets the same value as"),
        ("userName", f"{USER}:userName", "sets the same value as"),
        ("name", "name.givenName", "sets a part of the same attribute as"),
        ('emails[type eq "work"].value', "emails", "sets a part of the same attribute as"),
        ('emails[type eq "work"].value', 'emails[type eq "Work"].VALUE', "sets the same value as"),
        (
            'emails[type eq "work"].value',
            "emails[primary eq true].value",
            "may choose the same element as",
        ),
        (
            'emails[type eq "work"].value',
            'emails[type eq "work" and primary eq true].display',
            "may choose the same element",
        ),
    ],
)
def test_conflicting_paths_are_refused(one: str, other: str, problem: str) -> None:
    for earlier, later in ((one, other), (other, one)):
        with pytest.raises(PathError) as caught:
            check_settable([earlier, "displayName", later])
        assert caught.value.text == later
        assert caught.value.problem.startswith(problem)
        assert earlier in caught.value.problem


@pytest.mark.parametrize(
    "document", [{"name": "x", "name.givenName": "y"}, {"userName": "x", "username": "y"}]
)
def test_build_refuses_conflicting_paths(document: dict[str, Any]) -> None:
    with pytest.raises(PathError):
        build(document, USER)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ({"id": "a1"}, "a1"),
        ({"ID": 42}, "42"),  # service providers that count their accounts
        ({"id": 0}, "0"),
        ({"id": ""}, None),
        # what would address something else
        ({"id": "."}, None),
        ({"id": ".."}, None),
        ({"id": " .. "}, None),
        ({"id": " "}, None),
        ({"id": True}, None),
        ({"id": None}, None),
        ({}, None),
    ],
)
def test_ids_are_text(resource: dict[str, Any], found: str | None) -> None:
    assert resource_id(resource) == found


def test_ids_and_versions_that_are_too_long_count_as_none() -> None:
    assert resource_id({"id": "x" * MAX_NAME}) == "x" * MAX_NAME
    assert resource_id({"id": "x" * (MAX_NAME + 1)}) is None
    assert ScimResponse(200, {"meta": {"version": "x" * MAX_NAME}}).version == "x" * MAX_NAME
    assert ScimResponse(200, {"meta": {"version": "x" * (MAX_NAME + 1)}}).version is None


@pytest.mark.parametrize(
    ("path", "is_name"),
    [
        ("userName", True),
        ("USERNAME", True),
        (f"{USER}:displayName", True),
        ("externalId", True),
        ("nickName", False),
        ("manager.displayName", False),
    ],
)
def test_names_that_are_too_long_are_cut(path: str, is_name: bool) -> None:
    long = "x" * (MAX_NAME + 1)
    resource = {"userName": long, "displayName": long, "externalId": long, "nickName": long}
    resource |= {"manager": {"displayName": long}}  # type: ignore[dict-item]

    (held,) = project(resource, [path]).values()

    assert held == (long[: MAX_NAME - 1] + "…" if is_name else long)
    fits = dict.fromkeys(("userName", "displayName", "externalId"), long[:-1])
    assert project(fits, fits) == fits


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), ("7", 7), (0, 0), (True, None), (-1, None), ("7.5", None), ("9" * 5000, None)],
)
def test_numbers_of_resources_may_be_text(value: Any, number: int | None) -> None:
    assert count_in(value) == number


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1, 2, 2], [2, 1, 2], True),
        ([1, 2, 2], [2, 1, 1], False),
        ([1], [1, 1], False),
        ([{"a": True}], [{"a": 1}], False),
        ({"a": [1, 2]}, {"a": [2, 1]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([], {}, False),
        ([1], 1, False),
    ],
)
def test_values_are_compared_as_json_with_lists_in_any_order(
    one: Any, other: Any, same: bool
) -> None:
    assert same_value(one, other) is same
    assert same_value(other, one) is same
