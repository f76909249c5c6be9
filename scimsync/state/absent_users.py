"""Users who should have no account at a target, and for whom a look-up found nothing to remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from scimsync.model.ids import Key
from scimsync.state.bulk import upsert
from scimsync.state.tables import absent_user as table


def digests(connection: Connection, target: str, keys: Sequence[Key]) -> dict[Key, str]:
    """Return for those of `keys` that were looked up the digest of what they were looked up by."""
    rows = connection.execute(
        select(table.c.key, table.c.digest).where(table.c.target == target, table.c.key.in_(keys))
    )
    return {Key(key): digest for key, digest in rows}


def put(connection: Connection, target: str, found: Mapping[Key, str]) -> None:
    """Store what these users were looked up by."""
    upsert(
        connection,
        table,
        [{"target": target, "key": key, "digest": digest} for key, digest in found.items()],
    )
