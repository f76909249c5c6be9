"""Users who should have no account at a target, and for whom a look-up found nothing to remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, exists, select
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.ids import Key, Kind
from scimsync.state.link_store import has_account
from scimsync.state.many_rows import upsert
from scimsync.state.tables.link_tables import absent_user as table
from scimsync.state.tables.link_tables import link
from scimsync.state.tables.source_tables import record

_NONE = ""
"""A digest that no look-up has."""


def digests(connection: Connection, target: str, keys: Sequence[Key]) -> dict[Key, str]:
    """Return the digests of the look-up values for those of `keys` that were looked up."""
    rows = connection.execute(
        select(table.c.key, table.c.digest).where(table.c.target == target, table.c.key.in_(keys))
    )
    return {Key(key): digest for key, digest in rows}


def put(
    connection: Connection, target: str, found: Mapping[Key, str], protected: Mapping[Key, str]
) -> None:
    """Store what the users `found` were looked up by, and why others stay as they are."""
    rows = [
        {"target": target, "key": key, "digest": digest, "protected": None}
        for key, digest in found.items()
    ]
    rows += [
        {"target": target, "key": key, "digest": _NONE, "protected": why}
        for key, why in protected.items()
    ]
    upsert(connection, table, rows)


def protected(connection: Connection, target: str, sources: Sequence[str]) -> dict[Key, str]:
    """Return the users whose account is protected and not linked, with the reason.

    Users who are no longer in any of `sources` are left out.
    """
    present = exists().where(
        record.c.source.in_(sources), record.c.key == table.c.key, record.c.removed_at.is_(None)
    )
    rows = connection.execute(
        select(table.c.key, table.c.protected)
        .where(is_protected(target), present)
        .order_by(table.c.key)
    )
    return {Key(key): why for key, why in rows}


def is_protected(target: str) -> ColumnElement[bool]:
    """Return the condition for a user whose account is protected and not linked."""
    linked = exists().where(
        link.c.target == target, link.c.kind == Kind.USER, link.c.key == table.c.key, has_account()
    )
    return and_(table.c.target == target, table.c.protected.is_not(None), ~linked)
