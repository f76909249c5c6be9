"""Keys that any source has, or had, a record of."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from scimsync.model.ids import Key
from scimsync.state.tables.source_tables import record, source


def known_elsewhere(
    connection: Connection, keys: Sequence[Key], except_for: Collection[str]
) -> set[Key]:
    """Return those of `keys` that a source other than `except_for` has or had a record of."""
    names = set(connection.scalars(select(source.c.name))).difference(except_for)
    rows = connection.scalars(
        select(record.c.key).where(record.c.source.in_(sorted(names)), record.c.key.in_(keys))
    )
    return {Key(key) for key in rows}
