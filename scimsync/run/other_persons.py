"""Find records of other people for targets that map no names, by what other targets know.

All targets of the population in sync.toml count, whether this run pushes them or not: what is sent
to a target does not depend on which targets are pushed together, or on which of them is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scimsync.model.ids import Key
from scimsync.plan import TargetPlanner
from scimsync.plan.identities import can_compare
from scimsync.run.compiled import CompiledTarget
from scimsync.run.context import Context
from scimsync.run.target_run import TargetRun
from scimsync.state.planning import LiveState


def other_persons(context: Context, targets: Sequence[TargetRun]) -> dict[Key, str]:
    """Return the keys whose records became those of other people, and why.

    `targets` are those of one population that this run plans. A record counts if it changed since
    one of the targets without names was last planned.
    """
    scopes = [
        (target, target.scope)
        for target in targets
        if target.scope is not None and target.error is None and not target.maps_names
    ]
    if not scopes:
        return {}
    scope = replace(scopes[0][1], cursor=min(scope.cursor for _, scope in scopes))
    sources = {source for target, _ in scopes for source in target.compiled.sources}
    return {
        key: why
        for planner in _planners(context, targets, sources)
        for key, why in planner.other_persons(scope).items()
    }


def _planners(
    context: Context, targets: Sequence[TargetRun], sources: set[str]
) -> Iterator[TargetPlanner]:
    """Yield the planners of all targets with names that have one of `sources`."""
    running = {target.name: target.planner for target in targets}
    for name, compiled in context.compiled.configured.items():
        if can_compare(compiled.program.paths) and not sources.isdisjoint(compiled.sources):
            yield running.get(name) or _idle_planner(context, compiled)


def _idle_planner(context: Context, compiled: CompiledTarget) -> TargetPlanner:
    """Return a planner that only compares, for a target that this run leaves out."""
    state = LiveState(context.store, 0, compiled.name, context.now.time)
    return TargetPlanner(
        compiled, state, context.records, context.now, None, None, {}, has_groups=False
    )
