"""A plan as it is shown, whether a run has just made it or a file holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from scimsync.model.operations import Operation
from scimsync.model.records import Problem
from scimsync.plan.definition import Plan, TargetPlan


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """The plan of one target. `operations` reads them, in the order in which they are sent.

    `counts` are the numbers of operations by action. `error` is why there is no plan. `url` is
    empty where it is not known.
    """

    name: str
    url: str
    counts: Mapping[str, int]
    operations: Callable[[], Iterator[Operation]]
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan. `guard` is why nothing would be sent to `stops`, in lines."""

    targets: tuple[ShownTarget, ...]
    guard: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def shown_plan(plan: Plan) -> ShownPlan:
    """Return a plan that was just made, to be shown while its journal exists."""
    return ShownPlan(
        targets=tuple(map(_shown_target, plan.targets.values())),
        guard=() if plan.guard is None else tuple(plan.guard.splitlines()),
        stops=tuple(dict.fromkeys(name for one in plan.violations for name in one.stops)),
        problems=plan.problems,
    )


def _shown_target(plan: TargetPlan) -> ShownTarget:
    return ShownTarget(
        name=plan.name,
        url=plan.url,
        counts=plan.counts(),
        operations=plan.operations,
        error=None if plan.error is None else plan.error.message,
        warnings=plan.warnings,
    )
