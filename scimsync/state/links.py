"""Links: what is known of each resource at each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, or_, select, true, update
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.ids import (
    UNIQUE_ATTRIBUTE,
    Document,
    Key,
    Kind,
    RemoteId,
    fold_name,
)
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.state.bulk import stream, upsert
from scimsync.state.json_values import dump_document, load_document
from scimsync.state.pauses import is_over, still_lasts
from scimsync.state.tables import link as table
from scimsync.state.tables import record, reference


def get_links(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key]
) -> dict[Key, Link]:
    """The links of `keys` that exist."""
    rows = connection.execute(
        select(table).where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
    )
    return {Key(row["key"]): _link(row) for row in rows.mappings()}


def all_links(connection: Connection, target: str, batch: int = 1000) -> Iterator[Link]:
    """Every link of a target, by kind and key."""
    rows = stream(
        connection,
        batch,
        select(table).where(table.c.target == target).order_by(table.c.kind, table.c.key),
    )
    for row in rows.mappings():
        yield _link(row)


def put_links(connection: Connection, target: str, links: Iterable[Link]) -> None:
    """Stores links, new and changed."""
    upsert(connection, table, [_row(target, item) for item in links])


def name_holders(
    connection: Connection, target: str, kind: Kind, names: Sequence[str]
) -> dict[str, Link]:
    """Folded userName -> the link of the account that holds it."""
    rows = connection.execute(
        select(table).where(
            table.c.target == target,
            table.c.kind == kind,
            table.c.unique_name.in_(names),
            has_account(),
        )
    )
    return {row["unique_name"]: _link(row) for row in rows.mappings()}


def remote_ids(
    connection: Connection,
    target: str,
    keys: Sequence[Key],
    kind: Kind = Kind.USER,
    *,
    deleted: bool = False,
) -> dict[Key, RemoteId]:
    """Remote ids of the resources of `keys` that exist; with `deleted` also of those that did."""
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
    """Remote id -> the key that is linked to it."""
    rows = connection.execute(
        select(table.c.remote_id, table.c.key).where(
            table.c.target == target,
            table.c.kind == kind,
            table.c.remote_id.in_(ids),
            has_account(),
        )
    )
    return {RemoteId(remote_id): Key(key) for remote_id, key in rows}


def due_keys(target: str, kind: Kind, now: datetime) -> tuple[Select[str], Select[str]]:
    """Queries for the keys of links that ask for work although their record did not change: a try,
    a deletion.

    Two and not one with `or`: each has an index of its own.
    """
    keys = select(table.c.key).where(table.c.target == target, table.c.kind == kind)
    return (
        keys.where(is_over(table.c.next_try_at, now)),
        keys.where(
            table.c.delete_after <= now,
            table.c.status == LinkStatus.INACTIVE,
            table.c.next_try_at.is_(None),
        ),
    )


def all_keys(connection: Connection, target: str, kind: Kind) -> list[Key]:
    """Return the keys of all links of a kind."""
    return _keys(connection, target, kind, true())


def account_keys(connection: Connection, target: str, kind: Kind) -> list[Key]:
    """Return the keys of the links whose resource exists at the target."""
    return _keys(connection, target, kind, has_account())


def paused_keys(connection: Connection, target: str, kind: Kind, now: datetime) -> list[Key]:
    """Return the keys of the links whose next try is in the future."""
    return _keys(connection, target, kind, still_lasts(table.c.next_try_at, now))


def in_doubt_keys(connection: Connection, target: str, kind: Kind, now: datetime) -> list[Key]:
    """Return the keys of the links whose last request has an unknown outcome and may be looked at
    now."""
    return _keys(connection, target, kind, is_over(table.c.next_try_at, now) & table.c.in_doubt)


def _keys(
    connection: Connection, target: str, kind: Kind, condition: ColumnElement[bool]
) -> list[Key]:
    query = select(table.c.key).where(table.c.target == target, table.c.kind == kind, condition)
    return [Key(key) for key in connection.scalars(query)]


def count_links(connection: Connection, target: str, kind: Kind) -> int:
    """How many links of a kind a target has."""
    query = (
        select(func.count())
        .select_from(table)
        .where(table.c.target == target, table.c.kind == kind)
    )
    return connection.scalar(query) or 0


def count_with_status(connection: Connection, target: str, *statuses: LinkStatus) -> int:
    """How many users of a target have a link of one of these statuses."""
    query = select(func.count()).select_from(table)
    return (
        connection.scalar(
            query.where(
                table.c.target == target, table.c.kind == Kind.USER, table.c.status.in_(statuses)
            )
        )
        or 0
    )


def forget_pending(connection: Connection, target: str, kind: Kind, keys: Sequence[Key]) -> None:
    """Drops links without an account whose person is not wanted at the target any more."""
    connection.execute(
        delete(table).where(
            table.c.target == target,
            table.c.kind == kind,
            table.c.key.in_(keys),
            table.c.status == LinkStatus.PENDING,
        )
    )


def forget_leaving(connection: Connection, target: str, kind: Kind, keys: Sequence[Key]) -> None:
    """Should these leave again, the time until their accounts are deleted begins anew."""
    connection.execute(
        update(table)
        .where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
        .values(left_at=None, delete_after=None)
    )


def known_key(connection: Connection, key: Key) -> bool:
    """Whether any source or target knows a user with this key."""
    linked = select(table.c.key).where(table.c.key == key, table.c.kind == Kind.USER)
    recorded = select(record.c.key).where(record.c.key == key)
    return connection.execute(linked.union(recorded).limit(1)).first() is not None


def put_references(
    connection: Connection, target: str, keys: Sequence[Key], wanted: Sequence[Reference]
) -> None:
    """Makes `wanted`, with what the target acknowledged of each, the references of `keys`."""
    connection.execute(
        delete(reference).where(reference.c.target == target, reference.c.key.in_(keys))
    )
    upsert(
        connection,
        reference,
        [
            {
                "target": target,
                "kind": item.kind,
                "key": item.key,
                "path": item.path,
                "ref_key": item.ref_key,
                "remote_id": item.remote_id,
            }
            for item in wanted
        ],
    )


def acknowledge_references(
    connection: Connection, target: str, kind: Kind, documents: Mapping[Key, Document]
) -> None:
    """Notes which remote ids the target holds now at the places where references stand."""
    rows = connection.execute(
        select(reference).where(
            reference.c.target == target,
            reference.c.kind == kind,
            reference.c.key.in_(list(documents)),
        )
    )
    changed = [
        dict(row) | {"remote_id": documents[row["key"]].get(row["path"])}
        for row in rows.mappings()
        if documents[row["key"]].get(row["path"]) != row["remote_id"]
    ]
    upsert(connection, reference, changed)


def waiting_references(target: str) -> ColumnElement[bool]:
    """Condition over `reference` joined with `link` (as the referenced): the account is there, the
    target has another value."""
    return and_(
        reference.c.target == target,
        has_account(),
        or_(reference.c.remote_id.is_(None), reference.c.remote_id != table.c.remote_id),
    )


def referrers(connection: Connection, target: str, ref_keys: Sequence[Key]) -> set[Key]:
    """Keys of the resources that refer to one of `ref_keys`."""
    rows = connection.scalars(
        select(reference.c.key)
        .where(reference.c.target == target, reference.c.ref_key.in_(ref_keys))
        .distinct()
    )
    return {Key(key) for key in rows}


def has_account() -> ColumnElement[bool]:
    """Return the condition that the resource of a link exists at its target."""
    return and_(
        table.c.remote_id.is_not(None), table.c.status.in_([LinkStatus.ACTIVE, LinkStatus.INACTIVE])
    )


def _link(row: RowMapping) -> Link:
    return Link(
        kind=Kind(row["kind"]),
        key=Key(row["key"]),
        status=LinkStatus(row["status"]),
        remote_id=None if row["remote_id"] is None else RemoteId(row["remote_id"]),
        document=load_document(row["document"]) if row["document"] else {},
        etag=row["etag"],
        in_doubt=row["in_doubt"],
        synced_at=row["synced_at"],
        left_at=row["left_at"],
        delete_after=row["delete_after"],
        failures=row["failures"],
        next_try_at=row["next_try_at"],
        last_error=row["last_error"],
    )


def _row(target: str, item: Link) -> dict[str, Any]:
    return {
        "target": target,
        "kind": item.kind,
        "key": item.key,
        "remote_id": item.remote_id,
        "status": item.status,
        "document": dump_document(item.document),
        "unique_name": fold_name(item.document.get(UNIQUE_ATTRIBUTE[item.kind])),
        "etag": item.etag,
        "in_doubt": item.in_doubt,
        "synced_at": item.synced_at,
        "left_at": item.left_at,
        "delete_after": item.delete_after,
        "failures": item.failures,
        "next_try_at": item.next_try_at,
        "last_error": item.last_error,
    }
