"""References that name nobody, and expressions that fail, are told by `check` and `plan`."""

from __future__ import annotations

from typing import Any

from tests.office import ENTERPRISE, MANAGER, USER, Office, person
from tests.servers.faulty import FaultyServer

NAMELESS = (
    "manager.value: {} references match no record in source hr; a "
    "reference is the key of a record, and"
    " these are left out"
)
BOSS = {"manager": "person1@example.com"}


def warnings(office: Office) -> list[tuple[Any, Any, Any]]:
    """What `check` warns of at the target: code, message, details."""
    found = office.run("check", "--json").document["findings"]
    return [
        (one["code"], one["message"], one["details"])
        for one in found
        if one["area"] == "target" and one["level"] == "warning" and one["code"] < "SYNC-0400"
    ]


def test_managers_by_mail_are_told_and_left_out(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1), person(2, **BOSS), person(3, **BOSS)])
    office.configure(user=USER + MANAGER)

    plan, document = office.run("plan"), office.run("plan", "--json").document
    checked = warnings(office)
    push = office.run("push")

    text = NAMELESS.format("2 of 2")
    assert (plan.code, push.code) == (0, 0)
    assert f"wiki: {text} [SYNC-0164]\n" in plan.err
    assert document["targets"]["wiki"]["warnings"] == [f"{text} [SYNC-0164]"]
    assert document["problems"] == []
    assert checked == [("SYNC-0164", text, [])]
    assert len(faulty.users) == 3
    assert all("manager" not in user[ENTERPRISE] for user in faulty.users.values())


def test_a_manager_who_is_missing_is_not_told(office: Office) -> None:
    rows = [person(1), person(2, manager="00001"), person(3, manager="00001"), person(4, **BOSS)]
    office.hire(rows)
    office.configure(user=USER + MANAGER)

    assert "references" not in office.run("plan").err
    assert warnings(office) == []


def test_check_counts_the_records_for_which_an_expression_fails(office: Office) -> None:
    office.hire([person(1, on="yes"), person(2, on="Inactive"), person(3, on="?")])
    office.configure(target='scope = "on"')

    assert warnings(office) == [
        (
            "SYNC-0160",
            "targets.wiki.scope: fails for 2 of 3 records; their accounts do not change",
            [
                '00002: on is "Inactive", which is neither true nor false; compare it, as in'
                " status == 'active', or test with x != '' whether it is filled"
            ],
        )
    ]


def test_members_by_mail_are_told(office: Office) -> None:
    office.hire([person(1), person(2)])
    office.write("teams.csv", "id,name,members\nT1,One,person1@example.com;person2@example.com\n")
    office.configure(
        more="""
[sources.teams]
type = "file"
path = "teams.csv"
key = "id"
lists = { members = ";" }

[targets.wiki.groups.teams]
source = "teams"
displayName = "name"
members = "members"
"""
    )

    text = NAMELESS.format("2 of 2").replace("manager.value", "groups.teams.members")
    assert warnings(office) == [("SYNC-0164", text, [])]
    assert f"wiki: {text} [SYNC-0164]\n" in office.run("plan", "--offline").err
    office.write("teams.csv", "id,name,members\nT1,One,00001;00002;person2@example.com\n")
    assert "references" not in office.run("plan", "--offline").err
