"""What has to be planned for a target: changed records, and links that are due without a change.

Due links are found by separate queries and not by one with OR, so that each has an index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, or_, select, union

from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.links import LinkStatus
from scimsync.model.operations import OPEN_STATUSES, OperationFilter
from scimsync.state import absent_users, link_store, operation_journal, record_names, record_rows
from scimsync.state.many_rows import stream
from scimsync.state.tables.link_tables import absent_user, hold, link, reference
from scimsync.state.tables.source_tables import record

_REFERRER = link.alias("referrer")
"""The link of the user with an attribute that refers to another one."""


def keys_to_plan(
    connection: Connection,
    target: str,
    sources: Sequence[str],
    cursor: Seq,
    now: datetime,
    *,
    everybody: bool = False,
) -> Iterator[Key]:
    """Yield the keys of users to be planned, in order, each once.

    These are records changed after `cursor`, due links, references that can be resolved or have to
    be removed or whose name changed hands or whose key is unknown, operations without an outcome,
    left by a run that died, and users out of scope whose account was protected. `everybody` adds
    all users with an account.
    """
    accounts = select(link.c.key).where(
        link.c.target == target, link.c.kind == Kind.USER, link_store.has_account()
    )
    query = union(
        select(record.c.key).where(record_rows.changed_since(sources, cursor)),
        *_due_links(target, Kind.USER, now),
        _held_with_access(target),
        _resolvable(target),
        _dangling(target),
        _unknown(target),
        record_names.referrers(target, sources, cursor),
        _left_open(target, Kind.USER),
        select(absent_user.c.key).where(absent_users.is_protected(target)),
        *([accounts] if everybody else []),
    ).order_by("key")
    with closing(stream(connection, 2000, query)) as rows:
        for row in rows:
            yield Key(row.key)


def arrivals(
    connection: Connection, target: str, sources: Sequence[str], cursor: Seq
) -> Iterator[Key]:
    """Yield the keys of users without an account, in order, if the target may have any at all.

    These are records changed after `cursor`, and users whose account could not be created yet.
    """
    found = union(*_arrivals(target, sources, cursor)).subquery()
    # in order only afterwards: SQLite would read all links by key instead of only those that wait
    query = select(found.c.key).order_by(found.c.key)
    with closing(stream(connection, 2000, query)) as rows:
        for row in rows:
            yield Key(row.key)


def head_and_arrivals(
    connection: Connection,
    target: str,
    all_sources: Sequence[str],
    sources: Sequence[str],
    cursor: Seq,
) -> tuple[Seq, bool]:
    """Return the highest sequence number of `all_sources`, and whether there are `arrivals`."""
    changed, waiting = _arrivals(target, sources, cursor)
    row = connection.execute(
        select(
            record_rows.head(all_sources).scalar_subquery(), or_(changed.exists(), waiting.exists())
        )
    ).one()
    return Seq(row[0] or 0), bool(row[1])


def _arrivals(target: str, sources: Sequence[str], cursor: Seq) -> tuple[Select[str], Select[str]]:
    """Return queries for changed records without an account, and for users who wait for one."""
    account = link.alias("account")
    users = (
        (account.c.target == target) & (account.c.kind == Kind.USER) & link_store.exists_at(account)
    )
    any_account = _may_have_accounts(target)
    waiting = select(link.c.key).where(
        link.c.target == target, link.c.kind == Kind.USER, link.c.status == LinkStatus.PENDING
    )
    changed = select(record.c.key).where(
        record_rows.changed_since(sources, cursor),
        record.c.removed_at.is_(None),
        ~exists().where(users, account.c.key == record.c.key),
    )
    return changed.where(any_account), waiting.where(any_account)


def may_have_accounts(connection: Connection, target: str) -> bool:
    """Return whether a target has accounts, or may have some after creations of unknown outcome."""
    return bool(connection.scalar(select(_may_have_accounts(target))))


def _may_have_accounts(target: str) -> ColumnElement[bool]:
    account = link.alias("any_account")
    users = (account.c.target == target) & (account.c.kind == Kind.USER)
    is_perhaps_created = (account.c.status == LinkStatus.PENDING) & account.c.in_doubt
    return or_(
        exists().where(users, link_store.exists_at(account)),
        exists().where(users, is_perhaps_created),
    )


def groups_to_plan(connection: Connection, target: str, now: datetime) -> list[Key]:
    """Return the keys of groups that are due although no record changed."""
    query = union(*_due_links(target, Kind.GROUP, now), _left_open(target, Kind.GROUP))
    return [Key(key) for key in connection.scalars(query.order_by("key"))]


def keys_with_resolvable_references(connection: Connection, target: str) -> list[Key]:
    """Return the keys of users that refer to an account which exists, but not yet at the target."""
    return [Key(key) for key in connection.scalars(_resolvable(target))]


def count_due(connection: Connection, target: str, now: datetime) -> int:
    """Return how many links of a target are due at `now`.

    A deletion that failed counts when it is tried again, not before.
    """
    retries = sum(
        link_store.count(connection, target, each) for each in link_store.due_retries(now)
    )
    deletions = link_store.count(
        connection, target, (link.c.delete_after <= now) & link.c.next_try_at.is_(None), _INACTIVE
    )
    return retries + deletions


def count_waiting(connection: Connection, target: str) -> int:
    """Return how many links of a target wait for another try, now or later."""
    return link_store.count(connection, target, link.c.next_try_at.is_not(None))


def count_deletions(connection: Connection, target: str, until: datetime) -> int:
    """Return how many deactivated accounts are to be deleted by `until`."""
    return link_store.count(connection, target, link.c.delete_after <= until, _INACTIVE)


def next_due(connection: Connection, target: str, after: datetime) -> datetime | None:
    """Return when the next link of a target becomes due after `after`. None means never."""
    retries = select(link.c.next_try_at).where(link.c.target == target, link.c.next_try_at > after)
    deletions = select(link.c.delete_after).where(
        link.c.target == target, link.c.delete_after > after, _INACTIVE
    )
    # LIMIT 1 on an ordered index reads one row; min() reads every row for the second query
    times = (
        connection.scalar(retries.order_by(link.c.next_try_at).limit(1)),
        connection.scalar(deletions.order_by(link.c.delete_after).limit(1)),
    )
    return min((time for time in times if time is not None), default=None)


_INACTIVE = link.c.status == LinkStatus.INACTIVE


def _due_links(target: str, kind: Kind, now: datetime) -> tuple[Select[str], ...]:
    """Return queries for the keys of due links.

    They have a due retry, or a due deletion, or are those of leavers who may still have access.
    """
    keys = select(link.c.key).where(link.c.target == target, link.c.kind == kind)
    return (
        *(keys.where(each) for each in link_store.due_retries(now)),
        keys.where(link.c.may_have_access_since.is_not(None), link.c.next_try_at.is_(None)),
        keys.where(link.c.delete_after <= now, _INACTIVE, link.c.next_try_at.is_(None)),
    )


def _held_with_access(target: str) -> Select[str]:
    """Return a query for the keys of active accounts of users who were deprovisioned by hand.

    A concurrent run may have overwritten the fact that such a link is due.
    """
    return select(link.c.key).where(
        link.c.target == target,
        link.c.kind == Kind.USER,
        link.c.key.in_(select(hold.c.key)),
        link.c.status == LinkStatus.ACTIVE,
        link.c.next_try_at.is_(None),
    )


def _left_open(target: str, kind: Kind) -> Select[str]:
    """Return a query for the keys of operations without an outcome, left by a run that died."""
    return operation_journal.keys_query(
        OperationFilter(target=target, kind=kind, statuses=OPEN_STATUSES)
    )


def _resolvable(target: str) -> Select[str]:
    """Return a query for users that refer to an account with another id than the target holds."""
    return select(reference.c.key).where(
        reference.c.target == target,
        link_store.has_account(),
        or_(reference.c.remote_id.is_(None), reference.c.remote_id != link.c.remote_id),
        and_(
            link.c.target == reference.c.target,
            link.c.kind == Kind.USER,
            link.c.key == reference.c.ref_key,
        ),
        *_referrer_is_active(),
    )


def _dangling(target: str) -> Select[str]:
    """Return a query for users that still refer to a deleted account."""
    deleted = select(link.c.key).where(
        link.c.target == target, link.c.kind == Kind.USER, link.c.status == LinkStatus.DELETED
    )
    return select(reference.c.key).where(
        reference.c.target == target,
        reference.c.ref_key.in_(deleted),
        reference.c.remote_id.is_not(None),
        *_referrer_is_active(),
    )


def _unknown(target: str) -> Select[str]:
    """Return a query for users that should refer to a key without a link, and refer to another."""
    known = exists().where(
        link.c.target == reference.c.target,
        link.c.kind == Kind.USER,
        link.c.key == reference.c.ref_key,
    )
    return select(reference.c.key).where(
        reference.c.target == target,
        reference.c.remote_id.is_not(None),
        ~known,
        *_referrer_is_active(),
    )


def _referrer_is_active() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a referring user who has an active account and is not due anyway.

    A user is due now, or after a delay.
    """
    return (
        _REFERRER.c.target == reference.c.target,
        _REFERRER.c.kind == reference.c.kind,
        _REFERRER.c.key == reference.c.key,
        _REFERRER.c.status == LinkStatus.ACTIVE,
        _REFERRER.c.next_try_at.is_(None),
    )
