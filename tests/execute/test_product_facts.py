"""What the facts of a profile change in plans and pushes."""

from __future__ import annotations

from tests.office import Office, counts, people, person
from tests.servers.faulty import FaultyServer

USER = """
externalId = "id"
userName = "email"
"name.givenName" = "given"
displayName = "given + ' ' + family"
active = true
"""


def test_attributes_that_the_product_does_not_support_are_left_out(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER)
    office.hire(people(2))
    office.push()
    office.configure(user=USER, target='profile = "asana"')
    office.hire([person(1, given="Ann"), person(2), person(3)])

    ran = office.run("plan")

    assert (
        "wiki: 2 mapped attributes are left out: Asana does not support externalId, name.givenName"
        " [SYNC-0460]"
    ) in ran.err
    assert counts(office.push()) == {"create": 1, "update": 1}
    new = faulty.named("Person3@example.com")
    assert "externalId" not in new
    assert "name" not in new
    changed = faulty.named("Person1@example.com")
    assert changed["name"] == {"givenName": "Given1"}
    assert changed["displayName"] == "Ann Family1"


def test_what_a_product_never_changes_is_sent_at_creation_only_and_told(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="other@example.com", externalId="00003", displayName="Other")
    office.configure(user=USER, target='profile = "segment"\nmatch = ["externalId"]')
    office.hire(people(2))
    office.push()
    office.hire([person(1, email="new@example.com", given="Ann"), person(2), person(3)])

    ran = office.run("push")

    assert ran.code == 0
    told = [line for line in ran.err.splitlines() if "SYNC-0461" in line]
    assert [line.partition("wiki: ")[2] for line in told] == [
        "2 accounts keep their userName, which Segment does not change after the creation:"
        " 00001, 00003 [SYNC-0461]",
        "2 accounts keep their displayName, which Segment does not change after the creation:"
        " 00001, 00003 [SYNC-0461]",
    ]
    assert faulty.named("Person1@example.com")["name"] == {"givenName": "Ann"}
    assert faulty.named("other@example.com")["displayName"] == "Other"
    assert office.links()["00001"].document["userName"] == "Person1@example.com"
    assert "SYNC-0461" not in office.run("push").err


def test_a_name_that_its_holder_cannot_give_up_is_taken(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER, target='profile = "segment"')
    office.hire(people(1))
    office.push()
    office.hire([person(1, email="new@example.com"), person(2, email="Person1@example.com")])

    ran = office.run("push")

    assert ran.code == 4
    assert "userName Person1@example.com is taken by the account of 00001" in ran.out + ran.err
    assert list(faulty.users) == ["id-00001"]
