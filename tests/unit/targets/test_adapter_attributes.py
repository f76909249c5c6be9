"""The attributes of an adapter: every shape of a request says the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.patch import diff
from scimsync.scim.resources import build
from scimsync.targets.adapters.api_attributes import ApiAttribute, AttributeTable

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
TABLE = AttributeTable(
    "Acme",
    "user",
    [
        ApiAttribute("userName", required=True),
        ApiAttribute("active", "boolean"),
        ApiAttribute("name.givenName"),
        ApiAttribute("name.familyName"),
        ApiAttribute('phoneNumbers[type eq "work"].value'),
        ApiAttribute('phoneNumbers[type eq "work"].display'),
        ApiAttribute('phoneNumbers[type eq "mobile"].value'),
        ApiAttribute(f"{ENTERPRISE}:department"),
        ApiAttribute(f"{ENTERPRISE}:manager.value"),
        ApiAttribute("nickName", mutability="immutable"),
    ],
)
DOCUMENTS = st.fixed_dictionaries(
    {"userName": st.text("ab@", min_size=1)},
    optional={
        path: st.booleans() if path == "active" else st.text("xyz", min_size=1)
        for path in TABLE.paths
        if path not in ("userName", "nickName")
    },
)


@given(DOCUMENTS)
def test_a_resource_is_read_as_the_document_that_it_was_built_from(document: Any) -> None:
    assert TABLE.values_of(build(document, USER)) == document


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_is_read_as_the_difference_that_it_was_made_from(before: Any, after: Any) -> None:
    operations = [operation.to_json() for operation in diff(before, after)]

    changes = TABLE.changes_of(operations)

    changed = {path: value for path, value in (before | changes).items() if value is not None}
    assert changed == after


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ({"op": "Replace", "path": "ACTIVE", "value": False}, {"active": False}),
        ({"op": "add", "value": {"active": True}}, {"active": True}),
        ({"op": "replace", "value": {"name.givenName": "A"}}, {"name.givenName": "A"}),
        (
            {"op": "replace", "path": "name", "value": {"givenName": "A", "familyName": "B"}},
            {"name.givenName": "A", "name.familyName": "B"},
        ),
        (
            {"op": "remove", "path": "name"},
            {"name.givenName": None, "name.familyName": None},
        ),
        ({"op": "replace", "path": f"{USER}:userName", "value": "a"}, {"userName": "a"}),
        (
            {"op": "add", "value": {ENTERPRISE: {"department": "IT", "manager": {"value": "7"}}}},
            {f"{ENTERPRISE}:department": "IT", f"{ENTERPRISE}:manager.value": "7"},
        ),
        (
            {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "7"}},
            {f"{ENTERPRISE}:manager.value": "7"},
        ),
        (
            {"op": "add", "path": "phoneNumbers", "value": [{"type": "mobile", "value": "1"}]},
            {'phoneNumbers[type eq "mobile"].value': "1"},
        ),
        (
            {"op": "remove", "path": 'phoneNumbers[type eq "work"]'},
            {
                'phoneNumbers[type eq "work"].value': None,
                'phoneNumbers[type eq "work"].display': None,
            },
        ),
        ({"op": "replace", "path": "name.givenName", "value": ""}, {"name.givenName": None}),
    ],
    ids=str,
)
def test_other_shapes_say_the_same(operation: dict[str, Any], changes: dict[str, Any]) -> None:
    assert TABLE.changes_of([operation]) == changes


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": "title", "value": "x"}, "invalidPath"),
        ({"op": "remove", "path": "title"}, "invalidPath"),
        ({"op": "replace", "path": "name[", "value": "x"}, "invalidPath"),
        ({"op": "add", "path": "phoneNumbers", "value": [{"value": "1"}]}, "invalidPath"),
        (
            {"op": "add", "path": "phoneNumbers", "value": [{"type": "work", "primary": True}]},
            "invalidPath",
        ),
        ({"op": "replace", "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "active", "value": "yes"}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": None}, "invalidValue"),
        ({"op": "replace", "path": "nickName", "value": "x"}, "mutability"),
    ],
    ids=str,
)
def test_what_cannot_be_stored_is_refused(operation: dict[str, Any], scim_type: str) -> None:
    with pytest.raises(ErrorResponse) as caught:
        TABLE.changes_of([operation])

    assert (caught.value.status, caught.value.scim_type) == (400, scim_type)
