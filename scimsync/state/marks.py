"""When something that is done by the clock was done last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from scimsync.state.bulk import upsert
from scimsync.state.tables import checkpoint as table

SUMMARY = "summary"
"""Up to when summaries have been told."""


def get_mark(connection: Connection, name: str) -> datetime | None:
    """When it was done last; None where it never was."""
    found: datetime | None = connection.scalar(select(table.c.at).where(table.c.name == name))
    return found


def put_mark(connection: Connection, name: str, at: datetime) -> None:
    """It was done at `at`."""
    upsert(connection, table, [{"name": name, "at": at}])
