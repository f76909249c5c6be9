"""Delete old runs, their operations, and the times of readings.

Links, records and memberships stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.operations import OPEN_STATUSES
from scimsync.state import ingests, pending_events
from scimsync.state.tables.link_tables import link
from scimsync.state.tables.run_tables import operation, run


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was deleted."""

    runs: int
    operations: int


def prune(connection: Connection, before: datetime) -> Pruned:
    """Delete runs that started before `before` (aware), and their operations.

    The last run stays, and so do rows that are needed later: operations without an outcome, those
    of links in doubt, and those whose event is not exported yet.
    """
    last = select(run.c.id).order_by(run.c.id.desc()).limit(1).scalar_subquery()
    old = select(run.c.id).where(run.c.started_at < before, run.c.id != last)
    in_doubt = exists().where(
        link.c.target == operation.c.target,
        link.c.kind == operation.c.kind,
        link.c.key == operation.c.key,
        link.c.in_doubt,
    )
    closed: ColumnElement[bool] = ~operation.c.status.in_(OPEN_STATUSES)
    operations = connection.execute(
        delete(operation).where(
            operation.c.run_id.in_(old),
            closed,
            ~in_doubt,
            ~pending_events.is_pending(operation.c.id),
        )
    ).rowcount
    has_operations = exists().where(operation.c.run_id == run.c.id)
    runs = connection.execute(delete(run).where(run.c.id.in_(old), ~has_operations)).rowcount
    ingests.prune(connection, before)
    return Pruned(runs, operations)
