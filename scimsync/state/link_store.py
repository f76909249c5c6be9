"""Links: the known facts about each resource at each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    FromClause,
    RowMapping,
    Select,
    and_,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.backoff import latest_plausible
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    RemoteId,
)
from scimsync.model.links import Link, LinkStatus
from scimsync.state import new_ids
from scimsync.state.json_values import dump_document, dump_echoes, load_document, load_echoes
from scimsync.state.many_rows import stream, upsert
from scimsync.state.tables.link_tables import link as table
from scimsync.state.tables.source_tables import record

_WITH_ACCOUNT = (LinkStatus.ACTIVE, LinkStatus.INACTIVE)


def get_links(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key]
) -> dict[Key, Link]:
    """Return the links of `keys` that exist."""
    rows = connection.execute(
        select(table).where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
    )
    return {Key(row["key"]): _link(row) for row in rows.mappings()}


def pending(connection: Connection, target: str, kind: Kind) -> list[Link]:
    """Return the links whose resource is not known to exist, in any order."""
    rows = connection.execute(
        select(table).where(
            table.c.target == target, table.c.kind == kind, table.c.status == LinkStatus.PENDING
        )
    )
    return [_link(row) for row in rows.mappings()]


def put_links(connection: Connection, target: str, links: Iterable[Link]) -> None:
    """Store links, new and changed. Where the remote id changes, memberships are in doubt.

    The database refuses a second owner of a resource: callers that link a resource check it with
    `rivals` first.
    """
    # a link that gives a resource up comes before one that takes it
    ordered = sorted(links, key=lambda item: item.has_account)
    new_ids.doubt_memberships(connection, target, ordered, has_account())
    upsert(connection, table, [_row(target, item) for item in ordered])


def rivals(
    connection: Connection, target: str, links: Iterable[Link]
) -> dict[tuple[Kind, Key], Key]:
    """Return those of `links` whose resource another key is linked to, with that key.

    Of several of `links` to one resource, the first counts as its owner.
    """
    claims: dict[Kind, list[tuple[RemoteId, Key]]] = {}
    for item in links:
        if item.has_account and item.remote_id is not None:
            claims.setdefault(item.kind, []).append((item.remote_id, item.key))
    found: dict[tuple[Kind, Key], Key] = {}
    for kind, claimed in claims.items():
        owned = owners(connection, target, kind, [remote_id for remote_id, _ in claimed])
        for remote_id, key in claimed:
            owner = owned.setdefault(remote_id, key)
            if owner != key:
                found[kind, key] = owner
    return found


def sharers(
    connection: Connection, target: str, kind: Kind, ids: Sequence[RemoteId]
) -> dict[RemoteId, list[Key]]:
    """Return remote id -> all keys that are linked to it, in order."""
    rows = connection.execute(_linked_to(target, kind, ids).order_by(table.c.key))
    found: dict[RemoteId, list[Key]] = {}
    for remote_id, key in rows:
        found.setdefault(RemoteId(remote_id), []).append(Key(key))
    return found


def name_holders(
    connection: Connection, target: str, kind: Kind, names: Sequence[str]
) -> dict[str, Link]:
    """Return folded unique name -> the link of the resource that has it, or may have got it.

    The latter comes first: whether it has the name has to be known before anybody else gets it.
    """
    rows = connection.execute(
        select(table).where(
            table.c.target == target,
            table.c.kind == kind,
            or_(
                and_(table.c.unique_name.in_(names), has_account()),
                and_(table.c.claimed_name.in_(names), table.c.in_doubt),
            ),
        )
    )
    found = [_link(row) for row in rows.mappings()]
    has_it = {one.unique_name: one for one in found if one.has_account}
    may_have_it = {one.claimed_name: one for one in found if one.in_doubt}
    holders = has_it | may_have_it
    return {name: holders[name] for name in names if name in holders}


def remote_ids(
    connection: Connection,
    target: str,
    keys: Sequence[Key],
    kind: Kind = Kind.USER,
    *,
    deleted: bool = False,
) -> dict[Key, RemoteId]:
    """Return the remote ids of the resources that exist, with `deleted` also of deleted ones."""
    condition = table.c.remote_id.is_not(None) if deleted else has_account()
    rows = connection.execute(
        select(table.c.key, table.c.remote_id).where(
            table.c.target == target, table.c.kind == kind, table.c.key.in_(keys), condition
        )
    )
    return {Key(key): RemoteId(remote_id) for key, remote_id in rows}


def owners(
    connection: Connection, target: str, kind: Kind, ids: Sequence[RemoteId]
) -> dict[RemoteId, Key]:
    """Return remote id -> the key that is linked to it."""
    rows = connection.execute(_linked_to(target, kind, ids))
    return {RemoteId(remote_id): Key(key) for remote_id, key in rows}


def _linked_to(target: str, kind: Kind, ids: Sequence[RemoteId]) -> Select[str, str]:
    return select(table.c.remote_id, table.c.key).where(
        table.c.target == target,
        table.c.kind == kind,
        table.c.remote_id.in_(ids),
        has_account(),
    )


def all_keys(connection: Connection, target: str, kind: Kind) -> list[Key]:
    """Return the keys of all links of a kind."""
    return _keys(connection, target, kind, true())


def account_keys(connection: Connection, target: str, kind: Kind) -> list[Key]:
    """Return the keys of the links whose resource exists at the target."""
    return _keys(connection, target, kind, has_account())


def first_resources(connection: Connection, target: str, kind: Kind, limit: int) -> list[Link]:
    """Return the links of the first `limit` resources, in order, that are active."""
    rows = connection.execute(
        select(table)
        .where(
            table.c.target == target,
            table.c.kind == kind,
            table.c.status == LinkStatus.ACTIVE,
            has_account(),
        )
        .order_by(table.c.key)
        .limit(limit)
    )
    return [_link(row) for row in rows.mappings()]


def active_documents(connection: Connection, target: str, kind: Kind) -> Iterator[Document]:
    """Yield the acknowledged documents of all active resources."""
    query = select(table.c.document).where(
        table.c.target == target, table.c.kind == kind, table.c.status == LinkStatus.ACTIVE
    )
    for text in stream(connection, 1000, query).scalars():
        yield load_document(text)


def moved_keys(connection: Connection, target: str) -> dict[Key, Key]:
    """Return the keys that the accounts of users were moved from, each to one key, with that."""
    rows = connection.execute(
        select(table.c.moved_from, func.min(table.c.key))
        .where(
            table.c.target == target,
            table.c.kind == Kind.USER,
            table.c.moved_from.is_not(None),
            has_account(),
        )
        .group_by(table.c.moved_from)
        .having(func.count() == 1)
    )
    return {Key(old): Key(new) for old, new in rows}


def deactivated(connection: Connection, target: str, since: datetime) -> Iterator[Link]:
    """Yield the links of users that were deactivated, or changed after that, since a time."""
    query = select(table).where(
        table.c.target == target,
        table.c.kind == Kind.USER,
        table.c.status == LinkStatus.INACTIVE,
        table.c.synced_at >= since,
        has_account(),
    )
    with closing(stream(connection, 2000, query.order_by(table.c.key))) as rows:
        yield from (_link(row) for row in rows.mappings())


def select_links(connection: Connection, condition: ColumnElement[bool]) -> Iterator[Link]:
    """Yield the links that meet a condition, in any order."""
    with closing(stream(connection, 2000, select(table).where(condition))) as rows:
        yield from (_link(row) for row in rows.mappings())


def paused_keys(connection: Connection, target: str, kind: Kind, now: datetime) -> list[Key]:
    """Return the keys of the links whose next try is in the future."""
    return _keys(connection, target, kind, _is_waiting(now))


def in_doubt_keys(connection: Connection, target: str, kind: Kind, now: datetime) -> list[Key]:
    """Return the keys of links whose last request has an unknown outcome.

    Links that must not be read yet at `now` are left out.
    """
    return _keys(connection, target, kind, retry_is_due(now) & table.c.in_doubt)


def _keys(
    connection: Connection, target: str, kind: Kind, condition: ColumnElement[bool]
) -> list[Key]:
    query = select(table.c.key).where(table.c.target == target, table.c.kind == kind, condition)
    return [Key(key) for key in connection.scalars(query)]


def count_accounts(connection: Connection, target: str, kind: Kind) -> int:
    """Return how many resources of a kind exist at a target.

    An index has the status of each link, and another one those without a remote id, which are few.
    """
    with_status = (table.c.kind == kind) & table.c.status.in_(_WITH_ACCOUNT)
    unknown = count(connection, target, with_status, table.c.remote_id.is_(None))
    return count(connection, target, with_status) - unknown


def count_with_status(connection: Connection, target: str, *statuses: LinkStatus) -> int:
    """Return how many users of a target have a link with one of these statuses."""
    return count(connection, target, table.c.kind == Kind.USER, table.c.status.in_(statuses))


def count_by_status(connection: Connection, target: str) -> dict[LinkStatus, int]:
    """Return how many users of a target have a link with each status."""
    rows = connection.execute(
        select(table.c.status, func.count())
        .where(table.c.target == target, table.c.kind == Kind.USER)
        .group_by(table.c.status)
    )
    return {LinkStatus(status): number for status, number in rows}


def count_active(connection: Connection, target: str, keys: Sequence[Key]) -> int:
    """Return how many of the users `keys` have an active account."""
    active = table.c.status == LinkStatus.ACTIVE
    return count(connection, target, table.c.kind == Kind.USER, table.c.key.in_(keys), active)


def count_with_access(connection: Connection, target: str) -> int:
    """Return how many leavers may still have access at a target."""
    number = select(func.count()).where(
        rare_links_of(target), table.c.may_have_access_since.is_not(None)
    )
    return connection.scalar(number) or 0


def count(connection: Connection, target: str, *conditions: ColumnElement[bool]) -> int:
    """Return how many links of a target fulfill all conditions."""
    query = select(func.count()).select_from(table).where(table.c.target == target, *conditions)
    return connection.scalar(query) or 0


def is_known_key(connection: Connection, key: Key) -> bool:
    """Return whether any source or target has a user with this key."""
    linked = select(table.c.key).where(table.c.key == key, table.c.kind == Kind.USER)
    recorded = select(record.c.key).where(record.c.key == key)
    return connection.execute(linked.union(recorded).limit(1)).first() is not None


def rare_links_of(target: str) -> ColumnElement[bool]:
    """Return the condition that a link belongs to a target, for use with a rare condition.

    Without statistics, SQLite prefers an index of all links of the target to a partial one. The
    expression makes it use the partial index.
    """
    return table.c.target.concat("") == target


def has_account() -> ColumnElement[bool]:
    """Return the condition that the resource of a link exists at its target."""
    return exists_at(table)


def exists_at(link: FromClause) -> ColumnElement[bool]:
    """Return the condition that the resource of a link exists, for the table or an alias of it."""
    return and_(link.c.remote_id.is_not(None), link.c.status.in_(_WITH_ACCOUNT))


def retry_is_due(now: datetime) -> ColumnElement[bool]:
    """Return the condition that the next try of a link is due. Not true where none is planned."""
    return or_(*due_retries(now))


def due_retries(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the two conditions of which one is true for a link whose next try is due."""
    until = table.c.next_try_at
    return until <= now, until > latest_plausible(now)


def _is_waiting(now: datetime) -> ColumnElement[bool]:
    until = table.c.next_try_at
    return and_(until > now, until <= latest_plausible(now))


def _link(row: RowMapping) -> Link:
    return Link(
        kind=Kind(row["kind"]),
        key=Key(row["key"]),
        status=LinkStatus(row["status"]),
        remote_id=None if row["remote_id"] is None else RemoteId(row["remote_id"]),
        document=load_document(row["document"]) if row["document"] else {},
        etag=row["etag"],
        in_doubt=row["in_doubt"],
        claimed_name=row["claimed_name"],
        synced_at=row["synced_at"],
        left_at=row["left_at"],
        delete_after=row["delete_after"],
        deletion_seen_at=row["deletion_seen_at"],
        failures=row["failures"],
        next_try_at=row["next_try_at"],
        last_error=row["last_error"],
        shared=row["shared"],
        adopted=row["adopted"],
        may_have_access_since=row["may_have_access_since"],
        left_before=row["left_before"],
        moved_from=row["moved_from"],
        confirmed_seq=row["confirmed_seq"],
        echoes=() if row["echoes"] is None else load_echoes(row["echoes"]),
    )


def _row(target: str, item: Link) -> dict[str, Any]:
    return {
        "target": target,
        "kind": item.kind,
        "key": item.key,
        "remote_id": item.remote_id,
        "status": item.status,
        "document": dump_document(item.document),
        "unique_name": item.unique_name,
        "etag": item.etag,
        "in_doubt": item.in_doubt,
        "claimed_name": item.claimed_name if item.in_doubt else None,
        "synced_at": item.synced_at,
        "left_at": item.left_at,
        "delete_after": item.delete_after,
        "deletion_seen_at": item.deletion_seen_at,
        "failures": item.failures,
        "next_try_at": item.next_try_at,
        "last_error": item.last_error,
        "shared": item.shared,
        "adopted": item.adopted,
        "may_have_access_since": item.may_have_access_since,
        "left_before": item.left_before,
        "moved_from": item.moved_from,
        "confirmed_seq": item.confirmed_seq,
        "echoes": dump_echoes(item.echoes),
    }
