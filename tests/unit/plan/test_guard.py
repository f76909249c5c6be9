"""Guards: which plans they stop, and what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scimsync.model.ids import Key
from scimsync.model.limits import Limit
from scimsync.model.operations import Action
from scimsync.plan import Allowance, Plan, TargetPlan
from scimsync.plan.definition import Tally
from scimsync.plan.guard import REMOVALS, UPDATES, check
from scimsync.plan.membership_planner import LostMembers
from scimsync.scim.dialects import rfc

FIRST = (Key("1"), Key("2"))
TENTH, HALF = Limit.share(10), Limit.share(50)


LIMITS = {"max_removals": TENTH, "max_updates": HALF}
"""`[guard]` of sync.toml."""


class NoOperations:
    """The reader of a plan whose operations no guard looks at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def plan(**figures: Any) -> Plan:
    target = TargetPlan(
        "wiki", "https://new.example.com", rfc, NoOperations(), linked=100, accounts=100
    )
    return Plan({"wiki": replace(target, **figures)})


def allow(kind: str, allowed: str | None) -> Allowance:
    """`--allow-KIND ALLOWED`, or without it."""
    limit = None if allowed is None else Limit.parse(allowed)
    return Allowance() if limit is None else Allowance({f"max_{kind}": limit})


@pytest.mark.parametrize(
    ("number", "accounts", "limit", "stops"),
    [
        # a share of the accounts, rounded down
        (10, 100, Limit.share(10), False),
        (11, 100, Limit.share(10), True),
        (9, 99, Limit.share(10), False),
        (10, 99, Limit.share(10), True),
        # five are always allowed by a share
        (5, 7, Limit.share(10), False),
        (6, 7, Limit.share(10), True),
        (5, 5, Limit.share(0), False),
        # a number is taken as it is
        (0, 100, Limit(Limit.share(0).amount), False),
        (1, 100, Limit(Limit.share(0).amount), True),
        (3, 4, Limit(Limit.share(3).amount), False),
    ],
)
@pytest.mark.parametrize("kind", ["removals", "updates"])
def test_a_limit_stops_a_plan(
    kind: str, number: int, accounts: int, limit: Limit, stops: bool
) -> None:
    limits = LIMITS | {f"max_{kind}": limit}
    made = plan(accounts=accounts, **{kind: Tally(number, FIRST)})
    assert bool(check(made, limits, Allowance())) is stops


@pytest.mark.parametrize(
    ("allowed", "stops"),
    [
        (None, True),
        ("19", True),
        ("20", False),
        ("21", False),
        ("0", True),
        ("19%", True),
        ("20%", False),
        ("100%", False),
    ],
)
@pytest.mark.parametrize("kind", ["removals", "updates"])
def test_an_allowance_takes_the_place_of_the_limit(
    kind: str, allowed: str | None, stops: bool
) -> None:
    limits = LIMITS | {"max_updates": TENTH}
    made = plan(**{kind: Tally(20, FIRST)})
    assert bool(check(made, limits, allow(kind, allowed))) is stops


def test_a_violation_says_what_would_happen_to_whom_and_what_lifts_the_limit() -> None:
    made = plan(accounts=7, linked=7, removals=Tally(7, FIRST))
    (violation,) = check(made, LIMITS, Allowance())
    for piece in ("wiki", "7 of 7 accounts", "max_removals", "10%", "5"):
        assert piece in violation.brief
    assert "1, 2 and 5 more" in violation.names
    assert "scimsync push --allow-removals 7" in violation.hint
    assert "1, 2" in str(violation)
    assert "1, 2" not in violation.nameless


def test_members_of_one_group_count_by_the_group() -> None:
    lost = (
        LostMembers(Key("a"), 6, 50, FIRST),
        LostMembers(Key("b"), 6, 100, FIRST),
    )
    (violation,) = check(plan(lost_members=lost), LIMITS, Allowance())
    assert 'group "a" at "wiki"' in violation.brief
    assert "6 of 50 members" in violation.brief
    assert check(plan(lost_members=lost), LIMITS, allow("removals", "6")) == []
    assert check(plan(lost_members=lost), LIMITS, allow("updates", "6")) == [violation]


def test_another_service_has_no_accounts_of_ours() -> None:
    moved = plan(other_url="https://old.example.com")
    (violation,) = check(moved, LIMITS, Allowance())
    assert "100 known accounts" in violation.brief
    assert "https://old.example.com" in violation.brief
    assert check(moved, LIMITS, Allowance(new_url=True)) == []


def test_each_target_and_each_limit_is_checked() -> None:
    one = plan(removals=Tally(50, FIRST), updates=Tally(60, FIRST)).targets["wiki"]
    both = Plan({"wiki": one, "crm": replace(one, name="crm")})
    assert [violation.brief.split('"')[1] for violation in check(both, LIMITS, Allowance())] == [
        "wiki",
        "wiki",
        "crm",
        "crm",
    ]


@pytest.mark.parametrize("action", Action)
def test_each_action_counts_for_one_limit_at_most(action: Action) -> None:
    counted = {
        Action.DEACTIVATE: "max_removals",
        Action.DELETE: "max_removals",
        Action.UPDATE: "max_updates",
        Action.REACTIVATE: "max_updates",
    }
    limits = {
        **dict.fromkeys(REMOVALS, "max_removals"),
        **dict.fromkeys(UPDATES, "max_updates"),
    }

    assert limits.get(action) == counted.get(action)
