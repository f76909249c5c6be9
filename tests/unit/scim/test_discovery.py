"""What discovery makes of the declarations of service providers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimsync.model.service_provider import (
    Assignable,
    AssignableList,
    Assigning,
    Attribute,
    Capabilities,
    DeclaredType,
    Discovery,
    Schema,
)
from scimsync.scim.discovery import ASSIGNABLE, CONFIG, REQUESTS, discover
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.request_errors import InvalidResponse, NoResponse

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HTML = InvalidResponse("the response is not a JSON object", status=200, content_type="text/html")


class Says:
    """A service provider that declares bodies by path; an exception is raised."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.declared = declared
        self.seen: list[str] = []

    async def send(self, request: ScimRequest) -> ScimResponse:
        assert request.method == "GET"
        self.seen.append(request.target)
        outcome = self.declared.get(request.target, ErrorResponse(404))
        if isinstance(outcome, Exception):
            raise outcome
        return ScimResponse(200, outcome)


def discovered(declared: Mapping[str, Any], **more: Any) -> Discovery:
    return asyncio.run(discover(Says(declared), NOW, **more))


@pytest.mark.parametrize(
    ("body", "capabilities"),
    [
        (
            {
                "patch": {"supported": True},
                "Bulk": {"Supported": "False", "maxOperations": "1000", "maxPayloadSize": 0},
                "filter": {"supported": "true", "maxResults": "200"},
                "sort": {"supported": False},
                "etag": {},
            },
            Capabilities(
                patch=True,
                bulk=False,
                bulk_max_operations=1000,
                filter=True,
                max_results=200,
                sort=False,
            ),
        ),
        # a boolean in place of the object, a limit of 0 as in Keycloak 26.6.3
        ({"patch": True, "filter": {"maxResults": 0}}, Capabilities(patch=True)),
        ({"filter": {"maxResults": True}, "bulk": {"maxOperations": -1}}, Capabilities()),
        ({"patch": "maybe", "filter": [], "pagination": 7}, Capabilities()),
        # RFC 9865, section 4
        (
            {
                "pagination": {
                    "cursor": "true",
                    "index": False,
                    "defaultPaginationMethod": "Cursor",
                    "defaultPageSize": 100,
                    "maxPageSize": "250",
                    "cursorTimeout": 3600,
                }
            },
            Capabilities(
                cursor_paging=True,
                index_paging=False,
                default_paging="cursor",
                default_page_size=100,
                max_page_size=250,
                cursor_timeout_s=3600,
            ),
        ),
        (
            {
                "interopProfileConformant": "True",
                "securityEvents": {"asyncRequest": "long"},
                "authenticationSchemes": [{"type": "OAuthBearerToken"}, {"name": "?"}, "?"],
                "RolesAndEntitlements": {
                    "roles": {"supported": True, "multipleRolesSupported": "false"}
                },
            },
            Capabilities(
                interop_profile=True,
                async_requests="long",
                authentication=("oauthbearertoken",),
                roles=Assigning(supported=True, multiple=False),
            ),
        ),
        # one configuration in a list, as in SCIM 1.1
        ({"Resources": [{"patch": {"supported": False}}]}, Capabilities(patch=False)),
        (None, Capabilities()),
    ],
)
def test_capabilities_are_read_with_tolerance(body: Any, capabilities: Capabilities) -> None:
    assert discovered({CONFIG: body}).capabilities == capabilities


def test_the_plural_endpoint_is_read_if_the_other_does_not_exist() -> None:
    found = discovered({"/ServiceProviderConfigs": {"etag": {"supported": True}}})
    assert found.capabilities == Capabilities(etag=True)
    assert CONFIG not in found.untold


def test_a_service_provider_without_discovery_is_unknown() -> None:
    provider = Says({})
    found = asyncio.run(discover(provider, NOW, assignable=ASSIGNABLE))
    assert found == Discovery(
        untold=dict.fromkeys(
            [CONFIG, "/ResourceTypes", "/Schemas", "/Roles", "/Entitlements"], "404"
        ),
        read_at=NOW,
    )
    assert len(provider.seen) == REQUESTS + 1 + 2


@pytest.mark.parametrize("error", [ErrorResponse(401), ErrorResponse(500), HTML])
def test_what_cannot_be_read_for_now_stays_as_it_was(error: Exception) -> None:
    known = Discovery(
        Capabilities(patch=False),
        schemas=(Schema("urn:x", (Attribute("a"),)),),
        roles=AssignableList((Assignable(("a",)),)),
    )
    found = discovered({CONFIG: error, "/Schemas": error, "/Roles": error}, known=known)
    assert (found.capabilities, found.schemas, found.roles, found.read_at) == (
        known.capabilities,
        known.schemas,
        known.roles,
        NOW,
    )
    assert found.untold[CONFIG] == str(error)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_what_is_gone_is_unknown(status: int) -> None:
    known = Discovery(Capabilities(patch=False), schemas=())
    gone = ErrorResponse(status)
    found = discovered({CONFIG: gone, "/Schemas": gone}, known=known)
    assert (found.capabilities, found.schemas) == (Capabilities(), None)


def test_a_service_provider_that_does_not_respond_is_not_asked_again() -> None:
    provider = Says({CONFIG: NoResponse("connection refused", may_have_had_effect=False)})
    with pytest.raises(NoResponse):
        asyncio.run(discover(provider))
    assert provider.seen == [CONFIG]


def test_an_endpoint_that_does_not_respond_is_unknown_while_others_do() -> None:
    silence = NoResponse("no response within 30 s", may_have_had_effect=True)
    found = discovered({CONFIG: {"patch": True}, "/Schemas": silence})
    assert (found.capabilities.patch, found.schemas) == (True, None)


def test_resource_types_may_name_endpoints_in_several_ways() -> None:
    user, group = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:x:Group"
    resources = [
        {
            "Name": "User",
            "endpoint": "https://wiki.example.com/scim/v2/users",
            "schema": user,
            "schemaExtensions": [{"schema": "urn:y", "required": "true"}, {"required": True}, 3],
        },
        {"id": "Group", "endpoint": "Groups/", "schema": group},
        {},
    ]
    assert discovered({"/ResourceTypes": {"resources": resources}}).resource_types == (
        DeclaredType("User", "/scim/v2/users", user, {"urn:y": True}),
        DeclaredType("Group", "/Groups", group),
        DeclaredType("", "/", ""),
    )


def test_schemas_are_read_with_their_attributes() -> None:
    urn = "urn:ietf:params:scim:schemas:core:2.0:User"
    emails = {
        "name": "emails",
        "TYPE": "Complex",
        "multiValued": "True",
        "required": 1,
        "mutability": "readWrite",
        "subAttributes": [{"name": "type", "canonicalValues": ["work", 7, None, {}]}],
    }
    resources = [
        {"ID": urn, "attributes": [emails, {"type": "string"}, "?"]},
        {"id": "urn:empty", "attributes": []},
        {"attributes": [emails]},
    ]
    assert discovered({"/Schemas": {"Resources": resources}}).schemas == (
        Schema(
            urn,
            (
                Attribute(
                    "emails",
                    type="complex",
                    multi_valued=True,
                    mutability="readwrite",
                    sub_attributes=(Attribute("type", canonical_values=("work", "7")),),
                ),
            ),
        ),
    )
    assert discovered({"/Schemas": {"Resources": []}}).schemas == ()
    assert discovered({"/Schemas": {"message": "welcome"}}).schemas == ()


def test_roles_are_read_to_the_last_page_with_their_seats() -> None:
    first = {
        "id": "1",
        "value": "admin",
        "display": "Administrator",
        "supported": "true",
        "limitedAssignmentsPermitted": True,
        "totalAssignmentsPermitted": "5",
        "totalAssignmentsUsed": 4,
    }
    last = {"id": "R2", "displayName": "Reader", "totalAssignmentsPermitted": 0}
    pages = {
        "/Roles": {"totalResults": 2, "Resources": [first]},
        "/Roles?startIndex=2&count=100": {"totalResults": 2, "Resources": [last]},
    }
    assert discovered(pages, assignable=["roles"]).roles == AssignableList(
        (
            Assignable(("admin",), supported=True, permitted=5, used=4),
            Assignable(("R2", "Reader")),
        )
    )


def test_a_list_of_roles_that_ends_early_is_not_whole() -> None:
    page = {"totalResults": 3, "Resources": [{"value": "admin"}]}
    pages = {"/Roles": page, "/Roles?startIndex=2&count=100": page}
    found = discovered(pages, assignable=["roles"])
    assert found.roles == AssignableList((Assignable(("admin",)),), is_whole=False)


def test_a_discovery_is_fresh_for_a_day() -> None:
    read = Discovery(read_at=NOW)
    assert read.is_fresh(NOW + timedelta(hours=23))
    assert not read.is_fresh(NOW + timedelta(days=1))
    assert not read.is_fresh(NOW - timedelta(seconds=1))
    assert not Discovery().is_fresh(NOW)


NAMES = (
    *("Resources", "totalResults", "id", "name", "endpoint", "schema", "schemaExtensions"),
    *("attributes", "subAttributes", "type", "canonicalValues", "multiValued"),
    *("patch", "filter", "bulk", "supported", "maxResults", "pagination", "index"),
    *("securityEvents", "authenticationSchemes", "RolesAndEntitlements", "roles"),
    *("value", "totalAssignmentsPermitted"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5) | JSON)
def test_no_declaration_makes_discovery_fail(body: Any) -> None:
    bodies = [body, {"Resources": body}, {"Resources": [body]}]
    for each in bodies:
        declared = each if isinstance(each, dict) else None
        paths = [CONFIG, "/ResourceTypes", "/Schemas", "/Roles", "/Entitlements"]
        assert discovered(dict.fromkeys(paths, declared), assignable=ASSIGNABLE).read_at == NOW
