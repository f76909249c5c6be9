"""Guards: which plans they stop, and what they say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from scimsync.model.ids import Key
from scimsync.model.limits import Limit
from scimsync.model.operations import Action
from scimsync.plan import Allowance, Plan, TargetPlan
from scimsync.plan.definition import Tally
from scimsync.plan.guard import REMOVALS, UPDATES, adoptions_left, check
from scimsync.plan.identities import IdentityChanges
from scimsync.plan.membership_planner import LostMembers
from scimsync.scim.dialects import rfc

ZERO = Limit(Decimal(0))
NONE = {"max_identity_changes": ZERO}
FIRST = (Key("1"), Key("2"))
TENTH, HALF = Limit.share(10), Limit.share(50)


FIVE = Limit.parse("5")
assert FIVE is not None
LIMITS = {
    "max_removals": TENTH,
    "max_updates": HALF,
    "max_adoptions": FIVE,
    "max_identity_changes": Limit.share(5),
}
"""`[guard]` of sync.toml."""


class NoOperations:
    """The reader of a plan whose operations no guard looks at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def plan(**figures: Any) -> Plan:
    target = TargetPlan(
        "wiki", "https://new.example.com", lambda: rfc, NoOperations(), linked=100, accounts=100
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
        # five are always allowed by a share, unless that is more than half
        (5, 11, Limit.share(10), False),
        (6, 11, Limit.share(10), True),
        (5, 10, Limit.share(0), False),
        (6, 10, Limit.share(10), True),
        (5, 9, Limit.share(10), False),
        (4, 7, Limit.share(10), False),
        (5, 7, Limit.share(10), True),
        (2, 4, Limit.share(0), False),
        (3, 4, Limit.share(10), True),
        (2, 3, Limit.share(10), False),
        (3, 3, Limit.share(10), True),
        (1, 2, Limit.share(10), False),
        (2, 2, Limit.share(10), True),
        (1, 1, Limit.share(10), False),
        (3, 4, Limit.share(80), False),
        (4, 4, Limit.share(100), False),
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


@pytest.mark.parametrize("allowed", ["0", "1", "0%", "1%", "150%"])
@pytest.mark.parametrize("kind", ["removals", "updates"])
def test_an_allowance_never_lowers_a_limit(kind: str, allowed: str) -> None:
    made = plan(**{kind: Tally(10, FIRST)})
    assert check(made, LIMITS | {"max_updates": TENTH}, allow(kind, allowed)) == []


def test_a_violation_says_what_would_happen_to_whom_and_what_lifts_the_limit() -> None:
    made = plan(accounts=7, linked=7, removals=Tally(7, FIRST))
    (violation,) = check(made, LIMITS, Allowance())
    assert violation.brief == (
        'guard.max_removals: 7 of 7 accounts at "wiki" would be deactivated or deleted (limit 10%,'
        " here 4)"
    )
    assert "1, 2 and 5 more" in violation.names
    assert "scimsync push --allow-removals 7" in violation.hint
    assert "1, 2" in str(violation)
    assert "1, 2" not in violation.nameless


@pytest.mark.parametrize(
    ("figures", "total"),
    [
        ({"accounts": 4}, 4),
        ({"accounts": 4, "linked": 90}, 4),  # accounts that are inactive anyway do not count
        ({"accounts": 1, "adopted": 3}, 4),
        ({"adopted": 4}, 4),
        ({"accounts": 1, "inactive": 3}, 4),  # whose deletion is due, or who come back
    ],
)
@pytest.mark.parametrize("kind", ["removals", "updates"])
def test_accounts_are_counted_that_are_linked_or_adopted(
    kind: str, figures: dict[str, int], total: int
) -> None:
    inactive = figures.get("inactive", 0)
    others = {"accounts": 0} | {name: one for name, one in figures.items() if name != "inactive"}
    made = plan(**others, **{kind: Tally(3, FIRST, inactive)})
    fewer = plan(**others, **{kind: Tally(2, FIRST, inactive)})

    (violation,) = check(made, LIMITS | {"max_updates": TENTH}, Allowance())

    assert f"3 of {total} accounts" in violation.brief
    assert "here 2" in violation.brief
    assert check(fewer, LIMITS, Allowance()) == []


@pytest.mark.parametrize(
    ("deleted", "groups", "limit", "stops"),
    [
        (1, 1, TENTH, False),
        (1, 3, TENTH, False),
        (2, 2, TENTH, True),
        (2, 3, TENTH, True),
        (2, 20, TENTH, False),
        (3, 20, TENTH, True),
        (2, 3, Limit.share(67), False),
        (1, 3, Limit(Limit.share(0).amount), True),
        (2, 3, Limit(Limit.share(2).amount), False),
    ],
)
def test_deleted_groups_count_as_removals(
    deleted: int, groups: int, limit: Limit, stops: bool
) -> None:
    made = plan(groups=groups, deleted_groups=Tally(deleted, FIRST))
    violations = check(made, LIMITS | {"max_removals": limit}, Allowance())
    assert [violation.code for violation in violations] == ["SYNC-0508"] * stops
    assert check(made, LIMITS, allow("removals", str(deleted))) == []


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


@pytest.mark.parametrize(
    ("weak", "adopted", "limit", "allowed", "maximum"),
    [
        (5, 100, "5", None, None),
        (6, 100, "5", None, "limit 5"),
        (1, 1, "0", None, "limit 0"),
        (6, 100, "5", "6", None),
        (7, 100, "5", "6", "--allow-adoptions 6"),
        (10, 100, "5", "10%", None),
        (11, 100, "5", "10%", "--allow-adoptions 10%, here 10"),
        # a share allows five, but no more than half of the adoptions
        (3, 6, "1%", None, None),
        (4, 6, "1%", None, "limit 1%, here 3"),
    ],
)
def test_weak_adoptions_are_limited(
    weak: int, adopted: int, limit: str, allowed: str | None, maximum: str | None
) -> None:
    parsed = Limit.parse(limit)
    assert parsed is not None
    limits, lifted = LIMITS | {"max_adoptions": parsed}, allow("adoptions", allowed)
    found = check(plan(adopted=adopted, weak_adoptions=Tally(weak, FIRST)), limits, lifted)
    assert [(one.brief, one.code) for one in found] == (
        []
        if maximum is None
        else [
            (
                f'guard.max_adoptions: {weak} of {adopted} adoptions at "wiki" match only weakly'
                f" and may be of other people ({maximum})",
                "SYNC-0530",
            )
        ]
    )
    left = adoptions_left(adopted, weak, limits, lifted)
    assert left == 0 if found else left >= 0


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


@pytest.mark.parametrize(
    ("number", "accounts", "limit", "stops"),
    [
        (2, 2, Limit.share(5), False),
        (3, 4, Limit.share(5), True),
        (5, 100, Limit.share(5), False),
        (6, 100, Limit.share(5), True),
        (1, 100, ZERO, True),
        (3, 0, Limit.share(5), True),  # nothing is planned for them, so nothing was counted
    ],
)
def test_identity_changes_are_counted(
    number: int, accounts: int, limit: Limit, stops: bool
) -> None:
    replaced = [(Key(f"C{one}"), Key(f"E{one}")) for one in range(number)]
    made = plan(accounts=accounts, identity_changes=IdentityChanges(replaced))

    violations = check(made, LIMITS | {"max_identity_changes": limit}, Allowance())

    assert bool(violations) is stops


def test_advice_names_what_may_have_happened_and_no_removals() -> None:
    changes = IdentityChanges([(Key("1"), Key("A"))], [Key("2"), Key("3")])

    (violation,) = check(plan(identity_changes=changes), LIMITS | NONE, Allowance())

    assert str(violation) == (
        'guard.max_identity_changes: 3 of 100 accounts at "wiki" would be those of other keys or'
        " users (limit 0) [SYNC-0383]\n"
        "  first: 1 -> A, 2, 3\n"
        "  1 key that left and as many that arrived have the same userNames: if these users got new"
        " keys:\n"
        "  scimsync rekey --from FILE, a CSV file with the columns old and new\n"
        "  2 keys would get the userName of another user or be another person: a column may be"
        " shifted; see: scimsync plan\n"
        "  allow this once: scimsync push --allow-identity-changes 3"
    )


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


DEFAULTS = LIMITS | {"max_adoptions": Limit(Limit.share(5).amount)}


@pytest.mark.parametrize("accounts", [1, 2, 3, 4, 10, 11, 40, 400])
def test_a_legitimate_day_needs_no_option(accounts: int) -> None:
    """5% leave, at least one, as many change, and a group loses its last member."""
    some = Tally(max(accounts // 20, 1), FIRST)
    day = plan(
        accounts=accounts, removals=some, updates=some, groups=4, deleted_groups=Tally(1, FIRST)
    )
    assert check(day, DEFAULTS, Allowance()) == []


@pytest.mark.parametrize("accounts", [2, 3, 4, 10, 11, 40, 400])
@pytest.mark.parametrize("kind", ["removals", "updates"])
def test_an_accident_that_concerns_everybody_needs_one(kind: str, accounts: int) -> None:
    everybody = plan(accounts=accounts, **{kind: Tally(accounts, FIRST)})
    most = plan(accounts=accounts, **{kind: Tally(accounts // 2 + accounts % 2 + 1, FIRST)})
    assert check(everybody, DEFAULTS, Allowance()) != []
    assert check(most, DEFAULTS, Allowance()) != []
    assert check(everybody, DEFAULTS, allow(kind, "100%")) == []


def test_a_first_push_needs_no_option() -> None:
    assert check(plan(accounts=0, linked=0), DEFAULTS, Allowance()) == []


def test_removals_are_not_offered_where_keys_were_renumbered() -> None:
    changes = IdentityChanges([(Key(f"{n}"), Key(f"N{n}")) for n in range(4)])
    made = plan(accounts=4, removals=Tally(4, FIRST), identity_changes=changes)

    removals = next(one for one in check(made, LIMITS, Allowance()) if one.code == "SYNC-0501")

    assert removals.hint == (
        "4 leavers and joiners have the same userName: the keys were renumbered?\n"
        "  to move the accounts: scimsync rekey --from FILE"
    )


@pytest.mark.parametrize(
    ("lost", "members", "stops"),
    [
        (20, 40, False),
        (21, 40, True),
        (5, 5, False),
        (6, 8, True),
        (40, 400, False),
        (41, 400, True),
    ],
)
def test_members_of_all_groups_count_together(lost: int, members: int, stops: bool) -> None:
    losses = tuple(
        LostMembers(Key(f"g{number}"), 1, members, (Key("1"),), staying=1) for number in range(lost)
    )
    made = plan(lost_members=losses, memberships=members)

    violations = check(made, LIMITS, Allowance())

    assert [violation.code for violation in violations] == ["SYNC-0515"] * stops
    assert check(made, LIMITS, allow("removals", str(lost))) == []
    leaving = tuple(replace(loss, staying=0) for loss in losses)
    assert check(plan(lost_members=leaving, memberships=members), LIMITS, Allowance()) == []
