"""What targets declare about themselves, as last read."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from scimsync.model.service_provider import NOTHING_DISCOVERED, Discovery
from scimsync.state.many_rows import upsert
from scimsync.state.tables.target_tables import discovery as table


@cache
def _adapter() -> TypeAdapter[Discovery]:
    return TypeAdapter(Discovery)


def get_discovery(connection: Connection, target: str, url: str) -> Discovery:
    """Return what the service at `url` declared; nothing where it was never read.

    Also return nothing for declarations of another service under the name of the target, or in the
    form of a later version.
    """
    query = select(table.c.document).where(table.c.target == target, table.c.url == url)
    document = connection.execute(query).scalar()
    if document is None:
        return NOTHING_DISCOVERED
    try:
        return _adapter().validate_json(document)
    except ValidationError:
        return NOTHING_DISCOVERED


def put_discovery(connection: Connection, target: str, url: str, discovery: Discovery) -> None:
    """Store what the service at `url` declares."""
    document = _adapter().dump_json(discovery, exclude_defaults=True).decode()
    upsert(connection, table, [{"target": target, "url": url, "document": document}])
