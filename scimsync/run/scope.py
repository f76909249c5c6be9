"""Decide which users a run plans at a target: all, those that changed, or some only."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from scimsync.errors import ScimsyncError
from scimsync.model.ids import Seq
from scimsync.model.target_memory import TargetState
from scimsync.plan import Now, Scope
from scimsync.run.compiled import CompiledTarget
from scimsync.run.context import Context
from scimsync.run.options import Options
from scimsync.run.reading import Reading
from scimsync.state import due, holds
from scimsync.state.store import Store
from scimsync.targets.quarantine import quarantine_error

_LOG = logging.getLogger("scimsync")

_DAYS_REMEMBERED = 60


@dataclass(frozen=True, slots=True)
class PlannedScope:
    """The users that a run plans at one target, or None for none.

    `error` is why it plans nothing. `next` is the state of the target to store once the plan is
    accepted, and `has_arrivals` whether there may be users without an account.
    """

    scope: Scope | None = None
    error: ScimsyncError | None = None
    next: TargetState | None = None
    has_arrivals: bool = False


def planned_scope(
    compiled: CompiledTarget, known: TargetState, context: Context, reading: Reading
) -> PlannedScope:
    """Return the scope of a run at a target with the stored state `known`."""
    options, now, store = context.options, context.now, context.store
    if options.given is not None:
        return PlannedScope(Scope(frozenset(), cursor=known.cursor, accepted=known.cursor))
    its_time = known.changes_at is not None and known.changes_at <= now.time
    changed = known.digest != compiled.digest(now.today) or its_time
    if not options.insistent and (its_time or not changed):
        error = quarantine_error(known, now.time)
        if error is not None:
            return PlannedScope(error=error)
    reconfigured = _is_reconfigured(compiled, known, now)
    if reconfigured and not options.read:
        # the new sync.toml may name columns that were never read: wait for a push that reads
        return PlannedScope(_scope_of_held(compiled.name, store, options))
    if options.repairs is not None:
        repair = options.repairs.get(compiled.name)
        if repair is None:
            return PlannedScope()
        return PlannedScope(
            Scope(repair.keys, cursor=known.cursor, accepted=known.cursor, repair=repair)
        )
    cursor = Seq(0) if changed or options.refresh else known.cursor
    if options.only is not None:
        only = Scope(options.only, cursor=cursor, accepted=known.cursor)
        return PlannedScope(only, has_arrivals=True)
    return _whole_scope(
        compiled, known, context, reading, cursor, changed=changed, reconfigured=reconfigured
    )


def _whole_scope(
    compiled: CompiledTarget,
    known: TargetState,
    context: Context,
    reading: Reading,
    cursor: Seq,
    *,
    changed: bool,
    reconfigured: bool,
) -> PlannedScope:
    """Return the scope of a run that plans all users whose records changed, or who are due."""
    reconfigured = reconfigured and known.digest is not None
    # a bad row may belong to any user who seems to be gone from the sources
    uncertain = reconfigured and any(
        problem.source in compiled.sources for problem in reading.problems
    )
    with context.store.read() as connection:
        head, has_arrivals = due.head_and_arrivals(
            connection, compiled.name, compiled.all_sources, compiled.sources, cursor
        )
    following = replace(
        known,
        digest=known.digest if uncertain else compiled.digest(context.now.today),
        cursor=head,
        url=compiled.config.url,
        group_tables={**known.group_tables, **compiled.group_tables},
    )
    scope = Scope(
        cursor=cursor,
        accepted=known.cursor,
        changed=changed,
        everybody=reconfigured and not uncertain,
        refreshed=context.options.refresh,
    )
    return PlannedScope(scope, next=following, has_arrivals=has_arrivals)


def _is_reconfigured(compiled: CompiledTarget, known: TargetState, now: Now) -> bool:
    """Return whether more than the day changed since the target was last planned."""
    return not any(
        known.digest == compiled.digest(now.today - timedelta(days=days))
        for days in range(_DAYS_REMEMBERED)
    )


def _scope_of_held(target: str, store: Store, options: Options) -> Scope | None:
    """Return those of `options.keys` that were deprovisioned by hand, or None if none were."""
    with store.read() as connection:
        held = frozenset(holds.held(connection, options.keys))
    if not held and (options.keys or options.repairs):
        _LOG.warning(
            "%s: this sync.toml was not pushed yet; the next push applies it [SYNC-0706]",
            target,
        )
    return Scope(held) if held else None
