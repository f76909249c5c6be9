"""The known resources of a target, read in bulk for a comparison with the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import KnownResource, LinkStatus
from scimsync.model.operations import OPEN_STATUSES, OperationFilter
from scimsync.model.repairs import is_unlinked
from scimsync.state import link_store, operation_journal
from scimsync.state.json_values import load_document, load_echoes
from scimsync.state.many_rows import stream
from scimsync.state.tables.link_tables import link as table
from scimsync.state.tables.link_tables import membership

_BATCH = 2000

_COLUMNS = (
    table.c.key,
    table.c.remote_id,
    table.c.status,
    table.c.document,
    table.c.echoes,
    table.c.in_doubt,
    table.c.may_have_access_since,
    table.c.shared,
)


def known_by_id(
    connection: Connection, target: str, kind: Kind, ids: Sequence[str]
) -> dict[str, list[KnownResource]]:
    """Return remote id -> the known resource, preferably an existing one.

    Several keys have one resource in a state of an earlier version.
    """
    query = select(*_COLUMNS).where(
        table.c.target == target, table.c.kind == kind, table.c.remote_id.in_(ids)
    )
    found: dict[str, list[KnownResource]] = {}
    for row in connection.execute(query).all():
        if is_unlinked(row[0]):
            continue  # a run died while it repaired
        known = _known(tuple(row))
        of_id = found.setdefault(known.remote_id, [])
        of_id.insert(0 if known.has_account else len(of_id), known)
    return found


def accounts(connection: Connection, target: str, kind: Kind) -> Iterator[tuple[Key, RemoteId]]:
    """Yield key and id of all resources of a kind that exist at a target, in any order."""
    query = select(table.c.key, table.c.remote_id).where(
        table.c.target == target, table.c.kind == kind, link_store.has_account()
    )
    rows: Iterator[Any] = stream(connection, _BATCH, query)
    for key, remote_id in rows:
        if not is_unlinked(key):
            yield key, remote_id


def names_in_doubt(connection: Connection, target: str, kind: Kind) -> set[str]:
    """Return the folded names of resources that a request without a response may have created."""
    query = select(table.c.unique_name, table.c.claimed_name).where(
        table.c.target == target, table.c.kind == kind, table.c.in_doubt.is_(True)
    )
    return {name for row in connection.execute(query) for name in row if name is not None}


def keys_in_hand(connection: Connection, target: str, kind: Kind, keys: Sequence[Key]) -> set[Key]:
    """Return those of `keys` with an operation in the journal that has no outcome yet."""
    where = OperationFilter(target=target, kind=kind, keys=keys, statuses=OPEN_STATUSES)
    return operation_journal.keys_of(connection, where)


def members_with_ids(
    connection: Connection, target: str, group: Key
) -> Iterator[tuple[Kind, Key, RemoteId, bool, bool, bool]]:
    """Yield the memberships of a group whose member has or had a resource.

    Each is kind and key of the member, its id, and whether the rules want it in the group, whether
    the target acknowledged it, and whether the last request about it is in doubt.
    """
    query = (
        select(
            membership.c.member_kind,
            membership.c.member_key,
            table.c.remote_id,
            membership.c.wanted,
            membership.c.revoked,
            membership.c.acknowledged,
            membership.c.in_doubt,
        )
        .join_from(
            membership,
            table,
            (table.c.target == membership.c.target)
            & (table.c.kind == membership.c.member_kind)
            & (table.c.key == membership.c.member_key),
        )
        .where(
            membership.c.target == target,
            membership.c.group_key == group,
            table.c.remote_id.is_not(None),
        )
    )
    rows: Iterator[Any] = stream(connection, _BATCH, query)
    for kind, key, remote_id, wanted, revoked, acknowledged, in_doubt in rows:
        if is_unlinked(key):
            continue
        effective = bool(wanted) and not revoked
        yield Kind(kind), Key(key), RemoteId(remote_id), effective, bool(acknowledged), in_doubt


def _known(row: Sequence[Any]) -> KnownResource:
    key, remote_id, status, document, echoes, in_doubt, since, shared = row
    return KnownResource(
        Key(key),
        RemoteId(remote_id),
        LinkStatus(status),
        load_document(document) if document else {},
        () if echoes is None else load_echoes(echoes),
        bool(in_doubt),
        since is not None,
        bool(shared),
    )
