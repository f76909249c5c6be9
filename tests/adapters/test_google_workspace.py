"""Google Workspace as a target: every push ends with the users and groups that are wanted."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scimsync.model.ids import Kind
from scimsync.scim.dialects import rfc
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest
from scimsync.scim.paging import ListPaging
from scimsync.targets.adapters.google_workspace import ENTERPRISE, ORG_UNIT, open_adapter
from scimsync.targets.resource_list import read_whole_list
from scimsync.targets.resource_reader import ResourceReader
from scimsync.transport.http import HttpConnection
from tests.adapters import sending
from tests.adapters.sending import patch
from tests.office import MANAGER, MONDAY, Office, Pauses, counts, people, person
from tests.servers.faulty_http import Seen
from tests.servers.google_directory import (
    GoogleDirectory,
    error_body,
    running_google_directory,
)
from tests.servers.oauth import CLIENT, OAuthServer, running_oauth_server

USER = f"""
externalId = "id"
userName = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
active = true
password = {{ generate = 24 }}
"{ENTERPRISE}:department" = "dept"
'phoneNumbers[type eq "work"].value' = "'+1 ' ~ id"
"{ORG_UNIT}" = "'/' ~ dept"
"""
TEAMS = """
[targets.wiki.groups.departments]
each = "dept"
externalId = "value | lower ~ '@example.com'"
displayName = "value"
"""
TARGET = """
type = "google-workspace"
rate = 1000
leave = { action = "deactivate", revoke = ["memberships"] }
"""
NO_GUARD = 'max_removals = 1000\nmax_updates = "100%"\nmin_records = "0%"\n'
LATER = timedelta(hours=1)


def email(number: int) -> str:
    return f"person{number}@example.com"


@pytest.fixture
def google() -> Iterator[GoogleDirectory]:
    with running_google_directory() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, google: GoogleDirectory, pauses: Pauses) -> Office:
    made = Office(tmp_path, google.url, "token", now=MONDAY, time=pauses.source)
    made.configure(user=USER, target=TARGET, guard=NO_GUARD, more=TEAMS)
    return made


def test_users_join_change_leave_and_return(office: Office, google: GoogleDirectory) -> None:
    office.hire(people(3))
    assert counts(office.push()) == {"create": 4, "add_members": 1}
    first = google.named(email(1))
    assert (first["name"], first["externalIds"], first["orgUnitPath"]) == (
        {"givenName": "Given1", "familyName": "Family1"},
        [{"type": "organization", "value": "00001"}],
        "/IT",
    )
    assert first["organizations"] == [{"primary": True, "department": "IT"}]
    assert len(google.passwords[email(1)]) == 24
    assert google.members_of("it@example.com") == {email(1), email(2), email(3)}
    assert office.push().targets["wiki"].requests == 0

    google.named(email(2))["organizations"].append({"type": "school", "name": "Oxford"})
    office.hire([person(1, family="Married", email="new@example.com"), person(2, dept="HR")])
    assert counts(office.push()) == {
        "update": 2,
        "deactivate": 1,
        "create": 1,
        "add_members": 1,
        "remove_members": 1,
    }
    assert google.named("new@example.com")["name"]["familyName"] == "Married"
    assert google.named(email(2))["organizations"] == [
        {"primary": True, "department": "HR"},
        {"type": "school", "name": "Oxford"},
    ]
    assert google.named(email(3))["suspended"] is True
    assert google.members_of("it@example.com") == {"new@example.com"}
    assert google.members_of("hr@example.com") == {email(2)}

    office.hire(
        [person(1, family="Married", email="new@example.com"), person(2, dept="HR"), person(3)]
    )
    assert counts(office.push(later=LATER)) == {"reactivate": 1, "add_members": 1}
    assert google.named(email(3))["suspended"] is False


def test_leavers_are_deleted(office: Office, google: GoogleDirectory) -> None:
    office.configure(
        user=USER,
        target='type = "google-workspace"\nleave = { action = "delete" }',
        guard=NO_GUARD,
        more=TEAMS,
    )
    office.hire(people(2))
    office.push()
    google.fail("DELETE", effect=True, hang_up=True)

    office.hire([person(2)])
    office.push()
    office.push(later=LATER)

    assert [user["primaryEmail"] for user in google.users.values()] == [email(2)]


def test_an_account_that_exists_is_adopted(office: Office, google: GoogleDirectory) -> None:
    google.add_user(
        email(1), name={"givenName": "Given1", "familyName": "F"}, phones=[{"value": "1"}]
    )
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1, "create": 1, "add_members": 1}

    (user,) = google.users.values()
    assert user["name"]["familyName"] == "Family1"
    assert user["phones"] == [{"value": "1"}, {"type": "work", "value": "+1 00001"}]


def test_check_names_what_is_missing_and_what_cannot_be_stored(
    office: Office, google: GoogleDirectory
) -> None:
    mapping = USER.replace("password = { generate = 24 }", 'nickName = "given"')
    office.configure(user=mapping, target=TARGET, more=TEAMS)
    office.hire(people(1))

    checked = office.run("check")

    assert "password: required" in checked.out
    assert "nickName: unknown attribute" in checked.out


def test_an_alias_of_another_user_is_nobodys_account(
    office: Office, google: GoogleDirectory
) -> None:
    google.add_user("boss@example.com", name={}, aliases=[email(1)])
    office.hire(people(1))
    find = ScimRequest("GET", "/Users", query=(("filter", f'userName eq "{email(1)}"'),))
    (found,) = sending.sent(open_adapter, google.url, find)
    assert (found.body or {})["Resources"] == []

    outcome = office.push()

    assert outcome.targets["wiki"].failed >= 1
    assert "Entity already exists" in str([one.detail for one in office.journal()])
    assert google.named("boss@example.com")["name"] == {}


def test_a_creation_whose_response_is_lost_is_found_although_searches_lag(
    office: Office, google: GoogleDirectory
) -> None:
    google.searches_lag = True
    office.hire(people(1))
    google.fail("POST", where=lambda seen: seen.path == "/users", effect=True, hang_up=True)

    assert counts(office.push())["create"] == 2
    assert [user["primaryEmail"] for user in google.users.values()] == [email(1)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "quotaExceeded"), (403, "userRateLimitExceeded"), (429, "rateLimitExceeded")],
)
def test_a_rate_limit_slows_down(
    office: Office, google: GoogleDirectory, pauses: Pauses, status: int, reason: str
) -> None:
    office.hire(people(1))
    google.fail("POST", times=2, status=status, body=error_body(status, reason, "slow down"))

    assert counts(office.push())["create"] == 2
    assert pauses


def test_a_user_who_is_still_being_created_is_changed_a_little_later(
    office: Office, google: GoogleDirectory, pauses: Pauses
) -> None:
    office.hire(people(1))
    office.push()
    said = error_body(412, "conditionNotMet", "User creation is not complete.")
    google.fail("PATCH", times=3, status=412, body=said)

    office.hire([person(1, family="Married")])

    assert counts(office.push()) == {"update": 1}
    assert google.named(email(1))["name"]["familyName"] == "Married"
    assert sum(pauses) > 0


def test_a_manager_is_stored_by_e_mail_address_and_read_by_id(
    office: Office, google: GoogleDirectory
) -> None:
    office.configure(user=USER + MANAGER, target=TARGET, guard=NO_GUARD)
    office.hire([person(1), person(2, manager="00001")])
    office.push()

    second = google.named(email(2))
    assert second["relations"] == [{"type": "manager", "value": email(1)}]
    (read,) = sending.sent(open_adapter, google.url, ScimRequest("GET", f"/Users/{second['id']}"))
    manager = (read.body or {})[ENTERPRISE]["manager"]
    assert manager == {"value": google.named(email(1))["id"]}


def test_a_long_list_is_read_whole_and_its_total_is_counted(google: GoogleDirectory) -> None:
    google.max_page = 120
    for number in range(250):
        google.add_user(email(number))
    google.seen.clear()

    def page(start: int) -> ScimRequest:
        return ScimRequest("GET", "/Users", query=(("startIndex", str(start)), ("count", "120")))

    read = sending.sent(open_adapter, google.url, page(1), page(121), page(241))
    found = [response.body or {} for response in read]

    assert [len(one["Resources"]) for one in found] == [120, 120, 10]
    assert {one["totalResults"] for one in found} == {250}
    assert len(google.seen) == 5, "three pages, and two to count"


def test_members_of_several_pages_are_read_and_a_page_that_follows_itself_ends_it(
    google: GoogleDirectory,
) -> None:
    google.max_page = 2
    google.groups["7"], google.members["7"] = {"id": "7", "email": "it@example.com"}, {}
    for number in range(5):
        user = google.add_user(email(number))["id"]
        google.members["7"][user] = {"id": user, "type": "USER"}
    google.members["7"]["C01"] = {"id": "C01", "type": "CUSTOMER"}
    read = ScimRequest("GET", "/Groups/7")

    (response,) = sending.sent(open_adapter, google.url, read)
    assert len((response.body or {})["members"]) == 5

    body = {"members": [], "nextPageToken": "token-2"}
    google.fail("GET", where=lambda seen: "/members" in seen.path, times=9, status=200, body=body)
    with pytest.raises(ErrorResponse, match="a page follows itself"):
        sending.sent(open_adapter, google.url, read)


def test_only_a_list_of_which_all_came_counts_as_whole(google: GoogleDirectory) -> None:
    for number in range(250):
        google.add_user(email(number))

    assert _problem_of_list(google) is None
    google.fail("GET", where=_second_page, status=200, body={"kind": "admin#directory#users"})
    assert _problem_of_list(google) == "/Users: only 100 of 250 resources were received"


def test_a_service_account_acts_for_an_administrator(tmp_path: Path, pauses: Pauses) -> None:
    with (
        running_oauth_server() as oauth,
        running_google_directory(accepts=oauth.accepts) as google,
    ):
        office = Office(tmp_path, google.url, "unused", now=MONDAY, time=pauses.source)
        office.write("key.pem", oauth.private_key)
        office.write("sync.toml", _with_service_account(google, oauth))
        office.hire(people(2))

        assert counts(office.push()) == {"create": 2}
        assert len(google.users) == 2
        assert oauth.claims["sub"] == "admin@example.com"
        assert oauth.claims["scope"] == "https://www.googleapis.com/auth/admin.directory.user"
        assert len(oauth.forms) == 1


@pytest.mark.parametrize(
    ("request_", "scim_type", "detail"),
    [
        (ScimRequest("POST", "/Users", {"userName": "a@example.com"}), "invalidValue", "requires"),
        (
            ScimRequest(
                "POST",
                "/Users",
                {
                    "userName": "a@example.com",
                    "name": {"givenName": "A", "familyName": "B"},
                },
            ),
            "invalidValue",
            "Google Workspace requires password",
        ),
        (patch("/Users/1", "replace", "nickName", "x"), "invalidPath", "cannot store nickName"),
        (patch("/Users/1", "remove", "userName", None), "invalidValue", "requires userName"),
        (patch("/Users/1", "replace", ORG_UNIT, None), "invalidValue", "cannot remove"),
        (
            patch("/Users/1", "replace", 'phoneNumbers[type eq "fax"].value', "1"),
            "invalidPath",
            'cannot store phoneNumbers[type eq "fax"].value',
        ),
        (
            ScimRequest("POST", "/Groups", {"displayName": "IT"}),
            "invalidValue",
            "requires externalId",
        ),
    ],
)
def test_what_google_cannot_store_is_refused(
    google: GoogleDirectory, request_: ScimRequest, scim_type: str, detail: str
) -> None:
    with pytest.raises(ErrorResponse, match=re.escape(detail)) as caught:
        sending.sent(open_adapter, google.url, request_)

    assert (caught.value.status, caught.value.scim_type) == (400, scim_type)
    assert google.written() == []


def test_users_of_another_domain_do_not_make_the_token_look_refused(
    google: GoogleDirectory,
) -> None:
    find = ScimRequest("GET", "/Users", query=(("filter", 'userName eq "ann@other.example"'),))

    (found,) = sending.sent(open_adapter, google.url, find)

    assert (found.body or {})["Resources"] == []


def test_a_group_that_google_does_not_know_yet_gets_its_members_a_little_later(
    office: Office, google: GoogleDirectory, pauses: Pauses
) -> None:
    office.hire(people(2))
    said = error_body(404, "notFound", "Resource Not Found: groupKey")
    google.fail("POST", where=lambda seen: "/members" in seen.path, status=404, body=said)

    assert counts(office.push()) == {"create": 3, "add_members": 1}
    assert google.members_of("it@example.com") == {email(1), email(2)}
    assert sum(pauses) > 0


def test_a_member_that_does_not_exist_is_refused(google: GoogleDirectory) -> None:
    google.groups["7"], google.members["7"] = {"id": "7", "email": "it@example.com"}, {}

    with pytest.raises(ErrorResponse, match="invalidValue: there is no 99"):
        sending.sent(
            open_adapter, google.url, patch("/Groups/7", "add", "members", {"value": "99"})
        )


def test_the_requests_of_one_change_keep_the_rate(google: GoogleDirectory) -> None:
    google.groups["7"], google.members["7"] = {"id": "7", "email": "it@example.com"}, {}
    users = [google.add_user(email(number))["id"] for number in range(6)]
    add = patch("/Groups/7", "add", "members", [{"value": user} for user in users])

    began = time.monotonic()
    sending.sent(open_adapter, google.url, add, rate=20)

    assert len(google.members["7"]) == 6
    assert time.monotonic() - began >= 4 / 20


def test_members_are_added_and_removed_once(google: GoogleDirectory) -> None:
    ann = google.add_user("ann@example.com")["id"]
    create = ScimRequest("POST", "/Groups", {"externalId": "it@example.com", "displayName": "IT's"})
    (created,) = sending.sent(open_adapter, google.url, create)
    path = f"/Groups/{created.resource_id}"
    add, remove = (
        patch(path, "add", "members", [{"value": ann}]),
        patch(path, "remove", f'members[value eq "{ann}"]', None),
    )

    sending.sent(open_adapter, google.url, add, add)
    find = ScimRequest("GET", "/Groups", query=(("filter", 'displayName eq "IT\'s"'),))
    (found,) = sending.sent(open_adapter, google.url, find)
    assert (found.body or {})["Resources"][0]["members"] == [{"value": ann, "type": "User"}]
    sending.sent(open_adapter, google.url, remove, remove)
    assert google.members_of("it@example.com") == set()

    google.groups.clear()
    with pytest.raises(ErrorResponse) as caught:
        sending.sent(open_adapter, google.url, remove)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def _problem_of_list(google: GoogleDirectory) -> str | None:
    async def read() -> str | None:
        connection = HttpConnection(google.url, user_agent="scimsync/test")
        async with aclosing(open_adapter(connection)) as adapter:
            reader = ResourceReader(adapter, rfc, ListPaging())
            listed = await read_whole_list(reader, Kind.USER, ["userName"], None)
        assert listed is not None
        listed.close()
        return listed.problem

    return asyncio.run(read())


def _second_page(seen: Seen) -> bool:
    return "pageToken" in seen.query and "fields" not in seen.query


def _with_service_account(google: GoogleDirectory, oauth: OAuthServer) -> str:
    auth: dict[str, Any] = {
        "type": "oauth2",
        "token_url": f"{oauth.url}/token",
        "client_id": CLIENT,
        "private_key": "file:key.pem",
        "grant": "jwt_bearer",
        "subject": "admin@example.com",
        "scope": "https://www.googleapis.com/auth/admin.directory.user",
    }
    lines = "".join(f'auth.{name} = "{value}"\n' for name, value in auth.items())
    return f"""
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.wiki]
type = "google-workspace"
url = "{google.url}"
{lines}
[targets.wiki.user]
{USER}
"""


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "ok"},
        {"totalResults": 0},
        {"kind": "calendar#calendarList"},
        {"users": {}},
        [],
        b"",
        b'"ok"',
    ],
)
def test_an_answer_of_another_api_is_not_an_empty_list(
    office: Office, google: GoogleDirectory, body: Any
) -> None:
    office.hire(people(1))
    google.fail("GET", times=99, status=200, body=body)

    checked = office.run("check")

    assert checked.code == 1
    assert "no API of Google Workspace found" in checked.out
    assert office.push().exit_code in (1, 4)
    assert not [seen for seen in google.seen if seen.method != "GET"]
