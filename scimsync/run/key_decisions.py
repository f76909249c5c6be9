"""Decide, for targets of one population, which keys replace others, and which are held back.

All targets of the population in sync.toml are asked for what they know, whether this run pushes
them or not: what is sent to a target does not depend on which targets are pushed together, or on
which of them is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.persons import Agreement, can_compare
from scimsync.plan import TargetPlanner
from scimsync.plan.batch import BATCH
from scimsync.plan.identities import Suspicion, settle
from scimsync.run.compiled import CompiledTarget
from scimsync.run.context import Context
from scimsync.run.populations import populations
from scimsync.run.reading import Reading
from scimsync.run.target_run import TargetRun
from scimsync.state import link_store
from scimsync.state.planning import LiveState


def decide_keys(context: Context, targets: Sequence[TargetRun], reading: Reading) -> None:
    """Give `targets`, those of one population that this run plans, the same decisions."""
    suspicions = [one for target in targets for one in target.find_suspicions(context, reading)]
    identities = settle(_with_known_moves(context, targets, suspicions))
    nameless = [one for one in targets if not one.maps_names]
    for target in targets:
        target.identities = identities
    try:
        others = _other_persons(context, targets)
    except Exception as error:
        for target in nameless:
            target.fail_unexpectedly(error)
        return
    for target in nameless:
        target.identities = replace(identities, held={**others, **identities.held})


def _with_known_moves(
    context: Context, targets: Sequence[TargetRun], suspicions: Sequence[Suspicion]
) -> list[Suspicion]:
    """Return the suspicions, with the names of one person where an account moved elsewhere.

    A target without names could not follow a move if it was not pushed together with others.
    """
    doubtful = sorted({one.new for one in suspicions if one.names is Agreement.UNKNOWN})
    if not doubtful:
        return [*suspicions]
    of_users = {name: one.sources for name, one in context.compiled.configured.items()}
    names = [target.name for target in targets]
    (population,) = (some for some in populations(of_users, of_users) if names[0] in some)
    moved = set()
    with context.store.read() as connection:
        for name in population:
            for keys in batches(doubtful, BATCH):
                links = link_store.get_links(connection, name, Kind.USER, keys)
                moved |= {(link.moved_from, key) for key, link in links.items()}
    return [
        replace(one, names=Agreement.SAME)
        if one.names is Agreement.UNKNOWN and (one.old, one.new) in moved
        else one
        for one in suspicions
    ]


def _other_persons(context: Context, targets: Sequence[TargetRun]) -> dict[Key, str]:
    """Return the keys whose records became those of other people, and why.

    A record counts if it changed since one of the targets without names was last planned.
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
