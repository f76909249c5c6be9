"""The `rfc` dialect, listing and discovery with a real server, scim2-server."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimsync.model.ids import Kind
from scimsync.model.service_provider import named
from scimsync.scim.client import ScimClient
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.discovery import discover
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.listing import list_resources
from scimsync.scim.messages import Member, RemoteResource
from scimsync.scim.paging import ListPaging
from scimsync.scim.resources import project
from scimsync.targets.resource_reader import ResourceReader
from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.http import HttpConnection

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
tenants = itertools.count()
rfc = DIALECTS["rfc"]

words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=6)
addresses = words.map(lambda word: f"{word.encode().hex()}@example.com")
people = st.fixed_dictionaries(
    {"userName": words},
    optional={
        "displayName": words,
        "externalId": words,
        "active": st.booleans(),
        "name.givenName": words,
        "name.familyName": words,
        "roles": st.lists(words, min_size=1, max_size=3, unique_by=str.casefold).map(
            lambda values: [{"value": one} for one in values]
        ),
        'emails[type eq "work"].value': addresses,
        'emails[type eq "work"].display': words,
        'emails[type eq "home"].value': addresses,
        'phoneNumbers[type eq "mobile"].value': words,
        'addresses[type eq "work" and country eq "NO"].locality': words,
        f"{ENTERPRISE}:department": words,
        f"{ENTERPRISE}:employeeNumber": words,
        f"{ENTERPRISE}:manager.value": words,
    },
)
primary = st.sampled_from(
    [{}, {"work": True}, {"home": True}, {"work": False, "home": True}, {"work": False}]
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document with its paths in any order, and at most one primary address."""
    document = draw(people) | {
        f'emails[type eq "{kind}"].primary': on for kind, on in draw(primary).items()
    }
    return dict(draw(st.permutations(list(document.items()))))


def client_of(server: tuple[str, str]) -> ScimClient:
    """A client with a store of its own."""
    url, token = server
    base = f"{url}/t{next(tenants)}/v2"
    authenticator = BearerAuthenticator(token, base)
    return ScimClient(HttpConnection(base, authenticator, user_agent="scimsync/test"))


def unordered(document: dict[str, Any]) -> dict[str, Any]:
    return {
        path: sorted(map(str, value)) if isinstance(value, list) else value
        for path, value in document.items()
    }


@settings(max_examples=60, database=None)
@given(documents(), documents())
def test_a_real_server_holds_the_new_document_after_an_update(
    real_server: tuple[str, str], before: dict[str, Any], after: dict[str, Any]
) -> None:
    async def scenario() -> None:
        async with aclosing(client_of(real_server)) as client:
            created = await client.send(rfc.create("user", before))
            assert created.status == 201
            assert created.resource_id is not None
            held = (await client.send(rfc.read("user", created.resource_id))).body or {}
            assert unordered(project(held, before | after)) == unordered(before)

            resource = RemoteResource(created.resource_id, etag=created.version)
            requests = rfc.update("user", resource, before, after)
            assert (not requests) == (unordered(before) == unordered(after))
            for request in requests:
                await client.send(request)

            held = (await client.send(rfc.read("user", created.resource_id))).body or {}
            assert unordered(project(held, before | after)) == unordered(after)

    asyncio.run(scenario())


def test_an_account_lives_from_creation_to_deletion(real_server: tuple[str, str]) -> None:
    async def scenario() -> None:
        async with aclosing(client_of(real_server)) as client:
            name = 'ann "the" \\ \N{LATIN SMALL LETTER O WITH STROKE}+&=?@example.com'
            document = {
                "userName": name,
                "active": True,
                'emails[type eq "work"].value': "ann@example.com",
            }
            created = await client.send(rfc.create("user", document))
            remote_id = created.resource_id or ""

            for attribute, value in (
                ("userName", name),
                ('emails[type eq "work"].value', "ann@example.com"),
            ):
                found = await client.send(rfc.match("user", attribute, value))
                assert [one["id"] for one in (found.body or {})["Resources"]] == [remote_id]
                missed = await client.send(rfc.match("user", attribute, value + "x"))
                assert (missed.body or {})["totalResults"] == 0

            with pytest.raises(ErrorResponse) as conflict:
                await client.send(rfc.create("user", document))
            assert conflict.value.kind is ErrorKind.CONFLICT
            assert conflict.value.scim_type == "uniqueness"

            (deactivation,) = rfc.set_active(RemoteResource(remote_id), False)
            await client.send(deactivation)
            held = await client.send(rfc.read("user", remote_id))
            assert (held.body or {})["active"] is False
            assert held.version != created.version

            (stale,) = rfc.update(
                "user",
                RemoteResource(remote_id, etag=created.version),
                document,
                document | {"title": "CEO"},
            )
            with pytest.raises(ErrorResponse) as changed:
                await client.send(stale)
            assert changed.value.kind is ErrorKind.PRECONDITION

            assert (await client.send(rfc.delete("user", remote_id))).status == 204
            with pytest.raises(ErrorResponse) as gone:
                await client.send(rfc.read("user", remote_id))
            assert gone.value.kind is ErrorKind.NOT_FOUND

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["IT", "x" * 3_000])
def test_a_group_is_found_without_its_members(real_server: tuple[str, str], name: str) -> None:
    async def scenario() -> None:
        async with aclosing(client_of(real_server)) as client:
            user = await client.send(rfc.create("user", {"userName": "ann"}))
            group = await client.send(rfc.create("group", {"displayName": name}))
            added = [Member(user.resource_id or "")]
            for change in rfc.change_members(RemoteResource(group.resource_id or ""), [], added):
                await client.send(change)
            reader = ResourceReader(client, rfc, ListPaging())

            # the longer name does not fit into a URL
            found = await reader.send(reader.search_request(Kind.GROUP, "displayName", name, 2))

            (shown,) = (found.body or {})["Resources"]
            assert (shown["id"], "members" in shown) == (group.resource_id, False)
            whole = await reader.send(reader.read_request(Kind.GROUP, shown["id"], members=True))
            assert [one["value"] for one in (whole.body or {})["members"]] == [user.resource_id]

    asyncio.run(scenario())


def test_all_accounts_are_listed_page_by_page(real_server: tuple[str, str]) -> None:
    async def scenario() -> None:
        async with aclosing(client_of(real_server)) as client:
            for number in range(7):
                await client.send(rfc.create("group", {"displayName": f"group {number}"}))

            pages = [
                page
                async for page in list_resources(client, "/Groups", rfc.page, ListPaging(count=3))
            ]

            assert [len(page.resources) for page in pages] == [3, 3, 1]
            assert {one["displayName"] for page in pages for one in page.resources} == {
                f"group {n}" for n in range(7)
            }
            assert pages[0].total_results == 7

    asyncio.run(scenario())


def test_capabilities_and_a_wrong_token(real_server: tuple[str, str]) -> None:
    async def scenario() -> None:
        async with aclosing(client_of(real_server)) as client:
            found = await discover(client)
        can = found.capabilities
        assert (can.patch, can.filter, can.etag, can.sort, can.bulk) == (True,) * 5
        assert {one.endpoint for one in found.resource_types or ()} == {"/Users", "/Groups"}
        schema = next(one for one in found.schemas or () if one.id.endswith(":core:2.0:User"))
        name = named(schema.attributes, "username")
        assert name is not None
        assert (name.name, name.type, name.required) == ("userName", "string", True)
        assert found.untold == {}

        async with aclosing(client_of((real_server[0], "wrong"))) as client:
            with pytest.raises(ErrorResponse) as refused:
                await client.send(rfc.read("user", "1"))
        assert refused.value.kind is ErrorKind.UNAUTHORISED

    asyncio.run(scenario())
