"""Who is deprovisioned by hand is switched off, by the run that was started for it or by the
next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from scimsync.state import leases
from scimsync.state.store import open_state
from tests.execute.story import NO_GUARD, PATCH_USER, SOON, Proxied, Script, one_of
from tests.office import SOURCE, USER, Office, people, person
from tests.servers.faulty import FaultyServer

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)
NAMES = ["target wiki", "source hr"]


@contextmanager
def a_run_at_work(office: Office) -> Iterator[None]:
    """Another run holds the leases."""
    with closing(open_state(office.state_url, office.folder, create=False)) as store:
        with store.write() as connection:
            token = leases.take(connection, NAMES, "another run", office.now)
        yield
        with store.write() as connection:
            leases.release(connection, token, office.now)


def is_active(office: Office, key: str = "00002") -> bool:
    active: bool = one_of(office, "Users", externalId=key)["active"]
    return active


def test_a_deprovisioning_beside_a_run_is_done_by_the_next(proxied: Proxied) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()
    with a_run_at_work(office):
        assert office.run("deprovision", "00002").code == 5

    assert office.push(later=DAY).exit_code == 0
    assert not is_active(office)

    with a_run_at_work(office):
        assert office.run("deprovision", "00002", "--lift").code == 5

    assert office.push(later=DAY).exit_code == 0
    assert is_active(office)
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_lift_for_somebody_without_an_account_is_done_by_the_next_push(proxied: Proxied) -> None:
    office, _ = proxied
    office.configure(target="scope = \"dept != 'away'\"", guard=NO_GUARD)
    office.hire([person(1), person(2, dept="away")])
    office.push()
    office.run("deprovision", "00002")
    office.hire(people(2))
    office.push()  # which has read that he is to have one, and may not make it

    with a_run_at_work(office):
        assert office.run("deprovision", "00002", "--lift").code == 5
    office.push()

    assert is_active(office)
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_lift_gives_nothing_to_those_who_should_have_nothing(proxied: Proxied) -> None:
    office, _ = proxied
    office.configure(target="scope = \"dept != 'away'\"", guard=NO_GUARD)
    office.hire([person(1), person(2, dept="away")])
    office.push()
    office.run("deprovision", "00002")

    assert office.run("deprovision", "00002", "--lift").code == 0

    assert [account["externalId"] for account in office.accounts().values()] == ["00001"]
    assert list(office.links()) == ["00001"]


def test_a_lift_leaves_nothing_that_is_due_for_ever(office: Office, faulty: FaultyServer) -> None:
    office.configure(target="actions = { update = false }", guard=NO_GUARD)
    office.hire(people(2))
    faulty.add(userName="person2@example.com", externalId="00002", active=True)
    office.push()
    assert "00002" not in office.links()
    office.run("deprovision", "00002")
    office.run("deprovision", "00002", "--lift")

    office.push(later=DAY)

    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_lift_after_sync_toml_changed_waits_for_a_push_that_reads(proxied: Proxied) -> None:
    office, _ = proxied
    office.configure(guard=NO_GUARD)
    office.hire([row | {"title": "Clerk"} for row in people(3)])
    office.push()
    office.run("deprovision", "00002")
    office.configure(
        user=USER + 'title = "title"\n', target="scope = \"title == 'Clerk'\"", guard=NO_GUARD
    )

    lifted = office.run("deprovision", "00002", "--lift")
    assert lifted.code == 0
    assert "wiki: this sync.toml was not pushed yet" in lifted.err
    assert not is_active(office)
    office.run("deprovision", "00003")
    assert not is_active(office, "00003")  # which needs no expression

    office.push()
    assert is_active(office)
    assert one_of(office, "Users", externalId="00002")["title"] == "Clerk"


def test_a_deprovisioning_that_died_at_once_is_done_by_the_next_push(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()

    def die(*_more: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("scimsync.cli.commands.push.push", die)
        office.run("deprovision", "00002")
    assert is_active(office)

    assert office.push(later=DAY).exit_code == 0
    assert not is_active(office)


def test_a_deprovisioning_that_the_target_refused_to_plan_is_done_by_the_next_push(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()
    script.plan = {PATCH_USER: ["401"]}
    assert office.run("deprovision", "00002").code == 1

    assert office.push(later=DAY).exit_code == 0
    assert not is_active(office)


def test_who_is_in_two_sources_is_deprovisioned(proxied: Proxied) -> None:
    office, _ = proxied
    other = SOURCE + '[sources.ext]\ntype = "file"\npath = "ext.csv"\nkey = "id"\n'
    office.configure(source=other, target='source = ["hr", "ext"]', guard=NO_GUARD)
    office.hire(people(2))
    office.hire([person(9)], "ext.csv")
    assert office.push().exit_code == 0
    office.hire([person(9), person(2)], "ext.csv")
    assert office.push().exit_code == 4

    office.run("deprovision", "00002")

    assert not is_active(office)


@pytest.mark.parametrize("way", ["leaves", "is deprovisioned"])
def test_who_cannot_be_read_is_switched_off(proxied: Proxied, script: Script, way: str) -> None:
    office, _ = proxied
    office.hire(people(3))
    office.push()
    script.plan = {PATCH_USER: ["late 500"] * 5}
    office.hire([person(1), person(2, dept="Law"), person(3)])
    assert office.push().exit_code == 4
    script.plan = {f"GET .*{office.links()['00002'].remote_id}": ["500"] * 1000}
    office.now += SOON

    if way == "leaves":
        office.hire([person(1), person(3)])
        office.push()
    else:
        office.run("deprovision", "00002")

    assert not is_active(office)


def test_those_who_cannot_be_read_hold_up_nobody_else(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(target="concurrency = 1", guard=NO_GUARD)
    office.hire(people(12))
    office.push()
    # five in a row, and the target would be down
    script.plan = {PATCH_USER: [*["late 500"] * 20, "", *["late 500"] * 20]}
    office.hire([*(person(number, dept="X") for number in range(1, 10)), *people(12)[9:]])
    office.push()
    doubtful = [str(link.remote_id) for link in office.links().values() if link.in_doubt]
    assert len(doubtful) >= 6
    script.plan = {f"(GET|PATCH) .*({'|'.join(doubtful)})": ["500"] * 1000}

    office.hire([*(person(number, dept="X") for number in range(1, 10)), *people(10)[9:]])
    office.push(later=DAY)

    assert not is_active(office, "00012")
