"""Change many links of a target at once, and find the links that such a change affects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.ids import (
    Key,
    Kind,
)
from scimsync.model.links import Link, LinkStatus
from scimsync.model.repairs import UNLINKED_KEYS
from scimsync.state import link_store, new_ids
from scimsync.state.tables.link_tables import link as table
from scimsync.state.tables.link_tables import membership, pin, reference


def read_as_removed(connection: Connection, target: str, shown: Sequence[Link]) -> list[Key]:
    """Return the users for whom the links `shown` confirm that their access is removed.

    The stored links are in doubt, and `shown` will replace them.
    """
    keys = [
        one.key
        for one in shown
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


def mark_removals(connection: Connection, target: str, removed: Select[str], now: datetime) -> None:
    """Record that these users may still have access: the keys `removed` have a planned removal.

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


def move(connection: Connection, target: str, pairs: Mapping[Key, Key]) -> None:
    """Move the accounts of users, and references, to other keys (new -> old), which have none.

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
    accounts = (table.c.target == target) & (table.c.kind == Kind.USER) & link_store.has_account()
    new_ids.doubt_resources(connection, target, Kind.USER, select(table.c.key).where(accounts))
    connection.execute(
        update(table)
        .where(accounts)
        .values(status=LinkStatus.PENDING, remote_id=None, in_doubt=True, next_try_at=now)
    )


def put_in_doubt(
    connection: Connection,
    target: str,
    now: datetime,
    deleted_since: datetime,
    keys: Sequence[Key] = (),
) -> int:
    """Make the next plan read all resources of a target, or only the users `keys` if any are given.

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
        .where(_chosen(keys), table.c.target == target, link_store.has_account())
        .values(in_doubt=True, next_try_at=now)
    )
    return link_store.count_accounts(connection, target, Kind.USER)


def to_be_read(
    connection: Connection, target: str, deleted_since: datetime, keys: Sequence[Key] = ()
) -> Iterator[Link]:
    """Yield the links that `put_in_doubt` changes."""
    known = and_(_chosen(keys), table.c.target == target, link_store.has_account())
    restored = and_(*_perhaps_restored(target, deleted_since, keys))
    yield from link_store.select_links(connection, or_(known, restored))


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
    """Return the condition for the links by which unlinked resources take part in a run."""
    return and_(
        table.c.target.in_(targets),
        table.c.kind.in_(list(Kind)),  # or else the index would not be searched by key
        _is_made_up(table.c.key),
        table.c.left_before.is_(True),
    )


def forget_unlinked(connection: Connection, targets: Sequence[str]) -> None:
    """Delete the links by which unlinked resources took part in a run."""
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
