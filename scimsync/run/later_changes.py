"""Find out what later runs have changed: attributes, members, and which resource a key has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import member_of
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    MEMBERSHIP_ACTIONS,
    Action,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.state import operation_journal, run_rows
from scimsync.state.store import Store

_BATCH = 500

HAD_EFFECT = (OperationStatus.APPLIED, OperationStatus.FAILED)
"""Operations that failed may have had a part of their effect."""

ChangedPath = tuple[Kind, Key, str]
"""A resource and one of its attributes, or one of its members."""


def later_changes(
    store: Store, target: str, run: int, keys: Sequence[Key]
) -> dict[ChangedPath, int]:
    """Map each attribute and member of `keys` that runs after `run` changed to the first such run.

    Ignore runs that were reverted since, and their reverts.
    """
    runs: dict[ChangedPath, list[int]] = {}
    with store.read() as connection:
        undoes = {
            one.id: undone_run
            for one in run_rows.after(connection, run)
            if (undone_run := _reverted_run(one.command)) is not None
        }
        for some in batches(keys, _BATCH):
            done = OperationFilter(
                target=target,
                keys=some,
                statuses=HAD_EFFECT,
                was_sent=True,
                after_run=run,
            )
            for operation in operation_journal.last(connection, done, None):
                for path in _paths(operation):
                    runs.setdefault(path, []).append(operation.run)
    return {
        path: left[0] for path, numbers in runs.items() if (left := _not_undone(numbers, undoes))
    }


def replaced_resources(
    store: Store, target: str, run: int, keys: Sequence[Key]
) -> dict[tuple[Kind, Key], int]:
    """Map the users and groups `keys` that got another resource after `run` to the first such run.

    Without a resource of its own, a key is created or adopted, or another key's is moved to it. A
    creation or adoption counts whatever became of it: a later run may have found what it made.
    """
    first: dict[tuple[Kind, Key], int] = {}
    with store.read() as connection:
        for some in batches(keys, _BATCH):
            arrivals = OperationFilter(
                target=target, keys=some, actions=(*ARRIVAL_ACTIONS, Action.MOVE), after_run=run
            )
            for operation in operation_journal.last(connection, arrivals, None):
                first.setdefault((operation.kind, operation.key), operation.run)
    return first


def _not_undone(runs: Sequence[int], undoes: Mapping[int, int]) -> list[int]:
    """Return the runs without those that were reverted, and without their reverts."""
    left = list(dict.fromkeys(runs))
    for run in reversed(left.copy()):
        if undoes.get(run) in left and run in left:
            left.remove(undoes[run])
            left.remove(run)
    return left


def _paths(operation: JournaledOperation) -> Iterator[ChangedPath]:
    for change in operation.changes:
        if operation.action in MEMBERSHIP_ACTIONS:
            yield member_path(operation.key, *member_of(change)[:2])
        else:
            yield operation.kind, operation.key, change.path


def member_path(group: Key, kind: Kind, member: Key) -> ChangedPath:
    """Return the path of a member of a group."""
    return Kind.GROUP, group, f"members {kind} {member}"


def _reverted_run(command: str) -> int | None:
    """Return the run that a run of this name reverted, None if it is not a revert."""
    word, _, number = command.partition(" ")
    return int(number) if word == "revert" and number.isdecimal() else None
