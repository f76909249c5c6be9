"""The snapshot as one sees it: the stored records, or, for a plan that stores nothing, with the
newest laid over them."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime

from scimsync.model.ids import Key, Seq
from scimsync.model.records import Record
from scimsync.state import due, records
from scimsync.state.store import Store


class SnapshotView:
    """Records of `store`; where `overlay` has one of the same source and key, that one counts."""

    def __init__(self, store: Store, overlay: Store | None = None) -> None:
        self._store = store
        self._overlay = overlay

    def keys_to_plan(
        self, target: str, sources: Sequence[str], cursor: Seq, now: datetime, *, everybody: bool
    ) -> Generator[Key, None, None]:
        """Keys that `target` has to look at, in order, each once; the overlay's all among them.
        `everybody`: also all who have an account there."""
        with ExitStack() as stack:
            stored = due.keys_to_plan(
                stack.enter_context(self._store.read()),
                target,
                sources,
                cursor,
                now,
                everybody=everybody,
            )
            if self._overlay is None:
                yield from stored
                return
            newest = records.changed_keys(
                stack.enter_context(self._overlay.read()), sources, Seq(-1)
            )
            last: Key | None = None
            for key in heapq.merge(stored, newest):
                if key != last:
                    yield key
                last = key

    def changed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        """Keys of the records that changed after `cursor`, in order, each once."""
        with self._store.read() as connection:
            stored = set(records.changed_keys(connection, sources, cursor))
        if self._overlay is not None:
            with self._overlay.read() as connection:
                stored |= set(records.changed_keys(connection, sources, Seq(-1)))
        yield from sorted(stored)

    def get(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, Record]:
        """The record of each key: of several sources the first in order that still has it, else the
        first that had it."""
        best: dict[Key, Record] = {}
        for record in self._in_order(sources, keys):
            best.setdefault(record.key, record)
        return best

    def doubles(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, list[str]]:
        """Keys that more than one of the sources has now -> these sources: nobody can tell whether
        that is one person."""
        if len(sources) < 2:
            return {}
        having: dict[Key, list[str]] = {}
        for record in self._in_order(sources, keys):
            if not record.removed:
                having.setdefault(record.key, []).append(record.source)
        return {key: some for key, some in having.items() if len(some) > 1}

    def _in_order(self, sources: Sequence[str], keys: Sequence[Key]) -> list[Record]:
        found: dict[tuple[str, Key], Record] = {}
        for store in (self._store, self._overlay):
            if store is not None:
                with store.read() as connection:
                    for record in records.get_records(connection, sources, keys):
                        found[record.source, record.key] = record
        return sorted(found.values(), key=lambda one: (one.removed, sources.index(one.source)))
