"""`type = "scim"` against scim2-server, a real server, and against one that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from scimsync.errors import ConfigError, SourceFormatError, SourceUnavailable
from scimsync.sources.scim.source import ScimSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.interop.servers import Server, scim2_server, scimmy
from tests.office import ENTERPRISE, fetch
from tests.servers.faulty import FaultyServer
from tests.servers.faulty_http import FaultyHttpServer, Reply, Seen
from tests.servers.scim2 import running_scim2_server

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
SUPPORTED = {"supported": True}
BY_CURSOR = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "bulk": {"supported": False, "maxOperations": 1, "maxPayloadSize": 1},
    "filter": {"supported": True, "maxResults": 100},
    "pagination": {"cursor": True, "index": False, "maxPageSize": 2},
    **dict.fromkeys(("patch", "changePassword", "sort", "etag"), SUPPORTED),
}


def read(
    url: str, token: str, *columns: str, more: str = "", time: FakeTime | None = None
) -> list[dict[str, Any]]:
    table = f"""
type = "scim"
url = "{url}"
auth = {{ type = "bearer", token = "literal:{token}" }}
key = "id"
{more}
"""
    with Workspace() as workspace:
        source = ScimSource(spec_of(table), workspace, (time or FakeTime()).source)
        return records(source, workspace, *columns)


@contextmanager
def scim2_server_by_cursor() -> Iterator[Server]:
    """A server that has cursors only, and pages of two."""
    with running_scim2_server(BY_CURSOR) as (root, token):
        yield Server(root, token, cursors=True)


SERVERS = {
    "index": scim2_server,
    "cursor": scim2_server_by_cursor,
    "scimmy": scimmy("scimmy-express4"),
}


@pytest.fixture(scope="module", params=SERVERS)
def filled(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, list[str]]]:
    """URL and token of a server with five users and three groups, and the ids of the users."""
    with SERVERS[request.param]() as server:
        url, token = server.new_store(), server.token
        ids = [
            fetch(
                f"{url}/Users",
                token,
                {
                    "schemas": [USER, ENTERPRISE],
                    "userName": f"p{number}",
                    "name": {"givenName": f"Given {number}", "familyName": "Family"},
                    "active": number != 3,
                    "emails": [
                        {"value": f"home{number}@example.com", "type": "home"},
                        {"value": f"p{number}@example.com", "type": "work", "primary": True},
                    ],
                    ENTERPRISE: {"department": f"Department {number}"},
                },
            )["id"]
            for number in range(1, 6)
        ]
        inner = fetch(
            f"{url}/Groups",
            token,
            {
                "schemas": [GROUP],
                "displayName": "Inner",
                "members": [{"value": one} for one in ids[:2]],
            },
        )["id"]
        outer = [{"value": ids[4]}, {"value": inner, "type": "Group"}]
        fetch(
            f"{url}/Groups",
            token,
            {"schemas": [GROUP], "displayName": "Outer", "members": outer},
        )
        fetch(f"{url}/Groups", token, {"schemas": [GROUP], "displayName": "Nobody"})
        yield url, token, ids


def test_users_are_read_on_all_pages(filled: tuple[str, str, list[str]]) -> None:
    url, token, ids = filled
    empty = {
        "formatted": None,
        "middleName": None,
        "honorificPrefix": None,
        "honorificSuffix": None,
    }
    columns = ("userName", "name", "active", "email", "enterprise", "title")
    found = {row["key"]: row for row in read(url, token, *columns, more="page_size = 2")}
    assert set(found) == set(ids)
    assert found[ids[2]] == {
        "key": ids[2],
        "userName": "p3",
        "name": {"givenName": "Given 3", "familyName": "Family", **empty},
        "active": False,
        "email": "p3@example.com",
        "enterprise": {
            "department": "Department 3",
            "employeeNumber": None,
            "costCenter": None,
            "organization": None,
            "division": None,
            "manager": {"value": None, "displayName": None},
        },
        "title": None,
    }


def test_groups_have_the_ids_of_their_users(filled: tuple[str, str, list[str]]) -> None:
    url, token, ids = filled
    found = {
        row["displayName"]: (set(row["members"]), len(row["member_groups"]))
        for row in read(
            url, token, "displayName", "members", "member_groups", more='resource = "Groups"'
        )
    }
    assert found == {
        "Inner": ({ids[0], ids[1]}, 0),
        "Outer": ({ids[0], ids[1], ids[4]}, 1),
        "Nobody": (set(), 0),
    }


def test_members_can_be_named_by_another_column(filled: tuple[str, str, list[str]]) -> None:
    url, token, _ = filled
    more = 'resource = "Groups"\nmember_key = "userName"'
    found = read(url, token, "displayName", "members", more=more)
    assert {row["displayName"]: set(row["members"]) for row in found} == {
        "Inner": {"p1", "p2"},
        "Outer": {"p1", "p2", "p5"},
        "Nobody": set(),
    }


def test_a_column_that_no_user_has_names_no_members(filled: tuple[str, str, list[str]]) -> None:
    url, token, _ = filled
    more = 'resource = "Groups"\nmember_key = "userNmae"'

    with pytest.raises(SourceFormatError, match='no column "userNmae" in the users') as caught:
        read(url, token, "displayName", "members", more=more)

    assert caught.value.hint == 'did you mean "userName"?'


def test_a_filter_chooses(filled: tuple[str, str, list[str]]) -> None:
    url, token, ids = filled
    more = "filter = 'userName eq \"p2\"'"
    assert [row["key"] for row in read(url, token, "userName", more=more)] == [ids[1]]


def test_the_columns_are_those_of_the_schema_and_of_the_resources(
    filled: tuple[str, str, list[str]],
) -> None:
    url, token, _ = filled
    table = f"""
type = "scim"
url = "{url}"
auth = {{ type = "bearer", token = "literal:{token}" }}
key = "id"
"""
    columns = spec_of(table).columns()
    assert {"id", "userName", "email", "enterprise", "title", "externalId"} <= set(columns)
    assert not any(":" in name for name in columns)


# A server that misbehaves


@pytest.fixture
def company(faulty: FaultyServer) -> FaultyServer:
    for number in range(1, 8):
        faulty.users[f"u{number}"] = {"id": f"u{number}", "userName": f"p{number}"}
    return faulty


@pytest.mark.parametrize(
    ("fault", "slept"),
    [
        ({"status": 429, "headers": {"Retry-After": "9"}}, [9]),
        ({"status": 503}, [0.5]),
        ({"hang_up": True}, [0.5]),
    ],
    ids=str,
)
def test_a_failure_that_passes_costs_time_only(
    company: FaultyServer, fault: dict[str, Any], slept: list[float]
) -> None:
    time = FakeTime()
    company.fail("GET", where=lambda seen: seen.query.get("startIndex") == "3", **fault)
    found = read(company.url, company.token, "userName", more="page_size = 2", time=time)
    assert [row["userName"] for row in found] == [f"p{number}" for number in range(1, 8)]
    assert time.slept == slept


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"status": 401}, "401"),
        ({"status": 403}, "403"),
        ({"status": 500}, "500"),
        ({"status": 429, "headers": {"Retry-After": "4000"}}, "pause of 4000 s"),
        ({"hang_up": True}, "no complete response"),
        ({"status": 200, "body": b"<html>Sign in</html>"}, "not a JSON object"),
        ({"status": 200, "body": b'{"Resources": ['}, "not a JSON object"),
        ({"status": 200, "body": {"ok": True}}, "no list of resources"),
        ({"status": 302, "headers": {"Location": "/login"}}, "redirects are not followed"),
        (
            {"status": 200, "body": {"totalResults": 7, "Resources": []}},
            "2 of 7 resources were received",
        ),
        (
            {"status": 200, "body": {"totalResults": 5, "Resources": [{"id": "u3"}]}},
            "totalResults changed",
        ),
        (
            {"status": 200, "body": {"totalResults": 7, "Resources": [{"userName": "p3"}]}},
            "a resource has no id",
        ),
        (
            {
                "status": 200,
                "body": {"totalResults": 7, "Resources": [{"id": "u1", "userName": "x"}]},
            },
            "brought the same resources again",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_failure_that_stays_makes_the_source_unreadable(
    company: FaultyServer, fault: dict[str, Any], message: str
) -> None:
    company.fail("GET", where=lambda seen: seen.query.get("startIndex") == "3", times=99, **fault)
    with pytest.raises(SourceUnavailable, match=message):
        read(company.url, company.token, "userName", more="page_size = 2")


def test_a_filter_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="is not a SCIM filter") as caught:
        read("https://id.example.com/scim/v2", "t", more='filter = "active ="')
    assert caught.value.code == "SYNC-0275"


class Groups(FaultyHttpServer):
    """A service whose list shows groups without members, but for `listed` of the first one."""

    media_type = "application/scim+json"

    def __init__(self) -> None:
        super().__init__()
        self.listed: object = None
        self.group = Reply(200, self.outer([{"value": "u1"}, {"value": "g2", "type": "Group"}]))
        self.nested = Reply(200, {"id": "g2", "members": [{"value": "u2"}]})

    def outer(self, members: object) -> dict[str, Any]:
        return {"id": "g1", "displayName": "Outer", "members": members}

    def answer(self, seen: Seen) -> Reply:
        if seen.path == "/Groups":
            group = {**self.outer(self.listed), "displayName": "Outer"}
            if self.listed is None:
                del group["members"]
            return Reply(200, {"totalResults": 1, "Resources": [group]})
        if seen.path == "/Groups/g1":
            return self.group
        return self.nested if seen.path == "/Groups/g2" else Reply(404, {})


@pytest.fixture
def unlisted() -> Iterator[Groups]:
    with (server := Groups()).running():
        yield server


def members(server: Groups) -> list[str]:
    (group,) = read(server.url, "t", "members", more='resource = "Groups"')
    found: list[str] = group["members"]
    return found


def test_groups_that_the_list_does_not_show_are_read(unlisted: Groups) -> None:
    assert members(unlisted) == ["u1", "u2"]

    unlisted.group = Reply(200, unlisted.outer(None))  # as RFC 7643 writes an empty list
    assert members(unlisted) == []


def test_a_nested_group_that_cannot_be_read_is_an_unknown_member(unlisted: Groups) -> None:
    unlisted.nested = Reply(404, {})

    assert members(unlisted) == ["u1", "(group g2)"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(204),
        Reply(200, b""),
        Reply(202, {}),
        Reply(200, {}),
        Reply(200, {"id": "g3", "displayName": "Other"}),
        Reply(200, {"totalResults": 0, "Resources": []}),
        Reply(200, {"error": "busy"}),
        Reply(200, {"id": "g1", "members": ["u1"]}),
        Reply(200, {"id": "g1", "members": [{"display": "User 1"}]}),
        Reply(200, {"id": "g1", "members": {"value": "u1"}}),
        Reply(404, {}),
    ],
    ids=repr,
)
def test_an_answer_that_is_not_the_group_makes_the_source_unreadable(
    unlisted: Groups, reply: Reply
) -> None:
    unlisted.group = reply

    with pytest.raises(SourceUnavailable):
        members(unlisted)


@pytest.mark.parametrize("listed", [["u1"], [{"display": "User 1"}], {"value": "u1"}])
def test_members_of_a_list_need_values(unlisted: Groups, listed: object) -> None:
    unlisted.listed = listed

    with pytest.raises(SourceUnavailable):
        members(unlisted)
