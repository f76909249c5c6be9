"""Hoop.dev as a target: every push ends with the users and groups that the source asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.adapters.hoop import open_adapter
from tests.adapters import sending
from tests.adapters.sending import patch
from tests.office import MONDAY, Office, Pauses, counts, people, person
from tests.servers.faulty_http import Seen
from tests.servers.hoop import HoopServer, User, running_hoop_server

USER = """
userName = "email | lower"
displayName = "given ~ ' ' ~ family"
active = true
"""
HOOP = 'type = "hoop"\nleave = { action = "deactivate", revoke = ["memberships"] }'
TEAMS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""
NO_GUARD = 'max_removals = 1000\nmax_updates = "100%"\nmin_records = "0%"\n'
LATER = timedelta(hours=1)


def email(number: int) -> str:
    return f"person{number}@example.com"


def sent(server: HoopServer, request: ScimRequest) -> ScimResponse:
    """Send one request through the adapter."""
    (response,) = sending.sent(open_adapter, server.url, request, token=server.token)
    return response


@pytest.fixture
def hoop() -> Iterator[HoopServer]:
    with running_hoop_server() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, hoop: HoopServer, pauses: Pauses) -> Office:
    made = Office(tmp_path, hoop.url, hoop.token, now=MONDAY, time=pauses.source)
    made.configure(user=USER, target=HOOP, guard=NO_GUARD, more=TEAMS)
    return made


def test_users_join_change_leave_and_return(office: Office, hoop: HoopServer) -> None:
    office.hire(people(3))
    assert counts(office.push()) == {"create": 4, "add_members": 1}
    assert hoop.users[email(1)].name == "Given1 Family1"
    assert hoop.users[email(1)].status == "invited"
    assert hoop.groups == {"IT": {email(1), email(2), email(3)}}
    assert office.push().targets["wiki"].requests == 0

    hoop.sign_in(email(2), "auth0|2")
    hoop.users[email(2)].slack_id = "U2"
    office.hire([person(1, family="Married"), person(2, given="Bo")])
    assert counts(office.push()) == {"update": 2, "deactivate": 1, "remove_members": 1}
    assert hoop.users[email(1)].name == "Given1 Married"
    assert (hoop.users[email(2)].status, hoop.users[email(2)].slack_id) == ("active", "U2")
    assert hoop.users[email(3)].status == "inactive"
    assert hoop.groups == {"IT": {email(1), email(2)}}

    office.hire([person(1, family="Married"), person(2, given="Bo"), person(3)])
    assert counts(office.push(later=LATER)) == {"reactivate": 1, "add_members": 1}
    assert hoop.users[email(3)].status == "invited", "as before the first sign-in"
    assert email(3) in hoop.groups["IT"]


def test_a_user_who_has_signed_in_is_deleted_by_the_subject(
    office: Office, hoop: HoopServer
) -> None:
    office.configure(
        user=USER, target='type = "hoop"\nleave = { action = "delete" }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    hoop.sign_in(email(1), "auth0|1")

    office.hire([person(2)])
    office.push()

    assert set(hoop.users) == {email(2)}
    assert [str(seen) for seen in hoop.written()][-1] == "DELETE /users/auth0|1"


def test_a_deletion_that_the_gateway_only_reports_fails(
    office: Office, hoop: HoopServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.configure(
        user=USER, target='type = "hoop"\nleave = { action = "delete" }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    hoop.users[email(1)].subject = "someone.else@example.com"

    office.hire([person(2)])
    office.push()
    outcome = office.push(later=LATER)

    assert outcome.targets["wiki"].failed == 1
    assert "still exists" in (office.journal()[-1].detail or "")
    assert hoop.users[email(1)].status == "inactive", "what can be taken is taken"


def test_an_account_that_exists_is_adopted(office: Office, hoop: HoopServer) -> None:
    hoop.users["Person1@example.com"] = User(
        "Person1@example.com", "auth0|1", "Given1", "active", groups=["sre"]
    )
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1, "create": 1, "add_members": 1}

    (user,) = hoop.users.values()
    assert (user.name, user.subject, user.groups) == ("Given1 Family1", "auth0|1", ["sre", "IT"])


def test_an_account_that_came_meanwhile_is_adopted_after_a_conflict(
    office: Office, hoop: HoopServer
) -> None:
    office.hire(people(1))
    hoop.fail("POST", where=lambda seen: seen.path == "/users", status=409, body={"message": "is"})
    hoop.fail("GET", where=_looks_for_user, status=404, body={"message": "user not found"})
    fault = hoop.fail("GET", where=lambda seen: seen.path == "/users", times=1, status=200)
    fault.body = b"[]"
    hoop.users[email(1)] = User(email(1), email(1), "Given1 Family1")

    assert counts(office.push())["adopt"] == 1


def test_a_creation_whose_response_is_lost_is_found_again(office: Office, hoop: HoopServer) -> None:
    office.hire(people(1))
    hoop.fail("POST", where=lambda seen: seen.path == "/users", effect=True, hang_up=True)

    outcome = office.push()

    assert counts(outcome)["create"] == 2
    assert set(hoop.users) == {email(1)}
    assert office.push().targets["wiki"].requests == 0


def test_a_rate_limit_is_waited_for(office: Office, hoop: HoopServer, pauses: Pauses) -> None:
    office.hire(people(1))
    hoop.fail("PUT", status=429, body={"message": "slow down"}, headers={"Retry-After": "7"})

    assert counts(office.push()) == {"create": 2, "add_members": 1}
    assert max(pauses) == pytest.approx(7, abs=1)


def test_a_group_keeps_existing_without_its_last_member(office: Office, hoop: HoopServer) -> None:
    hoop.users["boss@example.com"] = User("boss@example.com", "auth0|0", groups=["IT"])
    hoop.users[email(1)] = User(email(1), email(1), groups=["IT"])
    office.configure(
        user=USER,
        target='type = "hoop"\nscope = "dept != \'out\'"',
        guard=NO_GUARD,
        more=TEAMS.replace("each", "adopt = true\neach"),
    )
    office.hire(people(1))
    office.push()
    del hoop.users["boss@example.com"]

    office.hire([person(1, dept="")])
    office.push()

    assert hoop.groups == {"IT": set()}


def test_a_renamed_user_keeps_the_e_mail_address(
    office: Office, hoop: HoopServer, caplog: pytest.LogCaptureFixture
) -> None:
    office.hire(people(2))
    office.push()

    office.hire([person(1, email="new@example.com", family="Married"), person(2)])

    assert counts(office.push()) == {"update": 1}
    assert hoop.users[email(1)].name == "Given1 Married"
    assert "1 account keeps its userName, which Hoop.dev does not change" in caplog.text


USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.mark.parametrize(
    ("request_", "status", "scim_type", "detail"),
    [
        (
            ScimRequest("POST", "/Users", {"userName": "a@example.com", "title": "Boss"}),
            400,
            "invalidPath",
            "Hoop.dev cannot store title of a user; leave it out of the mapping",
        ),
        (
            ScimRequest("POST", "/Users", {"userName": "a@example.com", "emails": [{"value": 1}]}),
            400,
            "invalidPath",
            "Hoop.dev cannot store emails",
        ),
        (
            ScimRequest("POST", "/Users", {"userName": "a@example.com", "displayName": 7}),
            400,
            "invalidValue",
            "displayName takes a string, not 7",
        ),
        (ScimRequest("POST", "/Users", {"active": True}), 400, "invalidValue", "requires userName"),
        (
            patch("/Users/x@example.com", "replace", "userName", "b@example.com"),
            400,
            "mutability",
            "cannot change userName of an existing user",
        ),
        (patch("/Groups/it", "replace", "displayName", "ops"), 400, "mutability", "displayName"),
        (
            patch("/Groups/it", "replace", "members", [{"value": "x@example.com"}]),
            400,
            "invalidPath",
            "one by one",
        ),
        (
            patch("/Groups/it", "add", "members", [{"value": "nobody@example.com"}]),
            400,
            "invalidValue",
            "Hoop.dev has no user nobody@example.com",
        ),
        (
            patch("/Groups/it", "add", "members", [{"value": "ops", "type": "Group"}]),
            400,
            "invalidValue",
            "a group cannot be a member of a group",
        ),
        (
            ScimRequest("POST", "/Groups", {"displayName": "a/b"}),
            400,
            "invalidValue",
            "no slash",
        ),
        (
            ScimRequest("GET", "/Users", query=(("filter", 'displayName eq "x"'),)),
            400,
            "invalidFilter",
            "Hoop.dev finds a user by userName only",
        ),
        (ScimRequest("GET", "/Users/y@example.com"), 404, None, "user y@example.com not found"),
        (ScimRequest("GET", "/Groups/ops"), 404, None, "group ops not found"),
        (ScimRequest("DELETE", "/Groups/admin"), 422, None, "cannot delete admin group"),
        (ScimRequest("POST", "/Bulk", {}), 501, None, "Hoop.dev has no POST /Bulk"),
    ],
    ids=str,
)
def test_what_the_gateway_cannot_do_is_refused(
    hoop: HoopServer, request_: ScimRequest, status: int, scim_type: str | None, detail: str
) -> None:
    hoop.users["x@example.com"] = User("x@example.com", "auth0|1", "X", groups=["it", "admin"])

    with pytest.raises(ErrorResponse, match=re.escape(detail)) as caught:
        sent(hoop, request_)

    assert (caught.value.status, caught.value.scim_type) == (status, scim_type)
    assert hoop.written() == [] or status == 422


def test_the_adapter_declares_what_it_can_do_without_a_request(hoop: HoopServer) -> None:
    config = sent(hoop, ScimRequest("GET", "/ServiceProviderConfig")).body or {}
    schemas = sent(hoop, ScimRequest("GET", "/Schemas")).body or {}
    types = sent(hoop, ScimRequest("GET", "/ResourceTypes")).body or {}

    assert [config[name]["supported"] for name in ("patch", "filter", "bulk", "etag")] == [
        True,
        True,
        False,
        False,
    ]
    assert [one["id"] for one in schemas["Resources"]] == [
        USER_URN,
        "urn:scimsync:schemas:extension:hoop:1.0:User",
        "urn:ietf:params:scim:schemas:core:2.0:Group",
    ]
    assert [one["endpoint"] for one in types["Resources"]] == ["/Users", "/Groups"]
    assert hoop.seen == []


def test_lists_have_pages_and_groups_have_members(hoop: HoopServer) -> None:
    for number in range(5):
        hoop.users[email(number)] = User(email(number), email(number), groups=["it"])

    pages = [
        sent(hoop, ScimRequest("GET", "/Users", query=(("startIndex", start), ("count", "2"))))
        for start in ("1", "3", "5")
    ]
    found = [page.body or {} for page in pages]
    (group,) = (sent(hoop, ScimRequest("GET", "/Groups")).body or {})["Resources"]

    assert [len(page["Resources"]) for page in found] == [2, 2, 1]
    assert {page["totalResults"] for page in found} == {5}
    assert {member["value"] for member in group["members"]} == set(map(email, range(5)))


def test_local_authentication_gets_a_password_and_an_inactive_user_stays_so(
    office: Office, hoop: HoopServer
) -> None:
    hoop.local = True
    mapping = USER.replace("active = true", "active = \"dept == 'IT'\"")
    office.configure(user=f"{mapping}password = {{ generate = 20 }}", target='type = "hoop"')
    office.hire([person(1), person(2, dept="HR")])

    office.push()

    bodies = [seen.body or {} for seen in hoop.written() if seen.method == "POST"]
    assert [len(body["password"]) for body in bodies] == [20, 20]
    assert [hoop.users[email(number)].status for number in (1, 2)] == ["active", "inactive"]


def test_check_names_what_cannot_be_stored(office: Office, hoop: HoopServer) -> None:
    office.configure(
        user=USER + 'externalId = "id"\nnickName = "given"\n"x509Certificates" = "given"',
        target='type = "hoop"',
        more=TEAMS + 'externalId = "value"\n',
    )
    office.hire(people(1))

    checked = office.run("check")

    assert "supports PATCH, filter" in checked.out
    assert "x509Certificates: unknown attribute" in checked.out
    assert "does not support externalId, nickName" in checked.out
    assert "groups.departments: 1 attribute is read-only at the target" in checked.out


def test_a_wrong_url_or_key_is_told(office: Office, hoop: HoopServer) -> None:
    office.hire(people(1))
    office.token = "wrong"
    assert "refuses the token" in office.run("check").out

    office.token = hoop.token
    office.configure(user=USER, target='type = "hoop"', url=hoop.url.removesuffix("/api"))
    assert "no API of Hoop.dev found" in office.run("check").out


@pytest.mark.parametrize("body", [b"{}", b"", b'{"users": []}', b'"ok"', b"0"])
def test_an_answer_of_another_api_is_not_an_empty_list(
    office: Office, hoop: HoopServer, body: bytes
) -> None:
    office.hire(people(1))
    hoop.fail("GET", times=99, status=200, body=body)

    checked = office.run("check")

    assert checked.code == 1
    assert "no API of Hoop.dev found" in checked.out
    assert office.push().exit_code in (1, 4)
    assert not [seen for seen in hoop.seen if seen.method != "GET"]


def _looks_for_user(seen: Seen) -> bool:
    return seen.path.startswith("/users/person")
