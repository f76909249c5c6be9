"""The members that a target has acknowledged: by their remote ids, and their number."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.state import link_store, membership_store
from scimsync.state.tables.link_tables import membership

_BATCH = 500


def acknowledged_member_ids(connection: Connection, target: str, group: Key) -> frozenset[RemoteId]:
    """Return the remote ids of the members that a target has acknowledged in a group."""
    known: dict[Kind, list[Key]] = {}
    for one in membership_store.of_group(connection, target, group):
        if one.acknowledged:
            known.setdefault(one.member_kind, []).append(one.member)
    return frozenset(
        remote_id
        for kind, keys in known.items()
        for some in batches(keys, _BATCH)
        for remote_id in link_store.remote_ids(connection, target, some, kind).values()
    )


def count_members(connection: Connection, target: str) -> int:
    """Return how many members a target has acknowledged in all groups together."""
    return (
        connection.scalar(
            select(func.count())
            .select_from(membership)
            .where(membership.c.target == target, membership.c.acknowledged.is_(True))
        )
        or 0
    )
