"""`scimsync check` compares the mapping and its values with what a target declares."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.scim.discovery import CONFIG
from tests.office import Office, Row, people, person
from tests.servers.faulty import HTML, FaultyServer, Reply

Json = dict[str, Any]
CORE = "urn:ietf:params:scim:schemas:core:2.0"
BADGES = "urn:example:2.0:User"
SCHEMAS: list[Json] = [
    {
        "id": f"{CORE}:User",
        "attributes": [
            {"name": "userName", "type": "string", "required": True},
            {
                "name": "emails",
                "type": "complex",
                "multiValued": True,
                "subAttributes": [
                    {"name": "value", "type": "string"},
                    {"name": "type", "type": "string", "canonicalValues": ["home"]},
                ],
            },
            {"name": "roles", "type": "complex", "multiValued": True},
        ],
    },
    {"id": BADGES, "attributes": [{"name": "badge", "type": "integer"}]},
    {
        "id": f"{CORE}:Group",
        "attributes": [
            {"name": "displayName", "type": "string", "canonicalValues": ["IT"]},
            {"name": "members", "type": "complex", "multiValued": True},
        ],
    },
]
MAPPING = f"""
userName = "email"
'emails[type eq "work"].value' = "email"
roles = "dept | lower"
"{BADGES}:badge" = "id"
"""
GROUPS = '[targets.wiki.groups.by-dept]\neach = "dept"\ndisplayName = "value"\n'


def check(office: Office) -> Json:
    document: Json = office.run("check", "--json").document
    return document


def warnings(document: Json) -> list[tuple[str, str, list[str]]]:
    """Return code, message and details of the warnings about the target."""
    return [
        (one["code"], one["message"], one["details"])
        for one in document["findings"]
        if one["level"] != "ok" and one["area"] == "target"
    ]


def staff(**departments: int) -> list[Row]:
    """Return so many people of each department."""
    names = [name for name, number in departments.items() for _ in range(number)]
    return [person(number, dept=name) for number, name in enumerate(names, start=1)]


def test_values_roles_and_groups_are_compared_with_what_is_declared(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.declared = {
        CONFIG: {"patch": {"supported": True}},
        "/Schemas": {"Resources": SCHEMAS},
        "/Roles": [{"value": "it", "totalAssignmentsPermitted": 2}, {"value": "sales"}],
    }
    office.configure(user=MAPPING, more=GROUPS)
    office.hire(staff(IT=3, Sales=1, Law=2))

    found = warnings(check(office))

    assert found == [
        (
            "SYNC-0443",
            "1 attribute is limited to other values by the target",
            ['emails[type eq "work"].value: type "work" is not one of home'],
        ),
        (
            "SYNC-0443",
            "1 attribute is of another type at the target",
            [f'{BADGES}:badge: "00001" is not a whole number (00001 and 5 others)'],
        ),
        (
            "SYNC-0443",
            "groups.by-dept: 1 attribute is limited to other values by the target",
            ['displayName: "Sales" is not one of IT (by-dept:Sales and 1 other)'],
        ),
        (
            "SYNC-0440",
            "1 of its roles does not exist at the target",
            ["law: 2 users, first 00005"],
        ),
        (
            "SYNC-0442",
            "1 of its roles has too few seats",
            ["it: 3 users, 0 of them have it; 2 seats"],
        ),
    ]


def test_a_converted_value_fits(office: Office, faulty: FaultyServer) -> None:
    faulty.declared = {CONFIG: {"patch": {"supported": True}}, "/Schemas": SCHEMAS}
    office.configure(user=f'userName = "email"\n"{BADGES}:badge" = "id | int"\n')
    office.hire(people(3))
    assert warnings(check(office)) == []


def test_seats_that_accounts_have_already_are_not_needed_again(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user='userName = "email"\nroles = "dept"')
    office.hire(staff(IT=2))
    office.push()
    declared = {"value": "it", "totalAssignmentsPermitted": 3, "totalAssignmentsUsed": 3}
    faulty.declared = {"/Schemas": SCHEMAS, "/Roles": [declared]}
    assert "SYNC-0442" not in [code for code, _, _ in warnings(check(office))]

    office.hire(staff(IT=3))

    assert ("SYNC-0442", "1 of its roles has too few seats") in [
        (code, message) for code, message, _ in warnings(check(office))
    ]


@pytest.mark.parametrize(
    "reply", [None, Reply(403), Reply(500), Reply(200, HTML)], ids=["404", "403", "500", "page"]
)
def test_what_cannot_be_read_cannot_be_told(
    office: Office, faulty: FaultyServer, reply: Reply | None
) -> None:
    if reply is not None:
        faulty.declared = {"/Schemas": reply, "/Roles": reply, CONFIG: reply}
    office.configure(user=MAPPING)
    office.hire(people(1))
    document = check(office)
    assert document["exit_code"] == 0
    told = [(code, message.partition(": ")[0]) for code, message, _ in warnings(document)]
    assert told == [
        ("SYNC-0951", "declares no capabilities (/ServiceProviderConfig)"),
        ("SYNC-0424", "cannot tell whether the mapping fits"),
    ]


def test_the_document_has_what_each_target_declares(office: Office, faulty: FaultyServer) -> None:
    faulty.declared = {
        CONFIG: {"patch": {"supported": True}, "interopProfileConformant": True},
        "/ResourceTypes": [{"name": "User", "endpoint": "/users", "schema": f"{CORE}:User"}],
    }
    office.hire(people(1))
    document = check(office)
    declared = document["targets"]["wiki"]
    assert declared["capabilities"]["patch"] is True
    assert declared["capabilities"]["max_results"] is None
    assert declared["resource_types"] == {"User": "/users"}
    assert (declared["schemas"], declared["roles"]) == (None, None)
    assert declared["untold"] == {"/Schemas": "GET /Schemas: 404: no /Schemas"}
    said = [one["message"] for one in document["findings"]]
    profile = "draft-zollner-scim-interop-profile"
    assert f"conforms to the SCIM interoperability profile ({profile})" in said


def test_a_push_uses_what_a_check_has_read(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    office.push()
    faulty.declared = {CONFIG: {"filter": {"supported": False}}}
    assert check(office)["exit_code"] == 0
    faulty.forget()
    office.hire(people(2))
    office.push()
    assert faulty.asked == []
    assert [one.query.get("filter") for one in faulty.seen if one.method == "GET"] == [None]
