"""After a push that died, a plan is what the next push does: one that was read and saved is carried
out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from scimsync.model.operations import Action, JournaledOperation
from tests.execute.story import SOON, UNSEEN_USER, Proxied, Script, push_that_dies, pushed_until
from tests.lifecycle.test_groups import groups
from tests.office import Office, Row, people, person

pytestmark = pytest.mark.both_databases


def carried_out_as_read(office: Office) -> None:
    """A plan is saved and pushed, and then there is nothing left to do."""
    office.now += SOON
    assert office.run("plan", "--out", "tonight.plan").code == 0
    pushed = office.run("push", "tonight.plan")
    assert pushed.code == 0, pushed.err
    assert office.plan() == []


def made(key: str) -> Callable[[JournaledOperation], bool]:
    return lambda entry: entry.action == Action.CREATE and entry.key == key


NEW = person(4, dept="Law")
AFTERWARDS: dict[str, list[Row]] = {
    "comes": [*people(3), NEW],
    "changes": [*people(3), NEW | {"dept": "IT", "family": "Other"}],
    "is somebody's manager": [*people(3), NEW, person(5, dept="Law", manager="00004")],
    "leads who was there before": [person(1, manager="00004"), *people(3)[1:], NEW],
    "leaves": people(3),
    "gives the name to another": [
        *people(3),
        NEW | {"email": "other@example.com"},
        person(6, email=NEW["email"]),
    ],
}


@pytest.mark.parametrize("unseen", ["died", "no answer"])
@pytest.mark.parametrize("afterwards", AFTERWARDS)
def test_who_was_made_unseen(
    proxied: Proxied, script: Script, monkeypatch: pytest.MonkeyPatch, afterwards: str, unseen: str
) -> None:
    office, _ = proxied
    office.hire(people(3))
    office.push()
    office.hire([*people(3), NEW])
    if unseen == "died":
        pushed_until(office, monkeypatch, made("00004"))
    else:
        script.plan = dict(UNSEEN_USER)
        assert office.push().exit_code == 4
    office.hire(AFTERWARDS[afterwards])

    carried_out_as_read(office)


@pytest.mark.parametrize("afterwards", ["nothing else", "back again"])
def test_members_who_were_sent(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch, afterwards: str
) -> None:
    office, _ = proxied
    before = [*people(3), person(4, dept="Law")]
    office.hire(before)
    office.push()
    office.hire([*people(2), person(3, dept="Law"), person(4, dept="Law")])
    pushed_until(
        office,
        monkeypatch,
        lambda entry: entry.action in (Action.ADD_MEMBERS, Action.REMOVE_MEMBERS),
    )
    if afterwards == "back again":
        office.hire(before)

    carried_out_as_read(office)

    law = {"00004"} if afterwards == "back again" else {"00003", "00004"}
    assert groups(office)["Department Law"] == law


def test_what_a_push_wanted_that_died_before_it_sent_anything(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    office.hire(people(3))
    office.push()
    office.hire([*people(2), person(3, dept="Law")])

    def dying(die: Callable[[], NoReturn]) -> Callable[..., Any]:
        return lambda *_: die()

    push_that_dies(office, monkeypatch, sys.modules["scimsync.run.waves"], "accept", dying)
    office.hire(people(3))

    assert office.plan() == []
    assert office.push(later=SOON).targets["wiki"].requests == 0
