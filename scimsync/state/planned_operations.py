"""The plan of a run for one target, as operations in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import (
    OPEN_STATUSES,
    REMOVAL_ACTIONS,
    Action,
    JournaledOperation,
    Operation,
    OperationFilter,
    OperationStatus,
)
from scimsync.state import holds, link_changes, link_store, operation_journal
from scimsync.state.ingests import NewChanges, note_readings
from scimsync.state.store import Store

_BATCH = 1000


class PlannedOperations:
    """Writes and reads the operations that a run has planned for a target.

    `_store` is the state database. `_plan` is the database with the journal, which a plan that
    stores nothing replaces by its own. `changes` are the changes of records that the plan follows
    from.
    """

    def __init__(
        self, store: Store, run: int, target: str, now: datetime, changes: NewChanges | None
    ) -> None:
        self._store = store
        self._plan = store
        self._run = run
        self._target = target
        self._now = now
        self._changes = changes
        self._has_operations = False
        self._removes = False
        self._moved_keys: Mapping[Key, Key] | None = None

    def moved_keys(self) -> Mapping[Key, Key]:
        """Return the keys that accounts were moved from, with the keys that they have now."""
        if self._moved_keys is None:
            with self._store.read() as connection:
                self._moved_keys = link_store.moved_keys(connection, self._target)
        return self._moved_keys

    def _note_moved(self, keys: Mapping[Key, Key]) -> None:
        self._moved_keys = {**self.moved_keys(), **keys}

    def add_operations(self, operations: Sequence[Operation]) -> None:
        if operations:
            self._has_operations = True
            self._removes = self._removes or any(
                operation.kind is Kind.USER and operation.action in REMOVAL_ACTIONS
                for operation in operations
            )
            with self._plan.write() as connection:
                operation_journal.add_operations(
                    connection, self._run, self._target, operations, self._now
                )

    def refuse(self, operation: JournaledOperation, why: str) -> None:
        """Fail a planned operation before it is sent, with `why` in the journal."""
        with self._plan.write() as connection:
            operation_journal.close_open(
                connection,
                OperationFilter(ids=[operation.id]),
                OperationStatus.FAILED,
                why,
                self._now,
            )

    def planned_keys(self, kind: Kind, keys: Sequence[Key], *actions: str) -> set[Key]:
        return self._keys_of(
            OperationFilter(
                run=self._run,
                target=self._target,
                kind=kind,
                keys=keys,
                actions=actions or None,
                statuses=OPEN_STATUSES,
            )
        )

    def touched_keys(self, kind: Kind, keys: Sequence[Key]) -> set[Key]:
        where = OperationFilter(run=self._run, target=self._target, kind=kind, keys=keys)
        return self._keys_of(where)

    def keys_with(self, kind: Kind, actions: Sequence[str], size: int) -> Iterator[list[Key]]:
        where = OperationFilter(
            run=self._run,
            target=self._target,
            kind=kind,
            actions=actions,
            statuses=OPEN_STATUSES,
        )
        after = ""
        while True:
            with self._plan.read() as connection:  # closed while the caller adds operations
                keys = operation_journal.keys_after(connection, where, after, size)
            if keys:
                yield keys
            if len(keys) < size:
                return
            after = keys[-1]

    def claimed_names(self, kind: Kind, names: Sequence[str]) -> dict[str, Key]:
        with self._plan.read() as connection:
            return operation_journal.claimed_names(connection, self._run, self._target, kind, names)

    def adopted(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        where = OperationFilter(
            run=self._run, target=self._target, kind=kind, statuses=OPEN_STATUSES
        )
        with self._plan.read() as connection:
            return operation_journal.adopted(connection, where, ids)

    def adopted_ids(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, RemoteId]:
        where = OperationFilter(
            run=self._run,
            target=self._target,
            kind=kind,
            keys=keys,
            actions=[Action.ADOPT],
            statuses=OPEN_STATUSES,
        )
        with self._plan.read() as connection:
            return {
                one.key: one.remote_id
                for one in operation_journal.find(connection, where)
                if one.remote_id is not None
            }

    def planned_operations(self) -> Iterator[JournaledOperation]:
        yield from self._operations(OperationStatus.PLANNED)

    def failed_operations(self) -> Iterator[JournaledOperation]:
        yield from self._operations(OperationStatus.FAILED)

    def operation_keys(self, kind: Kind) -> set[Key]:
        """Return the resources that this run has planned operations for, failed ones too."""
        where = OperationFilter(run=self._run, target=self._target, kind=kind)
        with self._plan.read() as connection:
            return operation_journal.keys_of(connection, where)

    def operations_of(self, kind: Kind, keys: Sequence[Key]) -> list[JournaledOperation]:
        """Return the operations that this run has planned for `keys`, the failed ones too."""
        where = OperationFilter(run=self._run, target=self._target, kind=kind, keys=keys)
        with self._plan.read() as connection:
            return list(operation_journal.find(connection, where))

    def count_operations(self) -> dict[str, int]:
        where = OperationFilter(run=self._run, target=self._target, statuses=OPEN_STATUSES)
        with self._plan.read() as connection:
            counted = operation_journal.count(connection, where)
        numbers: dict[str, int] = {}
        for (action, _), number in counted.items():
            numbers[action] = numbers.get(action, 0) + number
        return numbers

    def tally(
        self,
        actions: Sequence[str],
        most: int,
        kind: Kind = Kind.USER,
        *,
        deactivates: bool = False,
    ) -> tuple[int, tuple[Key, ...]]:
        """Return how many users or groups have an open operation of `actions`.

        With `deactivates`, count only operations that set `active` to false. Return the first
        `most` keys, too. Users that were deprovisioned by hand do not count.
        """
        with self._store.read() as connection:
            held = holds.all_holds(connection)
        where = OperationFilter(
            run=self._run,
            target=self._target,
            kind=kind,
            actions=actions,
            exclude_keys=held,
            statuses=OPEN_STATUSES,
            deactivates=deactivates,
        )
        with self._plan.read() as connection:
            first = tuple(one.key for one in operation_journal.find(connection, where, limit=most))
            if len(first) < most:
                return len(first), first
            return sum(operation_journal.count(connection, where).values()), first

    def count_active(self, actions: Sequence[str]) -> int:
        """Return how many users with an open operation of `actions` have an active account."""
        number = 0
        for keys in self.keys_with(Kind.USER, actions, _BATCH):
            with self._store.read() as connection:
                number += link_store.count_active(connection, self._target, keys)
        return number

    def note_readings(self, connection: Connection) -> bool:
        """Record when the sources were first read with the changes that led to the plan.

        Return False if no change of any source was found to have been refused before.
        """
        if self._changes is None or not self._has_operations:
            return True
        return note_readings(connection, self._run, self._target, self._changes)

    def _mark_removals(self, connection: Connection) -> None:
        """Record that users may still have the access that the plan removes."""
        if not self._removes:
            return
        removals = OperationFilter(
            run=self._run,
            target=self._target,
            kind=Kind.USER,
            actions=REMOVAL_ACTIONS,
            statuses=(OperationStatus.PLANNED,),
        )
        link_changes.mark_removals(
            connection, self._target, operation_journal.keys_query(removals), self._now
        )
        self._removes = False

    def _operations(self, status: OperationStatus) -> Iterator[JournaledOperation]:
        where = OperationFilter(run=self._run, target=self._target, statuses=(status,))
        with self._plan.read() as connection:
            yield from operation_journal.find(connection, where)

    def _keys_of(self, where: OperationFilter) -> set[Key]:
        if not where.keys:
            return set()
        with self._plan.read() as connection:
            return operation_journal.keys_of(connection, where)
