"""The operation that undoes what a run did to one resource, as a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership
from scimsync.model.operations import Action, JournaledOperation, Operation, OperationStatus, Phase
from scimsync.model.placeholders import IdOf, SecretValue
from scimsync.plan.candidates import Policy
from scimsync.plan.product import ProductRules
from scimsync.plan.reversal import Reversal, Surrounding, undone
from scimsync.scim.filters import parse_filter
from tests.unit.plan.building import DEACTIVATE, ID, KEY, NOW, link, pending, policy

RUN = 2
INACTIVE = LinkStatus.INACTIVE


def done(
    action: Action,
    *changes: Change,
    kind: Kind = Kind.USER,
    status: OperationStatus = OperationStatus.APPLIED,
    **more: object,
) -> JournaledOperation:
    """An operation of the run."""
    return JournaledOperation(
        id=1,
        run=RUN,
        target="wiki",
        phase=Phase.UPDATE,
        kind=kind,
        key=KEY,
        action=action,
        reason="",
        changes=changes,
        status=status,
        **more,  # type: ignore[arg-type]
    )


def undo(
    known: Link | None,
    *operations: JournaledOperation,
    rules: Policy = DEACTIVATE,
    around: Surrounding | None = None,
) -> Operation | None:
    """The reversal of a run with these operations."""
    resources, _ = undone(operations)
    (what,) = resources.values()
    return Reversal(RUN, rules).operation(what, known, around or Surrounding())


TITLE = Change("title", "Cook", "Boss")
HELD = {"userName": "ann@example.com", "title": "Boss"}
CREATED = done(Action.CREATE, Change("userName", None, "ann@example.com"))
OFF, ON = Change("active", True, False), Change("active", False, True)

UNDONE: dict[str, tuple[Link | None, list[JournaledOperation], tuple[object, ...] | None]] = {
    "a value goes back": (
        link(document=HELD),
        [done(Action.UPDATE, TITLE)],
        (Action.UPDATE, Phase.UPDATE, Change("title", "Boss", "Cook")),
    ),
    "a value that was absent is removed": (
        link(document=HELD),
        [done(Action.UPDATE, Change("title", None, "Boss"))],
        (Action.UPDATE, Phase.UPDATE, Change("title", "Boss", None)),
    ),
    "several operations count as one": (
        link(document=HELD),
        [
            done(Action.UPDATE, Change("title", "Cook", "Chef")),
            done(Action.UPDATE, Change("title", "Chef", "Boss")),
        ],
        (Action.UPDATE, Phase.UPDATE, Change("title", "Boss", "Cook")),
    ),
    "a value that went back already needs nothing": (
        link(document={"title": "Cook"}),
        [done(Action.UPDATE, TITLE)],
        None,
    ),
    "a failed operation is undone as far as it had an effect": (
        link(document=HELD | {"nickName": "A"}),
        [
            done(
                Action.UPDATE,
                TITLE,
                Change("nickName", "A", "B"),
                status=OperationStatus.FAILED,
            )
        ],
        (Action.UPDATE, Phase.UPDATE, Change("title", "Boss", "Cook")),
    ),
    "who was deactivated is reactivated, with the roles": (
        link(INACTIVE, {"active": False}),
        [done(Action.DEACTIVATE, OFF, Change("roles", [{"value": "x"}], None))],
        (
            Action.REACTIVATE,
            Phase.UPDATE,
            Change("active", False, True),
            Change("roles", None, [{"value": "x"}]),
        ),
    ),
    "who was reactivated is deactivated first": (
        link(document={"active": True}),
        [done(Action.REACTIVATE, ON)],
        (Action.DEACTIVATE, Phase.LEAVE, Change("active", True, False)),
    ),
    "who was created is deactivated, whatever leave says": (
        link(),
        [CREATED],
        (Action.DEACTIVATE, Phase.LEAVE, Change("active", True, False)),
    ),
    "an account of which the journal has the id": (
        link(),
        [done(Action.CREATE, Change("userName", None, "ann@example.com"), remote_id=ID)],
        (Action.DEACTIVATE, Phase.LEAVE, Change("active", True, False)),
    ),
    "who was created and is inactive needs nothing": (link(INACTIVE), [CREATED], None),
    "who was created and is gone needs nothing": (pending(), [CREATED], None),
    "who was created without a response and was found later is deactivated": (
        link(),
        [done(Action.CREATE, TITLE, status=OperationStatus.FAILED)],
        (Action.DEACTIVATE, Phase.LEAVE, Change("active", True, False)),
    ),
    "who was not created needs nothing": (
        pending(),
        [done(Action.CREATE, TITLE, status=OperationStatus.FAILED)],
        None,
    ),
    "who was adopted gets the values back": (
        link(document=HELD),
        [done(Action.ADOPT, TITLE, base={"title": "Cook"})],
        (Action.UPDATE, Phase.UPDATE, Change("title", "Boss", "Cook")),
    ),
    "who was adopted as is needs nothing": (link(document=HELD), [done(Action.ADOPT)], None),
    "a reference that the journal shows as a key goes back": (
        link(document={"manager": "id-7"}),
        [done(Action.UPDATE, Change("manager", None, IdOf(Key("7"))))],
        (Action.UPDATE, Phase.UPDATE, Change("manager", "id-7", None)),
    ),
    "a group is renamed back": (
        link(document={"displayName": "New"}, kind=Kind.GROUP),
        [done(Action.UPDATE, Change("displayName", "Old", "New"), kind=Kind.GROUP)],
        (Action.UPDATE, Phase.GROUP, Change("displayName", "New", "Old")),
    ),
    "a group that was created is deleted": (
        link(document={"displayName": "New"}, kind=Kind.GROUP),
        [done(Action.CREATE, Change("displayName", None, "New"), kind=Kind.GROUP)],
        (Action.DELETE, Phase.DELETE_GROUP),
    ),
}


@pytest.mark.parametrize("case", UNDONE)
def test_what_is_undone(case: str) -> None:
    known, operations, expected = UNDONE[case]

    operation = undo(known, *operations, rules=policy("delete"))

    if expected is None:
        assert operation is None
    else:
        assert operation is not None
        assert (operation.action, operation.phase, *operation.changes) == expected
        assert operation.status is OperationStatus.PLANNED
        assert operation.remote_id == ID


NO_GROUPS = ProductRules(name="Chat", groups="undeletable", deactivation="delete")
GROUP = done(Action.CREATE, Change("displayName", None, "New"), kind=Kind.GROUP)

REFUSED: dict[str, tuple[Link | None, JournaledOperation, Policy, Surrounding, str]] = {
    "deleted": (
        pending(),
        done(Action.DELETE),
        DEACTIVATE,
        Surrounding(),
        "run 2 deleted the account: it is not brought back [SYNC-0391]",
    ),
    "moved": (
        link(),
        done(Action.MOVE),
        DEACTIVATE,
        Surrounding(),
        "run 2 moved to this key; to move it back: scimsync rekey [SYNC-0391]",
    ),
    "gone": (
        pending(),
        done(Action.UPDATE, TITLE),
        DEACTIVATE,
        Surrounding(),
        "the account is no longer there [SYNC-0392]",
    ),
    "in doubt": (
        link(document=HELD, in_doubt=True),
        done(Action.UPDATE, TITLE),
        DEACTIVATE,
        Surrounding(),
        "the outcome of its last request is not known yet: push first [SYNC-0392]",
    ),
    "created without a response": (
        pending(in_doubt=True),
        done(Action.CREATE, TITLE, status=OperationStatus.FAILED),
        DEACTIVATE,
        Surrounding(),
        "the outcome of its last request is not known yet: push first [SYNC-0392]",
    ),
    "another account, created by a later run": (
        link(),
        done(
            Action.CREATE, Change("userName", None, "ann@example.com"), remote_id=RemoteId("id-0")
        ),
        DEACTIVATE,
        Surrounding(replaced=3),
        "the key has another account now: id-1, since run 3 [SYNC-0392]",
    ),
    "another account, found under a new id": (
        link(document=HELD),
        done(Action.UPDATE, TITLE, remote_id=RemoteId("id-0")),
        DEACTIVATE,
        Surrounding(),
        "the key has another account now: id-1 [SYNC-0392]",
    ),
    "perhaps another account, as the journal has no id": (
        link(),
        CREATED,
        DEACTIVATE,
        Surrounding(replaced=3),
        "the key has another account now: id-1, since run 3 [SYNC-0392]",
    ),
    "another group": (
        link(kind=Kind.GROUP),
        done(
            Action.CREATE,
            Change("displayName", None, "New"),
            kind=Kind.GROUP,
            remote_id=RemoteId("id-0"),
        ),
        DEACTIVATE,
        Surrounding(),
        "the key has another group now: id-1 [SYNC-0392]",
    ),
    "another value": (
        link(document={"title": "Clerk"}),
        done(Action.UPDATE, TITLE),
        DEACTIVATE,
        Surrounding(),
        "title no longer has the value that run 2 set [SYNC-0392]",
    ),
    "the same value, from a later run": (
        link(document=HELD),
        done(Action.UPDATE, TITLE),
        DEACTIVATE,
        Surrounding(later={"title": 5}),
        "title was changed by run 5 since [SYNC-0392]",
    ),
    "deprovisioned by hand": (
        link(INACTIVE, {"active": False}),
        done(Action.DEACTIVATE, OFF),
        DEACTIVATE,
        Surrounding(deprovisioned=True),
        "deprovisioned by hand; first: scimsync deprovision 00001 --lift [SYNC-0393]",
    ),
    "adopted while it was created": (
        link(document=HELD),
        done(Action.ADOPT, Change("title", None, "Boss")),
        DEACTIVATE,
        Surrounding(),
        "the run adopted it while creating it, and the values before are not known [SYNC-0393]",
    ),
    "a password": (
        link(document={"password": SecretValue("b")}),
        done(Action.UPDATE, Change("password", SecretValue("a"), SecretValue("b"))),
        DEACTIVATE,
        Surrounding(),
        "password: secret values are not in the journal [SYNC-0393]",
    ),
    "a product that deletes who is deactivated": (
        link(),
        CREATED,
        policy(product=NO_GROUPS),
        Surrounding(),
        "Chat deletes accounts that are deactivated [SYNC-0393]",
    ),
    "protected": (
        link(document=HELD),
        done(Action.UPDATE, TITLE),
        policy(protect=(parse_filter('userName sw "ann"'),)),
        Surrounding(),
        'protected by userName sw "ann": the account id-1 is not changed [SYNC-0361]',
    ),
    "a group with others": (
        link(kind=Kind.GROUP),
        GROUP,
        DEACTIVATE,
        Surrounding(others=[Key("7")]),
        "the group has members that run 2 did not add: 7 [SYNC-0392]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_undone(case: str) -> None:
    known, operation, rules, around, detail = REFUSED[case]

    refusal = undo(known, operation, rules=rules, around=around)

    assert refusal is not None
    assert (refusal.status, refusal.changes) == (OperationStatus.FAILED, ())
    assert refusal.detail == detail


def test_a_password_beside_other_values_is_left() -> None:
    password = Change("password", SecretValue("a"), SecretValue("b"))
    known = link(document=HELD | {"password": SecretValue("b")})

    operation = undo(known, done(Action.UPDATE, TITLE, password))

    assert operation is not None
    assert operation.changes == (Change("title", "Boss", "Cook"),)


def test_a_leaver_who_stays_inactive_is_still_deleted_in_time() -> None:
    later = NOW + timedelta(days=30)
    known = link(INACTIVE, {"active": False}, delete_after=later)

    operation = undo(known, done(Action.UPDATE, Change("roles", ["x"], None)))

    assert operation is not None
    assert operation.delete_after == later


FAILED_CREATIONS = {
    "no response": (None, 1, True),
    "an error of the server": (503, 1, True),
    "a timeout of the server": (408, 1, True),
    "a success without the account": (200, 1, True),
    "refused": (409, 1, False),
    "refused at the second attempt": (409, 2, True),
}
"""The last response to a creation that failed, its attempts, and whether it may be there."""


@pytest.mark.parametrize("case", FAILED_CREATIONS)
def test_a_creation_that_failed_may_have_had_an_effect(case: str) -> None:
    status, attempts, may_be_there = FAILED_CREATIONS[case]
    failed = done(
        Action.CREATE,
        TITLE,
        status=OperationStatus.FAILED,
        http_status=status,
        attempts=attempts,
    )

    resources, _ = undone([failed])

    assert bool(resources) is may_be_there


@pytest.mark.parametrize("action", [Action.DELETE, Action.MOVE])
def test_what_failed_to_be_deleted_or_moved_is_as_before(action: Action) -> None:
    assert undone([done(action, status=OperationStatus.FAILED)]) == ({}, {})


def test_members_are_removed_apart_where_a_product_wants_that() -> None:
    group = Link(Kind.GROUP, Key("g"), LinkStatus.ACTIVE, RemoteId("id-g"))
    rows = [
        Membership(Key("g"), Kind.USER, Key(str(number)), wanted=number > 2, acknowledged=True)
        for number in range(5)
    ]

    (together,) = Reversal(RUN, DEACTIVATE).members(Key("g"), group, rows, 100, None)
    made = Reversal(RUN, DEACTIVATE).members(Key("g"), group, rows, 100, 2)

    assert (together.action, len(together.changes)) == (Action.REMOVE_MEMBERS, 5)
    assert [(one.action, len(one.changes)) for one in made] == [
        (Action.REMOVE_MEMBERS, 2),
        (Action.REMOVE_MEMBERS, 1),
        (Action.ADD_MEMBERS, 2),
    ]


def test_an_account_that_a_later_run_links_again_is_still_that_of_the_run() -> None:
    operation = undo(
        link(document=HELD),
        done(Action.UPDATE, TITLE, remote_id=ID),
        around=Surrounding(replaced=3),
    )

    assert operation is not None
    assert operation.changes == (Change("title", "Boss", "Cook"),)
