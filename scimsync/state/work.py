"""Which people a target has to look at: what changed since its cursor, and what is due although
nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, select, union

from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.links import LinkStatus
from scimsync.model.operations import OPEN_STATUSES, OperationFilter
from scimsync.state import journal, links, records
from scimsync.state.bulk import stream
from scimsync.state.tables import link, record, reference

_OWN = link.alias("own")
"""The link of who refers to somebody."""


def keys_to_plan(
    connection: Connection,
    target: str,
    sources: Sequence[str],
    cursor: Seq,
    now: datetime,
    *,
    everybody: bool = False,
) -> Iterator[Key]:
    """Keys in order, each once: records changed after `cursor`, links that are due, references
    whose account is there, is another now or is gone, operations that an earlier run left without
    an outcome. `everybody`: also all who have an account."""
    linked = select(link.c.key).where(
        link.c.target == target, link.c.kind == Kind.USER, links.has_account()
    )
    query = union(
        select(record.c.key).where(records.changed_since(sources, cursor)),
        *links.due_keys(target, Kind.USER, now),
        _waiting(target),
        _left_behind(target),
        journal.keys_query(_left_over(target, Kind.USER)),
        *([linked] if everybody else []),
    ).order_by("key")
    with closing(stream(connection, 2000, query)) as rows:
        for row in rows:
            yield Key(row.key)


def waiting_keys(connection: Connection, target: str) -> list[Key]:
    """Keys of those who refer to an account that exists, and whose own account does not say so
    yet."""
    return [Key(key) for key in connection.scalars(_waiting(target))]


def changed_keys(connection: Connection, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
    """Keys of the records that changed after `cursor`, in order."""
    query = (
        select(record.c.key)
        .where(records.changed_since(sources, cursor))
        .distinct()
        .order_by(record.c.key)
    )
    for row in stream(connection, 2000, query):
        yield Key(row.key)


def _left_over(target: str, kind: Kind) -> OperationFilter:
    """Return a filter for operations that a run left without an outcome when it died."""
    return OperationFilter(target=target, kind=kind, statuses=OPEN_STATUSES)


def _waiting(target: str) -> Select[str]:
    referenced = and_(
        link.c.target == reference.c.target,
        link.c.kind == Kind.USER,
        link.c.key == reference.c.ref_key,
    )
    return select(reference.c.key).where(
        links.waiting_references(target), referenced, *_own_account()
    )


def _own_account() -> tuple[ColumnElement[bool], ...]:
    """The conditions that who refers has an account, in use, that is not due by itself: now, or
    after its pause."""
    return (
        _OWN.c.target == reference.c.target,
        _OWN.c.kind == reference.c.kind,
        _OWN.c.key == reference.c.key,
        _OWN.c.status == LinkStatus.ACTIVE,
        _OWN.c.next_try_at.is_(None),
    )


def _left_behind(target: str) -> Select[str]:
    """Keys of those whose account still refers to one that was deleted."""
    deleted = select(link.c.key).where(
        link.c.target == target, link.c.kind == Kind.USER, link.c.status == LinkStatus.DELETED
    )
    return select(reference.c.key).where(
        reference.c.target == target,
        reference.c.ref_key.in_(deleted),
        reference.c.remote_id.is_not(None),
        *_own_account(),
    )


def groups_to_plan(connection: Connection, target: str, now: datetime) -> list[Key]:
    """Keys of groups that are due although nothing changed."""
    query = union(
        *links.due_keys(target, Kind.GROUP, now),
        journal.keys_query(_left_over(target, Kind.GROUP)),
    )
    return [Key(key) for key in connection.scalars(query)]
