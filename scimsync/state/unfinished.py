"""Find out whether a run that died has left something to recover."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, or_, select

from scimsync.model.operations import OPEN_STATUSES, OperationFilter
from scimsync.state import link_changes, membership_store, operation_journal, record_rows


def has_any(connection: Connection, targets: Sequence[str], sources: Sequence[str]) -> bool:
    """Return whether a run has left something of these targets and sources unfinished.

    These are operations without an outcome, what a plan that was not accepted has replaced, and
    links that exist for one run only. One statement checks for all of them, because usually there
    are none.
    """
    open_operations = OperationFilter(targets=targets, statuses=OPEN_STATUSES)
    return bool(
        connection.scalar(
            select(
                or_(
                    operation_journal.keys_query(open_operations).exists(),
                    exists().where(membership_store.replaced_by_plan(targets)),
                    exists().where(link_changes.unlinked(targets)),
                    exists().where(record_rows.read_and_not_accepted(sources)),
                )
            )
        )
    )
