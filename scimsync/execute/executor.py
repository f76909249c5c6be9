"""Send the planned operations of one target, phase by phase, several at a time.

Each operation is journalled before and after it is sent. While a batch is under way, one
transaction writes the outcomes of the previous batch and releases the next one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from scimsync.errors import ScimsyncError, coded
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.journal_writer import JournalWriter
from scimsync.execute.name_cycles import first_on_cycle, new_name, stepping_aside, unique_of
from scimsync.execute.operation_outcome import OperationOutcome
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.execute.send import send_operation
from scimsync.execute.unexpected import report_unexpected
from scimsync.execute.unnamed_groups import UnnamedGroups
from scimsync.logcontext import in_operation
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId, fold_name
from scimsync.model.links import Link, failed_link
from scimsync.model.operations import Action, JournaledOperation, OperationStatus, Phase
from scimsync.model.placeholders import IdOf
from scimsync.plan.deletions import uncounted
from scimsync.targets.connection import TargetStopped

BATCH_PER_WORKER = 32
"""The number of operations in a batch, for each concurrent request."""

MEMBER_BATCH_PER_WORKER = 2
"""The same for operations on members: each may hold hundreds of them."""

MEMBER_BATCH = 64
"""The number of operations on members in a batch, where one request holds several operations."""


class Progress(Protocol):
    """A callback for the number of finished operations of a phase, and once for their total."""

    def __call__(self, phase: Phase, number: int, total: int | None = None) -> None: ...


class Executor:
    """The executor of the plan of one target.

    After `run`, `again` holds resources to be planned once more in this run, and `lost` those that
    were gone at the target though they should exist. `unexpected` is an error that is a bug: its
    operation has no outcome.
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
        self._under_way = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._group_locks: dict[Key, asyncio.Lock] = {}
        self._renamed: dict[tuple[Kind, Key], Sequence[Change]] = {}
        self._unnamed_groups = UnnamedGroups()
        self._to_rename_back: list[tuple[JournaledOperation, str]] = []
        self.again: set[tuple[Kind, Key]] = set()
        self.lost: set[tuple[Kind, Key]] = set()
        self.unexpected: ScimsyncError | None = None

    async def run(self, planned: Mapping[int, int]) -> None:
        """Send all planned operations, of which there are `planned` in each phase.

        End early if the connection is stopped.
        """
        collector = self._connection.collector
        capacity = None if collector is None else collector.capacity
        self._under_way = capacity or self._concurrency
        self._slots = asyncio.Semaphore(self._under_way)
        for phase in Phase:
            if total := planned.get(phase):
                self._progress(phase, 0, total)
                await self._run_phase(phase)

    async def _run_phase(self, phase: Phase) -> None:
        remaining = await self._run_passes(phase)
        if phase in (Phase.UPDATE, Phase.GROUP) and remaining:
            while await self._break_cycle(phase):
                remaining = await self._run_passes(phase)
        if remaining:
            await self._pass(phase, last=True)
        while self._to_rename_back:
            await self._rename_back(*self._to_rename_back.pop())

    async def _run_passes(self, phase: Phase) -> bool:
        """Send ready operations, then those that waited for them. Return whether any remain."""
        while True:
            sent, remaining = await self._pass(phase, last=False)
            if not (sent and remaining):
                return remaining

    async def _pass(self, phase: Phase, *, last: bool) -> tuple[bool, bool]:
        """Go through the planned operations of a phase once.

        Return whether any were sent, and whether any remain.
        """
        sent = remaining = exhausted = False
        after_id = 0
        running: asyncio.Task[list[OperationOutcome]] | None = None
        outcomes: list[OperationOutcome] = []
        try:
            while True:
                size = self._batch_size(phase)
                operations = [] if exhausted else self._next_batch(phase, after_id, size)
                exhausted = len(operations) < size
                if operations:
                    after_id = operations[-1].id
                accounts = self._journal.accounts(_referenced(operations))
                ready = self._ready(phase, operations, accounts, last=last)
                remaining = remaining or len(ready) < len(operations)
                sent = sent or bool(ready)
                prepared = self._prepare(ready, accounts)
                if prepared or outcomes:
                    if not await self._commit_batch(outcomes, prepared):
                        prepared = []
                    self._progress(phase, len(outcomes))
                started = asyncio.create_task(self._send(prepared)) if prepared else None
                previous, running = running, started
                outcomes = [] if previous is None else await _finish(previous)
                if not (operations or running or outcomes):
                    return sent, remaining
        finally:
            if running is not None:  # only after an error: the journal has what was under way
                await _cancel(running)

    def _next_batch(self, phase: Phase, after_id: int, size: int) -> list[JournaledOperation]:
        finished = self._connection.stopped or (
            phase is Phase.CREATE and not self._connection.may_create
        )
        return [] if finished else self._journal.planned(phase, after_id, size)

    def _batch_size(self, phase: Phase) -> int:
        if self._under_way > self._concurrency:  # two batches are under way at a time
            half = self._under_way // 2
            return min(half, MEMBER_BATCH) if phase is Phase.MEMBERS else half
        if phase is Phase.MEMBERS:
            return self._concurrency * MEMBER_BATCH_PER_WORKER
        return max(self._concurrency * BATCH_PER_WORKER, BATCH_PER_WORKER)

    def _prepare(
        self, operations: Sequence[JournaledOperation], accounts: dict[Key, RemoteId]
    ) -> list[PreparedOperation]:
        if not operations:
            return []
        operations = [self._unnamed_groups.without_additions(one) for one in operations]
        links = self._journal.links_of(operations)
        members = self._journal.member_ids(operations)
        return [
            self._sending.prepare(
                operation, links.get((operation.kind, operation.key)), accounts, members
            )
            for operation in operations
        ]

    def _ready(
        self,
        phase: Phase,
        operations: Sequence[JournaledOperation],
        accounts: dict[Key, RemoteId],
        *,
        last: bool,
    ) -> list[JournaledOperation]:
        """Return the operations whose references exist and whose name is free."""
        if phase not in (Phase.UPDATE, Phase.CREATE, Phase.GROUP):
            return list(operations)
        self._unnamed_groups.expect(operations)
        if phase is Phase.CREATE and not last:
            operations = [
                operation
                for operation in operations
                if all(key in accounts for key in _referenced([operation]))
            ]
        blocked = self._blocked(phase, operations)
        if last:
            for operation in operations:
                if operation.id in blocked:
                    name, holder = blocked[operation.id]
                    why = f"{unique_of(operation)} {name} still belongs to {holder}"
                    self._give_up(operation, coded(why, "SYNC-0348"))
        return [operation for operation in operations if operation.id not in blocked]

    def _blocked(
        self, phase: Phase, operations: Sequence[JournaledOperation]
    ) -> dict[int, tuple[str, Key]]:
        """Return operation -> the name that it needs and the user or group that still has it.

        A group that is not about to give up its name does not block others: it is deleted after
        this phase, or its operation has failed.
        """
        names = {
            operation.id: name
            for operation in operations
            if operation.waits_for is not None and (name := new_name(operation))
        }
        kind = Kind.GROUP if phase is Phase.GROUP else Kind.USER
        holders = self._journal.holders(kind, list(names.values()))
        if kind is Kind.GROUP:
            going = self._journal.unfinished(phase, [link.key for link in holders.values()])
            holders = {name: link for name, link in holders.items() if link.key in going}
        return {
            operation.id: (name, holder.key)
            for operation in operations
            if (name := names.get(operation.id)) is not None
            and (holder := holders.get(name)) is not None
            and holder.key != operation.key
        }

    def _give_up(self, operation: JournaledOperation, detail: str) -> None:
        if (operation.kind, operation.key) in self._renamed:
            self._to_rename_back.append((operation, detail))
        else:
            self._journal.give_up(operation, detail)

    async def _send(self, batch: Sequence[PreparedOperation]) -> list[OperationOutcome]:
        """Send a batch, as many operations at a time as requests in flight can hold.

        Operations that were not sent, because the connection was stopped, have no outcome.
        """
        queue = iter(batch)
        outcomes: list[OperationOutcome] = []

        async def worker() -> None:
            async with self._slots:  # workers of the previous batch hold them until they finish
                for prepared in queue:
                    try:
                        outcome = await self._send_one(prepared)
                    except TargetStopped:
                        return
                    except Exception as error:  # a bug: this operation has no outcome
                        self.unexpected = report_unexpected(self._target, error)
                        continue
                    outcomes.append(outcome)
                    self._unnamed_groups.note(prepared.operation, outcome)

        await gather_or_raise([worker() for _ in range(min(self._under_way, len(batch)))])
        return outcomes

    async def _send_one(self, prepared: PreparedOperation) -> OperationOutcome:
        async with self._group_lock(prepared.operation):
            with in_operation(prepared.operation.id):
                outcome = await send_operation(self._sending, prepared)
        resource = (prepared.operation.kind, prepared.operation.key)
        if outcome.lost:
            self.lost.add(resource)
        if outcome.again:
            self.again.add(resource)
        return self._without_wrong_time(prepared.link, outcome)

    def _without_wrong_time(
        self, before: Link | None, outcome: OperationOutcome
    ) -> OperationOutcome:
        """Let the time until a deletion begin later, if the clock is wrong."""
        link = outcome.link
        known = None if before is None else before.left_at
        if link is None or link.left_at in (None, known) or not self._sending.clock_is_wrong:
            return outcome
        return replace(outcome, link=uncounted(link, self._sending.clock()))

    def _group_lock(self, operation: JournaledOperation) -> AbstractAsyncContextManager[object]:
        """Send one request at a time for each group: some servers lose concurrent ones."""
        if operation.kind is Kind.USER:
            return nullcontext()
        return self._group_locks.setdefault(operation.key, asyncio.Lock())

    async def _commit_batch(
        self, outcomes: Sequence[OperationOutcome], to_send: Sequence[PreparedOperation]
    ) -> bool:
        lease_held = await asyncio.to_thread(self._journal.commit_batch, outcomes, to_send)
        if not lease_held:
            self._connection.lost_lease()
        return lease_held

    # Cycles of names

    async def _break_cycle(self, phase: Phase) -> bool:
        """Give a temporary name to one of the resources that wait for each other's name."""
        if self._connection.stopped:
            return False
        size = self._batch_size(phase)
        operations = self._journal.planned(phase, 0, size)
        renamed = {one.key for one in operations if (one.kind, one.key) in self._renamed}
        operation = first_on_cycle(operations, renamed, may_go_on=len(operations) == size)
        return operation is not None and await self._rename(operation)

    async def _rename(self, operation: JournaledOperation) -> bool:
        """Give a user or group a temporary name. The operation itself stays planned.

        Some targets keep e-mail addresses unique too, so that those are given up as well.
        """
        link = self._journal.links_of([operation]).get((operation.kind, operation.key))
        if link is None or unique_of(operation) not in link.document:
            return False
        changes = stepping_aside(operation, link.document, f"moving-{uuid.uuid4().hex[:12]}-")
        outcome = await self._send_step(operation, changes)
        if outcome is None:
            return False
        if outcome.result.status is not OperationStatus.APPLIED or outcome.link is None:
            await self._commit_batch([outcome], [])
            return True
        kept = replace(outcome, link=replace(outcome.link, delete_after=link.delete_after))
        if not await asyncio.to_thread(self._journal.plan_again, operation, kept):
            self._connection.lost_lease()
            return False
        self._renamed[operation.kind, operation.key] = changes
        return True

    async def _rename_back(self, operation: JournaledOperation, why: str) -> None:
        """Restore the old name of a resource with a temporary name, if it is still free.

        It is not if a request with an unknown outcome may have given it to another one.
        """
        unique = unique_of(operation)
        changes = self._renamed[operation.kind, operation.key]
        link = self._journal.links_of([operation]).get((operation.kind, operation.key))
        old = next(fold_name(one.before) for one in changes if one.path == unique)
        free = old is not None and not self._journal.holders(operation.kind, [old])
        if link is None or not free or self._connection.stopped:
            name = next(one.after for one in changes if one.path == unique)
            self._journal.give_up(operation, f"{why}; until then, its {unique} is {name}")
            return
        back = [Change(one.path, one.after, one.before) for one in changes]
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
        self, operation: JournaledOperation, changes: Sequence[Change]
    ) -> OperationOutcome | None:
        """Send some changes instead of an operation. Return None if it was not sent."""
        step = replace(operation, action=Action.UPDATE, changes=tuple(changes), base=None)
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
