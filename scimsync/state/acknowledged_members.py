"""The members that a target has acknowledged in a group, by their remote ids."""

from __future__ import annotations

from sqlalchemy import Connection

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.state import link_store, membership_store

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
