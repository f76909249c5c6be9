"""A plan as it is shown, whether a run has just made it or a file holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Protocol

from scimsync.model.batches import batches
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Operation
from scimsync.model.records import Problem
from scimsync.plan.definition import Plan, TargetPlan

_BATCH = 200

_MEMBERS_NAMED = 200
"""No format but JSON lists more members of one operation."""

Names = Mapping[Key, str]
"""Key of a user -> the name to show beside it."""


class NameReader(Protocol):
    """A reader of the names of users."""

    def names(self, target: str, keys: Sequence[Key]) -> Names:
        """Return the names of those of `keys`, users of `target`, that have one."""
        ...


@dataclass(frozen=True, slots=True)
class ShownOperation:
    """An operation, with the names of the users that it is about where these are known."""

    operation: Operation
    names: Names = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """The name of the user whose account it changes."""
        return self.names.get(self.operation.key) if self.operation.kind is Kind.USER else None

    def member_name(self, change: Change) -> str | None:
        """Return the name of the member that a change is about, None for other changes."""
        if self.operation.action not in MEMBERSHIP_ACTIONS:
            return None
        kind, key, _ = member_of(change)
        return self.names.get(key) if kind is Kind.USER else None

    def members(self, *, added: bool) -> list[tuple[Key, str | None]]:
        """Return the members that it adds or removes, with their names."""
        return [
            (member_of(change)[1], self.member_name(change))
            for change in self.operation.changes
            if member_of(change)[2] is added
        ]


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """The plan of one target. `operations` reads them, in the order in which they are sent.

    `counts` are the numbers of operations by action. `error` is why there is no plan. `url` is
    empty where it is not known.
    """

    name: str
    url: str
    counts: Mapping[str, int]
    operations: Callable[[], Iterator[ShownOperation]]
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan. `guard` is why nothing would be sent to `stops`, in lines."""

    targets: tuple[ShownTarget, ...]
    guard: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def shown_plan(plan: Plan, names: NameReader | None = None) -> ShownPlan:
    """Return a plan that was just made, to be shown while its journal exists."""
    return ShownPlan(
        targets=tuple(_shown_target(target, names) for target in plan.targets.values()),
        guard=() if plan.guard is None else tuple(plan.guard.splitlines()),
        stops=tuple(dict.fromkeys(name for one in plan.violations for name in one.stops)),
        problems=plan.problems,
    )


def _shown_target(plan: TargetPlan, names: NameReader | None) -> ShownTarget:
    return ShownTarget(
        name=plan.name,
        url=plan.url,
        counts=plan.counts(),
        operations=partial(_shown_operations, plan, names),
        error=None if plan.error is None else plan.error.message,
        warnings=plan.warnings,
    )


def _shown_operations(plan: TargetPlan, names: NameReader | None) -> Iterator[ShownOperation]:
    for some in batches(plan.operations(), _BATCH):
        named = names_of(names, plan.name, some, members=_MEMBERS_NAMED)
        yield from (ShownOperation(operation, named) for operation in some)


def names_of(
    reader: NameReader | None,
    target: str,
    operations: Iterable[Operation],
    members: int | None = None,
) -> Names:
    """Return the names of the users that operations are about.

    Of the members that an operation adds or removes, only the first `members` count, None for all.
    """
    if reader is None:
        return {}
    users = chain.from_iterable(_users(operation, members) for operation in operations)
    found: dict[Key, str] = {}
    for keys in batches(dict.fromkeys(users), _BATCH):
        found |= reader.names(target, keys)
    return found


def _users(operation: Operation, members: int | None) -> Iterator[Key]:
    if operation.kind is Kind.USER:
        yield operation.key
    if operation.action in MEMBERSHIP_ACTIONS:
        for wanted in (False, True):
            changed = [
                key
                for kind, key, is_added in map(member_of, operation.changes)
                if kind is Kind.USER and is_added is wanted
            ]
            yield from changed[:members]
