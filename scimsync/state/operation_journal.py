"""The journal: the operations of runs, and the outcome of each.

An operation is written before its request is sent, and again when the response is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.changes import Change
from scimsync.model.ids import (
    Key,
    Kind,
    RemoteId,
)
from scimsync.model.operations import (
    OPEN_STATUSES,
    Action,
    Confirmation,
    JournaledOperation,
    Operation,
    OperationFilter,
    OperationResult,
    OperationStatus,
)
from scimsync.state.json_values import (
    dump_changes,
    dump_document,
    dump_names,
    load_changes,
    load_document,
    load_names,
)
from scimsync.state.many_rows import stream, update_by_id
from scimsync.state.tables.run_tables import operation as table

NO_REQUEST = "[]"
"""The requests of an operation that needed none."""


def add_operations(
    connection: Connection,
    run: int,
    target: str,
    operations: Sequence[Operation],
    now: datetime,
) -> None:
    """Append operations to the plan of a run."""
    if not operations:
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
            "base": None if item.base is None else dump_document(item.base),
            "matched": dump_names(item.matched),
            "changes": dump_changes(item.changes),
            "request": item.request,
            "status": item.status,
            "attempts": 0,
            "detail": item.detail,
            "planned_at": now,
            "done_at": None if item.status is OperationStatus.PLANNED else now,
        }
        for item in operations
    ]
    connection.execute(insert(table), rows)


def planned(
    connection: Connection, run: int, target: str, phase: int, after_id: int, limit: int
) -> list[JournaledOperation]:
    """Return the next planned operations of a phase, in the order of the plan."""
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


def mark_sent(connection: Connection, requests: Mapping[int, str], now: datetime) -> None:
    """Mark operations as sent, before they are: from now on they may reach the target.

    `requests` maps operations to their requests, as JSON text.
    """
    rows = [
        {"id": number, "status": OperationStatus.SENT, "sent_at": now, "request": request}
        for number, request in requests.items()
    ]
    update_by_id(connection, table, rows)


def fail(connection: Connection, ids: Sequence[int]) -> None:
    """Change the status of these operations to failed."""
    connection.execute(
        update(table).where(table.c.id.in_(ids)).values(status=OperationStatus.FAILED)
    )


def reopen(connection: Connection, operation_id: int) -> None:
    """Plan an operation again of which only a part was sent and acknowledged."""
    connection.execute(
        update(table).where(table.c.id == operation_id).values(status=OperationStatus.PLANNED)
    )


def put_results(connection: Connection, results: Sequence[OperationResult]) -> None:
    """Store outcomes."""
    rows = [
        {
            "id": item.operation_id,
            "status": item.status,
            "done_at": item.done_at,
            "attempts": item.attempts,
            "action": item.action,
            "request": item.request,
            "remote_id": item.remote_id,
            "http_status": item.http_status,
            "scim_type": item.scim_type,
            "detail": item.detail,
            "confirmed_by": item.confirmed_by,
            "confirmed_at": None if item.confirmed_by is None else item.done_at,
        }
        for item in results
    ]
    update_by_id(connection, table, rows, known=("action", "request", "remote_id"))


def close_open(
    connection: Connection,
    where: OperationFilter,
    status: OperationStatus,
    detail: str,
    now: datetime,
) -> None:
    """Set the outcome `status` of all operations that match `where` and have no outcome."""
    connection.execute(
        update(table)
        .where(table.c.status.in_(OPEN_STATUSES), *_conditions(where))
        .values(status=status, detail=detail, done_at=now)
    )


def find(
    connection: Connection, where: OperationFilter, *, limit: int | None = None
) -> Iterator[JournaledOperation]:
    """Yield the operations that `where` admits, in the order in which they are sent."""
    query = select(table).where(*_conditions(where)).order_by(table.c.phase, table.c.id)
    for row in stream(connection, 500, query.limit(limit)):
        yield _operation(row)


def last(
    connection: Connection,
    where: OperationFilter,
    number: int | None,
    *,
    containing: str | None = None,
) -> Iterator[JournaledOperation]:
    """Yield the newest `number` operations (None for all) that `where` admits, the newest last.

    With `containing`, only those whose changes contain this text, as JSON.
    """
    conditions = _conditions(where)
    if containing is not None:
        conditions.append(table.c.changes.contains(containing, autoescape=True))
    if number is not None:
        newest = select(table.c.id).where(*conditions).order_by(table.c.id.desc()).limit(number)
        conditions = [table.c.id.in_(newest)]
    query = select(table).where(*conditions).order_by(table.c.id)
    for row in stream(connection, 500, query):
        yield _operation(row)


def count(connection: Connection, where: OperationFilter) -> dict[tuple[str, OperationStatus], int]:
    """Return (action, status) -> number of operations that `where` admits."""
    rows = connection.execute(
        select(table.c.action, table.c.status, func.count())
        .where(*_conditions(where))
        .group_by(table.c.action, table.c.status)
    )
    return {(action, OperationStatus(status)): number for action, status, number in rows}


def count_by_phase(connection: Connection, where: OperationFilter) -> dict[int, int]:
    """Return the number of operations that `where` admits, by phase."""
    query = select(table.c.phase, func.count()).where(*_conditions(where))
    rows = connection.execute(query.group_by(table.c.phase))
    return {int(phase): int(number) for phase, number in rows}


def has_any(connection: Connection, where: OperationFilter) -> bool:
    """Return whether `where` admits at least one operation."""
    query = select(table.c.id).where(*_conditions(where)).limit(1)
    return connection.execute(query).first() is not None


def keys_after(connection: Connection, where: OperationFilter, after: str, limit: int) -> list[Key]:
    """Return the first `limit` keys after `after`, in order, of operations that `where` admits."""
    query = (
        select(table.c.key)
        .where(*_conditions(where), table.c.key > after)
        .distinct()
        .order_by(table.c.key)
        .limit(limit)
    )
    return [Key(key) for key in connection.scalars(query)]


def keys_of(connection: Connection, where: OperationFilter) -> set[Key]:
    """Return the keys of the operations that `where` admits."""
    query = select(table.c.key).where(*_conditions(where)).distinct()
    return {Key(key) for key in connection.scalars(query)}


def adopted(
    connection: Connection, where: OperationFilter, ids: Sequence[RemoteId]
) -> dict[RemoteId, Key]:
    """Return which of the accounts `ids` are adopted by an operation that matches `where`.

    The result maps each to the key that adopts it.
    """
    if not ids:
        return {}
    query = select(table.c.remote_id, table.c.key).where(
        *_conditions(where), table.c.action == Action.ADOPT, table.c.remote_id.in_(ids)
    )
    return {RemoteId(remote_id): Key(key) for remote_id, key in connection.execute(query)}


def claimed_names(
    connection: Connection, run: int, target: str, kind: Kind, names: Sequence[str]
) -> dict[str, Key]:
    """Return folded unique name -> the key for which this run has planned it already."""
    rows = connection.execute(
        select(table.c.unique_name, table.c.key).where(
            *_conditions(OperationFilter(run=run, target=target, kind=kind)),
            table.c.unique_name.in_(names),
        )
    )
    return {name: Key(key) for name, key in rows}


def targets_of(connection: Connection, run: int) -> set[str]:
    """Return the targets of the operations of a run that were sent."""
    query = select(table.c.target).where(*_conditions(OperationFilter(run=run, was_sent=True)))
    return set(connection.scalars(query.distinct()))


def keys_query(where: OperationFilter) -> Select[str]:
    """Return a query for the keys of the operations that `where` admits."""
    return select(table.c.key).where(*_conditions(where))


def _conditions(where: OperationFilter) -> list[ColumnElement[bool]]:
    equal = (
        (table.c.run_id, where.run),
        (table.c.target, where.target),
        (table.c.phase, where.phase),
        (table.c.kind, where.kind),
    )
    one_of = (
        (table.c.target, where.targets),
        (table.c.id, where.ids),
        (table.c.key, where.keys),
        (table.c.action, where.actions),
        (table.c.status, where.statuses),
    )
    conditions = [column == value for column, value in equal if value is not None]
    conditions += [column.in_(values) for column, values in one_of if values is not None]
    if where.exclude_keys:
        conditions.append(table.c.key.not_in(where.exclude_keys))
    if where.after_run is not None:
        conditions.append(table.c.run_id > where.after_run)
    if where.was_sent:
        conditions.append(table.c.sent_at.is_not(None))
    if where.deactivates:
        texts = [dump_changes([Change("active", before, False)])[1:-1] for before in (True, None)]
        conditions.append(or_(*(table.c.changes.contains(text) for text in texts)))
    latest = func.coalesce(table.c.done_at, table.c.sent_at, table.c.planned_at)
    if where.since is not None:
        conditions.append(latest >= where.since)
    if where.until is not None:
        conditions.append(latest < where.until)
    return conditions


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
        changes=load_changes(row.changes),
        status=OperationStatus(row.status),
        remote_id=row.remote_id,
        unique_name=row.unique_name,
        waits_for=row.waits_for,
        delete_after=row.delete_after,
        base=None if row.base is None else load_document(row.base),
        matched=load_names(row.matched),
        request=row.request,
        attempts=row.attempts,
        http_status=row.http_status,
        scim_type=row.scim_type,
        detail=row.detail,
        planned_at=row.planned_at,
        sent_at=row.sent_at,
        done_at=row.done_at,
        source_read_at=row.source_read_at,
        source_modified_at=row.source_modified_at,
        confirmed_by=None if row.confirmed_by is None else Confirmation(row.confirmed_by),
        confirmed_at=row.confirmed_at,
    )
