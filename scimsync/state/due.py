"""When links of a target ask for work by themselves, with no record changed: another try, a deletion.

Two queries each and not one with `or`: tries and deletions have an index of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select, update

from scimsync.state.links import LinkStatus
from scimsync.state.tables import link
from scimsync.state.tables import target as target_table

LONGEST_PAUSE = timedelta(hours=20)
"""Not a day, so that a nightly run never misses a turn by seconds."""

_CLOCKS_AGREE_WITHIN = timedelta(minutes=5)


def pause_after(failures: int) -> timedelta:
    """How long somebody who keeps failing is left alone: five minutes, doubled each time, at most `LONGEST_PAUSE`."""
    return min(timedelta(minutes=5 << min(failures - 1, 12)), LONGEST_PAUSE)


def disbelieve(connection: Connection, targets: Sequence[str], now: datetime) -> None:
    """Pauses of these targets and their links that end later than any that begins now: they were written by a clock that was
    ahead, and are over."""
    latest = now + LONGEST_PAUSE + _CLOCKS_AGREE_WITHIN
    for name in targets:
        connection.execute(update(link).where(link.c.target == name, link.c.next_try_at > latest).values(next_try_at=now))
    connection.execute(
        update(target_table)
        .where(target_table.c.name.in_(targets), target_table.c.quarantined_until > latest)
        .values(quarantined_until=now)
    )


def count_due(connection: Connection, target: str, now: datetime) -> int:
    """How many links of a target are due at `now`. A deletion that failed counts when it is tried again, not before."""
    tries = _count(connection, target, link.c.next_try_at <= now)
    deletions = _count(connection, target, (link.c.delete_after <= now) & _waits_for_deletion() & link.c.next_try_at.is_(None))
    return tries + deletions


def count_waiting(connection: Connection, target: str) -> int:
    """How many links of a target failed last or were interrupted: they wait for another try, now or later."""
    return _count(connection, target, link.c.next_try_at.is_not(None))


def next_due(connection: Connection, target: str, after: datetime) -> datetime | None:
    """When the first link of a target becomes due that is not so at `after`; None where nothing waits."""
    tries = select(link.c.next_try_at).where(link.c.target == target, link.c.next_try_at > after)
    deletions = select(link.c.delete_after).where(link.c.target == target, link.c.delete_after > after, _waits_for_deletion())
    # the first of an ordered index ends the search; min() would look at every row for the second
    moments = (
        connection.scalar(tries.order_by(link.c.next_try_at).limit(1)),
        connection.scalar(deletions.order_by(link.c.delete_after).limit(1)),
    )
    return min((moment for moment in moments if moment is not None), default=None)


def _count(connection: Connection, target: str, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(link).where(link.c.target == target, condition)) or 0


def _waits_for_deletion() -> ColumnElement[bool]:
    return link.c.status == LinkStatus.INACTIVE
