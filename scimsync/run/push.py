"""`push`: read the sources, plan, apply the guards, accept the plan, execute it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from scimsync.errors import ScimsyncError, most_severe
from scimsync.logcontext import in_run
from scimsync.plan import Now
from scimsync.run.acceptance import recover, remember
from scimsync.run.cancellation import Cancellation, cancellable
from scimsync.run.clock_check import checked_clock
from scimsync.run.compiled import CompiledConfig
from scimsync.run.context import PushContext
from scimsync.run.lease_keeper import LeaseKeeper, steady_clock, take_leases
from scimsync.run.opened_targets import lose_targets, open_targets, stop_targets
from scimsync.run.options import Options, Report
from scimsync.run.origin import run_origin, shown_options
from scimsync.run.outcome import RunOutcome, run_outcome, target_document
from scimsync.run.reading import Reading, read_sources
from scimsync.run.waves import push_targets
from scimsync.state import leases, run_rows
from scimsync.state.store import Store
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.retry_policy import TimeSource


def push(
    compiled: CompiledConfig,
    store: Store,
    options: Options,
    now: Now,
    report: Report,
    *,
    command: str,
    clock: Callable[[], datetime],
    wait: bool = False,
    cancellation: Cancellation | None = None,
    observe: Observer = ignore,
    time: TimeSource | None = None,
    steady: Callable[[], float] = steady_clock,
) -> RunOutcome:
    """Bring all targets up to date.

    With `wait`, wait for a run that holds a lease. `cancellation` ends the run in order from
    another thread. Without it, SIGINT and SIGTERM end it in the main thread.
    `observe` receives each request. `time` provides the waits between requests. `steady` is a
    clock in seconds that counts while the machine sleeps.

    Raise LeaseHeld (without `wait`). Raise SourceUnavailable, SourceFormatError or ConfigError if
    they leave no target to push, or if a saved plan cannot be carried out as a whole.
    """
    if options.saved is not None and compiled.unusable:
        raise most_severe(target.error for target in compiled.unusable.values())
    shown = shown_options(compiled.config, (*compiled.targets, *compiled.unusable), options)
    origin = run_origin(compiled.config, shown)
    with take_leases(compiled, store, clock, wait=wait) as (token, waited):
        if waited:
            now = Now(clock(), clock().astimezone().date())
        with store.write() as connection:
            run = run_rows.start(connection, command, now.time, origin)
            now = checked_clock(now, run_rows.started_before(connection, run))
        context = PushContext(
            compiled=compiled,
            store=store.fenced(lambda connection: leases.require(connection, token, clock())),
            options=options,
            now=now,
            report=report,
            unfenced=store,
            run=run,
            token=token,
            clock=clock,
        )
        try:
            with in_run(run):
                recover(context)
                # outside the event loop, where a signal would have to wait for the end of reading
                reading = read_sources(context)
                outcome = asyncio.run(_run(context, reading, cancellation, observe, time, steady))
        except BaseException as error:
            why = error.message if isinstance(error, ScimsyncError) else type(error).__name__
            with store.write() as connection:
                run_rows.finish(connection, run, "error", clock(), {}, why)
            raise
        counts = {name: target_document(target) for name, target in outcome.targets.items()}
        with store.write() as connection:
            run_rows.finish(connection, run, outcome.outcome, clock(), counts, outcome.guard)
        return outcome


async def _run(
    context: PushContext,
    reading: Reading,
    cancellation: Cancellation | None,
    observe: Observer,
    time: TimeSource | None,
    steady: Callable[[], float],
) -> RunOutcome:
    keeper = LeaseKeeper(context.unfenced, context.token, context.clock, steady)

    async def may_send() -> bool:
        context.unfenced.require_same_file()
        return await keeper.holds()

    async with (
        open_targets(context, reading, may_send, observe, time) as targets,
        keeper.renewing(partial(lose_targets, targets)),
    ):
        with cancellable(partial(stop_targets, targets), cancellation):
            plan, outcomes = await push_targets(context, targets, reading)
            remember(context, targets)
    return run_outcome(context.run, outcomes, plan, reading.readable)
