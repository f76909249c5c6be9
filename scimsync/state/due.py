"""When links of a target ask for work by themselves, with no record changed: another try, a
deletion.

Two queries each and not one with `or`: tries and deletions have an index of their own.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from scimsync.model.links import LinkStatus
from scimsync.state.pauses import is_over
from scimsync.state.tables import link


def count_due(connection: Connection, target: str, now: datetime) -> int:
    """How many links of a target are due at `now`. A deletion that failed counts when it is tried
    again, not before."""
    tries = _count(connection, target, is_over(link.c.next_try_at, now))
    deletions = _count(
        connection,
        target,
        (link.c.delete_after <= now) & _waits_for_deletion() & link.c.next_try_at.is_(None),
    )
    return tries + deletions


def count_waiting(connection: Connection, target: str) -> int:
    """How many links of a target failed last or were interrupted: they wait for another try, now or
    later."""
    return _count(connection, target, link.c.next_try_at.is_not(None))


def next_due(connection: Connection, target: str, after: datetime) -> datetime | None:
    """When the first link of a target becomes due that is not so at `after`; None where nothing
    waits."""
    tries = select(link.c.next_try_at).where(link.c.target == target, link.c.next_try_at > after)
    deletions = select(link.c.delete_after).where(
        link.c.target == target, link.c.delete_after > after, _waits_for_deletion()
    )
    # the first of an ordered index ends the search; min() would look at every row for the second
    moments = (
        connection.scalar(tries.order_by(link.c.next_try_at).limit(1)),
        connection.scalar(deletions.order_by(link.c.delete_after).limit(1)),
    )
    return min((moment for moment in moments if moment is not None), default=None)


def _count(connection: Connection, target: str, condition: ColumnElement[bool]) -> int:
    return (
        connection.scalar(
            select(func.count()).select_from(link).where(link.c.target == target, condition)
        )
        or 0
    )


def _waits_for_deletion() -> ColumnElement[bool]:
    return link.c.status == LinkStatus.INACTIVE
