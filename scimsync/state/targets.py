"""Targets as the state knows them: digest of the configuration, and the cursor."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from scimsync.state.store import upsert
from scimsync.state.tables import target as table
from scimsync.types import Seq


@dataclass(frozen=True, slots=True)
class TargetState:
    """`cursor` is the sequence number up to which records were planned, under the configuration of `digest`;
    `url` is the service that its links belong to."""

    name: str
    digest: str | None = None
    cursor: Seq = Seq(0)
    url: str | None = None


def get_target(connection: Connection, name: str) -> TargetState:
    """The state of a target; an empty one for a target never pushed to."""
    row = connection.execute(select(table).where(table.c.name == name)).mappings().first()
    return TargetState(name) if row is None else TargetState(name, row["digest"], Seq(row["cursor"] or 0), row["url"])


def put_target(connection: Connection, state: TargetState) -> None:
    """Stores all of it."""
    upsert(connection, table, [{"name": state.name, "digest": state.digest, "cursor": state.cursor, "url": state.url}])
