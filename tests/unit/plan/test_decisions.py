"""The planner's tables: which operation follows from which candidate, link and policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from scimsync.model.accounts import Account
from scimsync.model.changes import Change
from scimsync.model.clock import ClockDoubt
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.operations import OperationStatus, Phase
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.plan.candidates import Candidate, NameHolder, Policy, Surroundings
from scimsync.plan.deletions import deletion_time
from tests.error_text import text_of
from tests.unit.plan.building import (
    DAY,
    GROUPS,
    ID,
    KEY,
    NAME,
    NOW,
    account,
    candidate,
    decisions,
    link,
    out_of_scope,
    pending,
    policy,
    said,
    wanted,
)

ACTIVE, INACTIVE, DELETED = LinkStatus.ACTIVE, LinkStatus.INACTIVE, LinkStatus.DELETED
OFF = {**NAME, "active": False}
ON = {**NAME, "active": True}
MANAGER = "manager.value"
BOB, CAT = Key("00002"), Key("00003")
OUT = "out of scope: status == 'active'"


# Unwanted candidates: (leave, state of the account) -> action and reason


def due(seen: timedelta | None = None) -> Link:
    """An account whose 30 days were over a day ago, and `seen` how long ago a run found that."""
    seen_at = None if seen is None else NOW - seen
    return link(INACTIVE, OFF, left_at=NOW - 31 * DAY, deletion_seen_at=seen_at)


@pytest.mark.parametrize(
    ("rules", "known", "more", "expected"),
    [
        # no account: nothing to do
        (policy(), None, {}, None),
        # active, by leave action
        (policy(), link(), {}, ("deactivate", OUT)),
        (policy("delete"), link(), {}, ("delete", OUT)),
        (policy("keep"), link(), {}, None),
        # actions.remove = false leaves every account alone
        (policy(remove=False), link(), {}, None),
        (policy("delete", remove=False), link(), {}, None),
        # inactive already
        (policy(), link(INACTIVE, OFF), {}, None),
        (policy("delete"), link(INACTIVE, OFF), {}, ("delete", OUT)),
        (policy("keep"), link(INACTIVE, OFF), {}, None),
        # the time until the deletion has passed, or not yet
        (policy(days=30), link(INACTIVE, OFF, left_at=NOW - 29 * DAY), {}, None),
        # ... and a run at least an hour ago found the same
        (policy(days=30), link(INACTIVE, OFF, left_at=NOW - 31 * DAY), {}, None),
        (policy(days=30), due(seen=timedelta(minutes=59)), {}, None),
        (policy(days=30), due(seen=2 * DAY), {}, None),
        (
            policy(days=30),
            due(seen=timedelta(hours=1)),
            {},
            ("delete", f"{OUT}; to be deleted after 2026-03-01"),
        ),
        # a reactivation without a response: deactivate again
        (policy(), link(INACTIVE, OFF, in_doubt=True), {}, ("deactivate", OUT)),
        (
            policy(),
            link(INACTIVE, OFF, in_doubt=True),
            {"read_again": True, "before": {**NAME, "active": True}},
            ("deactivate", OUT),
        ),
        # ... unless it was read and is inactive
        (
            policy(),
            link(INACTIVE, OFF, in_doubt=True),
            {"read_again": True, "before": OFF},
            None,
        ),
        # a deactivation without a response that had its effect
        (policy(), link(in_doubt=True), {"read_again": True, "before": OFF}, None),
        # roles that the target refused to take with the deactivation
        (
            policy(revoke=("roles",)),
            link(INACTIVE, {**OFF, "roles": ["admin"]}),
            {},
            ("update", f"{OUT}; roles changed"),
        ),
        # deprovisioned by hand: stronger than keep, and than actions.remove = false
        (
            policy("keep"),
            link(),
            {"desired": None, "held_since": NOW},
            ("deactivate", "deprovisioned by hand on 2026-03-02"),
        ),
        (
            policy("delete", remove=False),
            link(),
            {"desired": None, "held_since": NOW},
            ("delete", "deprovisioned by hand on 2026-03-02"),
        ),
        # without a record, and without a scope
        (policy(), link(), {"desired": None}, ("deactivate", "no longer in the source")),
        (replace(policy(), scope=None), link(), {}, ("deactivate", "out of scope")),
    ],
)
def test_an_unwanted_account(
    rules: Policy, known: Link | None, more: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    given = {"desired": out_of_scope(), "known": known, **more}
    made = decisions(candidate(**given), rules=rules)
    assert [said(one) for one in made.operations] == ([] if expected is None else [expected])


BEHIND = ClockDoubt("behind", is_wrong=True)
AHEAD = ClockDoubt("ahead", is_wrong=False)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "doubt", "unconfirmed", "updated"),
    [
        # the first run that finds a deletion due notes it
        (due(), None, True, {"deletion_seen_at": NOW, "delete_after": NOW + HOUR}),
        (due(seen=HOUR / 2), None, False, None),
        # a clock that may be wrong deletes nothing, and one that is wrong leaves no trace
        (due(), AHEAD, True, {"deletion_seen_at": NOW, "delete_after": NOW + HOUR}),
        (due(seen=2 * HOUR), AHEAD, True, None),
        (due(), BEHIND, True, None),
        (due(seen=2 * HOUR), BEHIND, True, None),
        # what a clock that was ahead noted does not count
        (due(seen=-DAY), None, True, {"deletion_seen_at": NOW, "delete_after": NOW + HOUR}),
        # the time begins to count, unless the clock is wrong
        (
            link(INACTIVE, OFF),
            None,
            False,
            {"left_at": NOW, "delete_after": NOW + 30 * DAY},
        ),
        (link(INACTIVE, OFF), BEHIND, False, {"next_try_at": NOW + HOUR}),
    ],
)
def test_a_deletion_that_is_due_waits_for_a_second_run(
    known: Link, doubt: ClockDoubt | None, unconfirmed: bool, updated: dict[str, Any] | None
) -> None:
    around = Surroundings(clock_doubt=doubt)

    made = decisions(candidate(out_of_scope(), known), rules=policy(days=30), around=around)

    assert made.operations == []
    assert made.unconfirmed == ([KEY] if unconfirmed else [])
    assert made.updated_links == ([] if updated is None else [replace(known, **updated)])


def test_a_deactivation_takes_roles_along_and_sets_the_time_of_deletion() -> None:
    known = link(document={**NAME, "active": True, "roles": ["admin"]})
    (operation,) = decisions(
        candidate(out_of_scope(), known), rules=policy(days=30, revoke=("roles",))
    ).operations
    assert operation.phase is Phase.LEAVE
    assert operation.changes == (
        Change("active", True, False),
        Change("roles", ["admin"], None),
    )
    assert (operation.remote_id, operation.delete_after) == (ID, NOW + 30 * DAY)


@pytest.mark.parametrize(
    ("known", "more", "unwanted", "updated_links"),
    [
        (pending(failures=2), {}, [KEY], []),
        (link(DELETED, {}), {}, [], []),
        # what failed before is over once the account is known to be gone
        (link(DELETED, {}, failures=1, last_error="no"), {}, [], [link(DELETED, {})]),
        (link(), {"read_again": True, "gone": True}, [], [link(DELETED)]),
    ],
)
def test_an_unwanted_candidate_without_an_account_is_forgotten(
    known: Link, more: dict[str, Any], unwanted: list[Key], updated_links: list[Link]
) -> None:
    made = decisions(candidate(out_of_scope(), known, **more))
    assert (made.operations, made.unwanted, made.updated_links) == ([], unwanted, updated_links)


FOUND = f"{OUT}; an account with the same userName exists"
OTHER = account(owner=BOB)


@pytest.mark.parametrize(
    ("rules", "accounts", "expected"),
    [
        (policy(), (), None),
        (policy(), (account(),), ("deactivate", FOUND)),
        (policy("delete"), (account(),), ("delete", FOUND)),
        (policy("keep"), (account(),), None),
        (policy(remove=False), (account(),), None),
        # inactive already
        (policy(), (account(active=False),), None),
        (policy("delete"), (account(active=False),), ("delete", FOUND)),
        # it belongs to somebody else
        (policy(), (OTHER,), None),
        (policy(), (OTHER, account("id-2")), ("deactivate", FOUND)),
        # several: whose it is cannot be told, and does not matter if none is active
        (policy(), (account(), account("id-2")), ("deactivate", "could not be planned")),
        (policy(), (account(active=False), account("id-2", active=False)), None),
    ],
)
def test_an_account_that_is_found_of_an_unwanted_user_without_a_link(
    rules: Policy, accounts: tuple[Account, ...], expected: tuple[str, str] | None
) -> None:
    made = decisions(candidate(out_of_scope(), accounts=accounts), rules=rules)

    assert [said(one) for one in made.operations] == ([] if expected is None else [expected])
    planned = [one for one in made.operations if one.status is OperationStatus.PLANNED]
    assert [one.left_before for one in made.found_links] == [True] * len(planned)
    assert all(one.delete_after is None for one in planned)


def test_two_leavers_get_one_account_once() -> None:
    first = candidate(out_of_scope(), accounts=(account(),))
    made = decisions(first, replace(first, key=BOB))

    assert [one.key for one in made.operations] == [KEY]


# Wanted candidates without an account


@pytest.mark.parametrize(
    ("known", "more", "reason"),
    [
        (None, {}, "no account yet"),
        (pending(failures=1), {}, "no account yet; the last attempt failed"),
        (link(DELETED, {}), {}, "came back; the account was deleted"),
        (link(), {"read_again": True, "gone": True}, "the account is gone at the target"),
    ],
)
def test_a_wanted_candidate_without_an_account_is_created(
    known: Link | None, more: dict[str, Any], reason: str
) -> None:
    (operation,) = decisions(candidate(wanted(), known, **more)).operations
    assert said(operation) == ("create", reason)
    assert operation.phase is Phase.CREATE
    assert operation.changes == (Change("userName", None, "ann@example.com"),)
    assert operation.unique_name == "ann@example.com"


def test_a_creation_sends_what_is_sent_once_and_an_update_does_not() -> None:
    desired = wanted(once={"password": "secret"}, generate={"nickName": 12})
    (created,) = decisions(candidate(desired)).operations
    values = {change.path: change.after for change in created.changes}
    assert values["nickName"] == RandomText(12)
    assert isinstance(values["password"], SecretValue)
    assert decisions(candidate(desired, link())).operations == []


def test_a_creation_waits_for_the_switch() -> None:
    made = decisions(candidate(wanted(), pending()), rules=policy(create=False))
    assert (made.operations, made.unwanted) == ([], [KEY])


@pytest.mark.parametrize(
    ("accounts", "outcome"),
    [
        # one match is adopted
        ((account(),), ("adopt", "an account with the same userName exists")),
        # of a userName that is linked to another key, the conflict of names is reported
        ((account(owner=BOB),), ("create", "no account yet")),
        # by another attribute it belongs to its owner
        (
            (account(found_by="externalId", owner=BOB),),
            "the account that matches by externalId (id-1) belongs to 00002",
        ),
        # several are ambiguous
        (
            (account("id-1"), account("id-2")),
            "ambiguous: 2 accounts match by userName: id-1, id-2",
        ),
    ],
)
def test_accounts_that_exist(accounts: tuple[Any, ...], outcome: object) -> None:
    (operation,) = decisions(candidate(wanted(), accounts=accounts)).operations
    if operation.status is OperationStatus.FAILED:
        assert text_of(operation.detail) == outcome
    else:
        assert said(operation) == outcome


def test_an_adoption_changes_what_differs_and_reactivates() -> None:
    found = account(document={"userName": "Ann@example.com", "title": "Boss"}, active=False)
    (operation,) = decisions(candidate(wanted(), accounts=(found,))).operations
    assert operation.changes == (
        Change("userName", "Ann@example.com", "ann@example.com"),
        Change("active", False, True),
    )
    assert operation.base == {"userName": "Ann@example.com", "active": False}


def test_an_account_is_adopted_once() -> None:
    first = Candidate(KEY, wanted(), accounts=(account(found_by="externalId"),))
    second = Candidate(BOB, wanted({"userName": "b"}), accounts=(account(found_by="externalId"),))
    _, failed = decisions(first, second).operations
    assert (
        text_of(failed.detail) == "the account that matches by externalId (id-1) belongs to 00001"
    )


@pytest.mark.parametrize("switched", [policy(update=False)])
def test_an_adoption_waits_for_the_switch(switched: Policy) -> None:
    made = decisions(candidate(wanted(), pending(), accounts=(account(),)), rules=switched)
    assert (made.operations, made.unwanted) == ([], [KEY])


def test_an_adoption_deactivates_no_account_where_removal_is_off() -> None:
    desired = wanted(OFF)
    found = account(active=True, document={**NAME, "active": True})
    (operation,) = decisions(
        candidate(desired, accounts=(found,)), rules=policy(remove=False)
    ).operations
    assert operation.changes == ()


# Wanted candidates with an account


@pytest.mark.parametrize(
    ("known", "desired", "rules", "expected"),
    [
        # the same: nothing
        (link(), wanted(), policy(), None),
        # something differs
        (link(), wanted({**NAME, "title": "Boss"}), policy(), ("update", "title changed")),
        (link(), wanted({**NAME, "title": "Boss"}), policy(update=False), None),
        # deactivated earlier, and wanted again
        (link(INACTIVE, OFF), wanted(), policy(), ("reactivate", "back in scope")),
        (link(INACTIVE, OFF), wanted(), policy(update=False), None),
        # `active` became false by the mapping
        (
            link(document={**NAME, "active": True}),
            wanted(OFF),
            policy(),
            ("deactivate", "active became false"),
        ),
        (link(document={**NAME, "active": True}), wanted(OFF), policy(remove=False), None),
        # ... and another attribute changed, which is sent although removal is off
        (
            link(document={**NAME, "active": True}),
            wanted({**OFF, "title": "Boss"}),
            policy(remove=False),
            ("update", "title changed"),
        ),
        # `active` is not mapped any more
        (
            link(document={**NAME, "active": False}),
            wanted(),
            policy(),
            ("reactivate", "active became true"),
        ),
    ],
)
def test_a_linked_candidate(
    known: Link, desired: Any, rules: Policy, expected: tuple[str, str] | None
) -> None:
    made = decisions(candidate(desired, known), rules=rules)
    assert [said(one) for one in made.operations] == ([] if expected is None else [expected])


def test_a_deactivation_sends_other_changes_along_if_it_may() -> None:
    known, desired = link(document={**NAME, "active": True}), wanted({**OFF, "title": "Boss"})
    (both,) = decisions(candidate(desired, known)).operations
    assert [change.path for change in both.changes] == ["active", "title"]
    (alone,) = decisions(candidate(desired, known), rules=policy(update=False)).operations
    assert [change.path for change in alone.changes] == ["active"]
    assert alone.detail is None


@pytest.mark.parametrize(
    ("around", "reason"),
    [
        # the new name belongs to somebody who keeps it
        (
            Surroundings(holders={"new": NameHolder(BOB, frees=False)}),
            "active became false; userName new is taken by the account of 00002",
        ),
        # ... or who gives it up in this plan, which comes later
        (
            Surroundings(holders={"new": NameHolder(BOB, frees=True)}),
            "active became false; userName new belongs to 00002 until then",
        ),
        # ... or it was given to another in this plan
        (
            Surroundings(claimed={"new": CAT}),
            "active became false; userName new is also wanted by 00003",
        ),
    ],
)
def test_access_ends_at_once_whatever_becomes_of_the_name(
    around: Surroundings, reason: str
) -> None:
    known = link(document={**NAME, "active": True})
    desired = wanted({"userName": "new", "active": False})
    (operation,) = decisions(candidate(desired, known), around=around).operations
    assert said(operation) == ("deactivate", reason)
    assert operation.changes == (Change("active", True, False),)
    assert operation.detail == "all other changes are planned after that"


@pytest.mark.parametrize(
    ("more", "around", "reason"),
    [
        (
            {"userName": "new"},
            Surroundings(holders={"new": NameHolder(BOB, frees=False)}),
            "roles changed; userName new is taken by the account of 00002",
        ),
        (
            {"userName": "new"},
            Surroundings(holders={"new": NameHolder(BOB, frees=True)}),
            "roles changed; userName new belongs to 00002 until then",
        ),
        (
            {MANAGER: IdOf(BOB)},
            Surroundings(arriving=frozenset({BOB})),
            "roles changed; the reference has to wait",
        ),
    ],
)
def test_a_role_is_taken_away_without_waiting_for_other_changes(
    more: dict[str, Any], around: Surroundings, reason: str
) -> None:
    held = {**NAME, "roles": [{"value": "admin"}]}
    want = {**NAME, "roles": [{"value": "reader"}], **more}

    (operation,) = decisions(candidate(wanted(want), link(document=held)), around=around).operations

    assert (operation.action, operation.reason) == ("update", reason)
    assert [change.path for change in operation.changes] == ["roles"]
    assert operation.phase == Phase.LEAVE
    assert operation.detail == "all other changes are planned after that"


def test_access_ends_before_a_reference_is_known() -> None:
    known = link(document={**NAME, "active": True})
    desired = wanted({**OFF, MANAGER: IdOf(BOB)})
    around = Surroundings(arriving=frozenset({BOB}))
    (operation,) = decisions(candidate(desired, known), around=around).operations
    assert operation.changes == (Change("active", True, False),)


def test_what_an_earlier_run_created_without_a_response_is_adopted() -> None:
    (operation,) = decisions(
        candidate(wanted(), link(in_doubt=True), read_again=True, unacknowledged=True)
    ).operations
    assert said(operation) == ("adopt", "an earlier run created it without receiving the response")
    assert (operation.remote_id, operation.changes, operation.base) == (ID, (), NAME)


@pytest.mark.parametrize(
    "trouble",
    [
        {"failures": 3, "last_error": "no", "next_try_at": NOW},
        {"in_doubt": True},
        {"left_at": NOW, "delete_after": NOW},
    ],
)
def test_a_link_that_is_right_again_is_updated_without_an_operation(
    trouble: dict[str, Any],
) -> None:
    made = decisions(candidate(wanted(), link(**trouble)))
    assert (made.operations, made.updated_links) == ([], [link()])
    assert made.returned == ([KEY] if "left_at" in trouble else [])


@pytest.mark.parametrize(
    ("known", "more", "updated_links"),
    [
        # nothing to note
        (link(), {}, []),
        # a failure is over, since nothing is to be changed
        (link(failures=1, last_error="no"), {}, [link()]),
        # a doubt is over only where the resource was read
        (link(in_doubt=True), {}, []),
        (
            link(in_doubt=True),
            {"read_again": True, "before": {**NAME, "title": "x"}},
            [link(document={**NAME, "title": "x"})],
        ),
    ],
)
def test_an_account_that_must_not_be_changed(
    known: Link, more: dict[str, Any], updated_links: list[Link]
) -> None:
    desired = wanted({**NAME, "title": "Boss"})
    made = decisions(candidate(desired, known, **more), rules=policy(update=False))
    assert (made.operations, made.updated_links) == ([], updated_links)


# References


def test_references_resolve_to_ids_wait_or_are_left_out() -> None:
    around = Surroundings(accounts={BOB: RemoteId("id-2")}, arriving=frozenset({CAT}))
    for key, value in ((BOB, "id-2"), (CAT, IdOf(CAT)), (Key("nobody"), None)):
        made = decisions(candidate(wanted({**NAME, MANAGER: IdOf(key)})), around=around)
        (operation,) = made.operations
        values = {change.path: change.after for change in operation.changes}
        assert values.get(MANAGER) == value
        assert made.references == [Reference(Kind.USER, KEY, MANAGER, key)]


def test_a_reference_to_a_new_account_is_sent_after_the_creations() -> None:
    around = Surroundings(arriving=frozenset({BOB}))
    (operation,) = decisions(
        candidate(wanted({**NAME, MANAGER: IdOf(BOB)}), link()), around=around
    ).operations
    assert operation.phase is Phase.REFERENCE


# Names


@pytest.mark.parametrize(
    ("around", "outcome"),
    [
        (Surroundings(), None),
        (
            Surroundings(holders={"new": NameHolder(BOB, frees=False)}),
            "userName New is taken by the account of 00002",
        ),
        (
            Surroundings(holders={"new": NameHolder(BOB, frees=False, active=False)}),
            "userName New is taken by the account of 00002 (deactivated)",
        ),
        (Surroundings(holders={"new": NameHolder(KEY, frees=False)}), None),
        (Surroundings(claimed={"new": BOB}), "userName New is also wanted by 00002"),
        (Surroundings(claimed={"new": KEY}), None),
    ],
)
@pytest.mark.parametrize("known", [None, link()])
def test_a_name_has_one_holder(
    known: Link | None, around: Surroundings, outcome: str | None
) -> None:
    (operation,) = decisions(
        candidate(wanted({"userName": "New"}), known), around=around
    ).operations
    assert (operation.detail and text_of(operation.detail)) == outcome
    assert (operation.status is OperationStatus.FAILED) is (outcome is not None)


def test_an_update_waits_for_the_name_that_is_given_up() -> None:
    around = Surroundings(holders={"new": NameHolder(BOB, frees=True)})
    (operation,) = decisions(
        candidate(wanted({"userName": "New"}), link()), around=around
    ).operations
    assert (operation.waits_for, operation.unique_name) == (BOB, "new")


def test_two_candidates_of_one_batch_never_get_one_name() -> None:
    first, second = (
        Candidate(KEY, wanted()),
        Candidate(BOB, wanted({"userName": "ANN@example.com"})),
    )
    _, failed = decisions(first, second).operations
    assert text_of(failed.detail) == "userName ANN@example.com is also wanted by 00001"


# Failures


@pytest.mark.parametrize(
    ("known", "phase", "action", "remote_id"),
    [(None, Phase.CREATE, "create", None), (link(), Phase.UPDATE, "update", ID)],
)
def test_a_candidate_that_cannot_be_planned(
    known: Link | None, phase: Phase, action: str, remote_id: str | None
) -> None:
    (operation,) = decisions(candidate(None, known, failure="bad row")).operations
    assert (operation.status, operation.detail) == (OperationStatus.FAILED, "bad row")
    assert (operation.phase, operation.action, operation.remote_id) == (phase, action, remote_id)


def test_a_record_that_fails_shows_that_its_user_came_back() -> None:
    made = decisions(candidate(None, link(INACTIVE, OFF, left_at=NOW), failure="bad row"))
    assert made.returned == [KEY]


# Groups follow the same tables


@pytest.mark.parametrize(
    ("known", "more", "rules", "expected"),
    [
        (None, {}, policy(), None),
        (link(kind=Kind.GROUP), {}, policy(), ("delete", "no record or rule asks for it")),
        (link(kind=Kind.GROUP), {"leave": "empty"}, policy(), None),
        (link(kind=Kind.GROUP), {"leave": "keep"}, policy(), None),
        (link(kind=Kind.GROUP), {}, policy(remove=False), None),
    ],
)
def test_an_unwanted_group(
    known: Link | None, more: dict[str, Any], rules: Policy, expected: tuple[str, str] | None
) -> None:
    made = decisions(
        candidate(None, known, **{"leave": "delete", **more}), rules=rules, traits=GROUPS
    )
    assert [said(one) for one in made.operations] == ([] if expected is None else [expected])
    assert all(one.phase is Phase.DELETE_GROUP for one in made.operations)


def test_a_group_is_created_adopted_and_renamed_in_one_phase() -> None:
    name = {"displayName": "Team A"}
    found = account(document=name, found_by="displayName")
    created, adopted, renamed = (
        decisions(one, rules=policy(adopting={KEY: ("displayName",)}), traits=GROUPS).operations[0]
        for one in (
            candidate(wanted(name)),
            candidate(wanted(name), accounts=(found,)),
            candidate(wanted(name), link(document={"displayName": "Team B"}, kind=Kind.GROUP)),
        )
    )
    assert [said(one) for one in (created, adopted, renamed)] == [
        ("create", "no group yet"),
        ("adopt", "a group with the same displayName exists"),
        ("update", "displayName changed"),
    ]
    assert {one.phase for one in (created, adopted, renamed)} == {Phase.GROUP}


@pytest.mark.parametrize(
    ("adopting", "what"),
    [
        ({}, "set adopt = true"),
        ({"staff": ("displayName",)}, "set adopt = true"),
        ({"teams": ("externalId",)}, "add displayName to match"),
    ],
)
def test_a_group_that_exists_is_taken_over_only_where_its_table_says_so(
    adopting: dict[str, tuple[str, ...]], what: str
) -> None:
    name = {"displayName": "Team A"}
    found = account("g-1", document=name, found_by="displayName")
    (failed,) = decisions(
        replace(candidate(wanted(name), accounts=(found,)), key=Key("teams:a")),
        rules=policy(adopting=adopting),
        traits=GROUPS,
    ).operations
    assert (failed.status, failed.detail) == (
        OperationStatus.FAILED,
        f"a group with the same displayName exists (g-1); to take it over, {what} in"
        " [targets.wiki.groups.teams] [SYNC-0360]",
    )


@pytest.mark.parametrize(
    ("given", "done"),
    [
        (candidate(wanted({**NAME, "title": "Dr"}), link()), "changed"),
        (candidate(wanted({**NAME, "active": False}), link(document=ON)), "deactivated"),
        (candidate(wanted(), link(INACTIVE, OFF)), "reactivated"),
        (candidate(out_of_scope(), link()), "deactivated"),
        (candidate(None, link(), held_since=NOW), "deactivated"),
        # nothing to change
        (candidate(wanted(), link()), None),
        (candidate(out_of_scope(), link(INACTIVE, OFF)), None),
        # gone at the target: made again
        (candidate(wanted(), link(), read_again=True, gone=True), "created"),
    ],
)
def test_a_protected_account_stays_as_it_is(given: Candidate, done: str | None) -> None:
    made = decisions(replace(given, protected_by='userName sw "svc-"')).operations
    if done == "created":
        assert [str(one.action) for one in made] == ["create"]
        return
    why = f'protected by userName sw "svc-": the account id-1 is not {done} [SYNC-0361]'
    assert [(one.status, one.detail) for one in made] == (
        [] if done is None else [(OperationStatus.FAILED, why)]
    )


def test_a_protected_account_is_not_adopted() -> None:
    found = account("id-9", protected_by='roles.value eq "admin"')
    (failed,) = decisions(candidate(wanted(), accounts=(found,))).operations
    assert (failed.status, failed.detail) == (
        OperationStatus.FAILED,
        'protected by roles.value eq "admin": the account id-9 is not adopted [SYNC-0361]',
    )


def test_an_adoption_sends_no_password_but_remembers_it() -> None:
    secret = {**NAME, "password": "canary"}
    (adopted,) = decisions(candidate(wanted(secret), accounts=(account(),))).operations
    assert adopted.changes == ()
    assert adopted.base is not None
    assert isinstance(adopted.base["password"], SecretValue)


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        # the account that the reference should refer to exists, is made, waits, or is none of ours
        (Surroundings(accounts={BOB: RemoteId("b")}), Change(MANAGER, "c", "b")),
        (Surroundings(arriving=frozenset({BOB})), Change(MANAGER, "c", IdOf(BOB))),
        (Surroundings(waiting=frozenset({BOB})), None),
        (Surroundings(), Change(MANAGER, "c", None)),
    ],
)
def test_a_reference_that_waits_is_no_removal(
    around: Surroundings, expected: Change | None
) -> None:
    known = link(document={**NAME, MANAGER: "c"})
    given = candidate(wanted({**NAME, MANAGER: IdOf(BOB)}), known)
    changes = [
        change for one in decisions(given, around=around).operations for change in one.changes
    ]
    assert changes == ([] if expected is None else [expected])


def test_a_group_says_whose_name_it_gets() -> None:
    around = Surroundings(holders={"team a": NameHolder(Key("b"), frees=True)})
    known = link(document={"displayName": "Team B"}, kind=Kind.GROUP)
    (operation,) = decisions(
        candidate(wanted({"displayName": "Team A"}), known), around=around, traits=GROUPS
    ).operations
    assert (operation.waits_for, operation.status) == ("b", OperationStatus.PLANNED)


def test_a_group_whose_name_is_taken_fails() -> None:
    around = Surroundings(holders={"team a": NameHolder(Key("b"), frees=False)})
    (operation,) = decisions(
        candidate(wanted({"displayName": "Team A"})), around=around, traits=GROUPS
    ).operations
    assert text_of(operation.detail) == "displayName Team A is taken by the group b"


def test_an_adoption_that_takes_a_name_of_another_fails() -> None:
    found = account(document={"userName": "old"}, found_by="externalId")
    around = Surroundings(holders={"ann@example.com": NameHolder(BOB, frees=False)})
    (operation,) = decisions(candidate(wanted(), accounts=(found,)), around=around).operations
    assert text_of(operation.detail) == "userName ann@example.com is taken by the account of 00002"


def test_a_deactivation_takes_a_free_name_along_and_claims_it() -> None:
    known = link(document={**NAME, "active": True})
    leaver = candidate(wanted({"userName": "New", "active": False}), known)
    second = Candidate(BOB, wanted({"userName": "new"}))
    deactivated, failed = decisions(leaver, second).operations
    assert [change.path for change in deactivated.changes] == ["userName", "active"]
    assert text_of(failed.detail) == "userName new is also wanted by 00001"


def test_a_candidate_without_a_unique_name_claims_none() -> None:
    (operation,) = decisions(candidate(wanted({"title": "Boss"}))).operations
    assert (operation.action, operation.unique_name) == ("create", None)


@pytest.mark.parametrize(
    ("action", "days", "expected"),
    [
        ("deactivate", 30, NOW + timedelta(days=30)),
        ("deactivate", None, None),
        ("keep", 30, None),
        ("delete", 30, None),
    ],
)
def test_only_a_deactivated_account_is_deleted_later(
    action: str, days: int | None, expected: datetime | None
) -> None:
    assert deletion_time(None, policy(action, days), NOW) == expected
