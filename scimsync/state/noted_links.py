"""Links of a plan that are not stored yet, found by key, id, or unique name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link

_Index = dict[tuple[Kind, str], list[Key]]


class NotedLinks:
    """The newest unstored link of each resource of one target.

    The time of a lookup does not depend on the number of links.
    """

    def __init__(self) -> None:
        self._links: dict[tuple[Kind, Key], Link] = {}
        self._by_id: _Index = {}
        self._by_name: _Index = {}

    def __len__(self) -> int:
        return len(self._links)

    def __contains__(self, resource: tuple[Kind, Key]) -> bool:
        return resource in self._links

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def put(self, some: Iterable[Link]) -> None:
        """Add links. Each replaces an earlier one of the same resource."""
        for link in some:
            if (earlier := self._links.get((link.kind, link.key))) is not None:
                self._unindex(earlier)
            self._links[link.kind, link.key] = link
            for index, name in self._names(link):
                index.setdefault((link.kind, name), []).append(link.key)

    def clear(self) -> None:
        """Forget all links."""
        self._links.clear()
        self._by_id.clear()
        self._by_name.clear()

    def get(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        """Return the links of those of `keys` that have one, with or without an account."""
        if not self._links:
            return {}
        noted = ((key, self._links.get((kind, key))) for key in keys)
        return {key: link for key, link in noted if link is not None}

    def owners(self, kind: Kind, ids: Collection[RemoteId]) -> dict[RemoteId, Key]:
        """Map those of `ids` that have a link here to their resources."""
        return {one: keys[-1] for one in ids if (keys := self._by_id.get((kind, one)))}

    def name_holders(self, kind: Kind, names: Collection[str]) -> Mapping[str, Link]:
        """Return the links of the accounts that have, or have asked for, each of `names`."""
        return {
            name: self._links[kind, keys[-1]]
            for name in names
            if (keys := self._by_name.get((kind, name)))
        }

    def _unindex(self, link: Link) -> None:
        for index, name in self._names(link):
            keys = index[link.kind, name]
            keys.remove(link.key)
            if not keys:
                del index[link.kind, name]

    def _names(self, link: Link) -> Iterator[tuple[_Index, str]]:
        """Yield where an account can be looked up, and by what; a link without one has nothing."""
        if not link.has_account:
            return
        if link.remote_id is not None:
            yield self._by_id, link.remote_id
        for name in {link.unique_name, link.claimed_name}:
            if name is not None:
                yield self._by_name, name
