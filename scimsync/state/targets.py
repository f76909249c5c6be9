"""Targets as the state knows them: digest of the configuration, the cursor, how they answered
last."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from sqlalchemy import Connection, select

from scimsync.model.ids import Seq
from scimsync.model.targets import GroupTable, TargetState
from scimsync.state.bulk import upsert
from scimsync.state.tables import target as table


def get_target(connection: Connection, name: str) -> TargetState:
    """The state of a target; an empty one for a target never pushed to."""
    row = connection.execute(select(table).where(table.c.name == name)).mappings().first()
    if row is None:
        return TargetState(name)
    tables = {
        name: GroupTable(**known)
        for name, known in orjson.loads(row["group_tables"] or "{}").items()
    }
    return TargetState(**{**row, "cursor": Seq(row["cursor"] or 0), "group_tables": tables})


def put_target(connection: Connection, state: TargetState) -> None:
    """Stores all of it."""
    upsert(
        connection,
        table,
        [asdict(state) | {"group_tables": orjson.dumps(state.group_tables).decode()}],
    )
