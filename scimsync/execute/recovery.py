"""Close operations without an outcome: those of a run that died, and those that a run left."""

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
from scimsync.state import journal, links, memberships
from scimsync.state.store import Store

_BATCH = 500


def close_orphaned(
    store: Store, targets: Sequence[str], why: str, now: datetime, *, run: int | None = None
) -> None:
    """Close the open operations of `targets` (of one `run`, or of all) as skipped.

    Their resources are due at once. What may have been sent puts its link in doubt: the resource is
    read before anything else is decided. `why` is the detail in the journal.
    """
    orphaned = OperationFilter(run=run, targets=targets, statuses=OPEN_STATUSES)
    with store.read() as connection:
        if not journal.has_any(connection, orphaned):
            return
    while True:
        with store.write() as connection:
            operations = list(journal.find(connection, orphaned, limit=_BATCH))
            if not operations:
                return
            journal.close_open(
                connection,
                OperationFilter(ids=[one.id for one in operations]),
                OperationStatus.SKIPPED,
                why,
                now,
            )
            for target in {one.target for one in operations}:
                mine = [one for one in operations if one.target == target]
                make_due(connection, target, mine, now)
                memberships.mark_in_doubt(connection, target, members_in_doubt(mine))


def make_due(
    connection: Connection, target: str, operations: Sequence[JournaledOperation], now: datetime
) -> None:
    """Make the resources of operations without an outcome due at once."""
    for kind in {one.kind for one in operations}:
        mine = [one for one in operations if one.kind is kind]
        known = links.get_links(connection, target, kind, list({one.key for one in mine}))
        links.put_links(connection, target, interrupted_links(kind, mine, known, now))
