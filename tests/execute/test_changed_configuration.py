"""A changed sync.toml: everybody is planned anew, from records that were read for it."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta

from scimsync.builtin import load
from scimsync.plan import Now
from scimsync.run import Options, push
from scimsync.run.compile import compile_config
from scimsync.state.store import open_state
from tests.execute.story import NO_GUARD
from tests.office import SOURCE, USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
TWO = SOURCE + '[sources.ext]\ntype = "file"\npath = "ext.csv"\nkey = "id"\n'


def test_people_of_a_source_that_a_target_has_no_longer_are_switched_off(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(source=TWO, target='source = ["hr", "ext"]', guard=NO_GUARD)
    office.hire(people(2))
    office.hire([person(9)], "ext.csv")
    assert counts(office.push()) == {"create": 3}

    office.configure(source=TWO, target='source = "hr"', guard=NO_GUARD)
    office.push(later=DAY)

    assert faulty.users["id-00009"]["active"] is False


def test_who_left_while_the_source_was_renamed_is_switched_off(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()

    office.configure(source=SOURCE.replace("sources.hr", "sources.staff"), guard=NO_GUARD)
    office.hire(people(2))
    office.push(later=DAY)

    assert faulty.users["id-00003"]["active"] is False


def test_an_attribute_that_is_sent_once_from_now_on_stays(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + 'nickName = "given"\n', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.configure(user=USER + 'nickName = { expr = "given", once = true }\n', guard=NO_GUARD)
    office.push(later=DAY)

    assert [one.get("nickName") for one in faulty.users.values()] == ["Given1", "Given2"]


def test_a_push_that_reads_nothing_knows_no_column_that_it_never_read(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure()
    office.hire([row | {"status": "active"} for row in people(3)])
    office.push()
    office.configure(target="scope = \"status == 'active'\"")
    office.now += DAY
    config = load(office.folder / "sync.toml")
    os.environ["WIKI_TOKEN"] = office.token
    with closing(open_state(config.state_url, config.base_dir, create=True)) as store:
        push(
            compile_config(config, read=False),
            store,
            Options(read=False),
            Now(office.now, office.now.date()),
            lambda *_: None,
            command="daemon: due",
            clock=lambda: office.now,
        )

    assert [one["active"] for one in faulty.users.values()] == [True] * 3


def test_a_bad_row_protects_whom_a_renamed_source_has_no_longer(
    office: Office, faulty: FaultyServer
) -> None:
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
