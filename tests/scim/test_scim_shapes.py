"""What a dialect sends, what a profile says, what discovery makes of answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scimsync.scim.dialects import get_dialect
from scimsync.scim.discovery import Capabilities, discover
from scimsync.scim.errors import ErrorResponse, InvalidResponse, ScimError
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.profiles import Profile, load_profile, profile_names, read_profile

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
rfc = get_dialect("rfc")


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
            rfc.update("group", "a/b", {"displayName": "IT"}, {"displayName": "HR"}, etag='W/"1"'),
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
        (rfc.update("user", "1", {"userName": "ann"}, {"userName": "ann"}), None),
        (
            rfc.set_active("1", False),
            ScimRequest(
                "PATCH",
                "/Users/1",
                {
                    "schemas": [PATCH],
                    "Operations": [{"op": "replace", "path": "active", "value": False}],
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


def test_an_unknown_dialect_names_those_there_are() -> None:
    with pytest.raises(ScimError, match=r"^no dialect 'entrra'; there are: rfc$"):
        get_dialect("entrra")


def test_an_unknown_resource_type_names_those_there_are() -> None:
    with pytest.raises(ScimError, match=r"^no resource type 'device'; there are: user, group$"):
        rfc.delete("device", "1")


def test_the_generic_profile() -> None:
    assert load_profile("generic") == Profile("generic", page_size=100, rate=None, concurrency=None)


def test_every_profile_can_be_read() -> None:
    assert "generic" in profile_names()
    for name in profile_names():
        assert load_profile(name).name == name


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(ScimError, match=r"^no profile '\.\./generic'; there are: .*generic"):
        load_profile("../generic")


def test_a_profile_states_numbers() -> None:
    assert read_profile(
        "x", "page_size = 50\nmembers_per_patch = 9\nrate = 2.5\nconcurrency = 4"
    ) == Profile("x", 50, 9, 2.5, 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "speed = 1",
            (
                "profile x: unknown fact 'speed'; there are: page_size, members_per_patch, rate,"
                " concurrency"
            ),
        ),
        ("rate = true", "profile x: rate has to be a number above 0, not True"),
        ("rate = 0", "profile x: rate has to be a number above 0, not 0"),
        ("page_size = 1.5", "profile x: page_size has to be a number above 0, not 1.5"),
        ("page_size = '9'", "profile x: page_size has to be a number above 0, not '9'"),
    ],
)
def test_a_wrong_profile_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ScimError) as caught:
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
                "authenticationSchemes": [{"type": "oauthbearertoken"}, "x"],
            },
            Capabilities(True, True, 200, False, None, False, ({"type": "oauthbearertoken"},)),
        ),
        (
            {"patch": True, "filter": {"maxResults": 0}, "authenticationSchemes": "x"},
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
def test_discovery_does_not_hide_other_errors(error: ScimError) -> None:
    with pytest.raises(type(error)):
        asyncio.run(discover(Says(error)))
