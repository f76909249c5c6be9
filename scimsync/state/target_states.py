"""The state of each target that one run passes to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import orjson
from sqlalchemy import Connection, RowMapping, select

from scimsync.model.ids import Seq
from scimsync.model.target_memory import GroupTable, LearnedShape, TargetState, UnusableFilter
from scimsync.state.many_rows import upsert
from scimsync.state.tables.target_tables import target as table


def get_targets(connection: Connection, names: Sequence[str]) -> dict[str, TargetState]:
    """Return the states of targets; an empty state for a target that was never pushed to."""
    rows = connection.execute(select(table).where(table.c.name.in_(names))).mappings()
    known = {row["name"]: _state(row) for row in rows}
    return {name: known.get(name) or TargetState(name) for name in names}


def other_targets(connection: Connection, names: Sequence[str]) -> list[TargetState]:
    """Return the states of all targets but `names`, by name."""
    rows = connection.execute(select(table).where(table.c.name.not_in(names))).mappings()
    return sorted(map(_state, rows), key=lambda one: one.name)


def get_target(connection: Connection, name: str) -> TargetState:
    """Return the state of one target."""
    return get_targets(connection, [name])[name]


def _state(row: RowMapping) -> TargetState:
    tables = _objects(row["group_tables"])
    filters = _objects(row["unusable_filters"])
    shapes = _objects(row["shapes"])
    values = {
        **row,
        "cursor": Seq(row["cursor"] or 0),
        "group_tables": {name: GroupTable(**known) for name, known in tables.items()},
        "unusable_filters": {name: UnusableFilter(**known) for name, known in filters.items()},
        "shapes": {name: LearnedShape(**known) for name, known in shapes.items()},
    }
    return TargetState(**values)


def _objects(text: str | None) -> dict[str, dict[str, str]]:
    objects: dict[str, dict[str, str]] = orjson.loads(text or "{}")
    return objects


def put_targets(connection: Connection, states: Sequence[TargetState]) -> None:
    """Store the states of targets."""
    upsert(
        connection,
        table,
        [
            asdict(state)
            | {
                "group_tables": orjson.dumps(state.group_tables).decode(),
                "unusable_filters": orjson.dumps(state.unusable_filters).decode(),
                "shapes": orjson.dumps(state.shapes).decode(),
            }
            for state in states
        ],
    )
