"""Alerts that fire, the outbox of notifications, and the time that summaries cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_, update

from scimsync.state.many_rows import upsert
from scimsync.state.tables.alert_tables import alert, checkpoint, notification

_SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that is not resolved.

    `event` is a word of `[notify]`. `text` has no personal data.
    """

    event: str
    subject: str
    since: datetime
    text: str


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A notification for one receiver that is not delivered yet.

    Later ones have greater ids; `body` is JSON.
    """

    id: str
    receiver: str
    body: str
    created_at: datetime
    attempts: int
    next_try_at: datetime


def any_firing(connection: Connection) -> bool:
    """Return whether any alert fires."""
    return connection.execute(select(alert.c.event).limit(1)).first() is not None


def firing_alerts(connection: Connection) -> list[FiringAlert]:
    """Return all alerts, the oldest first."""
    rows = connection.execute(select(alert).order_by(alert.c.since, alert.c.event, alert.c.subject))
    return [FiringAlert(**row) for row in rows.mappings()]


def put_alerts(connection: Connection, alerts: Iterable[FiringAlert]) -> None:
    """Add alerts, or update their texts."""
    upsert(connection, alert, [asdict(one) for one in alerts])


def delete_alerts(connection: Connection, which: Iterable[tuple[str, str]]) -> None:
    """Delete the alerts of these events and subjects."""
    which = list(which)
    if which:
        connection.execute(delete(alert).where(tuple_(alert.c.event, alert.c.subject).in_(which)))


def add_to_outbox(connection: Connection, items: Sequence[OutboxItem]) -> None:
    """Add notifications."""
    if items:
        connection.execute(insert(notification), [asdict(one) for one in items])


def due_receivers(connection: Connection, now: datetime) -> list[str]:
    """Return the receivers with a notification that is due, by name."""
    query = (
        select(notification.c.receiver)
        .where(notification.c.next_try_at <= now)
        .distinct()
        .order_by(notification.c.receiver)
    )
    return list(connection.scalars(query))


def outbox_of(connection: Connection, receiver: str, limit: int) -> list[OutboxItem]:
    """Return the oldest notifications of a receiver, due or not."""
    columns = (
        notification.c[name]
        for name in ("id", "receiver", "body", "created_at", "attempts", "next_try_at")
    )
    query = (
        select(*columns)
        .where(notification.c.receiver == receiver)
        .order_by(notification.c.id)
        .limit(limit)
    )
    return [OutboxItem(**row) for row in connection.execute(query).mappings()]


def clear_outbox(connection: Connection, receiver: str) -> None:
    """Delete all notifications of a receiver."""
    connection.execute(delete(notification).where(notification.c.receiver == receiver))


def remove_from_outbox(connection: Connection, notification_id: str) -> None:
    """Delete a notification that was delivered."""
    connection.execute(delete(notification).where(notification.c.id == notification_id))


def postpone(
    connection: Connection, receiver: str, until: datetime, error: str, *, only: str | None = None
) -> None:
    """Record a failed attempt, after which nothing is due before `until`.

    It applies to all notifications of a receiver, or to the one with the id `only`. `error`
    contains no secret.
    """
    which = notification.c.receiver == receiver if only is None else notification.c.id == only
    values = {"attempts": notification.c.attempts + 1, "next_try_at": until, "last_error": error}
    connection.execute(update(notification).where(which).values(values))


def discard_old(connection: Connection, receiver: str, created_before: datetime) -> int:
    """Delete old notifications that had more than one attempt; return their number.

    They are those of `receiver` that were created before `created_before`.
    """
    old = (
        notification.c.receiver == receiver,
        notification.c.created_at <= created_before,
        notification.c.attempts > 1,
    )
    return connection.execute(delete(notification).where(*old)).rowcount


def last_id(connection: Connection) -> str | None:
    """Return the greatest id in the outbox."""
    return connection.scalar(select(notification.c.id).order_by(notification.c.id.desc()).limit(1))


def next_delivery(connection: Connection) -> datetime | None:
    """Return when the next notification is due, or None if the outbox is empty."""
    column = notification.c.next_try_at
    return connection.scalar(select(column).order_by(column).limit(1))


def count_undelivered(connection: Connection) -> int:
    """Return how many notifications are in the outbox."""
    return connection.scalar(select(func.count()).select_from(notification)) or 0


def keep_only(
    connection: Connection,
    known: Sequence[tuple[Sequence[str], Sequence[str]]],
    receivers: Sequence[str],
) -> None:
    """Delete alerts and notifications about everything that is not listed.

    Each item of `known` pairs events with their possible subjects: their alerts about other
    subjects are deleted, as are notifications for receivers other than `receivers`.
    """
    gone = [
        alert.c.event.in_(events) & alert.c.subject.not_in(subjects) for events, subjects in known
    ]
    connection.execute(delete(alert).where(or_(*gone)))
    connection.execute(delete(notification).where(notification.c.receiver.not_in(receivers)))


def summarized_until(connection: Connection) -> datetime | None:
    """Return the end of the time that the last summary covers. None means that there was none."""
    query = select(checkpoint.c.at).where(checkpoint.c.name == _SUMMARY)
    until: datetime | None = connection.scalar(query)
    return until


def put_summarized_until(connection: Connection, at: datetime) -> None:
    """Store the end of the time that the last summary covers."""
    upsert(connection, checkpoint, [{"name": _SUMMARY, "at": at}])
