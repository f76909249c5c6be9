"""Alerts and notifications in the state.

A notification is written in the transaction that fires or resolves its alert. So none is written
twice and none is lost, whenever the process ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify.alerting import (
    AlertTransition,
    Finding,
    FiringAlerts,
    Notification,
    compare,
)
from scimsync.daemon.notify.summary import read_activity
from scimsync.state import alerts, pending_events
from scimsync.state.alerts import OutboxItem
from scimsync.state.store import Store


def update_alerts(
    store: Store, config: Config, findings: Sequence[Finding], now: datetime
) -> list[AlertTransition]:
    """Fire and resolve alerts by `findings`, and put notifications about that into the outbox.

    Of an alert that fires already, only the text is updated. Raise StateError.
    """
    # most findings change nothing; then no write transaction is necessary
    with store.read() as connection:
        changes = compare(_firing(connection), findings, now)
    if not (changes.new or changes.resolved or changes.reworded):
        return []
    with store.write() as connection:
        changes = compare(_firing(connection), findings, now)
        alerts.put_alerts(connection, [*changes.firing, *changes.reworded])
        alerts.delete_alerts(connection, [(one.event, one.subject) for one in changes.resolved])
        zone = config.schedule.zone
        _enqueue(
            connection,
            config,
            {
                personal: changes.notifications(zone, personal=personal)
                for personal in (False, True)
            },
            now,
        )
    return changes.transitions()


def enqueue_summary(store: Store, config: Config, since: datetime, now: datetime) -> None:
    """Put a summary of what happened since then into the outbox. Raise StateError."""
    with store.write() as connection:
        summary = read_activity(connection, config, since, now).notification()
        _enqueue(connection, config, {False: [summary], True: [summary]}, now)


def render_summary(store: Store, config: Config, since: datetime, now: datetime) -> str:
    """Return what happened since then, as receivers read it. Raise StateError."""
    with store.read() as connection:
        return read_activity(connection, config, since, now).notification().body


def forget_unconfigured(store: Store, config: Config) -> None:
    """Delete alerts and notifications about anything that is no longer in sync.toml.

    These are alerts about targets and sources, notifications to receivers, and events for
    destinations. Their deletion sends no notification. Raise StateError if the state cannot be
    written.
    """
    known = [
        (
            [
                Event.GUARD.value,
                Event.TARGET.value,
                Event.ACCESS.value,
                Event.FAILURES.value,
                Event.DRIFT.value,
            ],
            list(config.targets),
        ),
        ([Event.SOURCE.value, Event.STALE.value], list(config.sources)),
    ]
    with store.write() as connection:
        alerts.keep_only(connection, known, list(config.notify.to))
        pending_events.keep_only(connection, config.audit.event_destinations)


def _firing(connection: Connection) -> FiringAlerts:
    return {(one.event, one.subject): one for one in alerts.firing_alerts(connection)}


def _enqueue(
    connection: Connection,
    config: Config,
    notifications: Mapping[bool, Sequence[Notification]],
    now: datetime,
) -> None:
    """Add notifications (without and with personal data) for the receivers that want them."""
    wanted = [
        (name, notification)
        for name, receiver in config.notify.to.items()
        for notification in notifications[receiver.personal]
        if notification.event in receiver.events
    ]
    first = _next_number(alerts.last_id(connection), now)
    alerts.add_to_outbox(
        connection,
        [
            OutboxItem(_id(first + at), name, one.to_json(), now, attempts=0, next_try_at=now)
            for at, (name, one) in enumerate(wanted)
        ],
    )


_PREFIX = "msg_"
_DIGITS = 16


def _id(number: int) -> str:
    """Return a unique id. It has no full stop (Standard Webhooks 1.0)."""
    return f"{_PREFIX}{number:0{_DIGITS}x}{secrets.token_hex(8)}"


def _next_number(last: str | None, now: datetime) -> int:
    """Return a number greater than that of the id `last`, even if the clock was set back."""
    number = int(now.timestamp() * 1000) << 16
    if last is None:
        return number
    return max(number, int(last.removeprefix(_PREFIX)[:_DIGITS], 16) + 1)
