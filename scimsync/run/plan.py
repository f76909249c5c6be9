"""`plan`: make the plan of a push without storing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from scimsync.model.records import Problem
from scimsync.plan import Now, Plan
from scimsync.run.clock_check import checked_clock
from scimsync.run.compiled import CompiledConfig
from scimsync.run.context import Context
from scimsync.run.opened_targets import open_targets
from scimsync.run.options import Options, Report
from scimsync.run.prepare import make_plan
from scimsync.run.read_for_plan import with_current
from scimsync.run.reading import read_sources
from scimsync.snapshot.view import SnapshotView
from scimsync.state import run_rows
from scimsync.state.store import Store, scratch_store
from scimsync.transport.retry_policy import TimeSource


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A plan, the records that it was made from, and the rows that were left out."""

    plan: Plan
    records: SnapshotView
    row_problems: tuple[Problem, ...]


@contextmanager
def plan(
    compiled: CompiledConfig,
    store: Store,
    options: Options,
    now: Now,
    report: Report,
    time: TimeSource | None = None,
) -> Iterator[PlannedRun]:
    """Yield the plan that a push would execute now.

    Send only the reads that matching needs, and store nothing: the plan is in a scratch journal
    until the block ends. Raise SourceUnavailable, SourceFormatError or ConfigError if they leave no
    target to plan.
    """
    with scratch_context(compiled, store, options, now, report) as context:
        reading = read_sources(context)

        async def planned() -> Plan:
            async with open_targets(context, reading, time=time) as targets:
                made = await make_plan(context, targets, reading)
                return await with_current(context, targets, made)

        yield PlannedRun(asyncio.run(planned()), context.records, reading.problems)


@contextmanager
def scratch_context(
    compiled: CompiledConfig, store: Store, options: Options, now: Now, report: Report
) -> Iterator[Context]:
    """Yield the context of a run that stores nothing: it writes to a scratch database."""
    with store.read() as connection:
        now = checked_clock(now, run_rows.started_before(connection))
    with closing(scratch_store()) as scratch:
        yield Context(
            compiled=compiled,
            store=store,
            options=options,
            now=now,
            report=report,
            overlay=scratch,
        )
