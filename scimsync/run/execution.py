"""Execute the plans of targets, and plan again what the execution makes necessary."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress

from scimsync.errors import IdsChanged, coded
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.executor import Executor
from scimsync.execute.journal_writer import JournalWriter
from scimsync.execute.preparation import Sending
from scimsync.execute.secret_values import SecretValues
from scimsync.execute.unexpected import report_unexpected
from scimsync.formatting import plural
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import PHASE_WORDS, Action, Phase
from scimsync.plan import guard
from scimsync.run.bulk_decision import prepare_bulk
from scimsync.run.context import PushContext
from scimsync.run.outcome import TargetOutcome, target_outcome
from scimsync.run.target_run import TargetRun
from scimsync.state import due
from scimsync.targets.connection import TargetStopped
from scimsync.targets.evidence import IdOfAnother
from scimsync.transport.request_errors import RequestError

_LOG = logging.getLogger("scimsync")

ROUNDS = 3
"""The number of times that a run plans resources again: those that were gone, and those that refer
to them."""


async def execute_plans(
    context: PushContext, targets: Mapping[str, TargetRun]
) -> dict[str, TargetOutcome]:
    """Execute the plans of all targets without an error, side by side; return all outcomes."""
    outcomes: dict[str, TargetOutcome] = {}

    async def execute(name: str, target: TargetRun) -> None:
        began = time.monotonic()
        if target.error is None:
            await _TargetExecution(context, target).run()
        seconds = time.monotonic() - began
        outcomes[name] = target_outcome(
            context.store,
            context.run,
            context.now.time,
            name,
            target.connection.requests,
            seconds,
            target.error,
            target.reported,
        )

    await gather_or_raise([execute(name, target) for name, target in targets.items()])
    return outcomes


class _TargetExecution:
    """The execution of one target's plan."""

    def __init__(self, context: PushContext, target: TargetRun) -> None:
        self._context = context
        self._target = target
        self._adoptions_left: int | None = None
        compiled, name = target.compiled, target.name
        self._journal = JournalWriter(
            context.unfenced,
            context.run,
            name,
            context.token.only(f"target {name}"),
            context.clock,
            context.compiled.config.audit.event_destinations,
        )
        secrets = SecretValues(
            context.records, compiled.sources, compiled.program, context.now.today
        )
        sending = Sending(
            connection=target.connection,
            first_dialect=compiled.dialect,
            matcher_of=target.matcher_of,
            create_only=target.create_only,
            secret=secrets.get,
            owner=self._journal.owner,
            policy=compiled.policy,
            may_adopt_weakly=self._may_adopt_weakly,
            clock=context.clock,
            known_members=self._journal.known_members,
            run_doubt=context.now.doubt,
            shapes=target.shapes,
            reads_first=target.is_at_new_url,
        )
        self._executor = Executor(
            name, self._journal, sending, compiled.concurrency, self._progress
        )

    def _may_adopt_weakly(self) -> bool:
        """Return whether `max_adoptions` allows one more account, and count it."""
        context, target = self._context, self._target
        if self._adoptions_left is None:
            adopted = target.state.count_operations().get(Action.ADOPT, 0)
            weak = len(target.planner.weak_adoptions)
            limits = context.compiled.config.guard.limits
            allowance = context.options.allowance
            self._adoptions_left = guard.adoptions_left(adopted, weak, limits, allowance)
        self._adoptions_left -= 1
        return self._adoptions_left >= 0

    async def run(self) -> None:
        """Execute the plan. Store an error that prevents it in the target's `error`."""
        executor, target = self._executor, self._target
        try:
            await self._run_rounds()
        except Exception as error:
            executor.unexpected = report_unexpected(target.name, error)
        if isinstance(target.connection.stopped, IdsChanged):
            self._journal.detach_all()
        self._report_lost()
        self._journal.fail_repeated(executor.again)
        stopped = executor.unexpected or target.connection.stopped
        target.error = target.error or stopped or target.late_error
        why = coded("its account was not created", "SYNC-0348")
        if stopped is not None:
            why = coded(stopped.message, stopped.code)
        self._journal.close(why)

    def _report_lost(self) -> None:
        """Say that resources were gone at the target, which planning again has created."""
        counted = [(kind.noun, sum(of is kind for of, _ in self._executor.lost)) for kind in Kind]
        lost = " and ".join(plural(number, noun) for noun, number in counted if number)
        if lost:
            _LOG.warning(
                "%s: deleted at the target by others, and planned again in this run: %s"
                " [SYNC-0426]",
                self._target.name,
                lost,
            )

    async def _run_rounds(self) -> None:
        executor, target, context = self._executor, self._target, self._context
        planned = self._journal.count_planned()
        operations = sum(planned.values())
        if operations:
            with suppress(TargetStopped):  # the executor ends at once then
                await target.discoverer.discover()
        authenticator = context.compiled.authenticators.get(target.name)
        prepare_bulk(target, operations, authenticator, context.now.time)
        await executor.run(planned)
        for _ in range(ROUNDS):
            users, groups = self._due_again()
            if not (users or groups) or target.connection.stopped is not None:
                return
            executor.again.clear()
            try:
                await target.plan_again(users, groups, context.options.only, context.clock())
                if (error := target.planner.search_error) is not None:
                    target.error = target.unavailable(error)
            except IdOfAnother as error:
                target.connection.stop(error.at(target.name))
                return
            except RequestError as error:
                target.error = target.unavailable(error)
                return
            except TargetStopped:
                return
            await executor.run(self._journal.count_planned())

    def _due_again(self) -> tuple[list[Key], list[Key]]:
        """Return the users and groups to be planned again.

        They were gone, or an account that they refer to now exists.
        """
        with self._context.store.read() as connection:
            waiting = set(due.keys_with_resolvable_references(connection, self._target.name))
        waiting -= set(self._target.planner.kept_referrers)
        if self._context.options.only is not None:
            waiting &= self._context.options.only
        gone = {kind: {key for of, key in self._executor.again if of is kind} for kind in Kind}
        return sorted(gone[Kind.USER] | waiting), sorted(gone[Kind.GROUP])

    def _progress(self, phase: Phase, number: int, total: int | None = None) -> None:
        self._context.report(self._target.name, PHASE_WORDS[phase], number, total)
