"""A saved revert is refused if it would change users who were deprovisioned since."""

from __future__ import annotations

import pytest

from tests.lifecycle.test_groups import BY_DEPARTMENT
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
