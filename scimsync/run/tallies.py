"""Count what the guards limit in the plan of one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Action
from scimsync.plan import TargetPlan
from scimsync.plan.definition import Tally
from scimsync.plan.guard import FIRST_KEYS, REMOVALS, UPDATES
from scimsync.state import link_store
from scimsync.state.acknowledged_members import count_members
from scimsync.state.planning import LiveState
from scimsync.state.store import Store


def with_tallies(plan: TargetPlan, state: LiveState, store: Store) -> TargetPlan:
    """Return the plan with the numbers that the guards compare.

    They are counted only where the plan has operations, or the accounts may be those of another
    service.
    """
    counts = state.count_operations()
    if not counts and plan.other_url is None:
        return plan
    with store.read() as connection:
        known = link_store.count_by_status(connection, plan.name)
        members = count_members(connection, plan.name) if plan.lost_members else 0
    accounts = known.get(LinkStatus.ACTIVE, 0)
    linked = accounts + known.get(LinkStatus.INACTIVE, 0)
    counted = replace(
        plan,
        linked=linked,
        accounts=accounts,
        memberships=members,
        other_url=plan.other_url if linked else None,
    )
    if not counts:
        return counted
    adopted = _tally(state, counts, [Action.ADOPT])
    deleted_groups = _tally(state, counts, [Action.DELETE], Kind.GROUP)
    return replace(
        counted,
        adopted=adopted.number,
        removals=_removals(state, counts),
        updates=replace(_tally(state, counts, UPDATES), inactive=_reactivated(state, counts)),
        groups=state.count_accounts(Kind.GROUP) if deleted_groups.number else 0,
        deleted_groups=deleted_groups,
    )


def _removals(state: LiveState, counts: dict[str, int]) -> Tally:
    """Count accounts to be removed, and those that are deactivated when they are adopted.

    Some may be inactive: those whose deletion is due.
    """
    tally = _tally(state, counts, REMOVALS)
    inactive = 0
    if tally.number > 1:  # no total makes one account too many
        inactive = max(tally.number - state.count_active(REMOVALS), 0)
    if not counts.get(Action.ADOPT):
        return replace(tally, inactive=inactive)
    number, first = state.tally([Action.ADOPT], FIRST_KEYS, deactivates=True)
    return Tally(tally.number + number, (*tally.first, *first)[:FIRST_KEYS], inactive)


def _reactivated(state: LiveState, counts: dict[str, int]) -> int:
    """Count the accounts to be reactivated that scimsync deactivated.

    Others may have deactivated the rest, which counts among the active ones.
    """
    number = counts.get(Action.REACTIVATE, 0)
    return number - state.count_active([Action.REACTIVATE]) if number else 0


def _tally(
    state: LiveState, counts: dict[str, int], actions: Sequence[Action], kind: Kind = Kind.USER
) -> Tally:
    if not any(counts.get(action) for action in actions):
        return Tally(0)
    return Tally(*state.tally(actions, FIRST_KEYS, kind))
