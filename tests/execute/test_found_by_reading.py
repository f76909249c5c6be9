"""What a hostile reading of planning found: leavers, changed configurations, and refusals that are left alone for a while."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from scimsync.config import load
from scimsync.execute import push
from scimsync.execute.books import Now
from scimsync.execute.preparing import Options
from scimsync.execute.settings import set_up
from scimsync.state.store import open_state
from tests.execute.story import NO_GUARD, SOON
from tests.office import MANAGER, SOURCE, USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer, Seen

pytestmark = pytest.mark.usefixtures("pauses")

DAY = timedelta(days=1)
BY_MAPPING = USER.replace("active = true", "active = \"dept != 'away'\"")
REVOKED = USER + 'title = "dept"\n'
ERR: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "detail": "not so"}
TWO = SOURCE + '[sources.ext]\ntype = "file"\npath = "ext.csv"\nkey = "id"\n'


def sets(path: str) -> Callable[[Seen], bool]:
    return lambda seen: any(one.get("path") == path for one in (seen.body or {}).get("Operations", ()))


def test_people_of_a_source_that_a_target_has_no_longer_are_switched_off(office: Office, faulty: FaultyServer) -> None:
    office.configure(source=TWO, target='source = ["hr", "ext"]', guard=NO_GUARD)
    office.hire(people(2))
    office.hire([person(9)], "ext.csv")
    assert counts(office.push()) == {"create": 3}

    office.configure(source=TWO, target='source = "hr"', guard=NO_GUARD)
    office.push(later=DAY)

    assert faulty.users["id-00009"]["active"] is False


def test_who_left_while_the_source_was_renamed_is_switched_off(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()

    office.configure(source=SOURCE.replace("sources.hr", "sources.staff"), guard=NO_GUARD)
    office.hire(people(2))
    office.push(later=DAY)

    assert faulty.users["id-00003"]["active"] is False


def test_what_a_leaver_loses_is_taken_although_the_switching_off_had_no_answer(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=REVOKED, target='leave = { action = "deactivate", revoke = ["title"] }', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", where=sets("title"), times=1, status=400, body=ERR)
    faulty.fail("PATCH", where=sets("active"), times=10, status=500, effect=True)
    office.hire(people(1))
    assert office.push(later=DAY).exit_code == 4
    assert faulty.users["id-00002"]["active"] is False
    faulty.faults.clear()

    office.push(later=DAY)
    office.push(later=DAY)

    assert "title" not in faulty.users["id-00002"]


def test_what_a_leaver_loses_is_taken_although_others_switched_the_account_off(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=REVOKED, target='leave = { action = "deactivate", revoke = ["title"] }', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", times=5, status=500)
    office.hire([person(1), person(2, family="Other")])
    assert office.push(later=DAY).exit_code == 4
    faulty.faults.clear()
    faulty.users["id-00002"]["active"] = False
    office.hire(people(1))

    office.push(later=DAY)
    office.push(later=DAY)

    assert "title" not in faulty.users["id-00002"]


def test_a_reference_that_is_refused_is_left_alone_for_a_while(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=USER + MANAGER, guard=NO_GUARD)
    office.hire([person(1), person(2)])
    office.push()
    faulty.fail("PATCH", times=1000, status=400, body=ERR)
    office.hire([person(1), person(2, manager="00001")])
    faulty.forget()
    office.push(later=DAY)
    first = len(faulty.written())
    faulty.forget()
    office.push(later=timedelta(minutes=1))  # the pause is five minutes at least
    second = len(faulty.written())

    assert (first, second) == (1, 0)


def test_a_deletion_that_is_refused_is_left_alone_for_a_while(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='leave = { action = "deactivate", delete_after = "1d" }', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    faulty.fail("DELETE", times=1000, status=400, body=ERR)
    office.push(later=2 * DAY)
    faulty.forget()
    office.push(later=timedelta(minutes=1))

    assert [str(one) for one in faulty.written()] == []


def test_an_attribute_that_is_sent_once_from_now_on_stays(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=USER + 'nickName = "given"\n', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.configure(user=USER + 'nickName = { expr = "given", once = true }\n', guard=NO_GUARD)
    office.push(later=DAY)

    assert [one.get("nickName") for one in faulty.users.values()] == ["Given1", "Given2"]


def test_who_may_not_be_changed_is_only_switched_off(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=BY_MAPPING, target="actions = { update = false }", guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire([person(1), person(2, dept="away", family="Other")])
    office.push(later=DAY)

    assert faulty.users["id-00002"]["active"] is False
    assert faulty.users["id-00002"]["displayName"] == "Given2 Family2"


def test_who_cannot_be_read_is_switched_off_by_the_mapping_too(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=BY_MAPPING, guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", times=5, status=500)
    office.hire([person(1), person(2, family="Other")])
    assert office.push().exit_code == 4
    faulty.faults.clear()
    faulty.fail("GET", where=lambda seen: seen.path == "/Users/id-00002", status=500, times=1000)
    office.hire([person(1), person(2, family="Other", dept="away")])
    office.push(later=SOON)

    assert faulty.users["id-00002"]["active"] is False


def test_what_somebody_loses_by_name_is_tried_again_where_leavers_are_kept(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=REVOKED, target='leave = { action = "keep", revoke = ["title"] }', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", where=sets("title"), times=1, status=400, body=ERR)
    office.run("deprovision", "00002")
    assert faulty.users["id-00002"]["active"] is False
    office.push(later=DAY)
    office.push(later=DAY)

    assert "title" not in faulty.users["id-00002"]


def test_a_push_that_reads_nothing_knows_no_column_that_it_never_read(office: Office, faulty: FaultyServer) -> None:
    office.configure()
    office.hire([row | {"status": "active"} for row in people(3)])
    office.push()
    office.configure(target="scope = \"status == 'active'\"")
    office.now += DAY
    config = load(office.folder / "sync.toml")
    os.environ["WIKI_TOKEN"] = office.token
    with closing(open_state(config.state_url, config.base_dir, create=True)) as store:
        push(
            set_up(config, read=False),
            store,
            Options(read=False),
            Now(office.now, office.now.date()),
            lambda *_: None,
            command="daemon: due",
            clock=lambda: office.now,
        )

    assert [one["active"] for one in faulty.users.values()] == [True] * 3


def test_a_bad_row_protects_whom_a_renamed_source_has_no_longer(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    office.configure(source=SOURCE.replace("sources.hr", "sources.staff"), guard=NO_GUARD)
    office.hire([*people(2), person(3, id="")])
    assert office.push(later=DAY).exit_code == 4
    assert faulty.users["id-00003"]["active"] is True

    office.hire(people(2))
    office.push(later=DAY)

    assert faulty.users["id-00003"]["active"] is False
