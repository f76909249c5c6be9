"""What an audit report asks of the state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, exists, or_, select
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import REMOVAL_ACTIONS, JournaledOperation, OperationFilter
from scimsync.state import operation_journal
from scimsync.state.json_values import dump_changes
from scimsync.state.tables.link_tables import hold, link
from scimsync.state.tables.run_tables import operation
from scimsync.state.tables.source_tables import record


def leavers(
    connection: Connection,
    targets: Sequence[str],
    sources: Sequence[str],
    since: datetime,
    until: datetime | None,
) -> set[Key]:
    """Return the users whose access was to end in this time, at one of the targets.

    `until` is None for a time without an end.

    An operation for that was planned, the record was removed from one of `sources`, or the user was
    deprovisioned by hand. The latter two count only for users who are linked to an account.
    """
    deactivated = [dump_changes([Change("active", before, False)])[1:-1] for before in (True, None)]
    planned = select(operation.c.key).where(
        operation.c.target.in_(targets),
        operation.c.kind == Kind.USER,
        *_within(operation.c.planned_at, since, until),
        or_(
            operation.c.action.in_(REMOVAL_ACTIONS),
            *(operation.c.changes.contains(text) for text in deactivated),
        ),
    )
    linked = exists().where(
        link.c.target.in_(targets), link.c.kind == Kind.USER, link.c.remote_id.is_not(None)
    )
    removed = select(record.c.key).where(
        record.c.source.in_(sources),
        *_within(record.c.removed_at, since, until),
        linked.where(link.c.key == record.c.key),
    )
    held = select(hold.c.key).where(
        *_within(hold.c.since, since, until), linked.where(link.c.key == hold.c.key)
    )
    return {
        Key(key) for query in (planned, removed, held) for key in connection.scalars(query).all()
    }


def member_operations(
    connection: Connection, where: OperationFilter, mentioning: Key | None
) -> Iterator[JournaledOperation]:
    """Yield operations on members that `where` admits.

    With `mentioning`, only those that name this key, and perhaps some others.
    """
    text = None if mentioning is None else orjson.dumps(mentioning).decode()
    yield from operation_journal.last(connection, where, None, containing=text)


def _within(
    column: ColumnElement[datetime], since: datetime, until: datetime | None
) -> list[ColumnElement[bool]]:
    return [column >= since] if until is None else [column >= since, column < until]
