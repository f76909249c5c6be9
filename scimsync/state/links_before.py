"""What links and pins were before a plan put resources in doubt, in case it is discarded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from scimsync.disk_collections import DiskList
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.model.pins import Pin
from scimsync.state import link_changes, link_store, pin_store
from scimsync.state.store import Store

_BATCH = 1000


class LinksBefore:
    """The links and pins of one target that a plan is about to replace by what it reads."""

    def __init__(self, store: Store, target: str) -> None:
        self._store = store
        self._target = target
        self._links: DiskList[Link] = DiskList()
        self._pins: list[Pin] = []

    def keep(self, links: Iterable[Link], pins: Iterable[Pin] = ()) -> None:
        """Remember links and pins, each once."""
        self._links.add(links)
        self._pins += pins

    def keep_all(self, deleted_since: datetime, keys: Sequence[Key]) -> None:
        """Remember the links that `link_changes.put_in_doubt` changes."""
        with self._store.read() as connection:
            self.keep(link_changes.to_be_read(connection, self._target, deleted_since, keys))

    def restore(self, connection: Connection) -> None:
        """Store the links and pins as they were."""
        for some in batches(self._links, _BATCH):
            self._give_up_new_ids(connection, some)
        for some in batches(self._links, _BATCH):
            link_store.put_links(connection, self._target, some)
        pin_store.put_values(connection, self._target, self._pins)
        self.clear()

    def _give_up_new_ids(self, connection: Connection, some: Sequence[Link]) -> None:
        """Free the ids that links got since: they may be those of other links before."""
        for kind in Kind:
            before = {link.key: link.remote_id for link in some if link.kind is kind}
            known = link_store.get_links(connection, self._target, kind, list(before))
            moved = [link for key, link in known.items() if link.remote_id != before[key]]
            freed = [replace(link, remote_id=None) for link in moved]
            link_store.put_links(connection, self._target, freed)

    def clear(self) -> None:
        """Forget what was remembered: the plan counts."""
        self._links.clear()
        self._pins.clear()
