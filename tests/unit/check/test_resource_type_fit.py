"""Whether a target has the resource types that a mapping needs."""

from __future__ import annotations

import pytest

from scimsync.cli.commands.check.check_results import Subject
from scimsync.cli.commands.check.resource_type_fit import check_resource_types
from scimsync.model.service_provider import DeclaredType

CORE = "urn:ietf:params:scim:schemas:core:2.0"
BADGES = "urn:example:2.0:User"
USER = DeclaredType("User", "/Users", f"{CORE}:User", {BADGES: True, "urn:other": False})
NO_GROUPS = "lists no groups among its types: User"


@pytest.mark.parametrize(
    ("types", "groups", "said"),
    [
        (None, True, []),
        ((), True, []),
        ((USER,), False, []),
        ((USER,), True, [NO_GROUPS]),
        ((USER, DeclaredType("Team", "/scim/v2/groups", "urn:x:Team")), True, []),
        ((USER, DeclaredType("", "/Teams", f"{CORE}:group".upper())), True, []),
        (
            (DeclaredType("", "/Roles", "urn:x:Role"),),
            True,
            ["lists no users and groups among its types: /Roles"],
        ),
    ],
)
def test_types_that_are_mapped_have_to_be_listed(
    types: tuple[DeclaredType, ...] | None, groups: bool, said: list[str]
) -> None:
    found = check_resource_types(Subject("target", "w"), types, [f"{BADGES}:id"], groups=groups)
    assert [one.message for one in found] == said


def test_an_extension_that_each_user_must_have_has_to_be_mapped() -> None:
    found = check_resource_types(Subject("target", "w"), (USER,), ["userName"], groups=False)
    assert [(one.code, one.details) for one in found] == [("SYNC-0950", (BADGES,))]
