"""Guards: limits that stop a run before it does damage.

`check` applies the table `_RULES` to a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scimsync.model.ids import Key
from scimsync.model.limits import Limit
from scimsync.model.operations import Action
from scimsync.plan.definition import Plan, TargetPlan, Violation

MIN_ALLOWED = 5
"""A share always allows this many, so that small companies are not blocked."""

REMOVALS = (Action.DEACTIVATE, Action.DELETE)
"""Actions that `max_removals` counts."""

UPDATES = (Action.UPDATE, Action.REACTIVATE)
"""Actions that `max_updates` counts. An adopted account was not scimsync's before."""


class Limits(Protocol):
    """`[guard]` of sync.toml, as far as it concerns plans."""

    @property
    def max_removals(self) -> Limit: ...

    @property
    def max_updates(self) -> Limit: ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits that the command line lifts for one run. None keeps the limit of sync.toml."""

    removals: int | None = None
    updates: int | None = None
    records: int | None = None
    new_url: bool = False


@dataclass(frozen=True, slots=True)
class _Count:
    """The count of a rule: `number` of `total` at the target or group `subject`."""

    subject: str
    total: int
    number: int
    first: Sequence[Key]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One limit: its setting, the option that lifts it, its counts, and its message."""

    setting: str
    code: str
    option: str
    limit: Callable[[Limits], Limit]
    allowed: Callable[[Allowance], int | None]
    counts: Callable[[TargetPlan], Iterable[_Count]]
    words: tuple[str, str]

    def violation(self, count: _Count, limits: Limits, allowance: Allowance) -> Violation | None:
        """Return why the plan must not be executed, or None."""
        limit, allowed = self.limit(limits), self.allowed(allowance)
        maximum = _maximum(limit, count.total) if allowed is None else allowed
        if count.number <= maximum:
            return None
        bound = f"limit {limit}, here {maximum}" if limit.is_share else f"limit {maximum}"
        if allowed is not None:
            bound = f"{self.option} {maximum}"
        more = count.number - len(count.first)
        return Violation(
            f"guard.{self.setting}: {count.number} of {count.total} {self.words[0]} {count.subject}"
            f" {self.words[1]} ({bound})",
            self.code,
            f"first: {', '.join(count.first)}{f' and {more} more' if more > 0 else ''}",
            f"to allow this once: scimsync push {self.option} {count.number}",
        )


def _removals(plan: TargetPlan) -> Iterable[_Count]:
    yield _Count(f'"{plan.name}"', plan.accounts, plan.removals.number, plan.removals.first)


def _updates(plan: TargetPlan) -> Iterable[_Count]:
    yield _Count(f'"{plan.name}"', plan.accounts, plan.updates.number, plan.updates.first)


def _lost_members(plan: TargetPlan) -> Iterable[_Count]:
    for loss in plan.lost_members:
        yield _Count(
            f'group "{loss.group}" at "{plan.name}"', loss.members, loss.removed, loss.first
        )


_RULES = (
    _Rule(
        "max_removals",
        "SYNC-0501",
        "--allow-removals",
        lambda limits: limits.max_removals,
        lambda allowance: allowance.removals,
        _removals,
        ("accounts at", "would be deactivated or deleted"),
    ),
    _Rule(
        "max_updates",
        "SYNC-0503",
        "--allow-updates",
        lambda limits: limits.max_updates,
        lambda allowance: allowance.updates,
        _updates,
        ("accounts at", "would be changed"),
    ),
    _Rule(
        "max_removals",
        "SYNC-0502",
        "--allow-removals",
        lambda limits: limits.max_removals,
        lambda allowance: allowance.removals,
        _lost_members,
        ("members of", "would be removed"),
    ),
)


def check(plan: Plan, limits: Limits, allowance: Allowance) -> list[Violation]:
    """Return why `plan` must not be executed, or an empty list if it may be."""
    violations: list[Violation] = []
    for target in plan.targets.values():
        if target.other_url is not None and not allowance.new_url:
            violations.append(_other_service(target))
        for rule in _RULES:
            for count in rule.counts(target):
                violation = rule.violation(count, limits, allowance)
                if violation is not None:
                    violations.append(violation)
    return violations


def _maximum(limit: Limit, total: int) -> int:
    return max(limit.of(total), MIN_ALLOWED) if limit.is_share else limit.of(total)


def _other_service(target: TargetPlan) -> Violation:
    """Return the violation of a plan for another service than that of the links.

    Its accounts are unknown, so every user would lose theirs.
    """
    return Violation(
        f'"{target.name}": its {target.linked} known accounts are those of {target.other_url}, but'
        f" url is {target.url}",
        "SYNC-0506",
        hint=(
            "another service needs a target of another name; for the same service at a new address:"
            " scimsync push --allow-new-url"
        ),
    )
