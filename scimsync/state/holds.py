"""Holds: people who are to have no account anywhere, whatever the source says, until somebody lifts
that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.state import links
from scimsync.state.bulk import upsert
from scimsync.state.tables import hold as table
from scimsync.state.tables import link


def put_hold(connection: Connection, key: Key, now: datetime) -> None:
    """Holds somebody from now on; an earlier hold keeps its time. Whichever run plans next has to
    do with it."""
    upsert(connection, table, [{"key": key, "since": now}], keep=("since",))
    _make_due(connection, key, now)


def lift_hold(connection: Connection, key: Key, targets: Sequence[str], now: datetime) -> bool:
    """Ends a hold; False where there was none. Whichever run plans next at one of `targets` has to
    do with it."""
    lifted = connection.execute(delete(table).where(table.c.key == key)).rowcount > 0
    if lifted:
        _make_due(connection, key, now)
        for name in targets:  # who has no link and no changed record is looked at by nobody
            if not links.get_links(connection, name, Kind.USER, [key]):
                links.put_links(
                    connection, name, [Link(Kind.USER, key, LinkStatus.PENDING, next_try_at=now)]
                )
    return lifted


def held(connection: Connection, keys: Sequence[Key]) -> dict[Key, datetime]:
    """Those of `keys` that are held -> since when."""
    rows = connection.execute(select(table.c.key, table.c.since).where(table.c.key.in_(keys)))
    return {Key(row.key): row.since for row in rows}


def all_holds(connection: Connection) -> dict[Key, datetime]:
    """Everybody who is held -> since when, in the order of keys."""
    rows = connection.execute(select(table.c.key, table.c.since).order_by(table.c.key))
    return {Key(row.key): row.since for row in rows}


def _make_due(connection: Connection, key: Key, now: datetime) -> None:
    """The run that is started for it may be refused, or die."""
    connection.execute(
        update(link).where(link.c.key == key, link.c.kind == Kind.USER).values(next_try_at=now)
    )
