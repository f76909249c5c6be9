"""The requests of each dialect."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.registry import UnknownName
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.messages import Member, RemoteResource, Requests, ScimRequest

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
rfc = DIALECTS["rfc"]


def patch(path: str, *operations: dict[str, Any], if_match: str | None = None) -> Requests:
    body = {"schemas": [PATCH], "Operations": list(operations)}
    return (ScimRequest("PATCH", path, body, if_match=if_match),)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            rfc.create("user", {"userName": "ann", "name.givenName": "Ann"}),
            ScimRequest(
                "POST",
                "/Users",
                {"schemas": [USER], "userName": "ann", "name": {"givenName": "Ann"}},
            ),
        ),
        (
            rfc.create("group", {"displayName": "IT"}),
            ScimRequest("POST", "/Groups", {"schemas": [GROUP], "displayName": "IT"}),
        ),
        (
            rfc.update(
                "group",
                RemoteResource("a/b", etag='W/"1"'),
                {"displayName": "IT"},
                {"displayName": "HR"},
            ),
            patch(
                "/Groups/a%2Fb",
                {"op": "replace", "path": "displayName", "value": "HR"},
                if_match='W/"1"',
            ),
        ),
        (rfc.update("user", RemoteResource("1"), {"userName": "ann"}, {"userName": "ann"}), ()),
        (
            rfc.set_active(RemoteResource("1"), False),
            patch("/Users/1", {"op": "replace", "path": "active", "value": False}),
        ),
        (
            rfc.change_members(RemoteResource("1"), ["7"], [Member("8"), Member("9", "Group")]),
            patch(
                "/Groups/1",
                {"op": "remove", "path": 'members[value eq "7"]'},
                {
                    "op": "add",
                    "path": "members",
                    "value": [{"value": "8"}, {"value": "9", "type": "Group"}],
                },
            ),
        ),
        (rfc.delete("group", "1"), ScimRequest("DELETE", "/Groups/1")),
        (rfc.read("user", "1"), ScimRequest("GET", "/Users/1")),
        (
            rfc.match("user", "userName", 'a"b'),
            ScimRequest(
                "GET",
                "/Users",
                query=(("filter", 'userName eq "a\\"b"'), ("startIndex", "1"), ("count", "2")),
            ),
        ),
        (
            rfc.match("group", "displayName", "IT", count=7),
            ScimRequest(
                "GET",
                "/Groups",
                query=(("filter", 'displayName eq "IT"'), ("startIndex", "1"), ("count", "7")),
            ),
        ),
    ],
)
def test_the_requests_of_the_rfc_dialect(
    request_: ScimRequest | Requests, expected: ScimRequest | Requests
) -> None:
    assert request_ == expected


def test_the_rfc_dialect_changes_resources_without_reading_them() -> None:
    assert not rfc.needs_current("user", ["userName", "roles"])
    assert not rfc.needs_current("group", ["members"])


def test_an_unknown_kind_of_resource_is_an_error() -> None:
    with pytest.raises(UnknownName, match=r"^no resource type 'device'; there are: group, user$"):
        rfc.delete("device", "1")
