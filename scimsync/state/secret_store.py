"""Secrets that servers replaced, as they are stored: encrypted."""

from __future__ import annotations

from sqlalchemy import Connection, select

from scimsync.state.many_rows import upsert
from scimsync.state.tables.target_tables import replaced_secret as table


def get(connection: Connection, target: str, option: str) -> str | None:
    """Return the encrypted secret of an option, or None."""
    query = select(table.c.sealed).where(table.c.target == target, table.c.option == option)
    return connection.scalar(query)


def put(connection: Connection, target: str, option: str, sealed: str) -> None:
    """Store the encrypted secret of an option."""
    upsert(connection, table, [{"target": target, "option": option, "sealed": sealed}])
