"""Links of a plan that are not stored yet, found by key, id, or unique name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from scimsync.disk_collections import TemporaryDatabase, packed, unpacked
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link

_BATCH = 500

_SCHEMA = """
CREATE TABLE link (
    at INTEGER PRIMARY KEY, kind TEXT, key TEXT, remote_id TEXT, name TEXT, claimed TEXT, packed,
    UNIQUE (kind, key)
);
CREATE INDEX by_id ON link (remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX by_name ON link (name) WHERE name IS NOT NULL;
CREATE INDEX by_claimed ON link (claimed) WHERE claimed IS NOT NULL;
"""
"""`at` grows with each link that is noted. A link without an account has no id and no names."""


class NotedLinks:
    """The newest unstored link of each resource of one target, in a private temporary file."""

    def __init__(self) -> None:
        self._database = TemporaryDatabase(_SCHEMA)

    def __bool__(self) -> bool:
        return self._database.is_used

    def __contains__(self, resource: tuple[Kind, Key]) -> bool:
        kind, key = resource
        return any(self._select("at", kind, "key", [key]))

    def __iter__(self) -> Iterator[Link]:
        if self:
            rows = self._database.connection.execute("SELECT packed FROM link ORDER BY at")
            yield from (unpacked(content) for (content,) in rows)

    def put(self, some: Iterable[Link]) -> None:
        """Add links. Each replaces an earlier one of the same resource."""
        rows = [_row(link) for link in some]
        if rows:
            self._database.connection.executemany(
                "INSERT OR REPLACE INTO link (kind, key, remote_id, name, claimed, packed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def clear(self) -> None:
        """Forget all links."""
        self._database.close()

    def get(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        """Return the links of those of `keys` that have one, with or without an account."""
        found = dict(self._select("key, packed", kind, "key", keys))
        return {key: unpacked(found[key]) for key in keys if key in found}

    def owners(self, kind: Kind, ids: Collection[RemoteId]) -> dict[RemoteId, Key]:
        """Map those of `ids` that have a link here to their resources."""
        rows = sorted(self._select("at, remote_id, key", kind, "remote_id", ids))
        return {RemoteId(remote_id): Key(key) for _, remote_id, key in rows}

    def name_holders(self, kind: Kind, names: Collection[str]) -> Mapping[str, Link]:
        """Return the links of the accounts that have, or have requested, each of `names`."""
        rows = [
            *self._select("at, name, packed", kind, "name", names),
            *self._select("at, claimed, packed", kind, "claimed", names),
        ]
        newest = {name: content for _, name, content in sorted(rows)}
        return {name: unpacked(content) for name, content in newest.items()}

    def _select(
        self, columns: str, kind: Kind, column: str, values: Collection[str]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield `columns` of the links of a kind that have one of `values` in `column`."""
        for some in batches(values, _BATCH) if self else ():
            marks = ", ".join("?" * len(some))
            yield from self._database.connection.execute(
                f"SELECT {columns} FROM link WHERE kind = ? AND {column} IN ({marks})",  # noqa: S608
                [kind, *some],
            )


def _row(link: Link) -> tuple[str | bytes | None, ...]:
    names = (link.remote_id, link.unique_name, link.claimed_name)
    return (link.kind, link.key, *(names if link.has_account else (None,) * 3), packed(link))
