"""Send the planned operations of one target, phase by phase, several at a time.

Each operation is journalled before and after it is sent. While one batch is under way, the outcomes
of the batch before are written, and the next batch is let out, in one transaction.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from scimsync.errors import ScimsyncError, coded
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.journal_writer import JournalWriter
from scimsync.execute.operation_outcome import OperationOutcome
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.execute.send import send_operation
from scimsync.execute.unexpected import report_unexpected
from scimsync.logcontext import in_operation
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId, fold_name
from scimsync.model.links import failed_link
from scimsync.model.operations import Action, JournaledOperation, OperationStatus, Phase
from scimsync.model.placeholders import IdOf
from scimsync.targets.connection import TargetStopped

BATCH_PER_WORKER = 32
"""How many operations are read, prepared and committed together, for each concurrent request."""

MEMBER_BATCH_PER_WORKER = 2
"""The same for operations on members: each may hold hundreds of them."""


class Progress(Protocol):
    """Receives how many operations of a phase were finished, and once how many there are."""

    def __call__(self, phase: Phase, number: int, total: int | None = None) -> None: ...


class Executor:
    """Executes the plan of one target.

    After `run`, `again` holds resources to be planned once more in this run, and `unexpected` an
    error that is a bug: its operation has no outcome.
    """

    def __init__(
        self,
        target: str,
        journal: JournalWriter,
        sending: Sending,
        concurrency: int,
        progress: Progress,
    ) -> None:
        self._target = target
        self._journal = journal
        self._sending = sending
        self._connection = sending.connection
        self._concurrency = concurrency
        self._progress = progress
        self._slots = asyncio.Semaphore(concurrency)
        self._group_locks: dict[Key, asyncio.Lock] = {}
        self._renamed: dict[Key, Change] = {}
        self._stuck: list[tuple[JournaledOperation, str]] = []
        self.again: set[tuple[Kind, Key]] = set()
        self.unexpected: ScimsyncError | None = None

    async def run(self) -> None:
        """Send everything that is planned. End early where the connection was stopped."""
        planned = self._journal.count_planned()
        for phase in Phase:
            if total := planned.get(phase):
                self._progress(phase, 0, total)
                await self._run_phase(phase)

    async def _run_phase(self, phase: Phase) -> None:
        left = await self._run_passes(phase)
        if phase is Phase.UPDATE and left:
            while await self._break_cycle():
                left = await self._run_passes(phase)
        if left:
            await self._pass(phase, last=True)
        while self._stuck:
            await self._rename_back(*self._stuck.pop())

    async def _run_passes(self, phase: Phase) -> bool:
        """Send what is ready, then what waited for it. Return whether operations are left."""
        while True:
            sent, left = await self._pass(phase, last=False)
            if not (sent and left):
                return left

    async def _pass(self, phase: Phase, *, last: bool) -> tuple[bool, bool]:
        """Go once through the planned operations of a phase.

        Return whether some were sent, and whether some are left.
        """
        sent = left = False
        after_id = 0
        running: asyncio.Task[list[OperationOutcome]] | None = None
        done: list[OperationOutcome] = []
        try:
            while True:
                operations = self._next_batch(phase, after_id)
                if operations:
                    after_id = operations[-1].id
                accounts = self._journal.accounts(_referenced(operations))
                ready = self._ready(phase, operations, accounts, last=last)
                left = left or len(ready) < len(operations)
                sent = sent or bool(ready)
                prepared = self._prepare(ready, accounts)
                if prepared or done:
                    if not await self._commit_batch(done, prepared):
                        prepared = []
                    self._progress(phase, len(done))
                following = asyncio.create_task(self._send(prepared)) if prepared else None
                before, running = running, following
                done = [] if before is None else await _finish(before)
                if not (operations or running or done):
                    return sent, left
        finally:
            if running is not None:  # only after an error: the journal says what was under way
                await _cancel(running)

    def _next_batch(self, phase: Phase, after_id: int) -> list[JournaledOperation]:
        over = self._connection.stopped or (
            phase is Phase.CREATE and not self._connection.may_create
        )
        return [] if over else self._journal.planned(phase, after_id, self._batch_size(phase))

    def _batch_size(self, phase: Phase) -> int:
        if phase is Phase.MEMBERS:
            return self._concurrency * MEMBER_BATCH_PER_WORKER
        return max(self._concurrency * BATCH_PER_WORKER, BATCH_PER_WORKER)

    def _prepare(
        self, operations: Sequence[JournaledOperation], accounts: dict[Key, RemoteId]
    ) -> list[PreparedOperation]:
        if not operations:
            return []
        links = self._journal.links_of(operations)
        members = self._journal.member_ids(operations)
        return [
            self._sending.prepare(one, links.get((one.kind, one.key)), accounts, members)
            for one in operations
        ]

    def _ready(
        self,
        phase: Phase,
        operations: Sequence[JournaledOperation],
        accounts: dict[Key, RemoteId],
        *,
        last: bool,
    ) -> list[JournaledOperation]:
        """Return the operations whose references exist and whose userName is free."""
        if phase is Phase.CREATE and not last:
            return [one for one in operations if all(key in accounts for key in _referenced([one]))]
        if phase is not Phase.UPDATE:
            return list(operations)
        blocked = self._blocked(operations)
        if last:
            for one in operations:
                if one.id in blocked:
                    name, holder = blocked[one.id]
                    why = f"userName {name} still belongs to {holder}"
                    self._give_up(one, coded(why, "SYNC-0348"))
        return [one for one in operations if one.id not in blocked]

    def _blocked(self, operations: Sequence[JournaledOperation]) -> dict[int, tuple[str, Key]]:
        """Return operation -> the userName that it needs and the user that still has it."""
        names = {
            one.id: name
            for one in operations
            if one.waits_for is not None and (name := _new_name(one))
        }
        holders = self._journal.holders(list(names.values()))
        return {
            one.id: (name, holder.key)
            for one in operations
            if (name := names.get(one.id)) is not None
            and (holder := holders.get(name)) is not None
            and holder.key != one.key
        }

    def _give_up(self, operation: JournaledOperation, detail: str) -> None:
        if operation.key in self._renamed:
            self._stuck.append((operation, detail))
        else:
            self._journal.give_up(operation, detail)

    async def _send(self, prepared: Sequence[PreparedOperation]) -> list[OperationOutcome]:
        """Send a batch, `concurrency` operations at a time.

        Operations that were not sent, because the connection was stopped, have no outcome.
        """
        waiting = iter(prepared)
        outcomes: list[OperationOutcome] = []

        async def worker() -> None:
            async with self._slots:  # workers of the batch before hold them until they are done
                for one in waiting:
                    try:
                        outcome = await self._send_one(one)
                    except TargetStopped:
                        return
                    except Exception as error:  # a bug: this operation has no outcome
                        self.unexpected = report_unexpected(self._target, error)
                        continue
                    outcomes.append(outcome)
                    if outcome.again:
                        self.again.add((one.operation.kind, one.operation.key))

        await gather_or_raise([worker() for _ in range(min(self._concurrency, len(prepared)))])
        return outcomes

    async def _send_one(self, prepared: PreparedOperation) -> OperationOutcome:
        async with self._group_lock(prepared.operation):
            with in_operation(prepared.operation.id):
                return await send_operation(self._sending, prepared)

    def _group_lock(self, operation: JournaledOperation) -> AbstractAsyncContextManager[object]:
        """Send one request at a time for each group: some service providers lose one of two."""
        if operation.kind is Kind.USER:
            return nullcontext()
        return self._group_locks.setdefault(operation.key, asyncio.Lock())

    async def _commit_batch(
        self, done: Sequence[OperationOutcome], going_out: Sequence[PreparedOperation]
    ) -> bool:
        ours = await asyncio.to_thread(self._journal.commit_batch, done, going_out)
        if not ours:
            self._connection.lost_lease()
        return ours

    # Cycles of userNames

    async def _break_cycle(self) -> bool:
        """Give one of several users that wait for each other's userName a temporary name."""
        if self._connection.stopped:
            return False
        operations = self._journal.planned(Phase.UPDATE, 0, self._batch_size(Phase.UPDATE))
        by_key = {one.key: one for one in operations}
        for one in operations:
            if one.waits_for in by_key and by_key[one.waits_for].remote_id is not None:
                return await self._rename(one)
        return False

    async def _rename(self, operation: JournaledOperation) -> bool:
        """Give a user a temporary name. The operation itself is still to be sent."""
        link = self._journal.links_of([operation]).get((operation.kind, operation.key))
        if link is None or "userName" not in link.document:
            return False
        name = link.document["userName"]
        change = Change("userName", name, f"moving-{uuid.uuid4().hex[:12]}-{name}")
        outcome = await self._send_step(operation, change)
        if outcome is None:
            return False
        if outcome.result.status is not OperationStatus.APPLIED or outcome.link is None:
            await self._commit_batch([outcome], [])
            return True
        kept = replace(outcome, link=replace(outcome.link, delete_after=link.delete_after))
        if not await asyncio.to_thread(self._journal.plan_again, operation, kept):
            self._connection.lost_lease()
            return False
        self._renamed[operation.key] = change
        return True

    async def _rename_back(self, operation: JournaledOperation, why: str) -> None:
        """Give a user with a temporary name the old name again, if that is still free."""
        change = self._renamed[operation.key]
        link = self._journal.links_of([operation]).get((operation.kind, operation.key))
        old = fold_name(change.before)
        free = old is not None and not self._journal.holders([old])
        if link is None or not free or self._connection.stopped:
            self._journal.give_up(operation, why)
            return
        back = Change(change.path, change.after, change.before)
        outcome = await self._send_step(operation, back)
        if outcome is None:
            return
        after = outcome.link
        if after is not None and outcome.result.status is OperationStatus.APPLIED:
            restored = replace(after, delete_after=link.delete_after)
            after = failed_link(restored, after.kind, after.key, why, outcome.result.done_at)
        failed = replace(outcome.result, status=OperationStatus.FAILED, detail=why)
        await self._commit_batch([replace(outcome, result=failed, link=after)], [])

    async def _send_step(
        self, operation: JournaledOperation, change: Change
    ) -> OperationOutcome | None:
        """Send one change in place of an operation; None where it was not sent."""
        step = replace(operation, action=Action.UPDATE, changes=(change,), base=None)
        (prepared,) = self._prepare([step], {})
        if not await self._commit_batch([], [prepared]):
            return None
        try:
            return await self._send_one(prepared)
        except TargetStopped:
            return None


async def _finish(batch: asyncio.Task[list[OperationOutcome]]) -> list[OperationOutcome]:
    """Return the outcomes of a batch; an error cancels its requests."""
    try:
        return await batch
    except BaseException:
        await _cancel(batch)
        raise


async def _cancel(batch: asyncio.Task[list[OperationOutcome]]) -> None:
    batch.cancel()
    await asyncio.gather(batch, return_exceptions=True)


def _referenced(operations: Sequence[JournaledOperation]) -> list[Key]:
    """Return the keys whose accounts these operations refer to."""
    return [
        change.after.key
        for operation in operations
        for change in operation.changes
        if isinstance(change.after, IdOf)
    ]


def _new_name(operation: JournaledOperation) -> str | None:
    changed = (change for change in operation.changes if change.path == "userName")
    return next((fold_name(change.after) for change in changed), None)
