"""Holds: users deprovisioned by hand, whatever the source says, until the hold is lifted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.state import link_store, pin_store
from scimsync.state.many_rows import upsert
from scimsync.state.tables.link_tables import hold as table
from scimsync.state.tables.link_tables import link


def put_hold(connection: Connection, key: Key, targets: Sequence[str], now: datetime) -> None:
    """Hold a user, who may have access at all `targets` until each of them shows the opposite.

    An account that is known to be inactive is read again. An earlier hold keeps its time. Pins of a
    revert end.
    """
    upsert(connection, table, [{"key": key, "since": now}], keep=("since",))
    pin_store.drop_everywhere(connection, [key])
    _make_due(connection, key, targets, now)
    of_user = (link.c.key == key, link.c.kind == Kind.USER)
    connection.execute(
        update(link)
        .where(*of_user, link.c.may_have_access_since.is_(None))
        .values(may_have_access_since=now)
    )
    connection.execute(
        update(link).where(*of_user, link.c.status == LinkStatus.INACTIVE).values(in_doubt=True)
    )


def lift_hold(connection: Connection, key: Key, targets: Sequence[str], now: datetime) -> bool:
    """Lift a hold, and make the user due at `targets`. Return False where there was no hold."""
    lifted = connection.execute(delete(table).where(table.c.key == key)).rowcount > 0
    if lifted:
        _make_due(connection, key, targets, now)
        of_user = (link.c.key == key, link.c.kind == Kind.USER)
        connection.execute(update(link).where(*of_user).values(may_have_access_since=None))
    return lifted


def held(connection: Connection, keys: Sequence[Key]) -> dict[Key, datetime]:
    """Return those of `keys` that are held, and since when."""
    rows = connection.execute(select(table.c.key, table.c.since).where(table.c.key.in_(keys)))
    return {Key(row.key): row.since for row in rows}


def all_holds(connection: Connection) -> dict[Key, datetime]:
    """Return all users who are held, and since when, in the order of keys."""
    rows = connection.execute(select(table.c.key, table.c.since).order_by(table.c.key))
    return {Key(row.key): row.since for row in rows}


def _make_due(connection: Connection, key: Key, targets: Sequence[str], now: datetime) -> None:
    """Make the links due, so that a later run finds the user if the next one fails.

    Without a link and a changed record, no run would plan the user: there is a pending link then.
    """
    for name in targets:
        if not link_store.get_links(connection, name, Kind.USER, [key]):
            link_store.put_links(connection, name, [Link(Kind.USER, key, LinkStatus.PENDING)])
    connection.execute(
        update(link).where(link.c.key == key, link.c.kind == Kind.USER).values(next_try_at=now)
    )
