"""Guards: limits that stop a run before it does damage.

`check` applies the table `_RULES` to a plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scimsync.formatting import plural
from scimsync.model.limits import Limit
from scimsync.model.operations import REMOVAL_ACTIONS, Action
from scimsync.plan.definition import Plan, Tally, TargetPlan, Violation
from scimsync.plan.identities import IdentityChanges

MIN_ALLOWED = 5
"""A share allows this many accounts, up to half of them, so that small companies are not blocked.

In one group, it always allows this many members.
"""

_MIN_MEMBERSHIPS = 20
"""A share allows that many members over all groups of a target, up to half of them or five."""

_MIN_IDENTITIES = 2
"""A share allows this many keys that are replaced or become other users."""

FIRST_KEYS = 5
"""The number of users or groups counted by a guard that are named."""

REMOVALS = REMOVAL_ACTIONS
"""Actions that `max_removals` counts."""

UPDATES = (Action.UPDATE, Action.REACTIVATE)
"""Actions that `max_updates` counts. An adopted account was not scimsync's before."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the command line lifts for one run.

    `limits` maps settings of `[guard]` to the limits in their place. `new_url` keeps the links of a
    target whose URL changed. The columns `emptied` may lose all filled cells.
    """

    limits: Mapping[str, Limit] = field(default_factory=dict)
    new_url: bool = False
    emptied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Count:
    """The count of a rule: `number` of `total` at the target or group `subject`.

    `advice` says what to do where the count suggests more than an allowance. With `lifts` false,
    the message does not name the option that lifts the limit.
    """

    subject: str
    total: int
    number: int
    first: Sequence[str]
    advice: str = ""
    lifts: bool = True


@dataclass(frozen=True, slots=True)
class _Rule:
    """One limit: its setting, the option that lifts it, its counts, and its message.

    `floor` is the minimum that a share allows, of a total.
    """

    setting: str
    code: str
    option: str
    floor: Callable[[int], int]
    counts: Callable[[TargetPlan], Iterable[_Count]]
    words: tuple[str, str]

    def violation(
        self, count: _Count, limits: Mapping[str, Limit], allowance: Allowance
    ) -> Violation | None:
        """Return why the plan must not be executed, or None."""
        limit, maximum = self.limit_of(count.total, limits, allowance)
        if count.number <= maximum:
            return None
        allowed = limit is allowance.limits.get(self.setting)
        bound = f"{self.option} {limit}" if allowed else f"limit {limit}"
        here = f", here {maximum}" if limit.is_share else ""
        more = count.number - len(count.first)
        return Violation(
            f"guard.{self.setting}: {count.number} of {count.total} {self.words[0]} {count.subject}"
            f" {self.words[1]} ({bound}{here})",
            self.code,
            f"first: {', '.join(count.first)}{f' and {more} more' if more > 0 else ''}",
            self._hint(count),
        )

    def _hint(self, count: _Count) -> str:
        if not count.lifts:
            return count.advice
        return f"{count.advice}allow this once: scimsync push {self.option} {count.number}"

    def limit_of(
        self, total: int, limits: Mapping[str, Limit], allowance: Allowance
    ) -> tuple[Limit, int]:
        """Return the limit that applies to `total`, the higher one, and what it allows."""
        limit, allowed = limits[self.setting], allowance.limits.get(self.setting)
        maximum = self._maximum(limit, total)
        if allowed is not None and self._maximum(allowed, total) >= maximum:
            return allowed, self._maximum(allowed, total)
        return limit, maximum

    def _maximum(self, limit: Limit, total: int) -> int:
        maximum = limit.of(total)
        return max(maximum, self.floor(total)) if limit.is_share else maximum


def _few_accounts(accounts: int) -> int:
    return min(MIN_ALLOWED, math.ceil(accounts / 2))


def _few_members(_: int) -> int:
    return MIN_ALLOWED


def _few_memberships(members: int) -> int:
    return max(MIN_ALLOWED, min(_MIN_MEMBERSHIPS, math.ceil(members / 2)))


def _few_identities(_: int) -> int:
    return _MIN_IDENTITIES


def _one_group(_: int) -> int:
    return 1


def _accounts(plan: TargetPlan, tally: Tally) -> Iterable[_Count]:
    """Count accounts, of those that are active, are adopted by the plan, or are counted."""
    total = max(plan.accounts + plan.adopted + tally.inactive, tally.number)
    yield _Count(f'"{plan.name}"', total, tally.number, tally.first)


def _removals(plan: TargetPlan) -> Iterable[_Count]:
    number = len(plan.identity_changes.replaced)
    for count in _accounts(plan, plan.removals):
        if number:  # to allow the removals would lock these users out
            advice = (
                f"{number} leavers and joiners have the same userName: the keys were renumbered?\n"
                "  to move the accounts: scimsync rekey --from FILE"
            )
            yield replace(count, advice=advice, lifts=False)
        else:
            yield count


def _updates(plan: TargetPlan) -> Iterable[_Count]:
    return _accounts(plan, plan.updates)


def _weak_adoptions(plan: TargetPlan) -> Iterable[_Count]:
    tally = plan.weak_adoptions
    yield _Count(f'"{plan.name}"', max(plan.adopted, tally.number), tally.number, tally.first)


def _lost_members(plan: TargetPlan) -> Iterable[_Count]:
    for loss in plan.lost_members:
        yield _Count(
            f'group "{loss.group}" at "{plan.name}"', loss.members, loss.removed, loss.first
        )


def _lost_memberships(plan: TargetPlan) -> Iterable[_Count]:
    """Count the members that all groups lose, but not the users who leave."""
    losing = [loss for loss in plan.lost_members if loss.staying]
    number = sum(loss.staying for loss in losing)
    first = [str(loss.group) for loss in losing[:FIRST_KEYS]]
    yield _Count(f'"{plan.name}"', max(plan.memberships, number), number, first)


def _deleted_groups(plan: TargetPlan) -> Iterable[_Count]:
    deleted = plan.deleted_groups
    yield _Count(f'"{plan.name}"', plan.groups, deleted.number, deleted.first)


_MAX_ADOPTIONS = _Rule(
    "max_adoptions",
    "SYNC-0530",
    "--allow-adoptions",
    _few_accounts,
    _weak_adoptions,
    ("adoptions at", "match only weakly and may be of other people"),
)


def _identity_changes(plan: TargetPlan) -> Iterable[_Count]:
    changes = plan.identity_changes
    total = max(plan.accounts, changes.number)
    yield _Count(
        f'"{plan.name}"', total, changes.number, changes.first(FIRST_KEYS), _advice(changes)
    )


def _advice(changes: IdentityChanges) -> str:
    """Return the likely cause of the changes: new keys for the same users, or a shifted column."""
    lines = []
    if changes.replaced:
        lines.append(
            f"{plural(len(changes.replaced), 'key')} that left and as many that arrived have the"
            " same userNames: if these users got new keys:\n  scimsync rekey --from FILE, a CSV"
            " file with the columns old and new"
        )
    if changes.others:
        lines.append(
            f"{plural(len(changes.others), 'key')} would get the userName of another user or be"
            " another person: a column may be shifted; see: scimsync plan"
        )
    return "".join(f"{line}\n  " for line in lines)


_RULES = (
    _Rule(
        "max_removals",
        "SYNC-0501",
        "--allow-removals",
        _few_accounts,
        _removals,
        ("accounts at", "would be deactivated or deleted"),
    ),
    _Rule(
        "max_updates",
        "SYNC-0503",
        "--allow-updates",
        _few_accounts,
        _updates,
        ("accounts at", "would be changed"),
    ),
    _MAX_ADOPTIONS,
    _Rule(
        "max_removals",
        "SYNC-0502",
        "--allow-removals",
        _few_members,
        _lost_members,
        ("members of", "would be removed"),
    ),
    _Rule(
        "max_removals",
        "SYNC-0515",
        "--allow-removals",
        _few_memberships,
        _lost_memberships,
        ("members of all groups at", "would be removed"),
    ),
    _Rule(
        "max_removals",
        "SYNC-0508",
        "--allow-removals",
        _one_group,
        _deleted_groups,
        ("groups at", "would be deleted"),
    ),
    _Rule(
        "max_identity_changes",
        "SYNC-0383",
        "--allow-identity-changes",
        _few_identities,
        _identity_changes,
        ("accounts at", "would be those of other keys or users"),
    ),
)


def check(plan: Plan, limits: Mapping[str, Limit], allowance: Allowance) -> list[Violation]:
    """Return why plans of targets must not be executed, or an empty list if all may be.

    A target that could not be planned is left out: nothing is sent to it in any case.

    `limits` are those of `[guard]`, by setting.
    """
    violations: list[Violation] = []
    for target in plan.targets.values():
        if target.error is not None:
            continue
        if target.other_url is not None and not allowance.new_url:
            violations.append(_other_service(target))
        for rule in _RULES:
            for count in rule.counts(target):
                violation = rule.violation(count, limits, allowance)
                if violation is not None:
                    violations.append(replace(violation, target=target.name))
    return violations


def adoptions_left(
    adopted: int, weak: int, limits: Mapping[str, Limit], allowance: Allowance
) -> int:
    """Return how many accounts a run may take over weakly beyond its plan.

    The plan has `adopted` adoptions, of which `weak` are of accounts that may belong to someone
    else.
    """
    _, maximum = _MAX_ADOPTIONS.limit_of(adopted, limits, allowance)
    return max(maximum - weak, 0)


def _other_service(target: TargetPlan) -> Violation:
    """Return the violation of a plan for another service than that of the links.

    Its accounts are unknown, so every user would lose theirs.
    """
    return Violation(
        f'"{target.name}": its {target.linked} known accounts are those of {target.other_url}, but'
        f" url is {target.url}",
        "SYNC-0506",
        hint=(
            "a different service needs a target with a different name; for "
            "the same service at a new address:"
            " scimsync push --allow-new-url"
        ),
        target=target.name,
    )
