"""Close orphaned operations: those that a run left without an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.model.interrupted import interrupted_links, members_in_doubt
from scimsync.model.operations import (
    OPEN_STATUSES,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.state import link_store, membership_store, operation_journal
from scimsync.state.store import Store

_BATCH = 500


def close_orphaned(
    store: Store, targets: Sequence[str], why: str, now: datetime, *, run: int | None = None
) -> None:
    """Close the open operations of `targets` (of one `run`, or of all) as skipped.

    Their resources become due at once. Operations that may have been sent put their link in doubt:
    the next plan reads the resource first. `why` is the detail in the journal.
    """
    orphaned = OperationFilter(run=run, targets=targets, statuses=OPEN_STATUSES)
    with store.read() as connection:
        if not operation_journal.has_any(connection, orphaned):
            return
    while True:
        with store.write() as connection:
            operations = list(operation_journal.find(connection, orphaned, limit=_BATCH))
            if not operations:
                return
            operation_journal.close_open(
                connection,
                OperationFilter(ids=[operation.id for operation in operations]),
                OperationStatus.SKIPPED,
                why,
                now,
            )
            for target in {operation.target for operation in operations}:
                target_operations = [
                    operation for operation in operations if operation.target == target
                ]
                make_due(connection, target, target_operations, now)
                membership_store.mark_in_doubt(
                    connection, target, members_in_doubt(target_operations)
                )


def make_due(
    connection: Connection, target: str, operations: Sequence[JournaledOperation], now: datetime
) -> None:
    """Make the resources of operations without an outcome due at once."""
    for kind in {operation.kind for operation in operations}:
        kind_operations = [operation for operation in operations if operation.kind is kind]
        known = link_store.get_links(
            connection, target, kind, list({operation.key for operation in kind_operations})
        )
        link_store.put_links(
            connection, target, interrupted_links(kind, kind_operations, known, now)
        )
