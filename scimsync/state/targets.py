"""Targets as the state knows them: digest of the configuration, the cursor, how they answered
last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from scimsync.state.bulk import upsert
from scimsync.state.tables import target as table
from scimsync.types import Seq


@dataclass(frozen=True, slots=True)
class GroupTable:
    """A table of groups: its `form` (`each`, `rule`, `source`), and what becomes of groups without
    a reason (`delete`, `empty`, `keep`)."""

    form: str
    leave: str


@dataclass(frozen=True, slots=True)
class TargetState:
    """`cursor` is the sequence number up to which records were planned, under the configuration of
    `digest`; `url` is the service that its links belong to.

    `failures` counts the last runs in a row in which the target as a whole failed, `last_error`
    says why, and until `quarantined_until` it is left alone. `lowered_rate` (requests a second) is
    what it was seen to take at `lowered_at`, when it last answered 429. `ran_at` is when a run last
    began that read its sources, `good_run_at` when one last came to its end without an error of the
    target. `group_tables` are the tables of groups that it was last planned with, by name, and
    those before that are gone.
    """

    name: str
    digest: str | None = None
    cursor: Seq = Seq(0)
    url: str | None = None
    failures: int = 0
    quarantined_until: datetime | None = None
    last_error: str | None = None
    lowered_rate: float | None = None
    lowered_at: datetime | None = None
    ran_at: datetime | None = None
    good_run_at: datetime | None = None
    group_tables: Mapping[str, GroupTable] = field(default_factory=dict)


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
