"""Planning a whole target without a database or a server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimsync.model.accounts import Account
from scimsync.model.ids import Key, Kind, RemoteId, Seq
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.memberships import Membership, member_of
from scimsync.model.pins import Pin
from scimsync.model.placeholders import IdOf
from scimsync.model.records import Record
from scimsync.model.repairs import Repair
from scimsync.model.target_memory import GroupTable
from scimsync.plan import Scope
from scimsync.plan.membership_planner import LostMembers
from scimsync.plan.pinned import asked_digest
from tests.unit.plan.building import NOW, policy
from tests.unit.plan.memory import (
    MANAGER,
    Company,
    MemoryTarget,
    Rules,
    by_department,
    program,
    row,
    staff_rule,
    teams,
)

A, B, C = Key("a"), Key("b"), Key("c")


def linked(key: str, name: str | None = None, kind: Kind = Kind.USER, **more: Any) -> Link:
    path = "userName" if kind is Kind.USER else "displayName"
    document = {path: name or f"{key}@example.com"}
    status = more.pop("status", LinkStatus.ACTIVE)
    given = {"remote_id": RemoteId(f"id-{key}"), "document": document, **more}
    return Link(kind, Key(key), status, **given)


def member(group: str, key: str, **more: Any) -> Membership:
    given = {"wanted": True, "acknowledged": True, **more}
    kind = given.pop("kind", Kind.USER)
    return Membership(Key(group), kind, Key(key), **given)


def plan(company: Company, scope: Scope | None = None) -> Company:
    asyncio.run(company.plan(scope))
    return company


# Users


def test_users_are_matched_before_they_are_created() -> None:
    found = Account(RemoteId("x"), {"userName": "b@example.com"}, "userName")
    company = plan(Company([row("a"), row("b")], users=MemoryTarget({B: (found,)})))
    assert company.planned() == [("user", "b", "adopt"), ("user", "a", "create")]
    assert company.users is not None
    assert company.users.asked == [A, B]


def test_only_those_without_an_account_are_looked_for() -> None:
    company = plan(Company([row("a"), row("b")], known=[linked("a")]))
    assert company.users is not None
    assert company.users.asked == [B]


def test_who_cannot_be_looked_for_fails() -> None:
    company = plan(Company([row("a")], users=MemoryTarget(refused={A: "500"})))
    assert company.failed() == {"a": "the account cannot be searched for: 500"}
    assert company.state.known[Kind.USER, A].failures == 1


def test_an_offline_plan_asks_nobody() -> None:
    company = plan(Company([row("a"), row("b")], known=[linked("b", in_doubt=True)], users=None))
    assert company.planned() == [("user", "a", "create")]


def test_a_found_account_of_another_key_is_told() -> None:
    found = Account(RemoteId("id-b"), {"userName": "b@example.com"}, "externalId")
    company = plan(
        Company([row("a"), row("b")], known=[linked("b")], users=MemoryTarget({A: (found,)}))
    )
    assert company.failed() == {"a": "the account that matches by externalId (id-b) belongs to b"}


def test_a_key_of_two_sources_fails() -> None:
    company = Company([row("a"), replace(row("a"), source="more")], Rules(sources=("hr", "more")))
    plan(company)
    assert company.failed() == {"a": "the sources hr, more each have a record"}


def test_a_record_that_fails_is_one_failure() -> None:
    rules = Rules(program=program({"userName": program_error()}))
    company = plan(Company([row("a", title="bad"), row("b")], rules))
    assert list(company.failed()) == ["a"]
    assert company.planned() == [("user", "b", "create")]


def program_error() -> Any:
    from scimsync.model.mappings import Expression

    return Expression("email if title != 'bad' else title.nothing.more")


def test_who_is_deprovisioned_by_hand_is_planned_without_a_record() -> None:
    company = Company([row("a")], known=[linked("a")])
    company.state.holds[A] = NOW
    plan(company)
    assert company.planned() == [("user", "a", "deactivate")]


def test_a_pin_ends_for_who_is_deprovisioned_by_hand() -> None:
    company = Company([], known=[linked("a", may_have_access_since=NOW)])
    company.state.holds[A] = NOW
    asked = asked_digest(None, company.rules.policy, Kind.USER)
    company.state.pinned[Kind.USER, A] = Pin(Kind.USER, A, 2, {"active": True}, asked)
    plan(company)
    assert company.planned() == [("user", "a", "deactivate")]
    assert company.state.pinned == {}


def test_a_restricted_plan_leaves_others_alone() -> None:
    company = plan(Company([row("a"), row("b")]), Scope(frozenset({B})))
    assert company.planned() == [("user", "b", "create")]


# In doubt


@pytest.mark.parametrize(
    ("record", "rules", "fails"),
    [
        (row("a", title="Boss"), Rules(), True),
        # a leaver is deactivated whatever the account holds
        (row("a", state="left"), Rules(), False),
        (Record("hr", A, {}, removed_at=NOW), Rules(), False),
    ],
)
def test_an_account_in_doubt_that_cannot_be_read(record: Record, rules: Rules, fails: bool) -> None:
    target = MemoryTarget(unreadable={A: "the account cannot be read: 500"})
    company = plan(Company([record], rules, known=[linked("a", in_doubt=True)], users=target))
    assert bool(company.failed()) is fails
    if fails:  # tried again after a delay
        next_try = company.state.known[Kind.USER, A].next_try_at
        assert next_try is not None
        assert next_try > NOW


def test_an_account_in_doubt_is_compared_with_what_it_holds() -> None:
    target = MemoryTarget(held_now={A: {"userName": "a@example.com", "title": "Boss"}})
    company = plan(
        Company([row("a", title="Boss")], known=[linked("a", in_doubt=True)], users=target)
    )
    assert company.planned() == []
    (link,) = company.state.updated_links
    assert (link.in_doubt, link.document["title"]) == (False, "Boss")


def test_an_account_that_is_gone_is_created_again() -> None:
    target = MemoryTarget(held_now={A: None})
    company = plan(Company([row("a")], known=[linked("a", in_doubt=True)], users=target))
    assert company.planned() == [("user", "a", "create")]


def test_what_was_created_without_a_response_is_adopted() -> None:
    held = {"userName": "a@example.com"}
    target = MemoryTarget(held_now={A: held}, created={A})
    known = Link(Kind.USER, A, LinkStatus.PENDING, document=held, in_doubt=True)
    company = plan(Company([row("a")], known=[known], users=target))
    assert company.planned() == [("user", "a", "adopt")]


# References


def test_references_to_new_accounts_wait_and_their_owners_are_planned() -> None:
    company = Company([row("a"), row("b", manager="a")], known=[linked("b")])
    plan(company)
    created, referring = sorted(company.state.operations, key=lambda one: one.phase)
    assert created.key == A
    assert [change.after for change in referring.changes] == [IdOf(A)]


@pytest.mark.parametrize(
    ("manager", "rules", "value"),
    [
        (linked("a"), Rules(), "id-a"),
        # deleted in this plan, and one that would be if it left
        (linked("a"), Rules(policy=policy("delete")), None),
        (linked("a"), Rules(policy=policy("delete")), "id-a"),
        # not to be created, or not yet
        (None, Rules(policy=policy(create=False)), None),
        (
            Link(
                Kind.USER, A, LinkStatus.PENDING, failures=1, next_try_at=NOW + timedelta(hours=1)
            ),
            Rules(),
            None,
        ),
    ],
)
def test_a_reference(manager: Link | None, rules: Rules, value: str | None) -> None:
    state = "left" if manager is not None and manager.has_account and value is None else ""
    rows = [row("a", state=state), row("b", manager="a", title="x")]
    known = [linked("b"), *([] if manager is None else [manager])]
    company = plan(Company(rows, rules, known), Scope(frozenset({B})))
    (operation,) = company.state.operations
    values = {change.path: change.after for change in operation.changes}
    assert values.get(MANAGER) == value
    assert [one.ref_key for one in company.state.references] == [A]


def test_who_refers_to_a_deleted_account_is_planned_again() -> None:
    rows = [row("a", state="left", title=""), row("b", manager="a")]
    rows[1] = replace(rows[1], seq=Seq(0))
    rows[0] = replace(rows[0], seq=Seq(5))
    known = linked("b", document={"userName": "b@example.com", MANAGER: "id-a"})
    company = Company(rows, Rules(policy=policy("delete")), [linked("a"), known])
    company.state.references = [Reference(Kind.USER, B, MANAGER, A, RemoteId("id-a"))]
    plan(company, Scope(cursor=Seq(1)))
    assert company.planned() == [("user", "a", "delete"), ("user", "b", "update")]


# Names


def test_a_name_that_a_leaver_keeps_is_taken_and_one_that_is_deleted_is_free() -> None:
    rows = [row("a", state="left"), row("b", email="a@example.com")]
    for action, failed in (("deactivate", True), ("delete", False)):
        company = plan(Company(rows, Rules(policy=policy(action)), [linked("a")]))
        assert bool(company.failed()) is failed


def test_a_chain_of_names_is_followed() -> None:
    rows = [
        row("a", email="b@example.com"),
        row("b", email="c@example.com"),
        row("c", email="d@example.com"),
    ]
    company = plan(Company(rows, known=[linked("a"), linked("b"), linked("c")]))
    waits = {one.key: one.waits_for for one in company.state.operations}
    assert waits == {"a": "b", "b": "c", "c": None}


def test_a_chain_that_ends_at_a_name_that_stays_fails_as_a_whole() -> None:
    rows = [row("a", email="b@example.com"), row("b", email="c@example.com"), row("c")]
    company = plan(Company(rows, known=[linked("a"), linked("b"), linked("c")]))
    assert company.failed() == {
        "a": "userName b@example.com is taken by the account of b",
        "b": "userName c@example.com is taken by the account of c",
    }


def test_a_name_stays_with_a_holder_that_is_not_to_be_changed() -> None:
    rows = [row("a", email="new@example.com"), row("b", email="a@example.com")]
    for update in (True, False):
        company = plan(Company(rows, Rules(policy=policy(update=update)), [linked("a")]))
        assert bool(company.failed()) is not update


# Groups by value and by rule


def rules_with_groups(leave: str = "delete", **more: Any) -> Rules:
    return Rules(
        program=program(extras={"dept": "dept", "staff": "state == 'on'"}),
        groups={"dept": by_department(leave), "staff": staff_rule()},
        **more,
    )


def test_groups_come_with_their_members() -> None:
    company = plan(Company([row("a", dept="IT", state="on")], rules_with_groups()))
    assert company.planned() == [
        ("user", "a", "create"),
        ("group", "dept:IT", "create"),
        ("group", "staff", "create"),
        ("group", "dept:IT", "add_members"),
        ("group", "staff", "add_members"),
    ]


def test_a_group_that_failed_recently_comes_with_its_members_if_it_is_created() -> None:
    later = NOW + timedelta(hours=1)
    failing = Link(Kind.GROUP, Key("staff"), LinkStatus.PENDING, failures=1, next_try_at=later)
    company = Company([row("a", state="on")], rules_with_groups(), [linked("a"), failing])
    assert plan(company).planned() == [
        ("group", "staff", "create"),
        ("group", "staff", "add_members"),
    ]


def test_a_group_whose_last_member_moves_is_deleted() -> None:
    company = Company(
        [row("a", dept="Law")],
        rules_with_groups(),
        [linked("a"), linked("dept:IT", "Department IT", Kind.GROUP)],
        [member("dept:IT", "a")],
    )
    planner = asyncio.run(company.plan())
    assert ("group", "dept:IT", "delete") in company.planned()
    assert planner.lost_members == [LostMembers(Key("dept:IT"), 1, 1, (A,))]


@pytest.mark.parametrize(("leave", "operations"), [("empty", 1), ("keep", 0)])
def test_a_group_without_a_reason_may_stay(leave: str, operations: int) -> None:
    company = plan(
        Company(
            [row("a")],
            rules_with_groups(leave),
            [linked("a"), linked("dept:IT", "Department IT", Kind.GROUP)],
            [member("dept:IT", "a")],
        )
    )
    of_group = [one for one in company.planned() if one[1] == "dept:IT"]
    assert of_group == [("group", "dept:IT", "remove_members")] * operations or leave == "keep"
    assert ("group", "dept:IT", "delete") not in of_group


def test_a_leaver_keeps_memberships_unless_they_are_revoked() -> None:
    known = [linked("a"), linked("dept:IT", "Department IT", Kind.GROUP)]
    rows = [row("a", dept="IT", state="left")]
    for revoke, expected in (((), []), (("memberships",), [("group", "dept:IT", "delete")])):
        company = plan(
            Company(
                rows,
                rules_with_groups(policy=policy(revoke=revoke)),
                known,
                [member("dept:IT", "a")],
            )
        )
        assert [one for one in company.planned() if one[1] == "dept:IT"] == expected


def test_a_membership_that_ends_stays_acknowledged_until_the_target_is_told() -> None:
    gone = Link(Kind.USER, A, LinkStatus.DELETED)
    known = [gone, linked("b"), linked("dept:IT", "Department IT", Kind.GROUP)]
    rows = [row("a", dept="IT", state="left"), row("b", dept="IT")]
    members = [member("dept:IT", "a"), member("dept:IT", "b")]
    company = plan(Company(rows, rules_with_groups(), known, members))
    ended = company.state.memberships[Key("dept:IT"), Kind.USER, A]
    assert (ended.wanted, ended.acknowledged) == (False, True)


def test_a_user_that_cannot_be_planned_stays_in_its_groups() -> None:
    rules = rules_with_groups()
    rules.program = program(
        {"userName": program_error()}, extras={"dept": "dept", "staff": "state == 'on'"}
    )
    company = plan(
        Company(
            [row("a", title="bad", dept="Law")],
            rules,
            [linked("a"), linked("dept:IT", "Department IT", Kind.GROUP)],
            [member("dept:IT", "a")],
        )
    )
    assert [one for one in company.planned() if one[0] == "group" and one[1] != "staff"] == []


def test_members_travel_in_chunks_and_those_without_an_account_wait() -> None:
    rows = [row(key, dept="IT") for key in "abcde"]
    company = Company(rows, rules_with_groups(policy=policy(create=False)))
    company.state.known = {
        (link.kind, link.key): link
        for link in (
            *(linked(key) for key in "abcd"),
            linked("dept:IT", "Department IT", Kind.GROUP),
        )
    }
    plan(company)
    added = [
        [member_of(change)[1] for change in one.changes]
        for one in company.state.operations
        if one.action == "add_members"
    ]
    assert added == [["a", "b"], ["c", "d"]]


def test_members_of_a_group_that_failed_recently_wait() -> None:
    group = linked(
        "dept:IT",
        "Department IT",
        Kind.GROUP,
        failures=1,
        next_try_at=NOW + timedelta(hours=1),
    )
    company = Company([row("a", dept="IT")], rules_with_groups(), [linked("a"), group])
    plan(company)
    assert "add_members" not in {action for _, _, action in company.planned()}


def test_members_that_were_deprovisioned_by_hand_do_not_count_as_lost() -> None:
    company = Company(
        [],
        rules_with_groups(policy=policy(revoke=("memberships",))),
        [linked("a"), linked("b"), linked("c"), linked("dept:IT", "Department IT", Kind.GROUP)],
        [member("dept:IT", "a"), member("dept:IT", "b"), member("dept:IT", "c")],
    )
    company.state.holds[A] = NOW
    company.records.rows += [row("a", dept="IT"), row("b", dept="Law"), row("c", dept="IT")]
    planner = asyncio.run(company.plan())
    lost = [one for one in planner.lost_members if one.group == "dept:IT"]
    assert lost == [LostMembers(Key("dept:IT"), 1, 3, (B,), staying=1)]


def test_lost_members_who_leave_are_told_from_those_who_stay() -> None:
    company = Company(
        [row("a", state="left"), row("b"), row("c")],
        Rules(groups={"teams": teams()}, policy=policy(revoke=("memberships",))),
        [linked("a"), linked("b"), linked("c"), linked("teams:x", "Team x", Kind.GROUP)],
        [member("teams:x", key) for key in "abc"],
    )
    company.records.rows.append(team("x", ["c"]))

    planner = asyncio.run(company.plan())

    assert planner.lost_members == [LostMembers(Key("teams:x"), 2, 3, (A, B), staying=1)]


def test_a_group_that_names_unknown_members_is_deleted_without_its_record() -> None:
    why = "the record newly names 1 member that no record has: z [SYNC-0356]"
    group = linked("teams:x", "Team x", Kind.GROUP, failures=1, next_try_at=NOW, last_error=why)
    known = [linked("a"), group]
    named, gone = team("x", ["z"]), Record("teams", Key("x"), {}, removed_at=NOW)
    for record, planned in ((named, []), (gone, [("group", "teams:x", "delete")])):
        rules = Rules(groups={"teams": teams()})
        company = Company([row("a"), record], rules, known, [member("teams:x", "a")])
        assert plan(company).planned() == planned


def test_a_group_in_a_plan_of_some_stays_held_though_its_record_is_not_read() -> None:
    why = "the record newly names 1 member that no record has: z [SYNC-0356]"
    group = linked("teams:x", "Old", Kind.GROUP, failures=1, next_try_at=NOW, last_error=why)
    company = Company(
        [row("a"), team("x", ["z"])],
        Rules(groups={"teams": teams()}),
        [linked("a"), group],
        [member("teams:x", "a")],
    )
    plan(company, Scope(repair=Repair(groups=(Key("teams:x"),))))
    assert company.planned() == []
    assert company.failed()["teams:x"] == why.removesuffix(" [SYNC-0356]")


def test_a_restricted_plan_changes_and_deletes_no_group() -> None:
    company = plan(
        Company(
            [row("a", dept="Law")],
            rules_with_groups(),
            [linked("a"), linked("dept:IT", "Department IT", Kind.GROUP)],
            [member("dept:IT", "a")],
        ),
        Scope(frozenset({A})),
    )
    assert ("group", "dept:IT", "delete") not in company.planned()
    assert ("group", "dept:Law", "create") in company.planned()
    assert company.state.known[Kind.GROUP, Key("dept:IT")].next_try_at == NOW


def test_a_group_that_exists_is_adopted_with_its_known_members() -> None:
    found = Account(
        RemoteId("g"),
        {"displayName": "Department IT"},
        "displayName",
        members=(RemoteId("id-a"), RemoteId("foreign")),
    )
    company = plan(
        Company(
            [row("a", dept="IT"), row("b", dept="IT")],
            replace(rules_with_groups(), policy=policy(adopting={"dept": ("displayName",)})),
            [linked("a"), linked("b")],
            groups=MemoryTarget({Key("dept:IT"): (found,)}),
        )
    )
    assert ("group", "dept:IT", "adopt") in company.planned()
    (added,) = (one for one in company.state.operations if one.action == "add_members")
    assert [member_of(change)[1] for change in added.changes] == ["b"]


def test_a_group_that_is_gone_is_created_again_with_all_members() -> None:
    company = plan(
        Company(
            [row("a", dept="IT")],
            rules_with_groups(),
            [linked("a"), linked("dept:IT", "Department IT", Kind.GROUP, in_doubt=True)],
            [member("dept:IT", "a")],
            groups=MemoryTarget(held_now={Key("dept:IT"): None}),
        )
    )
    of_group = [action for _, key, action in company.planned() if key == "dept:IT"]
    assert of_group == ["create", "add_members"]


def test_a_table_of_another_form_loses_its_groups() -> None:
    company = Company(
        [row("a", state="on")],
        rules_with_groups(),
        [linked("a"), linked("staff:old", "Old", Kind.GROUP)],
        [member("staff:old", "a")],
        tables={"staff": GroupTable("each", "delete")},
    )
    plan(company, Scope(cursor=Seq(-1), changed=True))
    assert ("group", "staff:old", "delete") in company.planned()


def test_groups_of_a_table_that_is_gone_leave_as_it_said() -> None:
    known = [linked("a"), linked("old:x", "Old", Kind.GROUP)]
    for leave, expected in (("delete", ["delete"]), ("keep", [])):
        company = Company([row("a")], Rules(), known, tables={"old": GroupTable("each", leave)})
        plan(company, Scope(cursor=Seq(-1), changed=True))
        assert [action for _, key, action in company.planned() if key == "old:x"] == expected


# Groups from a source of their own


def team(key: str, members: object, name: str = "", **more: Any) -> Record:
    data = {"name": name or f"Team {key}", "members": members, "subgroups": None, **more}
    return Record("teams", Key(key), data)


def test_a_group_of_a_source_has_the_members_of_its_record() -> None:
    company = plan(
        Company(
            [
                row("a"),
                row("b", state="left"),
                team("x", ["a", "b"], subgroups=["y"]),
                team("y", []),
            ],
            Rules(groups={"teams": teams()}),
            [linked("a"), linked("b")],
        )
    )
    changes = [
        member_of(change)
        for one in company.state.operations
        if one.action == "add_members"
        for change in one.changes
    ]
    # b has left, and comes into no further groups
    assert changes == [(Kind.GROUP, Key("teams:y"), True), (Kind.USER, A, True)]


def test_a_record_of_a_group_that_cannot_be_used_fails_and_its_members_stay() -> None:
    company = plan(
        Company(
            [row("a"), team("x", True)],
            Rules(groups={"teams": teams()}),
            [linked("a"), linked("teams:x", "Team x", Kind.GROUP)],
            [member("teams:x", "a")],
        )
    )
    assert "must give a text or a list of texts" in (company.failed()["teams:x"] or "")
    assert company.planned() == []


def test_a_group_whose_record_is_gone_is_deleted() -> None:
    gone = Record("teams", Key("x"), {}, removed_at=NOW)
    company = plan(
        Company(
            [row("a"), gone],
            Rules(groups={"teams": teams()}),
            [linked("a"), linked("teams:x", "Team x", Kind.GROUP)],
            [member("teams:x", "a")],
        )
    )
    assert company.planned() == [("group", "teams:x", "delete")]


@pytest.mark.parametrize(("second", "free"), [("Team z", True), ("Team x", False)])
def test_a_group_may_take_the_name_that_another_gives_up(second: str, free: bool) -> None:
    known = [linked("teams:x", "Team x", Kind.GROUP), linked("teams:y", "Team y", Kind.GROUP)]
    rows = [team("x", [], second), team("y", [], "Team x")]
    company = plan(Company(rows, Rules(groups={"teams": teams()}), known))
    assert ("teams:y" not in company.failed()) is free


def test_an_account_found_by_a_name_that_its_owner_gives_up_is_ignored() -> None:
    found = Account(RemoteId("id-teams:x"), {"displayName": "Team x"}, "displayName")
    company = plan(
        Company(
            [team("x", [], "Team z"), team("y", [], "Team x")],
            Rules(groups={"teams": teams()}),
            [linked("teams:x", "Team x", Kind.GROUP)],
            groups=MemoryTarget({Key("teams:y"): (found,)}),
        )
    )
    assert ("group", "teams:y", "create") in company.planned()


# Again within a run


def test_planning_again_forgets_what_was_read() -> None:
    company = Company([row("a", dept="IT")], rules_with_groups(), [linked("a")])
    planner = asyncio.run(company.plan())
    before = company.users.rounds if company.users else 0
    company.state.operations.clear()
    asyncio.run(planner.plan_again([A], [], None))
    assert company.users is not None
    assert company.users.rounds == before + 1


def test_planning_again_leaves_out_groups_that_failed_in_the_run() -> None:
    groups = [
        linked("dept:IT", "Old", Kind.GROUP),
        linked("dept:Law", "Old", Kind.GROUP, failures=1, next_try_at=NOW + timedelta(hours=1)),
    ]
    company = Company([row("a", dept="IT"), row("b", dept="Law")], rules_with_groups(), groups)
    planner = company.planner()
    keys = [Key("dept:IT"), Key("dept:Law")]
    asyncio.run(planner.plan_again([A, B], keys, None))
    assert {key for _, key, _ in company.planned()} >= {"a", "b", "dept:IT"}
    assert "dept:Law" not in {key for kind, key, _ in company.planned() if kind == "group"}


def test_planning_some_users_again_creates_groups_and_changes_none() -> None:
    company = Company([row("a", dept="IT")], rules_with_groups(), [linked("a")])
    planner = company.planner()
    asyncio.run(planner.plan_again([A], [], frozenset({A})))
    assert ("group", "dept:IT", "create") in company.planned()


def test_planning_again_without_groups_plans_users_alone() -> None:
    company = Company([row("a")])
    asyncio.run(company.planner().plan_again([A], [], None))
    assert company.planned() == [("user", "a", "create")]


def test_progress_counts_planned_users() -> None:
    company = Company([row("a"), row("b")])
    seen: list[int] = []
    asyncio.run(company.planner().plan(Scope(cursor=Seq(-1)), seen.append))
    assert seen == [2]


@pytest.mark.parametrize("members", [[{"value": "id-a"}, {"value": None}, "x"], None])
def test_a_group_created_without_a_response_has_the_members_that_it_shows(members: Any) -> None:
    held: dict[str, Any] = {"displayName": "Department IT", "members": members}
    document = {"displayName": "Department IT"}
    known = Link(Kind.GROUP, Key("dept:IT"), LinkStatus.PENDING, document=document, in_doubt=True)
    company = plan(
        Company(
            [row("a", dept="IT")],
            rules_with_groups(),
            [linked("a"), known],
            groups=MemoryTarget(held_now={Key("dept:IT"): held}, created={Key("dept:IT")}),
        )
    )
    added = [one for one in company.state.operations if one.action == "add_members"]
    assert len(added) == (1 if members is None else 0)


def test_a_group_whose_expression_fails_is_one_failure() -> None:
    rule = by_department()
    failing = replace(rule, program=program({"displayName": group_error()}, None, kind=Kind.GROUP))
    rules = Rules(program=program(extras={"dept": "dept"}), groups={"dept": failing})
    company = plan(Company([row("a", dept="bad"), row("b", dept="IT")], rules))
    assert list(company.failed()) == ["dept:bad"]
    assert ("group", "dept:IT", "create") in company.planned()


def group_error() -> Any:
    from scimsync.model.mappings import Expression

    return Expression("value if value != 'bad' else value.nothing.more")


def test_a_user_whose_groups_cannot_be_worked_out_fails() -> None:
    rules = Rules(
        program=program(extras={"dept": "title == 'x'"}), groups={"dept": by_department()}
    )
    company = plan(Company([row("a")], rules))
    assert "must give a text or a list of texts" in (company.failed()["a"] or "")


def test_a_name_stays_with_a_group_that_cannot_be_planned_or_that_stays() -> None:
    known = [linked("teams:x", "Team x", Kind.GROUP), linked("old:y", "Team y", Kind.GROUP)]
    rows = [team("x", True, "Team z"), team("p", [], "Team x"), team("q", [], "Team y")]
    company = Company(
        rows,
        Rules(groups={"teams": teams()}),
        known,
        tables={"old": GroupTable("each", "keep")},
    )
    plan(company)
    assert set(company.failed()) == {"teams:x", "teams:p", "teams:q"}


def test_a_group_found_by_a_value_that_its_owner_keeps_is_not_adopted() -> None:
    found = Account(RemoteId("id-teams:x"), {"displayName": "Team x"}, "externalId")
    company = plan(
        Company(
            [team("x", []), team("y", [])],
            Rules(groups={"teams": teams()}),
            [linked("teams:x", "Team x", Kind.GROUP)],
            groups=MemoryTarget({Key("teams:y"): (found,)}),
        )
    )
    assert "teams:y" not in company.failed() or "belongs to" in (company.failed()["teams:y"] or "")


@pytest.mark.parametrize("held", [True, False])
def test_removal_that_is_off_frees_a_name_only_for_an_order_by_name(held: bool) -> None:
    rows = [row("a", state="left"), row("b", email="a@example.com")]
    rules = Rules(policy=policy("delete", remove=False))
    company = Company(rows, rules, [linked("a")])
    if held:
        company.state.holds[A] = NOW
    plan(company)
    assert bool(company.failed()) is not held


def test_a_name_stays_with_a_holder_that_cannot_be_planned() -> None:
    rules = Rules(program=program({"userName": program_error()}))
    rows = [row("a", title="bad"), row("b", email="a@example.com")]
    company = plan(Company(rows, rules, [linked("a")]))
    assert set(company.failed()) == {"a", "b"}


@pytest.mark.parametrize(
    ("days", "left_days_ago", "free"), [(30, 31, True), (30, 29, False), (None, 99, False)]
)
def test_a_deactivated_account_frees_its_name_when_its_deletion_is_due(
    days: int | None, left_days_ago: int, free: bool
) -> None:
    held = linked(
        "a",
        status=LinkStatus.INACTIVE,
        document={"userName": "a@example.com", "active": False},
        left_at=NOW - timedelta(days=left_days_ago),
        deletion_seen_at=NOW - timedelta(hours=1),
    )
    rows = [row("a", state="left"), row("b", email="a@example.com")]
    company = plan(Company(rows, Rules(policy=policy(days=days)), [held]))
    assert bool(company.failed()) is not free
