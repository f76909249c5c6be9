"""A plan whose operations are given is checked, guarded, journalled, and executed like any other.

Whatever part of the program makes the operations uses this interface, as a repair of drift does.
"""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from scimsync.builtin import load
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership
from scimsync.model.operations import Action, Operation, OperationStatus, Phase
from scimsync.plan import Now
from scimsync.plan.given_operations import GivenPlan, GivenTarget
from scimsync.plan.membership_planner import member_operations
from scimsync.run import Options, RunOutcome, push
from scimsync.run.compile import compile_config
from scimsync.state.store import open_state
from tests.execute.story import change, one_of
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import Office, counts, people, person


def push_given(office: Office, *operations: Operation) -> RunOutcome:
    """Push given operations of the wiki."""
    os.environ["WIKI_TOKEN"] = office.token
    config = load(office.folder / "sync.toml")
    given = GivenPlan("reconcile --fix", {"wiki": GivenTarget(operations)})
    with closing(open_state(config.state_url, config.base_dir, create=False)) as store:
        return push(
            compile_config(config, read=False),
            store,
            Options(given=given, read=False, insistent=True, command="reconcile --fix"),
            Now(office.now, office.now.date()),
            lambda *_: None,
            command=given.command,
            clock=lambda: office.now,
            time=office.waits,
        )


def repair(office: Office, key: str = "00001", before: str = "Byhand") -> Operation:
    """The operation that puts a changed family name back."""
    link = office.links()[Key(key)]
    return Operation(
        phase=Phase.UPDATE,
        kind=Kind.USER,
        key=Key(key),
        action=Action.UPDATE,
        reason="changed by others",
        changes=(Change("name.familyName", before, link.document["name.familyName"]),),
        remote_id=link.remote_id,
        base={**link.document, "name.familyName": before},
    )


@pytest.fixture
def drifted(real_office: Office) -> Office:
    """An office whose target has another family name for 00001, by hand."""
    real_office.configure(more=BY_DEPARTMENT)
    real_office.hire(people(4))
    real_office.push()
    account = one_of(real_office, "Users", externalId="00001")
    change(real_office, "Users", account["id"], **{"name.familyName": "Byhand"})
    return real_office


def test_given_operations_are_executed_and_cursors_stay(drifted: Office) -> None:
    drifted.hire([person(1), person(2, family="New"), *people(4)[2:]])

    outcome = push_given(drifted, repair(drifted))

    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 1})
    assert one_of(drifted, "Users", externalId="00001")["name"]["familyName"] == "Family1"
    (operation,) = drifted.journal()
    assert (operation.action, operation.reason) == ("update", "changed by others")
    assert counts(drifted.push()) == {"update": 1}
    assert one_of(drifted, "Users", externalId="00002")["name"]["familyName"] == "New"


def test_nothing_is_sent_if_one_starting_point_is_another(drifted: Office) -> None:
    outcome = push_given(drifted, repair(drifted), repair(drifted, "00002", "Never"))

    assert outcome.exit_code == 3
    assert str(outcome.guard).splitlines() == [
        '"wiki": its starting point has changed since it was planned: 1 account or group'
        " [SYNC-0513]",
        '  00002: the target shows another value: name.familyName is "Family2", not "Never"',
        "  plan again: scimsync reconcile --fix",
    ]
    assert one_of(drifted, "Users", externalId="00001")["name"]["familyName"] == "Byhand"
    assert drifted.journal() == []


def test_guards_count_given_operations(drifted: Office) -> None:
    links = drifted.links()
    deactivations = [
        Operation(
            phase=Phase.LEAVE,
            kind=Kind.USER,
            key=Key(key),
            action=Action.DEACTIVATE,
            reason="not theirs",
            changes=(Change("active", True, False),),
            remote_id=links[Key(key)].remote_id,
        )
        for key in ("00001", "00002", "00003")
    ]

    outcome = push_given(drifted, *deactivations)

    assert outcome.exit_code == 3
    assert "guard.max_removals: 3 of 4 accounts" in str(outcome.guard)
    assert "scimsync reconcile --fix --allow-removals 3" in str(outcome.guard)
    assert one_of(drifted, "Users", externalId="00001")["active"]


def test_members_and_what_could_not_be_planned(drifted: Office) -> None:
    group = drifted.links()[Key("departments:IT")]
    removal = Membership(group.key, Kind.USER, Key("00003"), wanted=False, acknowledged=True)
    failed = Operation(
        phase=Phase.UPDATE,
        kind=Kind.USER,
        key=Key("00004"),
        action=Action.UPDATE,
        reason="could not be planned",
        status=OperationStatus.FAILED,
        detail="two accounts match",
    )

    outcome = push_given(drifted, *member_operations(group.key, group, [removal], 100), failed)

    assert (outcome.exit_code, counts(outcome)) == (4, {"remove_members": 1})
    assert outcome.targets["wiki"].failed == 1
    assert len(one_of(drifted, "Groups", displayName="Department IT")["members"]) == 3
    # the rules want the member: without a pin, the next push adds it again
    assert counts(drifted.push()) == {"add_members": 1}


def test_an_account_that_is_another_by_now_is_not_touched(drifted: Office) -> None:
    operation = repair(drifted)
    drifted.sql("update link set remote_id = 'another' where key = '00001'")

    outcome = push_given(drifted, operation)

    assert outcome.exit_code == 3
    assert "00001: it has another account now: another" in str(outcome.guard)
