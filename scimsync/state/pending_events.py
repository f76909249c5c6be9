"""The outbox of Security Event Tokens: operations without a delivered token, by destination.

The transaction that stores the outcome of an operation also stores its event, so that no event is
lost if the process ends. The token itself is made from the journal when it is delivered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.backoff import is_waiting, latest_plausible
from scimsync.model.operations import JournaledOperation, OperationFilter
from scimsync.state import operation_journal
from scimsync.state.many_rows import upsert
from scimsync.state.tables.run_tables import operation
from scimsync.state.tables.security_event_tables import event_destination
from scimsync.state.tables.security_event_tables import pending_event as table

_COLUMNS = tuple(column.name for column in table.columns)
_DETAILS = ("noted_at", "refusals", "remote_id", "external_id", "version")

_WITH_DESTINATIONS = table.outerjoin(
    event_destination, event_destination.c.name == table.c.destination
)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An operation that had an effect, and the resource at its target after it."""

    operation_id: int
    remote_id: str | None = None
    external_id: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """The event of an operation that a destination does not have yet.

    The effect was known at `noted_at`. The destination refused the event `refusals` times.
    """

    operation: JournaledOperation
    noted_at: datetime
    refusals: int = 0
    remote_id: str | None = None
    external_id: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingEvents:
    """The events that wait for one destination: their number, and when the oldest was noted.

    `failures` is the number of failed attempts in a row. The last one failed with `last_error`, and
    the next one is at `next_try_at`.
    """

    destination: str
    number: int
    since: datetime
    failures: int
    next_try_at: datetime | None
    last_error: str | None


def note(
    connection: Connection, destinations: Sequence[str], events: Sequence[NewEvent], now: datetime
) -> None:
    """Store the events of operations with a request for each destination.

    The requests of the operations must be stored already. Keep events that are waiting as they are,
    because a run that lost its lease may store an event that another run has stored since.
    """
    if not (destinations and events):
        return
    sent = select(operation.c.id).where(
        operation.c.id.in_([event.operation_id for event in events]),
        operation.c.sent_at.is_not(None),
        operation.c.request.is_not(None),
        operation.c.request != operation_journal.NO_REQUEST,
    )
    ids = set(connection.scalars(sent))
    rows = [
        {"destination": name, "noted_at": now, "refusals": 0, **asdict(event)}
        for event in events
        if event.operation_id in ids
        for name in destinations
    ]
    upsert(connection, table, rows, keep=_COLUMNS)


def due_destinations(connection: Connection, now: datetime) -> list[str]:
    """Return the destinations with events that can be sent now, by name."""
    paused = exists().where(
        event_destination.c.name == table.c.destination,
        ~_has_passed(event_destination.c.next_try_at, now),
    )
    query = select(table.c.destination).where(_is_due(now), ~paused).distinct()
    return sorted(connection.scalars(query))


def due_events(
    connection: Connection, destination: str, now: datetime, limit: int
) -> list[PendingEvent]:
    """Return the next events that can be sent to a destination, in the order of the journal.

    An event without an operation is deleted.
    """
    query = (
        select(table)
        .where(table.c.destination == destination, _is_due(now))
        .order_by(table.c.operation_id)
        .limit(limit)
    )
    rows = connection.execute(query).mappings().all()
    ids = [row["operation_id"] for row in rows]
    known = {one.id: one for one in operation_journal.find(connection, OperationFilter(ids=ids))}
    remove(connection, destination, [number for number in ids if number not in known])
    return [
        PendingEvent(
            known[row["operation_id"]],
            **{name: row[name] for name in _DETAILS},
        )
        for row in rows
        if row["operation_id"] in known
    ]


def remove(connection: Connection, destination: str, operations: Collection[int]) -> None:
    """Delete events that were delivered, or that never will be."""
    if operations:
        connection.execute(
            delete(table).where(
                table.c.destination == destination, table.c.operation_id.in_(operations)
            )
        )


def put_refused(
    connection: Connection, destination: str, operation_id: int, next_try_at: datetime
) -> None:
    """Record that a destination refused an event, which is sent again at `next_try_at`."""
    connection.execute(
        update(table)
        .where(table.c.destination == destination, table.c.operation_id == operation_id)
        .values(refusals=table.c.refusals + 1, next_try_at=next_try_at)
    )


def failures_of(connection: Connection, destination: str) -> int:
    """Return the number of failed attempts in a row at a destination."""
    query = select(event_destination.c.failures).where(event_destination.c.name == destination)
    return connection.scalar(query) or 0


def pause(
    connection: Connection, destination: str, failures: int, until: datetime, why: str
) -> None:
    """Send nothing to a destination until then. `why` contains no secret."""
    row = {"name": destination, "failures": failures, "next_try_at": until, "last_error": why}
    upsert(connection, event_destination, [row])


def resume(connection: Connection, destination: str) -> None:
    """Forget the failures of a destination that accepts events again."""
    connection.execute(delete(event_destination).where(event_destination.c.name == destination))


def discard_old(connection: Connection, destination: str, before: datetime) -> int:
    """Delete the events of a destination that were stored before then; return their number."""
    old = (table.c.destination == destination, table.c.noted_at < before)
    return connection.execute(delete(table).where(*old)).rowcount


def keep_only(connection: Connection, destinations: Sequence[str]) -> None:
    """Delete events that wait for other destinations than these."""
    connection.execute(delete(table).where(table.c.destination.not_in(destinations)))
    connection.execute(
        delete(event_destination).where(event_destination.c.name.not_in(destinations))
    )


def next_delivery(connection: Connection, now: datetime) -> datetime | None:
    """Return when the next event can be sent, `now` at the earliest; None if nothing waits."""
    first = func.min(func.coalesce(table.c.next_try_at, table.c.noted_at))
    query = (
        select(first, event_destination.c.next_try_at)
        .select_from(_WITH_DESTINATIONS)
        .group_by(table.c.destination, event_destination.c.next_try_at)
    )
    times = [
        max(at if is_waiting(at, now) else now for at in row) for row in connection.execute(query)
    ]
    return min(times, default=None)


def waiting(connection: Connection) -> list[WaitingEvents]:
    """Return the waiting events by destination."""
    state = event_destination.c
    query = (
        select(
            table.c.destination,
            func.count().label("number"),
            func.min(table.c.noted_at).label("since"),
            func.coalesce(state.failures, 0).label("failures"),
            state.next_try_at,
            state.last_error,
        )
        .select_from(_WITH_DESTINATIONS)
        .group_by(table.c.destination, state.failures, state.next_try_at, state.last_error)
        .order_by(table.c.destination)
    )
    return [WaitingEvents(**row) for row in connection.execute(query).mappings()]


def is_pending(operation_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition under which an event of this operation waits."""
    return exists().where(table.c.operation_id == operation_id)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(table.c.next_try_at.is_(None), _has_passed(table.c.next_try_at, now))


def _has_passed(at: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    """Return the condition that a pause ended at `at`, as `is_waiting` defines it."""
    return or_(at <= now, at > latest_plausible(now))
