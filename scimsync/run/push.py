"""A whole push, and a whole plan: the two things that a person starts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from scimsync.desired.groups import name_of
from scimsync.errors import Interrupted, LeaseHeld, ScimsyncError, StateError, TargetUnavailable
from scimsync.execute.books import Books, Now
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.executor import Executor
from scimsync.execute.journal_writer import JournalWriter, settle
from scimsync.execute.operations import OperationSender
from scimsync.execute.secret_values import SecretValues
from scimsync.execute.unexpected import report_unexpected
from scimsync.logcontext import in_run
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import PHASE_WORDS, Action, OperationFilter, OperationStatus, Phase
from scimsync.model.records import Problem
from scimsync.plan.guard import Refusal
from scimsync.run.cancellation import Cancellation, cancellable
from scimsync.run.compile import CompiledConfig, create_only_paths
from scimsync.run.lease_keeper import LeaseKeeper
from scimsync.run.prepare import (
    Options,
    PlannedTarget,
    Prepared,
    Reading,
    Report,
    connected,
    prepare,
    problems_of_plan,
    read_sources,
)
from scimsync.snapshot.view import SnapshotView
from scimsync.state import journal, leases, memberships, records, targets, work
from scimsync.state.store import Store, scratch_store
from scimsync.targets.connection import TargetConnection, TargetStopped
from scimsync.targets.quarantine import after_run
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.request_errors import RequestError

RENEW_EVERY_S = 30.0

WAIT_S = 0.5
"""How often a run that waits for another one looks again."""

_LOG = logging.getLogger("scimsync")

FIRST_FAILURES = 3
"""How many of the operations that a target refused a push tells at once; the journal has them
all."""

ROUNDS = 3
"""How often those whose account was gone, and those who refer to them, are planned again within a
run."""


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """What a push did at one target: applied operations by action, failed ones, requests of all
    kinds, seconds.

    `refused` are the first of those that failed when they were sent, as `create 00123: why`;
    `operations` counts all of the journal by action and status.
    """

    counts: Mapping[str, int]
    failed: int
    requests: int
    seconds: float
    error: ScimsyncError | None = None
    refused: tuple[str, ...] = ()
    operations: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a push came to. `outcome` is `done`, `failed` (some operations, or a target),
    `interrupted` (by a signal), or `stopped` (a guard)."""

    run: int
    outcome: str
    targets: Mapping[str, TargetOutcome]
    guard: str | None
    problems: tuple[Problem, ...]
    guard_brief: str | None = None
    """`guard` without the keys of people."""

    @property
    def exit_code(self) -> int:
        """DESIGN's exit codes: 3 guard, a signal's, 1 a target could not be used, 5 its lease was
        lost, 4 something failed."""
        if self.guard is not None:
            return 3
        errors = [
            target.error.exit_code for target in self.targets.values() if target.error is not None
        ]
        signals = [code for code in errors if code > 128]
        if errors:
            return (signals or errors)[0]
        return 4 if self.problems or any(target.failed for target in self.targets.values()) else 0


@contextmanager
def plan(
    setup: CompiledConfig, store: Store, options: Options, now: Now, report: Report
) -> Iterator[Prepared]:
    """What a push would do now. Sends nothing but the reads that matching needs, stores nothing;
    the plan lies in a scratch journal until the block ends. Raises SourceUnavailable,
    SourceFormatError, ConfigError."""
    scratch = scratch_store()
    try:
        reading = read_sources(setup, store, scratch, now, options.allowance, report)
        books = Books(SnapshotView(store, scratch), store, scratch, run=0)
        if reading.refusals:
            yield Prepared(setup, books, now, {}, reading.problems, reading.refusals)
            return

        async def run() -> Prepared:
            async with connected(setup, options, store, now) as ways:
                return await prepare(setup, books, ways, options, now, reading, report)

        prepared = asyncio.run(run())
        prepared.problems += problems_of_plan(books, prepared)
        yield prepared
    finally:
        scratch.close()


def push(
    setup: CompiledConfig,
    store: Store,
    options: Options,
    now: Now,
    report: Report,
    *,
    command: str,
    clock: Callable[[], datetime],
    wait: bool = False,
    interruption: Cancellation | None = None,
    observe: Observer = ignore,
) -> RunOutcome:
    """Does it: reads, plans, journals, sends. With `wait` after the run that is at work, if there
    is one.

    `interruption` ends it in order from another thread; without one, in the main thread, SIGINT and
    SIGTERM do. `observe` is told of each request.

    Raises LeaseHeld (without `wait`), SourceUnavailable, SourceFormatError, ConfigError.
    """
    names = [
        *(f"source {name}" for name in setup.sources),
        *(f"target {name}" for name in setup.targets),
    ]
    with _leases(store, names, clock, wait=wait) as (token, waited):
        if waited:
            now = Now(clock(), clock().astimezone().date())
        with store.write() as connection:
            run = journal.start_run(connection, command, now.time)
        push_run = _Push(
            setup,
            store.fenced(lambda connection: leases.require(connection, token, clock())),
            options,
            now,
            report,
            run,
            token,
            clock,
            interruption,
            observe,
            store,
        )
        try:
            with in_run(run):
                # outside of the loop, in which a signal would wait for its end
                reading = push_run.read()
                outcome = asyncio.run(push_run.run(reading))
        except BaseException as error:
            said = error.message if isinstance(error, ScimsyncError) else type(error).__name__
            with store.write() as connection:
                journal.finish_run(connection, run, "error", clock(), {}, said)
            raise
        with store.write() as connection:
            counts = {name: target_document(target) for name, target in outcome.targets.items()}
            journal.finish_run(connection, run, outcome.outcome, clock(), counts, outcome.guard)
        return outcome


def _stop_all(channels: Sequence[TargetConnection], why: ScimsyncError) -> None:
    for channel in channels:
        channel.stop(why)


def target_document(outcome: TargetOutcome) -> dict[str, Any]:
    """A target's part of `push --json`."""
    return {
        "counts": dict(outcome.counts),
        "failed": outcome.failed,
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        "error": None if outcome.error is None else outcome.error.message,
    }


@contextmanager
def _leases(
    store: Store, names: list[str], clock: Callable[[], datetime], *, wait: bool
) -> Iterator[tuple[leases.FencingToken, bool]]:
    """Hold the leases. Give their token, and whether they had to be waited for."""
    holder = leases.holder_name()
    waited = False
    while True:
        try:
            with store.write() as connection:
                token = leases.take(connection, names, holder, clock())
            break
        except LeaseHeld as held:
            if not wait:
                raise
            if not waited:
                _LOG.warning("%s; waiting for it", held.message)
            waited = True
            time.sleep(WAIT_S)
    try:
        yield token, waited
    finally:
        with store.write() as connection:
            leases.release(connection, token, clock())


@dataclass(frozen=True, slots=True)
class _Push:
    setup: CompiledConfig
    store: Store
    options: Options
    now: Now
    report: Report
    run_id: int
    token: leases.FencingToken
    clock: Callable[[], datetime]
    interruption: Cancellation | None
    observe: Observer
    unfenced: Store
    """For writes about this run alone, and those that compare the token of one target."""

    def read(self) -> Reading:
        """Settles what a run that ended left behind, and reads the sources."""
        for name in self.setup.targets:
            settle(self.store, name, "its run ended before an answer came", self.now.time)
        # of a run that did not come as far as to accept it
        self._put_back(read=self.options.read or not self.options.keys)
        if not self.options.read:
            return Reading({})
        return read_sources(
            self.setup, self.store, None, self.now, self.options.allowance, self.report
        )

    async def run(self, reading: Reading) -> RunOutcome:
        """Plans with what was read, and sends."""
        if reading.refusals:
            self._stop()
            self._remember({})
            return self._stopped(reading.refusals, {}, reading.problems)
        books = Books(SnapshotView(self.store), self.store, self.store, self.run_id)
        fence = LeaseKeeper(self.unfenced, self.token, self.clock)
        async with connected(
            self.setup, self.options, self.store, self.now, fence.holds, self.observe
        ) as ways:
            channels = [way.channel for way in ways.values()]
            renewing = asyncio.create_task(self._renew(channels, fence))
            with cancellable(partial(_stop_all, channels), self.interruption):
                try:
                    prepared = await prepare(
                        self.setup, books, ways, self.options, self.now, reading, self.report
                    )
                    prepared.problems += problems_of_plan(books, prepared)
                    if prepared.refusals:
                        self._stop()
                    else:
                        self._accept(prepared)
                    outcomes = await self._execute(prepared)
                    self._remember(prepared.targets, good=not prepared.refusals)
                finally:
                    renewing.cancel()
        if prepared.refusals:
            return self._stopped(prepared.refusals, outcomes, prepared.problems)
        problems = tuple(prepared.problems)
        failed = any(target.failed or target.error for target in outcomes.values()) or problems
        outcome = "failed" if failed else "done"
        if any(isinstance(target.error, Interrupted) for target in outcomes.values()):
            outcome = "interrupted"
        return RunOutcome(self.run_id, outcome, outcomes, None, problems)

    def _stopped(
        self,
        refusals: Sequence[Refusal],
        outcomes: Mapping[str, TargetOutcome],
        problems: Sequence[Problem],
    ) -> RunOutcome:
        said = "\n".join(map(str, refusals))
        brief = "\n".join(one.nameless for one in refusals)
        return RunOutcome(self.run_id, "stopped", outcomes, said, tuple(problems), brief)

    def _stop(self) -> None:
        """A guard said no: cursors stay, nothing of the plan is left to be done, what was read
        counts for nobody."""
        self._put_back()
        with self.store.write() as connection:
            journal.close_open(
                connection,
                OperationFilter(run=self.run_id),
                OperationStatus.SKIPPED,
                "a guard stopped the run",
                self.clock(),
            )

    def _put_back(self, *, read: bool = True) -> None:
        """What was read and planned and not accepted counts for nobody."""
        with self.store.write() as connection:
            memberships.put_back(connection, list(self.setup.targets))
            if read:
                records.put_back(connection, list(self.setup.sources), self.now.time)

    def _accept(self, prepared: Prepared) -> None:
        """The plans are in the journal and the guards have nothing against them: cursors move, what
        was read counts."""
        with self.store.write() as connection:
            records.accept(connection, list(self.setup.sources), self.options.keys)
            for name, target in prepared.targets.items():
                if target.error is not None:
                    journal.close_open(
                        connection,
                        OperationFilter(run=self.run_id, target=name),
                        OperationStatus.SKIPPED,
                        target.error.message,
                        self.clock(),
                    )
                    memberships.put_back(connection, [name])
                    continue
                memberships.accept(connection, [name])
                target.accept(connection)
                if target.state is not None:
                    targets.put_target(connection, target.state)

    def _remember(self, planned: Mapping[str, PlannedTarget], *, good: bool = False) -> None:
        """How the targets fared, in a run that was `good` for those without an error, and when it
        was about everybody."""
        whole = self.options.read and not self.options.keys
        with self.unfenced.write() as connection:
            for name in self.setup.targets:
                if not leases.renew(connection, self.token.only(f"target {name}"), self.clock()):
                    continue
                known = new = targets.get_target(connection, name)
                target = planned.get(name)
                if target is not None:
                    new = after_run(known, target.channel, target.error, self.clock())
                if whole:
                    new = replace(new, ran_at=self.now.time)
                    if good and target is not None and target.error is None:
                        new = replace(new, good_run_at=self.clock())
                if new != known:
                    targets.put_target(connection, new)

    async def _execute(self, prepared: Prepared) -> dict[str, TargetOutcome]:
        outcomes: dict[str, TargetOutcome] = {}

        async def one(name: str, target: PlannedTarget) -> None:
            began = time.monotonic()
            if not prepared.refusals and target.error is None:
                await self._execute_target(name, target, prepared.books)
            outcomes[name] = self._outcome(name, target, time.monotonic() - began)

        await gather_or_raise([one(name, target) for name, target in prepared.targets.items()])
        return {name: outcomes[name] for name in prepared.targets}

    async def _execute_target(self, name: str, target: PlannedTarget, books: Books) -> None:
        setup = target.setup
        journal_writer = JournalWriter(
            self.unfenced, self.run_id, name, self.token.only(f"target {name}"), self.clock
        )
        secret = SecretValues(books.view, setup.sources, setup.program, self.now.today)
        sender = OperationSender(
            target.channel,
            setup.dialect,
            lambda entry: (
                target.matcher
                if entry.kind is Kind.USER
                else target.group_matchers[name_of(entry.key)]
            ),
            once=lambda entry: (
                setup.once
                if entry.kind is Kind.USER
                else create_only_paths(setup.groups[name_of(entry.key)].program)
            ),
            secret=secret.get,
            owner=journal_writer.owner,
            clock=self.clock,
        )

        def progress(phase: Phase, number: int, total: int | None = None) -> None:
            self.report(name, PHASE_WORDS[phase], number, total)

        phases = Executor(name, journal_writer, target.channel, sender, setup.concurrency, progress)
        try:
            await self._run_phases(name, target, phases)
        except Exception as error:
            phases.unforeseen = report_unexpected(name, error)
        journal_writer.fail_again(phases.again, self.clock())
        stopped = phases.unforeseen or target.channel.stopped
        target.error = target.error or stopped
        journal_writer.close(
            "its account did not come to be" if stopped is None else stopped.message
        )

    async def _run_phases(self, name: str, target: PlannedTarget, phases: Executor) -> None:
        await phases.run()
        for _ in range(ROUNDS):
            users, groups = self._once_more(name, phases)
            if not (users or groups) or target.channel.stopped is not None:
                break
            phases.again.clear()
            try:
                await target.plan_again(users, groups, frozenset(self.options.keys) or None)
            except RequestError as error:
                target.error = TargetUnavailable(f"{name}: {error}", brief=f"{name}: {error.brief}")
                break
            except TargetStopped:
                break
            await phases.run()

    def _once_more(self, name: str, phases: Executor) -> tuple[list[Key], list[Key]]:
        """Users and groups to be planned again in the same run: they were gone, or somebody that
        they refer to exists now."""
        with self.store.read() as connection:
            waiting = set(work.waiting_keys(connection, name))
        if self.options.keys:
            waiting &= set(self.options.keys)
        gone = {kind: {key for of, key in phases.again if of is kind} for kind in Kind}
        return sorted(gone[Kind.USER] | waiting), sorted(gone[Kind.GROUP])

    def _outcome(self, name: str, target: PlannedTarget, seconds: float) -> TargetOutcome:
        with self.store.read() as connection:
            mine = OperationFilter(run=self.run_id, target=name)
            counted = journal.count(connection, mine)
            refused = journal.find(
                connection,
                replace(mine, statuses=(OperationStatus.FAILED,), was_sent=True),
                limit=FIRST_FAILURES,
            )
            shown = tuple(f"{entry.action} {entry.key}: {entry.detail}" for entry in refused)
        counts = {
            action: number
            for (action, status), number in counted.items()
            if status is OperationStatus.APPLIED
        }
        failed = sum(
            number for (_, status), number in counted.items() if status is OperationStatus.FAILED
        )
        ordered = {action.value: counts[action] for action in Action if counts.get(action)}
        statuses = {(action, status.value): number for (action, status), number in counted.items()}
        return TargetOutcome(
            ordered, failed, target.channel.requests, seconds, target.error, shown, statuses
        )

    async def _renew(self, channels: list[TargetConnection], fence: LeaseKeeper) -> None:
        """Keeps the leases as long as the run lasts."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                ours = await fence.renew()
            except StateError as error:
                _LOG.warning(
                    "the leases could not be renewed, which is tried again: %s", error.message
                )
                continue
            if not ours:
                for channel in channels:
                    channel.lost_lease()
                return
