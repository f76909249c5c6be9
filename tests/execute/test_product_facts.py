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
