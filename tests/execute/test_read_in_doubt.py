"""What is read after a request without an answer: what of it counts, and what is others'."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.execute.story import (
    NO_GUARD,
    PATCH_USER,
    SOON,
    Proxied,
    Script,
    change,
    one_of,
    requests,
)
from tests.office import ENTERPRISE, USER, Office, people, person
from tests.servers.faulty import FaultyServer

pytestmark = pytest.mark.both_databases

# What is read in doubt


def test_what_others_wrote_stays_when_an_account_is_read_in_doubt(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(user=USER + 'title = "title"\nnickName = "nick"\n', guard=NO_GUARD)
    office.hire([person(1, title="", nick="")])
    office.push()
    change(office, "Users", one_of(office, "Users")["id"], title="Set by hand", nickName="Hand")
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1, title="", nick="", dept="Sales")])
    assert office.push().exit_code == 4

    assert office.push(later=SOON).exit_code == 0

    user = one_of(office, "Users")
    assert (user["title"], user["nickName"], user[ENTERPRISE]["department"]) == (
        "Set by hand",
        "Hand",
        "Sales",
    )


def test_a_value_that_was_sent_unseen_goes_when_it_is_not_wanted_any_more(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(user=USER + 'title = "title"\n', guard=NO_GUARD)
    office.hire([person(1, title="")])
    office.push()
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1, title="Boss")])
    assert office.push().exit_code == 4

    office.hire([person(1, title="")])
    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users").get("title") is None
    assert requests(office) == 0


def test_a_doubt_ends_where_leavers_stay(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(target="actions = { remove = false }", guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1), person(2, dept="Sales")])
    assert office.push().exit_code == 4

    office.hire(people(1))
    office.push(later=SOON)

    assert [requests(office), requests(office)] == [0, 0]


def test_who_came_back_unseen_and_left_again_has_the_whole_time_again(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        target='leave = { action = "deactivate", delete_after = "30d" }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    faulty.fail("PATCH", effect=True, hang_up=True, times=5)
    office.hire(people(2))
    assert office.push(later=timedelta(days=29)).exit_code == 4
    assert faulty.users["id-00002"]["active"] is True

    office.hire(people(1))
    office.push(later=timedelta(days=2))
    assert faulty.users["id-00002"]["active"] is False
    office.push(later=timedelta(days=29))
    assert "id-00002" in faulty.users
    office.push_twice(later=timedelta(days=2))
    assert "id-00002" not in faulty.users


def test_who_came_back_unseen_and_left_again_is_switched_off_where_nobody_tells(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    faulty.fail("PATCH", effect=True, hang_up=True, times=5)
    office.hire(people(2))
    assert office.push().exit_code == 4
    silent: dict[str, Any] = {
        name: value for name, value in faulty.users["id-00002"].items() if name != "active"
    }
    faulty.fail(
        "GET", where=lambda seen: seen.path == "/Users/id-00002", status=200, body=silent, times=100
    )

    office.hire(people(1))
    office.push(later=SOON)

    assert faulty.users["id-00002"]["active"] is False
    assert requests(office) == 0


def test_who_was_switched_off_by_hand_while_a_change_was_in_doubt_stays_off(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(user=USER.replace("active = true\n", ""), guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = {PATCH_USER: ["late 500"] * 5}
    office.hire([person(1, dept="Sales")])
    assert office.push().exit_code == 4
    change(office, "Users", one_of(office, "Users")["id"], active=False)

    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users")["active"] is False
