"""Links: what is known of each resource at each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    FromClause,
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    update,
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
from scimsync.model.repairs import UNLINKED_KEYS
from scimsync.state.bulk import stream, upsert
from scimsync.state.json_values import dump_document, dump_echoes, load_document, load_echoes
from scimsync.state.tables.links import link as table
from scimsync.state.tables.links import membership, pin, reference
from scimsync.state.tables.sources import record

_WITH_ACCOUNT = (LinkStatus.ACTIVE, LinkStatus.INACTIVE)


def get_links(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key]
) -> dict[Key, Link]:
    """Return the links of `keys` that exist."""
    rows = connection.execute(
        select(table).where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
    )
    return {Key(row["key"]): _link(row) for row in rows.mappings()}


def put_links(connection: Connection, target: str, links: Iterable[Link]) -> None:
    """Store links, new and changed.

    The database refuses a second owner of a resource: callers that link a resource check it with
    `rivals` first.
    """
    # a link that gives a resource up comes before one that takes it
    ordered = sorted(links, key=lambda item: item.has_account)
    upsert(connection, table, [_row(target, item) for item in ordered])


def read_as_removed(connection: Connection, target: str, links: Sequence[Link]) -> list[Key]:
    """Return the users of whom `links` say that a read showed their access to be removed.

    The stored links are in doubt about that, and `links` will replace them.
    """
    keys = [
        one.key
        for one in links
        if one.kind is Kind.USER
        and one.status in (LinkStatus.INACTIVE, LinkStatus.DELETED)
        and not one.in_doubt
    ]
    if not keys:
        return []
    in_doubt = select(table.c.key).where(
        table.c.target == target,
        table.c.kind == Kind.USER,
        table.c.key.in_(keys),
        table.c.in_doubt,
        table.c.may_have_access_since.is_not(None),
    )
    return [Key(key) for key in connection.scalars(in_doubt)]


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


def mark_removals(connection: Connection, target: str, removed: Select[str], now: datetime) -> None:
    """Note that these users may still have access: the keys `removed` have a planned removal.

    An account that is known to be inactive gives no access. An earlier time stays.
    """
    connection.execute(
        update(table)
        .where(
            table.c.target == target,
            table.c.kind == Kind.USER,
            table.c.key.in_(removed),
            table.c.may_have_access_since.is_(None),
            or_(table.c.status == LinkStatus.ACTIVE, table.c.in_doubt),
        )
        .values(may_have_access_since=now)
    )


def count_accounts(connection: Connection, target: str, kind: Kind) -> int:
    """Return how many resources of a kind exist at a target.

    An index has the status of each link, and another one those without a remote id, which are few.
    """
    with_status = (table.c.kind == kind) & table.c.status.in_(_WITH_ACCOUNT)
    unknown = count(connection, target, with_status, table.c.remote_id.is_(None))
    return count(connection, target, with_status) - unknown


def has_accounts(connection: Connection, target: str, kind: Kind) -> bool:
    """Return whether any resource of a kind exists at a target."""
    here = (table.c.target == target) & (table.c.kind == kind)
    return bool(connection.scalar(select(exists().where(here, has_account()))))


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
    return count(connection, target, table.c.may_have_access_since.is_not(None))


def count(connection: Connection, target: str, *conditions: ColumnElement[bool]) -> int:
    """Return how many links of a target fulfill all conditions."""
    query = select(func.count()).select_from(table).where(table.c.target == target, *conditions)
    return connection.scalar(query) or 0


def move(connection: Connection, target: str, pairs: Mapping[Key, Key]) -> None:
    """Give the accounts of users to other keys (new -> old), which have none, and references too.

    The references of the old keys themselves are dropped.
    """
    here = (table.c.target == target) & (table.c.kind == Kind.USER)
    some = [{"new_key": new, "old_key": old} for new, old in pairs.items()]
    connection.execute(delete(table).where(here, table.c.key.in_(list(pairs))))
    connection.execute(
        update(table)
        .where(here, table.c.key == bindparam("old_key"))
        .values(key=bindparam("new_key"), moved_from=bindparam("old_key")),
        some,
    )
    theirs = [*pairs, *pairs.values()]
    connection.execute(
        delete(pin).where(pin.c.target == target, pin.c.kind == Kind.USER, pin.c.key.in_(theirs))
    )
    ours = reference.c.target == target
    connection.execute(delete(reference).where(ours, reference.c.key.in_(list(pairs.values()))))
    connection.execute(
        update(reference)
        .where(ours, reference.c.ref_key == bindparam("old_key"))
        .values(ref_key=bindparam("new_key")),
        some,
    )


def delete_pending(connection: Connection, target: str, kind: Kind, keys: Sequence[Key]) -> None:
    """Delete links without an account, of users who are no longer wanted at the target."""
    connection.execute(
        delete(table).where(
            table.c.target == target,
            table.c.kind == kind,
            table.c.key.in_(keys),
            table.c.status == LinkStatus.PENDING,
        )
    )


def cancel_deletion(connection: Connection, target: str, kind: Kind, keys: Sequence[Key]) -> None:
    """Forget when these users left, so that the time until deletion starts over."""
    connection.execute(
        update(table)
        .where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
        .values(left_at=None, delete_after=None, deletion_seen_at=None)
    )


def detach(connection: Connection, target: str, now: datetime) -> None:
    """Forget the ids of the accounts of all users: they are looked up before they are used."""
    connection.execute(
        update(table)
        .where(table.c.target == target, table.c.kind == Kind.USER, has_account())
        .values(status=LinkStatus.PENDING, remote_id=None, in_doubt=True, next_try_at=now)
    )


def put_in_doubt(
    connection: Connection,
    target: str,
    now: datetime,
    deleted_since: datetime,
    keys: Sequence[Key] = (),
) -> int:
    """Let the next plan read all resources of a target, or the users `keys` if there are any.

    Return the number of users at the target.

    Accounts that were deleted after `deleted_since` are read too: a target that was restored may
    have them again.
    """
    connection.execute(
        update(table)
        .where(*_perhaps_restored(target, deleted_since, keys))
        .values(status=LinkStatus.INACTIVE)
    )
    connection.execute(
        update(table)
        .where(_chosen(keys), table.c.target == target, has_account())
        .values(in_doubt=True, next_try_at=now)
    )
    return count_accounts(connection, target, Kind.USER)


def perhaps_restored(
    connection: Connection, target: str, deleted_since: datetime, keys: Sequence[Key] = ()
) -> list[Key]:
    """Return the users whose deleted accounts `put_in_doubt` would read."""
    query = select(table.c.key).where(*_perhaps_restored(target, deleted_since, keys))
    return [Key(key) for key in connection.scalars(query.order_by(table.c.key))]


def _perhaps_restored(
    target: str, deleted_since: datetime, keys: Sequence[Key]
) -> tuple[ColumnElement[bool], ...]:
    other = table.alias("other")
    same = (
        (other.c.target == table.c.target)
        & (other.c.kind == table.c.kind)
        & (other.c.remote_id == table.c.remote_id)
        & (other.c.key != table.c.key)
    )
    return (
        _chosen(keys),
        table.c.target == target,
        table.c.kind == Kind.USER,
        table.c.status == LinkStatus.DELETED,
        table.c.remote_id.is_not(None),
        table.c.synced_at >= deleted_since,
        ~exists().where(same),
    )


def _chosen(keys: Sequence[Key]) -> ColumnElement[bool]:
    """Return the condition for the users `keys`, or for all users and groups if there are none."""
    return (table.c.kind == Kind.USER) & table.c.key.in_(keys) if keys else true()


def unlinked(targets: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition for the links by which resources that are not linked are in a run."""
    return and_(
        table.c.target.in_(targets),
        table.c.kind.in_(list(Kind)),  # or else the index would not be searched by key
        _is_made_up(table.c.key),
        table.c.left_before.is_(True),
    )


def forget_unlinked(connection: Connection, targets: Sequence[str]) -> None:
    """Delete the links by which resources that are not linked took part in a run."""
    dropped = connection.execute(delete(table).where(unlinked(targets)))
    if dropped.rowcount:
        connection.execute(
            delete(membership).where(
                membership.c.target.in_(targets), _is_made_up(membership.c.member_key)
            )
        )


def _is_made_up(key: Column[str]) -> ColumnElement[bool]:
    first, end = UNLINKED_KEYS
    return (key >= first) & (key < end)


def is_known_key(connection: Connection, key: Key) -> bool:
    """Return whether any source or target has a user with this key."""
    linked = select(table.c.key).where(table.c.key == key, table.c.kind == Kind.USER)
    recorded = select(record.c.key).where(record.c.key == key)
    return connection.execute(linked.union(recorded).limit(1)).first() is not None


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
