"""Sends a target's planned operations, phase by phase, several at a time, each journalled before
and after.

While one batch is on its way, the outcomes of the batch before are written and the next batch is
let out, in one transaction.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from scimsync.errors import ScimsyncError
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.journal_writer import JournalWriter
from scimsync.execute.operations import OperationSender
from scimsync.execute.outcome import OperationOutcome
from scimsync.execute.unexpected import report_unexpected
from scimsync.logcontext import in_operation
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId, fold_name
from scimsync.model.links import Link, failed_link
from scimsync.model.operations import Action, JournaledOperation, OperationStatus, Phase
from scimsync.plan.model import REF, marker
from scimsync.targets.connection import TargetConnection, TargetStopped

BATCH_PER_WORKER = 32


class Progress(Protocol):
    """Told how many operations of a phase came to an end, and once how many there are in all."""

    def __call__(self, phase: Phase, number: int, total: int | None = None) -> None: ...


class Executor:
    """Runs the phases of one target. `unforeseen` is what came up that nobody foresaw: its
    operation has no outcome."""

    def __init__(
        self,
        target: str,
        journal_writer: JournalWriter,
        channel: TargetConnection,
        sender: OperationSender,
        concurrency: int,
        progress: Progress,
    ) -> None:
        self._target = target
        self._journal = journal_writer
        self._channel = channel
        self._sender = sender
        self._concurrency = concurrency
        self._batch = max(concurrency * BATCH_PER_WORKER, 32)
        self._progress = progress
        self._slots = asyncio.Semaphore(concurrency)
        self._groups: dict[Key, asyncio.Lock] = {}
        self._aside: dict[Key, Change] = {}
        self._stuck: list[tuple[JournaledOperation, str]] = []
        self.again: set[tuple[Kind, Key]] = set()
        self.unforeseen: ScimsyncError | None = None

    async def run(self) -> None:
        """Sends everything that is planned. Ends early where the channel was stopped."""
        for phase in Phase:
            if total := self._journal.count_waiting(phase):
                self._progress(phase, 0, total)
            # each pass sends what is ready; what others have to make way for comes in the next one
            while await self._pass(phase, last=False):
                pass
            if phase is Phase.UPDATE:
                while await self._break_cycle():
                    while await self._pass(phase, last=False):
                        pass
            await self._pass(phase, last=True)
            while self._stuck:
                await self._step_back(*self._stuck.pop())

    async def _pass(self, phase: Phase, *, last: bool) -> bool:
        """Goes once through the planned operations of a phase; says whether any was sent and some
        are left."""
        sent = left = False
        after_id = 0
        running: asyncio.Task[list[OperationOutcome]] | None = None
        done: list[OperationOutcome] = []
        try:
            while True:
                over = self._channel.stopped or (
                    phase is Phase.CREATE and not self._channel.creates
                )
                entries = [] if over else self._journal.waiting(phase, after_id, self._batch)
                if entries:
                    after_id = entries[-1].id
                accounts = self._journal.accounts(_references(entries))
                ready = self._ready(phase, entries, accounts, last=last)
                left = left or len(ready) < len(entries)
                sent = sent or bool(ready)
                if ready or done:
                    if not await self._commit_batch(done, ready):
                        ready = []
                    self._progress(phase, len(done))
                following = None
                if ready:
                    known = self._journal.links_of(ready)
                    members = self._journal.member_ids(ready)
                    following = asyncio.create_task(self._send(ready, known, accounts, members))
                before, running = running, following
                done = [] if before is None else await self._end(before)
                if not (entries or running or done):
                    return sent and left
        finally:
            # only after an error: what was on its way has no outcome, and the journal says so
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def _end(self, batch: asyncio.Task[list[OperationOutcome]]) -> list[OperationOutcome]:
        """What a batch came to; an error takes its requests along."""
        try:
            return await batch
        except BaseException:
            batch.cancel()
            await asyncio.gather(batch, return_exceptions=True)
            raise

    def _ready(
        self,
        phase: Phase,
        entries: Sequence[JournaledOperation],
        accounts: dict[Key, RemoteId],
        *,
        last: bool,
    ) -> list[JournaledOperation]:
        """Those whose time has come: the accounts that they refer to exist, the userName that they
        take is free."""
        if phase is Phase.CREATE and not last:
            if accounts.keys() >= set(_references(entries)):
                return list(entries)
            return [
                entry for entry in entries if all(key in accounts for key in _references([entry]))
            ]
        if phase is not Phase.UPDATE:
            return list(entries)
        names = {
            entry.id: name
            for entry in entries
            if entry.waits_for is not None and (name := _new_name(entry))
        }
        holders = self._journal.holders(Kind.USER, list(names.values()))
        in_the_way = {
            entry.id: holder.key
            for entry in entries
            if (holder := holders.get(names.get(entry.id, ""))) is not None
            and holder.key != entry.key
        }
        if last:
            for entry in entries:
                if entry.id in in_the_way:
                    detail = f"userName {names[entry.id]} is still held by {in_the_way[entry.id]}"
                    if entry.key in self._aside:
                        self._stuck.append((entry, detail))
                    else:
                        self._journal.give_up([entry], OperationStatus.FAILED, detail)
        return [entry for entry in entries if entry.id not in in_the_way]

    async def _send(
        self,
        entries: Sequence[JournaledOperation],
        known: dict[tuple[Kind, Key], Link],
        accounts: dict[Key, RemoteId],
        members: dict[tuple[Kind, Key], RemoteId],
    ) -> list[OperationOutcome]:
        """Carries out a batch, `concurrency` at a time. Those that a stop left unsent have no
        outcome."""
        waiting = iter(entries)
        outcomes: list[OperationOutcome] = []

        async def worker() -> None:
            # the workers of the batch before have them until they find nothing more to do
            async with self._slots:
                for entry in waiting:
                    try:
                        async with self._group_lock(entry):
                            outcome = await self._perform(entry, known, accounts, members)
                    except TargetStopped:
                        return
                    except (
                        Exception
                    ) as error:  # nobody foresaw it: this one has no outcome, and the others go on
                        self.unforeseen = report_unexpected(self._target, error)
                        continue
                    outcomes.append(outcome)
                    if outcome.again:
                        self.again.add((entry.kind, entry.key))

        await gather_or_raise([worker() for _ in range(min(self._concurrency, len(entries)))])
        return outcomes

    async def _perform(
        self,
        entry: JournaledOperation,
        known: dict[tuple[Kind, Key], Link],
        accounts: dict[Key, RemoteId],
        members: dict[tuple[Kind, Key], RemoteId],
    ) -> OperationOutcome:
        with in_operation(entry.id):
            return await self._sender.perform(
                entry, known.get((entry.kind, entry.key)), accounts, members
            )

    def _group_lock(self, entry: JournaledOperation) -> AbstractAsyncContextManager[object]:
        """One request at a time for each group: there are service providers that lose one of
        two."""
        if entry.kind is Kind.USER:
            return nullcontext()
        return self._groups.setdefault(entry.key, asyncio.Lock())

    async def _commit_batch(
        self, done: Sequence[OperationOutcome], going_out: Sequence[JournaledOperation]
    ) -> bool:
        ours = await asyncio.to_thread(self._journal.commit_batch, done, going_out)
        if not ours:
            self._channel.lost_lease()
        return ours

    async def _break_cycle(self) -> bool:
        """Of people who wait for each other's userName, one steps aside under a temporary name."""
        if self._channel.stopped:
            return False
        entries = self._journal.waiting(Phase.UPDATE, 0, self._batch)
        by_key = {entry.key: entry for entry in entries}
        for entry in entries:
            if entry.waits_for in by_key and by_key[entry.waits_for].remote_id is not None:
                return await self._step_aside(entry)
        return False

    async def _step_aside(self, entry: JournaledOperation) -> bool:
        link = self._journal.links_of([entry]).get((entry.kind, entry.key))
        if link is None or "userName" not in link.document:
            return False
        temporary = f"moving-{uuid.uuid4().hex[:12]}-{link.document['userName']}"
        change = Change("userName", link.document["userName"], temporary)
        if not await self._commit_batch([], [entry]):
            return False
        step = replace(entry, action=Action.UPDATE, changes=(change,), base=None)
        try:
            outcome = await self._sender.perform(step, link, {}, {})
        except TargetStopped:
            return False
        if outcome.result.status is not OperationStatus.APPLIED or outcome.link is None:
            await self._commit_batch([outcome], [])
            return True
        # the operation itself is still to come: it waits again, from the temporary name
        kept = replace(outcome, link=replace(outcome.link, delete_after=link.delete_after))
        if not await asyncio.to_thread(self._journal.put_back, entry, kept):
            self._channel.lost_lease()
            return False
        self._aside[entry.key] = change
        return True

    async def _step_back(self, entry: JournaledOperation, why: str) -> None:
        """Who stepped aside and cannot go on, which is `why`, gets his old name again, if that is
        still free."""
        change = self._aside[entry.key]
        link = self._journal.links_of([entry]).get((entry.kind, entry.key))
        old = fold_name(change.before)
        free = old is not None and old not in self._journal.holders(Kind.USER, [old])
        if (
            link is None
            or not free
            or self._channel.stopped
            or not await self._commit_batch([], [entry])
        ):
            self._journal.give_up([entry], OperationStatus.FAILED, why)
            return
        step = replace(
            entry,
            action=Action.UPDATE,
            changes=(Change(change.path, change.after, change.before),),
            base=None,
        )
        try:
            outcome = await self._sender.perform(step, link, {}, {})
        except TargetStopped:
            return
        after = outcome.link
        if after is not None and outcome.result.status is OperationStatus.APPLIED:
            after = failed_link(
                replace(after, delete_after=link.delete_after),
                after.kind,
                after.key,
                why,
                outcome.result.done_at,
            )
        await self._commit_batch(
            [
                replace(
                    outcome,
                    result=replace(outcome.result, status=OperationStatus.FAILED, detail=why),
                    link=after,
                )
            ],
            [],
        )


def _references(entries: Sequence[JournaledOperation]) -> list[Key]:
    """The keys whose accounts these operations refer to."""
    return [
        change.after[REF]  # type: ignore[index]
        for entry in entries
        for change in entry.changes
        if marker(change.after) == REF
    ]


def _new_name(entry: JournaledOperation) -> str | None:
    return next(
        (fold_name(change.after) for change in entry.changes if change.path == "userName"), None
    )
