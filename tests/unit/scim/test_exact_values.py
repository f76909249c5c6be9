"""The quick readers of values find what `project` finds, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.scim.exact_values import exact_reader, exact_readers
from scimsync.scim.resources import project

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RESOURCE: dict[str, Any] = {
    "userName": "ann@example.com",
    "active": False,
    "name": {"givenName": "Ann"},
    "roles": [{"value": "a"}],
    "emails": [
        "ann@example.net",
        {"type": "home", "value": "home@example.com"},
        {"type": "work", "value": "work@example.com", "primary": True},
    ],
    URN: {"department": "IT", "manager": {"value": "7"}},
}


@pytest.mark.parametrize(
    "path",
    [
        "userName",
        "active",
        "name.givenName",
        "roles",
        'emails[type eq "work"].value',
        'emails[type eq "work" and primary eq true].value',
        f"{URN}:department",
        f"{URN}:manager.value",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    ],
)
def test_a_value_that_is_spelled_as_the_path_is_found(path: str) -> None:
    assert exact_reader(path)(RESOURCE) == project(RESOURCE, [path])[path]


@pytest.mark.parametrize(
    "path",
    [
        "username",
        "title",
        "userName.formatted",
        "name.familyName",
        'emails[type eq "Work"].value',
        'emails[type eq "other"].value',
        'name[type eq "work"].value',
        'emails[value sw "a"].value',
        "urn:example:2.0:User:department",
    ],
)
def test_anything_else_is_left_to_the_exact_rules(path: str) -> None:
    assert exact_reader(path)(RESOURCE) is None


def test_readers_come_in_the_order_of_the_paths() -> None:
    readers = exact_readers(("active", "userName"))
    assert [read(RESOURCE) for read in readers] == [False, "ann@example.com"]
