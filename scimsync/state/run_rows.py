"""The runs of the journal: when they started and ended, who started them, and their outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, exists, func, insert, select, update

from scimsync.model.operations import Run, RunOrigin
from scimsync.state.tables.run_tables import operation
from scimsync.state.tables.run_tables import run as table


def start(connection: Connection, command: str, now: datetime, origin: RunOrigin) -> int:
    """Start a run and return its id."""
    result = connection.execute(
        insert(table).values(
            command=command,
            started_at=now,
            outcome="running",
            user=origin.user,
            host=origin.host,
            options=orjson.dumps(origin.options).decode(),
            version=origin.version,
            config_digest=origin.config_digest,
        )
    )
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101 - the statement inserts one row
    return int(key[0])


def started_before(connection: Connection, run: int | None = None) -> datetime | None:
    """Return when the run before `run` started, or the last one of all."""
    query = select(table.c.started_at).order_by(table.c.id.desc()).limit(1)
    if run is not None:
        query = query.where(table.c.id < run)
    started: datetime | None = connection.scalar(query)
    return started


def finish(
    connection: Connection,
    run: int,
    outcome: str,
    now: datetime,
    counts: Mapping[str, Any],
    detail: str | None = None,
) -> None:
    """Store the end of a run."""
    connection.execute(
        update(table)
        .where(table.c.id == run)
        .values(
            finished_at=now, outcome=outcome, detail=detail, counts=orjson.dumps(counts).decode()
        )
    )


def last(connection: Connection, limit: int) -> list[Run]:
    """Return the last `limit` runs, the newest first, and whether they are empty."""
    has_any = exists().where(operation.c.run_id == table.c.id)
    query = select(table, (~has_any).label("is_empty")).order_by(table.c.id.desc()).limit(limit)
    rows = connection.execute(query).mappings()
    return [replace(_run(row), is_empty=bool(row["is_empty"])) for row in rows]


def get(connection: Connection, run: int) -> Run | None:
    """Return a run, or None if there is none with this id."""
    row = connection.execute(select(table).where(table.c.id == run)).mappings().first()
    return None if row is None else _run(row)


def after(connection: Connection, run: int) -> list[Run]:
    """Return the runs that started after a run, the oldest first."""
    rows = connection.execute(select(table).where(table.c.id > run).order_by(table.c.id))
    return [_run(row) for row in rows.mappings()]


def get_runs(connection: Connection, ids: Sequence[int]) -> list[Run]:
    """Return those of the runs `ids` that exist."""
    rows = connection.execute(select(table).where(table.c.id.in_(ids)))
    return [_run(row) for row in rows.mappings()]


def first_started(connection: Connection) -> datetime | None:
    """Return when the first run of the journal started."""
    started: datetime | None = connection.scalar(select(func.min(table.c.started_at)))
    return started


def _run(row: RowMapping) -> Run:
    return Run(
        id=row["id"],
        command=row["command"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        outcome=row["outcome"],
        detail=row["detail"],
        counts=orjson.loads(row["counts"] or "{}"),
        origin=_origin(row),
    )


def _origin(row: RowMapping) -> RunOrigin | None:
    if None in (row["user"], row["host"], row["options"], row["version"], row["config_digest"]):
        return None
    return RunOrigin(
        user=row["user"],
        host=row["host"],
        options=tuple(orjson.loads(row["options"])),
        version=row["version"],
        config_digest=row["config_digest"],
    )


def count(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many runs the journal holds: (command, outcome) -> number."""
    rows = connection.execute(
        select(table.c.command, table.c.outcome, func.count()).group_by(
            table.c.command, table.c.outcome
        )
    )
    return {(command, outcome): number for command, outcome, number in rows}


def count_outcomes(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Return outcome -> number of runs that started in this time."""
    query = (
        select(table.c.outcome, func.count())
        .where(table.c.started_at >= since, table.c.started_at < until)
        .group_by(table.c.outcome)
    )
    return {str(outcome): int(number) for outcome, number in connection.execute(query)}
