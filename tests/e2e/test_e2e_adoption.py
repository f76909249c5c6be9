"""Accounts that existed before: which adoptions need a yes, and what a plan says about each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import MANAGER, USER, Office, Row, counts, fetch, people, person, resource
from tests.servers.faulty import FaultyServer

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
HOUR = timedelta(hours=1)
BY_MAIL = """match = ['emails[type eq "work"].value']\n"""


def strangers(faulty: FaultyServer, count: int) -> None:
    """Accounts with the userNames of people, and no names."""
    for number in range(1, count + 1):
        faulty.add(userName=f"person{number}@example.com", nickName=f"x{number}")


def test_many_weak_adoptions_need_a_yes(office: Office, faulty: FaultyServer) -> None:
    strangers(faulty, 6)
    office.hire(people(8))

    planned = office.run("plan")
    pushed = office.run("push")

    why = (
        'guard.max_adoptions: 6 of 6 adoptions at "wiki" match only weakly and may be of'
        " other people (limit 5); nothing {} sent [SYNC-0530]\n"
        "  first: 00001, 00002, 00003, 00004, 00005 and 1 more\n"
        "  allow this once: scimsync push --allow-adoptions 6"
    )
    assert (planned.code, pushed.code) == (3, 3)
    assert why.format("would be") in planned.err
    assert why.format("was") in pushed.err
    assert faulty.written() == []
    assert office.run("push", "--allow-adoptions", "5").code == 3
    assert office.run("push", "--allow-adoptions", "100%").code == 0
    assert len(faulty.users) == 8


def test_the_first_push_after_a_migration_needs_no_yes(
    office: Office, faulty: FaultyServer
) -> None:
    for number in range(1, 41):
        held = resource(person(number)) | {"externalId": f"okta|{number}"}
        if number % 2:
            del held["displayName"]
        else:
            held["name"] = {"formatted": "x"}
        faulty.add(**held)
    office.hire(people(41))

    ran = office.run("push")

    assert (ran.code, ran.out.startswith("wiki: 1 create, 40 adopt (")) == (0, True), ran.err
    assert {user["externalId"] for user in faulty.users.values()} == {
        row["id"] for row in people(41)
    }


def test_a_plan_says_what_matched_and_what_is_lost(office: Office, faulty: FaultyServer) -> None:
    faulty.add(userName="person1@example.com", externalId="okta|7", displayName="Root", active=0)
    faulty.add(**resource(person(2)))
    office.hire(people(3))

    text = office.run("plan").out
    markdown = office.run("plan", "--format", "markdown").out
    planned = office.run("plan", "--json").document["targets"]["wiki"]["operations"]

    assert (
        "  = adopt          00001  an account with the same userName exists\n"
        "      account id-okta|7 matches by userName only\n"
        '      overwrites externalId "okta|7" of another system\n'
        "      reactivates the account\n"
    ) in text
    assert (
        "  = adopt          00002  an account with the same externalId exists\n"
        "      account id-00002 matches by externalId, userName, name, displayName\n"
    ) in text
    assert "reactivates the account" in markdown
    adoptions = {one["key"]: one.get("adoption") for one in planned}
    assert adoptions == {
        "00001": {
            "remote_id": "id-okta|7",
            "matched": ["userName"],
            "weak": True,
            "overwrites": [
                {"path": "externalId", "value": "okta|7"},
                {"path": "displayName", "value": "Root"},
            ],
            "reactivates": True,
        },
        "00002": {
            "remote_id": "id-00002",
            "matched": ["externalId", "userName", "name", "displayName"],
            "weak": False,
            "overwrites": [],
            "reactivates": False,
        },
        "00003": None,
    }


@pytest.mark.parametrize(("limit", "code"), [(0, 3), (1, 0)])
def test_an_account_that_only_its_e_mail_finds_is_a_weak_match(
    office: Office, faulty: FaultyServer, limit: int, code: int
) -> None:
    office.configure(target=BY_MAIL, guard=f"max_adoptions = {limit}")
    faulty.add(**resource(person(1)) | {"userName": "root", "externalId": "root"})
    office.hire(people(1))

    assert office.run("push").code == code
    (user,) = faulty.users.values()
    assert user["userName"] == ("root" if code else "person1@example.com")


def test_what_a_creation_without_an_answer_made_is_no_adoption(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard="max_adoptions = 0")
    office.hire(people(3))
    faulty.fail("POST", effect=True, hang_up=True, times=3)
    faulty.fail("GET", status=500, times=99, where=lambda one: len(faulty.written()) > 0)
    assert office.push().exit_code in (1, 4)
    faulty.faults.clear()

    ran = office.run("push")
    office.now += HOUR
    assert office.run("push").code == 0, ran.err
    assert len(faulty.users) == 3


def test_a_weak_adoption_after_a_conflict_counts_too(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard="max_adoptions = 0")
    strangers(faulty, 1)
    before = dict(faulty.users)
    office.hire(people(1))
    empty = {"schemas": [], "totalResults": 0, "Resources": []}
    faulty.fail("GET", status=200, body=empty, times=2)

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert (
        "matches only weakly and may be of another person, and guard.max_adoptions allows no"
        " further one [SYNC-0344]"
    ) in ran.err
    assert faulty.users == before


def test_an_equal_external_id_of_somebody_else_needs_a_yes(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="scope = \"dept != 'left'\"", guard="max_adoptions = 0")
    for number in (1, 2):
        faulty.add(
            userName=f"root{number}@example.com",
            externalId=f"{number:05}",
            name={"givenName": "Root", "familyName": "Admin"},
            active=True,
        )
    before = dict(faulty.users)
    office.hire([person(1), person(2, dept="left")])

    ran = office.run("push")
    assert (ran.code, faulty.users) == (3, before)
    assert "1 of 1 adoption" in ran.err
    assert "00002: wiki: account id-00002 has the same externalId" in ran.err
    assert "matches by externalId only, but userName and all names differ" in (
        office.run("adoption").out
    )
    assert office.run("plan", "--json").document["targets"]["wiki"]["operations"][0]["adoption"][
        "weak"
    ]

    assert office.run("push", "--allow-adoptions", "1").code == 4
    assert faulty.users["id-00001"]["userName"] == "person1@example.com"
    assert faulty.users["id-00002"] == before["id-00002"]


def test_somebody_who_left_years_ago_is_taken_over_and_the_plan_says_so(
    office: Office, faulty: FaultyServer
) -> None:
    found = faulty.add(**resource(person(1), active=False) | {"externalId": "old"})["id"]
    office.hire(people(1))

    assert "reactivates the account" in office.run("plan").out
    assert office.run("push").code == 0
    assert faulty.users[found]["active"] is True


def staff(manager: dict[int, int]) -> list[Row]:
    return [person(number, manager=f"{boss:05}") for number, boss in manager.items()]


@pytest.mark.parametrize(
    "manager", [{1: 2, 2: 3, 3: 1}, {1: 3, 2: 3, 3: 3}], ids=["circle", "one boss"]
)
def test_an_adoption_with_the_right_manager_sends_nothing(
    office: Office, faulty: FaultyServer, manager: dict[int, int]
) -> None:
    office.configure(user=USER + MANAGER)
    office.hire(staff(manager))
    office.push()
    (office.folder / "scimsync.db").unlink()
    faulty.forget()

    assert all(one["requests"] == [] for one in office.plan())
    assert counts(office.push()) == {"adopt": 3}
    assert faulty.written() == []
    assert office.push().targets["wiki"].requests == 0


def test_a_reference_that_waits_removes_no_manager(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=USER + MANAGER)
    office.hire(staff({1: 2, 2: 2}))
    office.push()
    held = dict(faulty.users["id-00001"])
    (office.folder / "scimsync.db").unlink()
    faulty.forget()
    faulty.fail("POST", status=400, times=9)
    office.hire([*staff({1: 4, 2: 2}), person(4)])

    assert office.push().exit_code == 4
    assert faulty.users["id-00001"] == held
    office.hire([*staff({1: 4, 2: 2}), person(4), person(5)])
    assert office.push().exit_code == 4  # 00004 waits, and nobody asks for it
    assert faulty.users["id-00001"] == held

    faulty.faults.clear()
    assert office.push(later=HOUR).exit_code == 0
    assert faulty.users["id-00001"] != held


def test_the_first_push_takes_out_of_a_group_whom_no_rule_wants_in_it(
    real_office: Office,
) -> None:
    office = real_office
    office.configure(
        more='[targets.wiki.groups.admins]\ndisplayName = { value = "Administrators" }\n'
        "members = \"dept == 'IT'\"\nadopt = true\nmatch = ['displayName']\n"
    )
    post = f"{office.url}/Users"
    first, second = (fetch(post, office.token, resource(person(one)))["id"] for one in (1, 2))
    unknown = fetch(post, office.token, {"schemas": [CORE], "userName": "auditor"})["id"]
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Administrators",
        "members": [{"value": one} for one in (first, second, unknown)],
    }
    made = fetch(f"{office.url}/Groups", office.token, group)["id"]
    office.hire([person(1), person(2, dept="Sales"), person(3)])

    planned = office.plan()
    assert office.run("push").code == 0

    members = {one["key"]: one for one in planned}["admins"]["changes"]
    assert [(change["before"], change["after"]) for change in members] == [
        ("00002", None),
        (None, "00003"),
    ]
    third = office.links()["00003"].remote_id
    held = fetch(f"{office.url}/Groups/{made}", office.token)["members"]
    assert {one["value"] for one in held} == {first, unknown, third}
    assert office.run("plan", "--exit-code").code == 0
