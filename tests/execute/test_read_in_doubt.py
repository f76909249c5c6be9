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
from tests.servers.faulty import FaultyServer, Seen

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


# A creation whose row disappears

NOTHING: dict[str, Any] = {"totalResults": 0, "Resources": []}
SHORT: dict[str, Any] = {"totalResults": 9, "Resources": []}


@pytest.mark.parametrize("status", [204, 202, 500])
def test_an_account_that_no_filter_finds_is_found_in_the_list_before_it_is_forgotten(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    faulty.fail("POST", status=status, effect=True)
    faulty.fail("GET", where=is_filtered, status=200, body=NOTHING, times=99)
    office.hire(people(4))
    office.push()
    assert faulty.users["id-00004"]["active"]

    office.hire(people(3))
    assert office.push(later=SOON).exit_code == 0

    assert not faulty.users["id-00004"]["active"]


def test_an_account_that_may_exist_is_searched_for_until_the_target_shows_it(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    faulty.fail("POST", status=500, effect=True)
    faulty.fail("GET", where=is_filtered, status=200, body=NOTHING, times=99)
    faulty.fail("GET", status=200, body=SHORT, times=99)
    office.hire(people(4))
    office.push()

    office.hire(people(3))
    outcome = office.push(later=SOON)

    assert outcome.exit_code == 4
    assert outcome.targets["wiki"].access_to_remove.named == "00004"

    faulty.faults.clear()
    assert office.push(later=timedelta(days=1)).exit_code == 0
    assert not faulty.users["id-00004"]["active"]


def test_an_account_that_was_never_created_is_forgotten(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    faulty.fail("POST", status=500, times=9)
    office.hire(people(4))
    assert office.push().exit_code == 4

    office.hire(people(3))
    assert office.push(later=SOON).exit_code == 0

    assert "00004" not in office.links()


def is_filtered(seen: Seen) -> bool:
    return "filter" in seen.query
