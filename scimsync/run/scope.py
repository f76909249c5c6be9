"""Decide which users a run plans at a target: all, those that changed, or some only."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scimsync.errors import ScimsyncError
from scimsync.model.clock import TOLERANCE, ClockDoubt
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

_NOT_BY_TIME = "users whose records did not change wait for the next push [SYNC-0434]"


@dataclass(frozen=True, slots=True)
class PlannedScope:
    """The users that a run plans at one target, or None for none.

    `error` is why it plans nothing. `next` is the state of the target to store once the plan is
    accepted, and `has_arrivals` whether there may be users without an account. `waits_for_clock` is
    why users whose records did not change wait for another run, although the time did.
    """

    scope: Scope | None = None
    error: ScimsyncError | None = None
    next: TargetState | None = None
    has_arrivals: bool = False
    waits_for_clock: str | None = None


def planned_scope(
    compiled: CompiledTarget, known: TargetState, context: Context, reading: Reading
) -> PlannedScope:
    """Return the scope of a run at a target with the stored state `known`."""
    options, now, store = context.options, context.now, context.store
    if options.given is not None:
        return PlannedScope(Scope(frozenset(), cursor=known.cursor, accepted=known.cursor))
    reconfigured = _is_reconfigured(compiled, known, now)
    its_time = _is_time(compiled, known, now.time)
    checks_clock = _went_back(compiled, known, now.time + TOLERANCE)
    changed = known.digest != compiled.digest(now.today) or its_time
    waits_for_clock = _why_not_by_time(now) if changed and not reconfigured else None
    changed = changed and waits_for_clock is None
    if not options.insistent and (its_time or not changed):
        error = quarantine_error(known, now.time)
        if error is not None:
            return PlannedScope(error=error)
    if reconfigured and not options.read:
        # the new sync.toml may name columns that were never read: wait for a push that reads
        return PlannedScope(_scope_of_held(compiled.name, store, options))
    cursor = Seq(0) if changed or options.refresh else known.cursor
    if options.repairs is not None or options.only is not None:
        return _part(compiled.name, known, options, cursor, checks_clock=checks_clock)
    planned = _whole_scope(
        compiled, known, context, reading, cursor, changed=changed, reconfigured=reconfigured
    )
    return planned if waits_for_clock is None else _waiting(planned, known, waits_for_clock)


def _part(
    target: str, known: TargetState, options: Options, cursor: Seq, *, checks_clock: bool
) -> PlannedScope:
    """Return the scope of a repair, or of a run for some users only."""
    scope = Scope(options.only, cursor, known.cursor, checks_clock=checks_clock)
    if options.repairs is None:
        return PlannedScope(scope, has_arrivals=True)
    repair = options.repairs.get(target)
    if repair is None:
        return PlannedScope()
    return PlannedScope(replace(scope, only=repair.keys, cursor=known.cursor, repair=repair))


def _waiting(planned: PlannedScope, known: TargetState, why: str) -> PlannedScope:
    """Return a scope of changed records only, after which the time still has to be considered."""
    if planned.next is None:
        return planned
    following = replace(planned.next, digest=known.digest)
    return replace(planned, next=following, waits_for_clock=why)


def _why_not_by_time(now: Now) -> str | None:
    """Return why the time decides about nobody in this run, or None if it may."""
    return why_waiting(now.doubt) if now.doubt is not None and now.doubt.is_wrong else None


def why_waiting(doubt: ClockDoubt) -> str:
    """Return why users whose records did not change wait for another run."""
    return f"{doubt.why}; {_NOT_BY_TIME}"


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
        checks_clock=_went_back(compiled, known, context.now.time + TOLERANCE),
    )
    return PlannedScope(scope, next=following, has_arrivals=has_arrivals)


def _is_time(compiled: CompiledTarget, known: TargetState, now: datetime) -> bool:
    """Return whether the time may have changed the results of expressions, ahead or back."""
    came = known.changes_at is not None and known.changes_at <= now
    return came or _went_back(compiled, known, now)


def _went_back(compiled: CompiledTarget, known: TargetState, now: datetime) -> bool:
    """Return whether the clock is behind the time for which expressions were evaluated."""
    at = known.evaluated_at
    return compiled.depends_on_time and at is not None and now < at


def _is_reconfigured(compiled: CompiledTarget, known: TargetState, now: Now) -> bool:
    """Return whether more than the day changed since the target was last planned."""
    days = {now.today - timedelta(days=days) for days in range(_DAYS_REMEMBERED)}
    if known.evaluated_at is not None:
        days.add(known.evaluated_at.astimezone().date())
    return all(known.digest != compiled.digest(day) for day in days)


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
