"""What a dialect sends, what a profile says, what discovery makes of answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scimsync.registry import UnknownName
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.discovery import Capabilities, discover
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Member, RemoteResource, ScimRequest, ScimResponse
from scimsync.scim.profiles import PROFILES, Profile, ProfileError, read_profile
from scimsync.transport.auth import AUTHENTICATORS
from scimsync.transport.request_errors import InvalidResponse, RequestError

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
rfc = DIALECTS["rfc"]


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
            ScimRequest(
                "PATCH",
                "/Groups/a%2Fb",
                {
                    "schemas": [PATCH],
                    "Operations": [{"op": "replace", "path": "displayName", "value": "HR"}],
                },
                if_match='W/"1"',
            ),
        ),
        (rfc.update("user", RemoteResource("1"), {"userName": "ann"}, {"userName": "ann"}), None),
        (
            rfc.set_active(RemoteResource("1"), False),
            ScimRequest(
                "PATCH",
                "/Users/1",
                {
                    "schemas": [PATCH],
                    "Operations": [{"op": "replace", "path": "active", "value": False}],
                },
            ),
        ),
        (
            rfc.change_members(RemoteResource("1"), ["7"], [Member("8"), Member("9", "Group")]),
            ScimRequest(
                "PATCH",
                "/Groups/1",
                {
                    "schemas": [PATCH],
                    "Operations": [
                        {"op": "remove", "path": 'members[value eq "7"]'},
                        {
                            "op": "add",
                            "path": "members",
                            "value": [{"value": "8"}, {"value": "9", "type": "Group"}],
                        },
                    ],
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
def test_requests_as_the_rfc_words_them(
    request_: ScimRequest | None, expected: ScimRequest | None
) -> None:
    assert request_ == expected


def test_the_rfc_dialect_changes_resources_without_reading_them() -> None:
    assert not rfc.needs_current("user", ["userName", "roles"])
    assert not rfc.needs_current("group", ["members"])


def test_the_generic_profile_limits_nothing() -> None:
    assert PROFILES["generic"]() == Profile(
        "generic", page_size=100, members_per_patch=500, rate=None, concurrency=None
    )


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_read(name: str) -> None:
    profile = PROFILES[name]()

    assert profile.name == name
    assert profile.dialect in (None, *DIALECTS)
    assert set(profile.auth) <= set(AUTHENTICATORS)


def test_a_profile_is_not_a_path() -> None:
    with pytest.raises(UnknownName, match=r"^no profile '\.\./generic'; there are: .*generic"):
        PROFILES["../generic"]


def test_a_profile_states_facts() -> None:
    text = """
        dialect = "rfc"
        auth = ["bearer"]
        page_size = 50
        members_per_patch = 9
        rate = 2.5
        concurrency = 4
    """

    assert read_profile("x", text) == Profile("x", "rfc", ("bearer",), 50, 9, 2.5, 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "speed = 1",
            (
                "profile x: unknown fact 'speed'; there are: dialect, auth, page_size,"
                " members_per_patch, rate, concurrency"
            ),
        ),
        ("dialect = 1", "profile x: dialect has to be a name, not 1"),
        ("auth = 'bearer'", "profile x: auth has to be a list of names, not 'bearer'"),
        ("rate = true", "profile x: rate has to be a number above 0, not True"),
        ("rate = 0", "profile x: rate has to be a number above 0, not 0"),
        ("page_size = 1.5", "profile x: page_size has to be a number above 0, not 1.5"),
        ("page_size = '9'", "profile x: page_size has to be a number above 0, not '9'"),
    ],
)
def test_a_wrong_profile_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile("x", text)

    assert str(caught.value) == problem


class Says:
    """A service provider that answers or fails in one way."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    async def send(self, request: ScimRequest) -> ScimResponse:
        assert request == ScimRequest("GET", "/ServiceProviderConfig")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return ScimResponse(200, self.outcome)


@pytest.mark.parametrize(
    ("outcome", "capabilities"),
    [
        (
            {
                "patch": {"supported": True},
                "Bulk": {"Supported": "False"},
                "filter": {"supported": "true", "maxResults": "200"},
                "sort": {"supported": False},
                "etag": {},
            },
            Capabilities(True, True, 200, False, None, False),
        ),
        (
            {"patch": True, "filter": {"maxResults": 0}},
            Capabilities(),
        ),
        ({"filter": {"maxResults": True}}, Capabilities()),
        (None, Capabilities()),
        (ErrorResponse(404), Capabilities()),
        (ErrorResponse(405), Capabilities()),
        (ErrorResponse(501), Capabilities()),
        (InvalidResponse("a page", status=404, content_type="text/html"), Capabilities()),
    ],
)
def test_discovery_takes_what_it_can_get(outcome: Any, capabilities: Capabilities) -> None:
    assert asyncio.run(discover(Says(outcome))) == capabilities


@pytest.mark.parametrize(
    "error",
    [
        ErrorResponse(401),
        ErrorResponse(500),
        InvalidResponse("a page", status=200, content_type="text/html"),
    ],
)
def test_discovery_does_not_hide_other_errors(error: RequestError) -> None:
    with pytest.raises(type(error)):
        asyncio.run(discover(Says(error)))
