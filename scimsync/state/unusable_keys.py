"""Which keys unusable rows may be of, as the state keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, func, select

from scimsync.model.ids import Key
from scimsync.model.records import NO_UNUSABLE_KEYS, UnusableKeys
from scimsync.state.tables.source_tables import record, source


def of_sources(connection: Connection, names: Sequence[str]) -> dict[str, UnusableKeys]:
    """Return the keys of unusable rows of each source of `names` that was read."""
    rows = connection.execute(
        select(source.c.name, source.c.unusable).where(source.c.name.in_(names))
    )
    return {row.name: parse(row.unusable) for row in rows}


def doubled(connection: Connection, sources: Sequence[str]) -> list[Key]:
    """Return the keys that more than one of `sources` has now."""
    query = (
        select(record.c.key)
        .where(record.c.source.in_(sources), record.c.removed_at.is_(None))
        .group_by(record.c.key)
        .having(func.count() > 1)
    )
    return [Key(key) for key in connection.scalars(query)]


def parse(text: str | None) -> UnusableKeys:
    """Return the keys from their JSON text; NULL where a source has no unusable rows."""
    if text is None:
        return NO_UNUSABLE_KEYS
    read = orjson.loads(text)
    return UnusableKeys(frozenset(read["keys"]), read["whose_unknown"])


def dump(unusable: UnusableKeys) -> str | None:
    """Return the keys as JSON text, None where there are none."""
    if unusable == NO_UNUSABLE_KEYS:
        return None
    read = {"keys": sorted(unusable.keys), "whose_unknown": unusable.whose_unknown}
    return orjson.dumps(read).decode()
