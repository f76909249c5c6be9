"""A bad row may be that of a user, or of a group, that should not exist as far as is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership
from scimsync.model.records import Record
from tests.unit.plan.building import DAY, NOW, policy
from tests.unit.plan.memory import Company, Rules, by_department, row, teams

A = Key("a")
GONE = replace(row("a"), removed_at=NOW)
LEFT = row("a", state="left")
DELETES = policy("delete")
WHY = (
    "hr has a row that cannot be used and may have this key; nothing is sent until the row is"
    " corrected"
)


def account(status: LinkStatus = LinkStatus.ACTIVE, **more: Any) -> Link:
    given = {"remote_id": RemoteId("id-a"), "document": {"userName": "a@example.com"}, **more}
    return Link(Kind.USER, A, status, **given)


DUE = account(
    LinkStatus.INACTIVE,
    left_at=NOW - 31 * DAY,
    delete_after=NOW - DAY,
    deletion_seen_at=NOW - DAY / 2,
)
"""A deactivated account whose deletion a second run confirms now."""


def plan(record: Record, link: Link, rules: Rules, *, unusable: bool) -> Company:
    company = Company([record], rules, known=[link])
    company.records.unusable_keys = {A} if unusable else set()
    asyncio.run(company.plan())
    return company


CASES = [
    # a deletion by delete_after that is due
    (GONE, DUE, policy(days=30), "delete"),
    (LEFT, DUE, policy(days=30), "delete"),
    # an account that is deleted at once, whose deletion failed before
    (GONE, account(failures=1, next_try_at=NOW), DELETES, "delete"),
    (LEFT, account(failures=1, next_try_at=NOW), DELETES, "delete"),
    # a deactivation that failed before
    (GONE, account(failures=1, next_try_at=NOW), policy(), "deactivate"),
    (LEFT, account(failures=1, next_try_at=NOW), policy(), "deactivate"),
]


@pytest.mark.parametrize(("record", "link", "of", "action"), CASES)
def test_a_user_whose_row_cannot_be_used_keeps_the_account(
    record: Record, link: Link, of: Any, action: str
) -> None:
    rules = Rules(policy=of)

    assert plan(record, link, rules, unusable=False).planned() == [("user", "a", action)]
    company = plan(record, link, rules, unusable=True)
    assert company.planned() == []
    assert company.failed() == {"a": WHY}
    assert company.state.returned == ([A] if link.left_at else [])


def test_who_may_still_have_access_stays_counted() -> None:
    link = account(failures=1, next_try_at=NOW, may_have_access_since=NOW - DAY)
    company = plan(GONE, link, Rules(policy=policy()), unusable=True)
    assert company.state.known[Kind.USER, A].may_have_access_since == NOW - DAY


def test_a_leaver_whose_row_cannot_be_used_stays_in_groups() -> None:
    rules = Rules(policy=policy(revoke=("groups",)), groups={"dept": by_department()})
    group = Link(Kind.GROUP, Key("dept:IT"), LinkStatus.ACTIVE, remote_id=RemoteId("g"))
    there = Membership(group.key, Kind.USER, A, wanted=True, acknowledged=True)
    company = Company([GONE], rules, known=[account(next_try_at=NOW), group], memberships=[there])
    company.records.unusable_keys = {A}
    asyncio.run(company.plan())
    assert company.planned() == []
    assert company.state.memberships[there.id].wanted


def test_the_name_of_an_account_that_stays_is_not_free() -> None:
    company = Company(
        [GONE, row("b", email="a@example.com")], Rules(policy=DELETES), known=[account()]
    )
    company.records.unusable_keys = {A}
    asyncio.run(company.plan())
    assert company.planned() == []
    assert company.failed() == {
        "a": WHY,
        "b": "userName a@example.com is taken by the account of a",
    }


def test_who_is_deprovisioned_by_hand_loses_the_account_whatever_the_row_says() -> None:
    company = Company([GONE], Rules(policy=policy()), known=[account(next_try_at=NOW)])
    company.records.unusable_keys = {A}
    company.state.holds[A] = NOW
    asyncio.run(company.plan())
    assert company.planned() == [("user", "a", "deactivate")]


def test_a_user_whose_other_source_has_a_row_is_planned_by_it() -> None:
    link = account(LinkStatus.INACTIVE, next_try_at=NOW)
    company = plan(row("a"), link, Rules(policy=policy()), unusable=True)
    assert company.planned() == [("user", "a", "reactivate")]


@pytest.mark.parametrize(
    ("leave", "unusable", "planned"),
    [
        ("delete", False, [("group", "teams:t", "delete")]),
        ("delete", True, []),
        ("empty", False, [("group", "teams:t", "remove_members")]),
        ("empty", True, []),
    ],
)
def test_a_group_whose_row_cannot_be_used_stays_with_its_members(
    leave: str, unusable: bool, planned: list[tuple[str, str, str]]
) -> None:
    team = replace(row("t"), removed_at=NOW, source="teams")
    group = Link(Kind.GROUP, Key("teams:t"), LinkStatus.ACTIVE, remote_id=RemoteId("g"))
    there = Membership(group.key, Kind.USER, A, wanted=True, acknowledged=True)
    company = Company(
        [row("a"), team],
        Rules(groups={"teams": teams(leave)}),
        known=[account(), replace(group, next_try_at=NOW)],
        memberships=[there],
    )
    company.records.unusable_keys = {Key("t")} if unusable else set()
    asyncio.run(company.plan())
    assert company.planned() == planned
