"""Store a run's decisions: recover, accept the plans, and remember the targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from scimsync.errors import GuardStop, coded
from scimsync.execute.recovery import close_orphaned
from scimsync.model.operations import OperationFilter, OperationStatus
from scimsync.plan import Now
from scimsync.run.compiled import CompiledConfig
from scimsync.run.context import PushContext
from scimsync.run.lease_keeper import take_leases
from scimsync.run.options import Options, Report
from scimsync.run.stopping import undone_sources
from scimsync.run.target_run import TargetRun
from scimsync.state import (
    leases,
    link_changes,
    membership_store,
    operation_journal,
    record_rows,
    target_states,
    unfinished,
)
from scimsync.state.store import Store
from scimsync.targets.quarantine import after_run


def recover(context: PushContext) -> None:
    """Close operations that a dead run left open, and undo what it read and planned."""
    compiled, options = context.compiled, context.options
    targets = list(compiled.targets)
    sources = list(compiled.sources) if options.read or not options.keys else []
    with context.store.read() as connection:
        if not unfinished.has_any(connection, targets, sources):
            return
    why = coded("its run ended before a response arrived", "SYNC-0349")
    close_orphaned(context.store, targets, why, context.now.time)
    with context.store.write() as connection:
        membership_store.restore(connection, targets)
        link_changes.forget_unlinked(connection, targets)
        record_rows.restore(connection, sources, context.now.time)


def recover_first(
    compiled: CompiledConfig,
    store: Store,
    now: Now,
    clock: Callable[[], datetime],
    report: Report,
) -> None:
    """Recover the targets of a configuration from a run that died, before anything is read.

    Raise LeaseHeld while another run is active.
    """
    with take_leases(compiled, store, clock, wait=False) as (token, _):
        recover(
            PushContext(
                compiled=compiled,
                store=store.fenced(lambda connection: leases.require(connection, token, clock())),
                options=Options(read=False, repairs={}),
                now=now,
                report=report,
                unfenced=store,
                run=0,
                token=token,
                clock=clock,
            )
        )


def accept(
    context: PushContext,
    opened: Mapping[str, TargetRun],
    planned: Mapping[str, TargetRun],
    waiting: Sequence[str] = (),
) -> None:
    """Accept the plans of the targets `planned`: move the cursors and keep what was read.

    The plan of a target with an error is discarded, with all that a refresh has read for it. What
    was read for blocked targets only is undone. `waiting` are targets whose plan is not made yet:
    they may decide about a source.
    """
    compiled = context.compiled
    sources = compiled.sources_of_targets
    blocked = [name for name, target in opened.items() if target.blocked]
    undone = {*undone_sources(sources, blocked)} & compiled.sources.keys()
    undecided = {*undone_sources(sources, {*blocked, *waiting})} - undone
    with context.store.write() as connection:
        noted = [target.state.note_readings(connection) for target in planned.values()]
        record_rows.restore(connection, sorted(undone), context.now.time)
        kept = sorted(compiled.sources.keys() - undone - undecided)
        any_refused = bool(undone) or all(noted)
        record_rows.accept(connection, kept, context.options.keys, any_refused=any_refused)
        going = [name for name, target in planned.items() if target.error is None]
        if going:
            membership_store.accept(connection, going)
        states = []
        for name, target in planned.items():
            if target.error is not None:
                operation_journal.close_open(
                    connection,
                    OperationFilter(run=context.run, target=name),
                    OperationStatus.SKIPPED,
                    target.error.message,
                    context.clock(),
                )
                target.state.before.restore(connection)
                membership_store.restore(connection, [name])
                continue
            target.state.accept(connection)
            if target.next is not None and target.next != target.known:
                states.append(target.next)
        target_states.put_targets(connection, states)


def remember(context: PushContext, opened: Mapping[str, TargetRun]) -> None:
    """Store the health of the targets, and when a run last read the sources for them."""
    now, options = context.clock(), context.options
    whole = options.read and not options.keys
    with context.unfenced.write() as connection:
        known = target_states.get_targets(connection, list(opened))
        changed = []
        for name, target in opened.items():
            if not leases.renew(connection, context.token.only(f"target {name}"), now):
                continue
            if options.repairs is not None:
                link_changes.forget_unlinked(connection, [name])
            new = after_run(known[name], target.connection, target.error, now)
            new = replace(
                new,
                unusable_filters=target.unusable_filters(now.date()),
                shapes=target.learned_shapes,
            )
            new = target.with_bulk(new, now)
            if name in context.compiled.expiries:
                new = replace(new, credentials_expire=context.compiled.expiries[name])
            if whole and (not target.blocked or isinstance(target.error, GuardStop)):
                new = replace(new, ran_at=context.now.time)
                if target.error is None:
                    new = replace(new, good_run_at=now)
            if new != known[name]:
                changed.append(new)
        target_states.put_targets(connection, changed)
