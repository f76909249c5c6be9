"""A saved revert is refused if it would change other users, or users deprovisioned since."""

from __future__ import annotations

import pytest

from tests.e2e.test_e2e_revert import held
from tests.lifecycle.test_groups import BY_DEPARTMENT, team, with_teams, write_teams
from tests.office import Office, Row, people, person

LATER_ROWS: dict[str, list[Row]] = {
    "deactivated": people(5),
    "updated": [*people(5), person(6, family="Other")],
}
"""What run 2 did to 00006, and the rows that it read."""


@pytest.mark.parametrize("done", LATER_ROWS)
def test_a_user_who_was_deprovisioned_since_is_left(real_office: Office, done: str) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT)
    office.hire(people(6))
    office.push()
    office.hire(LATER_ROWS[done])
    office.push()
    assert office.run("revert", "2", "--out", "undo.plan").code == 0
    assert office.run("deprovision", "00006", "--yes").code == 0

    ran = office.run("push", "undo.plan")

    assert ran.code == 3
    assert (
        "  00006: deprovisioned by hand; first: scimsync deprovision 00006 --lift\n"
        "  plan again: scimsync revert 2 -t wiki --out FILE\n"
    ) in ran.err
    assert office.push().exit_code == 0
    assert office.accounts()["person6@example.com"]["active"] is False


def forget(office: Office) -> None:
    """The key is given to another person."""
    assert office.run("forget", "00004").code == 0
    office.hire([*people(3), person(4, given="Zoe", family="Zed", email="zoe@example.com")])
    assert office.push().exit_code == 0


def rekey(office: Office) -> None:
    """The key is given to 00003, and its user has another one."""
    assert office.run("rekey", "00004", "X4").code == 0
    assert office.run("rekey", "00003", "00004").code == 0
    office.hire([*people(2), person(4, id="X4"), person(3, id="00004")])
    assert office.push().exit_code == 0


def leave(office: Office) -> None:
    """The account is deleted."""
    office.hire(people(3))
    assert office.push().exit_code == 0


def deprovision(office: Office) -> None:
    """The user is deprovisioned by hand."""
    assert office.run("deprovision", "00004", "--yes").code == 0


SINCE = {
    "forget": (forget, "00004 has another account now: "),
    "rekey": (rekey, "00004 has another account now: "),
    "leave": (leave, "00004 has no account to add"),
    "deprovision": (deprovision, "00004: deprovisioned by hand; first: scimsync deprovision 00004"),
}
"""What happens to the key 00004 after the revert was saved, and why it is refused."""


@pytest.mark.parametrize("case", SINCE)
def test_a_group_gets_no_other_member_than_the_one_that_was_shown(
    real_office: Office, case: str
) -> None:
    office, (happens, why) = real_office, SINCE[case]
    action = "delete" if happens is leave else "deactivate"
    with_teams(office, target=f'leave = {{ action = "{action}", revoke = ["memberships"] }}')
    office.hire(people(4))
    write_teams(office, [team("T1", 1) | {"member_ids": "00001;00004"}])
    assert office.push().exit_code == 0
    write_teams(office, [team("T1", 1)])
    assert office.push().exit_code == 0
    before = held(office)["Team T1"]
    assert before == ["person1@example.com"]
    assert office.run("revert", "2", "--out", "undo.plan").code == 0
    happens(office)

    ran = office.run("push", "undo.plan")

    assert ran.code == 3
    assert f": {why}" in ran.err
    office.push()
    assert held(office)["Team T1"] == before
