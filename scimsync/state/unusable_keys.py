"""Which keys the unusable rows of a source may be of, as the table `source` keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, select

from scimsync.model.records import NO_UNUSABLE_KEYS, UnusableKeys
from scimsync.state.tables.source_tables import source


def of_sources(connection: Connection, names: Sequence[str]) -> dict[str, UnusableKeys]:
    """Return the keys of unusable rows of each source of `names` that was read."""
    rows = connection.execute(
        select(source.c.name, source.c.unusable).where(source.c.name.in_(names))
    )
    return {row.name: parse(row.unusable) for row in rows}


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
