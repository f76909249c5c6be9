"""The journal: runs, their operations, and what became of each. Written before a request is sent,
and when it is answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.changes import Change
from scimsync.model.ids import (
    Key,
    Kind,
    RemoteId,
)
from scimsync.model.operations import (
    OPEN_STATUSES,
    JournaledOperation,
    Operation,
    OperationResult,
    OperationStatus,
    Run,
)
from scimsync.state.bulk import stream, update_by_id
from scimsync.state.tables import operation as table
from scimsync.state.tables import run as run_table


def start_run(connection: Connection, command: str, now: datetime) -> int:
    """Opens a run and returns its id."""
    result = connection.execute(
        insert(run_table).values(command=command, started_at=now, outcome="running")
    )
    key = result.inserted_primary_key
    assert key is not None  # noqa: S101 - the statement inserts one row
    return int(key[0])


def finish_run(
    connection: Connection,
    run: int,
    outcome: str,
    now: datetime,
    counts: Mapping[str, Any],
    detail: str | None = None,
) -> None:
    """Closes a run."""
    connection.execute(
        update(run_table)
        .where(run_table.c.id == run)
        .values(
            finished_at=now, outcome=outcome, detail=detail, counts=orjson.dumps(counts).decode()
        )
    )


def runs(connection: Connection, limit: int) -> list[Run]:
    """The last runs, newest first."""
    rows = connection.execute(select(run_table).order_by(run_table.c.id.desc()).limit(limit))
    return [
        Run(
            id=row["id"],
            command=row["command"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            outcome=row["outcome"],
            detail=row["detail"],
            counts=orjson.loads(row["counts"] or "{}"),
        )
        for row in rows.mappings()
    ]


def add_entries(
    connection: Connection, run: int, target: str, entries: Sequence[Operation], now: datetime
) -> None:
    """Writes operations into the journal."""
    if not entries:
        return
    rows = [
        {
            "run_id": run,
            "target": target,
            "phase": item.phase,
            "kind": item.kind,
            "key": item.key,
            "action": item.action,
            "reason": item.reason,
            "remote_id": item.remote_id,
            "unique_name": item.unique_name,
            "waits_for": item.waits_for,
            "delete_after": item.delete_after,
            "base": None if item.base is None else orjson.dumps(item.base).decode(),
            "changes": orjson.dumps(
                [[change.path, change.before, change.after] for change in item.changes]
            ).decode(),
            "request": item.request,
            "status": item.status,
            "attempts": 0,
            "detail": item.detail,
            "planned_at": now,
            "done_at": now if item.status is OperationStatus.FAILED else None,
        }
        for item in entries
    ]
    connection.execute(insert(table), rows)


def planned(
    connection: Connection, run: int, target: str, phase: int, after_id: int, limit: int
) -> list[JournaledOperation]:
    """The next operations of a phase that wait to be sent, in the order of the plan."""
    rows = connection.execute(
        select(table)
        .where(
            table.c.run_id == run,
            table.c.target == target,
            table.c.status == OperationStatus.PLANNED,
            table.c.phase == phase,
            table.c.id > after_id,
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    return [_operation(row) for row in rows]


def mark_sent(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Says, before they are sent, that these operations may reach the target from now on."""
    connection.execute(
        update(table).where(table.c.id.in_(ids)).values(status=OperationStatus.SENT, sent_at=now)
    )


def fail(connection: Connection, ids: Sequence[int]) -> None:
    """These operations failed after all."""
    connection.execute(
        update(table).where(table.c.id.in_(ids)).values(status=OperationStatus.FAILED)
    )


def put_back(connection: Connection, entry_id: int) -> None:
    """An operation of which only a part was sent and acknowledged waits again."""
    connection.execute(
        update(table).where(table.c.id == entry_id).values(status=OperationStatus.PLANNED)
    )


def put_results(connection: Connection, results: Sequence[OperationResult]) -> None:
    """Writes outcomes."""
    rows = [
        {
            "id": item.operation_id,
            "status": item.status,
            "done_at": item.done_at,
            "attempts": item.attempts,
            "action": item.action,
            "request": item.request,
            "http_status": item.http_status,
            "scim_type": item.scim_type,
            "detail": item.detail,
        }
        for item in results
    ]
    update_by_id(connection, table, rows, known=("action", "request"))


def close_open(
    connection: Connection,
    condition: ColumnElement[bool],
    status: OperationStatus,
    detail: str,
    now: datetime,
) -> None:
    """Gives operations without an outcome one."""
    connection.execute(
        update(table)
        .where(table.c.status.in_(OPEN_STATUSES), condition)
        .values(status=status, detail=detail, done_at=now)
    )


def of_run(run: int, target: str | None = None) -> ColumnElement[bool]:
    """The condition that an operation belongs to a run (and a target)."""
    condition = table.c.run_id == run
    return condition if target is None else condition & (table.c.target == target)


def of_target(target: str) -> ColumnElement[bool]:
    """The condition that an operation is one of a target's."""
    return table.c.target == target


def one_of(ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition that an operation is one of these."""
    return table.c.id.in_(ids)


def in_phase(phase: int) -> ColumnElement[bool]:
    """The condition that an operation belongs to a phase."""
    return table.c.phase == phase


def with_status(*statuses: OperationStatus) -> ColumnElement[bool]:
    """The condition that an operation's status is one of these."""
    return table.c.status.in_(statuses)


def is_open() -> ColumnElement[bool]:
    """The condition that an operation has no outcome yet."""
    return table.c.status.in_(OPEN_STATUSES)


def was_sent() -> ColumnElement[bool]:
    """The condition that an operation reached, or may have reached, the target."""
    return table.c.sent_at.is_not(None)


def of_keys(keys: Sequence[Key]) -> ColumnElement[bool]:
    """The condition that an operation is about one of these keys."""
    return table.c.key.in_(keys)


def since(moment: datetime) -> ColumnElement[bool]:
    """The condition that the last that is known of an operation happened at `moment` (aware) or
    later."""
    return func.coalesce(table.c.done_at, table.c.sent_at, table.c.planned_at) >= moment


def find(
    connection: Connection, condition: ColumnElement[bool], *, limit: int | None = None
) -> Iterator[JournaledOperation]:
    """Operations that hold a condition, in the order in which they are sent."""
    query = select(table).where(condition).order_by(table.c.phase, table.c.id).limit(limit)
    for row in stream(connection, 500, query):
        yield _operation(row)


def last(
    connection: Connection, condition: ColumnElement[bool], number: int | None
) -> Iterator[JournaledOperation]:
    """The newest `number` operations (None for all) that hold a condition, the newest last."""
    if number is not None:
        newest = select(table.c.id).where(condition).order_by(table.c.id.desc()).limit(number)
        condition = table.c.id.in_(newest)
    query = select(table).where(condition).order_by(table.c.id)
    for row in stream(connection, 500, query):
        yield _operation(row)


def count(
    connection: Connection, condition: ColumnElement[bool]
) -> dict[tuple[str, OperationStatus], int]:
    """(action, status) -> how many operations that hold a condition."""
    rows = connection.execute(
        select(table.c.action, table.c.status, func.count())
        .where(condition)
        .group_by(table.c.action, table.c.status)
    )
    return {(action, OperationStatus(status)): number for action, status, number in rows}


def keys_where(
    connection: Connection, condition: ColumnElement[bool], after: str, limit: int
) -> list[Key]:
    """The next `limit` keys after `after`, in order, that have an operation which holds a
    condition."""
    query = (
        select(table.c.key)
        .where(condition, table.c.key > after)
        .distinct()
        .order_by(table.c.key)
        .limit(limit)
    )
    return [Key(key) for key in connection.scalars(query)]


def with_action(*actions: str) -> ColumnElement[bool]:
    """The condition that an operation's action is one of these."""
    return table.c.action.in_(actions)


def planned_keys(
    connection: Connection, condition: ColumnElement[bool], keys: Sequence[Key]
) -> set[Key]:
    """Those of `keys` that have an operation which holds `condition`."""
    query = select(table.c.key).where(condition, table.c.key.in_(keys))
    return {Key(key) for key in connection.scalars(query)}


def adopted(
    connection: Connection, condition: ColumnElement[bool], ids: Sequence[RemoteId]
) -> dict[RemoteId, Key]:
    """Remote id -> the key whose operation that holds `condition` adopts it already."""
    query = select(table.c.remote_id, table.c.key).where(
        condition, table.c.action == "adopt", table.c.remote_id.in_(ids)
    )
    return (
        {RemoteId(remote_id): Key(key) for remote_id, key in connection.execute(query)}
        if ids
        else {}
    )


def actions_of(connection: Connection, condition: ColumnElement[bool], key: Key) -> set[str]:
    """The actions of the operations of `key` that hold `condition`."""
    return set(
        connection.scalars(select(table.c.action).where(condition, table.c.key == key).distinct())
    )


def of_kind(kind: Kind) -> ColumnElement[bool]:
    """The condition that an operation is about users, or about groups."""
    return table.c.kind == kind


def claimed_names(
    connection: Connection, run: int, target: str, kind: Kind, names: Sequence[str]
) -> dict[str, Key]:
    """Folded unique name -> the key for which this run has planned it already."""
    rows = connection.execute(
        select(table.c.unique_name, table.c.key).where(
            of_run(run, target), of_kind(kind), table.c.unique_name.in_(names)
        )
    )
    return {name: Key(key) for name, key in rows}


def _operation(row: Row[Any]) -> JournaledOperation:
    return JournaledOperation(
        id=row.id,
        run=row.run_id,
        target=row.target,
        phase=row.phase,
        kind=Kind(row.kind),
        key=row.key,
        action=row.action,
        reason=row.reason,
        changes=tuple([Change(*item) for item in orjson.loads(row.changes)]),
        status=OperationStatus(row.status),
        remote_id=row.remote_id,
        unique_name=row.unique_name,
        waits_for=row.waits_for,
        delete_after=row.delete_after,
        base=None if row.base is None else orjson.loads(row.base),
        request=row.request,
        attempts=row.attempts,
        http_status=row.http_status,
        scim_type=row.scim_type,
        detail=row.detail,
        planned_at=row.planned_at,
        sent_at=row.sent_at,
        done_at=row.done_at,
    )
