"""When something that is done by the clock was done last: rows of the table of troubles that are none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from scimsync.config.operating import Event
from scimsync.state.bulk import upsert
from scimsync.state.tables import trouble as table

_SUBJECT = "last"


def last_summary(connection: Connection) -> datetime | None:
    """Up to when summaries have been told."""
    query = select(table.c.since).where(table.c.event == Event.SUMMARY.value, table.c.subject == _SUBJECT)
    found: datetime | None = connection.scalar(query)
    return found


def put_last_summary(connection: Connection, at: datetime) -> None:
    """Notes up to when summaries have been told."""
    upsert(connection, table, [{"event": Event.SUMMARY.value, "subject": _SUBJECT, "since": at, "text": ""}])
