"""Confirm operations by later reads, if their response did not confirm them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.ids import Key, Kind
from scimsync.model.operations import (
    REMOVAL_ACTIONS,
    RESOURCE_ACTIONS,
    Action,
    Confirmation,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.state import operation_journal
from scimsync.state.tables.run_tables import operation as table


def confirm_removals(
    connection: Connection, target: str, keys: Sequence[Key], now: datetime
) -> None:
    """Record that a read confirmed the removal of these users' access.

    The response to the last removal of each user did not confirm it.
    """
    last = _last_sent(target, Kind.USER, keys, REMOVAL_ACTIONS)
    _confirm(connection, table.c.id.in_(last) & table.c.confirmed_by.is_(None), now)


def removals_to_confirm(
    connection: Connection, target: str, keys: Sequence[Key], before: datetime
) -> list[int]:
    """Return the last removals of these users that only a status confirms.

    Return only those that were sent before `before` and acknowledged.
    """
    query = select(table.c.id).where(
        table.c.id.in_(_last_sent(target, Kind.USER, keys, REMOVAL_ACTIONS)),
        table.c.status == OperationStatus.APPLIED,
        table.c.sent_at <= before,
        or_(table.c.confirmed_by.is_(None), table.c.confirmed_by == Confirmation.STATUS),
    )
    return list(connection.scalars(query))


def confirm(connection: Connection, operations: Sequence[int], at: datetime) -> None:
    """Record that a read confirmed these operations."""
    _confirm(connection, table.c.id.in_(operations), at)


def last_unconfirmed(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key]
) -> list[JournaledOperation]:
    """Return the last operation with a request of each resource, unless it is confirmed."""
    requested = table.c.request != operation_journal.NO_REQUEST
    query = select(table.c.id).where(
        table.c.id.in_(_last_sent(target, kind, keys, RESOURCE_ACTIONS).where(requested)),
        table.c.status.in_((OperationStatus.SKIPPED, OperationStatus.FAILED)),
        table.c.confirmed_by.is_(None),
    )
    ids = list(connection.scalars(query))
    return list(operation_journal.find(connection, OperationFilter(ids=ids))) if ids else []


def _confirm(connection: Connection, which: ColumnElement[bool], at: datetime) -> None:
    values = {"confirmed_by": Confirmation.READ, "confirmed_at": at}
    connection.execute(update(table).where(which).values(values))


def _last_sent(
    target: str, kind: Kind, keys: Sequence[Key], actions: Sequence[Action]
) -> Select[tuple[int]]:
    """Return the query for the last operation that was sent for each of `keys`."""
    return (
        select(func.max(table.c.id))
        .where(
            table.c.target == target,
            table.c.kind == kind,
            table.c.key.in_(keys),
            table.c.action.in_(actions),
            table.c.sent_at.is_not(None),
        )
        .group_by(table.c.key)
    )
