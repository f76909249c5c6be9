"""Which people a target has to look at: what changed since its cursor, and what is due although nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, select, union

from scimsync.state import journal, links, records
from scimsync.state.bulk import stream
from scimsync.state.tables import link, operation, record, reference
from scimsync.types import Key, Kind, Seq


def keys_to_plan(
    connection: Connection, target: str, sources: Sequence[str], cursor: Seq, now: datetime, *, everybody: bool = False
) -> Iterator[Key]:
    """Keys in order, each once: records changed after `cursor`, links that are due, references whose account is there or
    is another now, operations that an earlier run left without an outcome. `everybody`: also all who have an account."""
    linked = select(link.c.key).where(link.c.target == target, link.c.kind == Kind.USER, links.exists())
    query = union(
        select(record.c.key).where(records.changed_since(sources, cursor)),
        *links.due_keys(target, Kind.USER, now),
        _waiting(target),
        select(operation.c.key).where(left_over(target), operation.c.kind == Kind.USER),
        *([linked] if everybody else []),
    ).order_by("key")
    with closing(stream(connection, 2000, query)) as rows:
        for row in rows:
            yield Key(row.key)


def waiting_keys(connection: Connection, target: str) -> list[Key]:
    """Keys of those who refer to an account that exists, and whose own account does not say so yet."""
    return [Key(key) for key in connection.scalars(_waiting(target))]


def changed_keys(connection: Connection, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
    """Keys of the records that changed after `cursor`, in order."""
    query = select(record.c.key).where(records.changed_since(sources, cursor)).distinct().order_by(record.c.key)
    for row in stream(connection, 2000, query):
        yield Key(row.key)


def left_over(target: str) -> ColumnElement[bool]:
    """The condition that an operation of `target` has no outcome: only a run that died leaves such behind."""
    return journal.of_target(target) & journal.is_open()


def _waiting(target: str) -> Select[str]:
    referenced = and_(link.c.target == reference.c.target, link.c.kind == Kind.USER, link.c.key == reference.c.ref_key)
    own = link.alias("own")
    has_account = and_(
        own.c.target == reference.c.target,
        own.c.kind == reference.c.kind,
        own.c.key == reference.c.key,
        own.c.status == links.LinkStatus.ACTIVE,
        own.c.next_try_at.is_(None),  # or the link itself is due, now or after its pause
    )
    return select(reference.c.key).where(links.waiting_references(target), referenced, has_account)


def groups_to_plan(connection: Connection, target: str, now: datetime) -> list[Key]:
    """Keys of groups that are due although nothing changed."""
    query = union(
        *links.due_keys(target, Kind.GROUP, now),
        select(operation.c.key).where(left_over(target), operation.c.kind == Kind.GROUP),
    )
    return [Key(key) for key in connection.scalars(query)]
