"""Read the snapshot: the stored records, or for a plan, those with the newest laid over them."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Seq
from scimsync.model.records import NO_UNUSABLE_KEYS, Record, UnusableKeys
from scimsync.snapshot.double_keys import beside_doubles
from scimsync.state import due, ingests, known_records, record_names, record_rows, unusable_keys
from scimsync.state.record_names import Holding
from scimsync.state.store import Store

_BATCH = 500


class SnapshotView:
    """The records of `store`, or those of `overlay` where it has the same source and key."""

    def __init__(self, store: Store, overlay: Store | None = None) -> None:
        self._store = store
        self._overlay = overlay
        self._unusable: dict[str, UnusableKeys] = {}
        self._doubled: dict[tuple[str, ...], dict[Key, list[Record]]] = {}

    def keys_to_plan(
        self, target: str, sources: Sequence[str], cursor: Seq, now: datetime, *, everybody: bool
    ) -> Generator[Key, None, None]:
        """Yield the keys that `target` has to plan, in order and without duplicates.

        All keys of the overlay are among them. With `everybody`, so are all keys with an account at
        the target.
        """
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
            newest = record_rows.changed_keys(
                stack.enter_context(self._overlay.read()), sources, Seq(-1)
            )
            last: Key | None = None
            for key in heapq.merge(stored, newest):
                if key != last:
                    yield key
                last = key

    def changed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        """Yield the keys of records that changed after `cursor`, in order, each once."""
        with self._store.read() as connection:
            stored = set(record_rows.changed_keys(connection, sources, cursor))
        if self._overlay is not None:
            with self._overlay.read() as connection:
                stored |= set(record_rows.changed_keys(connection, sources, Seq(-1)))
        yield from sorted(stored)

    def get(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, Record]:
        """Return the record of each key.

        If several sources have it, the first of `sources` that still has it counts, or else the
        first that had it.
        """
        best: dict[Key, Record] = {}
        for record in self._in_order(sources, keys):
            best.setdefault(record.key, record)
        return best

    def doubles(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, list[str]]:
        """Return the keys that more than one of `sources` has now, with these sources.

        The records may or may not be of the same person.
        """
        if len(sources) < 2:
            return {}
        sources_by_key: dict[Key, list[str]] = {}
        for record in self._in_order(sources, keys):
            if not record.removed:
                sources_by_key.setdefault(record.key, []).append(record.source)
        return {key: holders for key, holders in sources_by_key.items() if len(holders) > 1}

    def unusable(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, str]:
        """Return those of `keys` that an unusable row of one of `sources` may be of, with it.

        No usable row of that source has such a key. A row is unusable too if another of `sources`
        has its key.
        """
        if any(source not in self._unusable for source in sources):
            for store in (self._store, self._overlay):
                if store is not None:
                    with store.read() as connection:
                        self._unusable |= unusable_keys.of_sources(connection, sources)
        found: dict[Key, str] = {}
        for source in sources:
            unusable = self._unusable.setdefault(source, NO_UNUSABLE_KEYS)
            meant = {key for key in keys if key in unusable.keys}
            if unusable.whose_unknown:
                here = self._in_order([source], keys)
                meant |= {*keys} - {record.key for record in here if not record.removed}
            found |= {key: source for key in meant if key not in found}
        if len(sources) > 1:
            found = self._beside_doubles(sources, keys) | found
        return found

    def _beside_doubles(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, str]:
        records = self._in_order(sources, keys)
        current = {record.key for record in records if not record.removed}
        gone = [record for record in records if record.key not in current]
        if not gone:
            return {}
        if tuple(sources) not in self._doubled:
            self._doubled[tuple(sources)] = self._find_doubled(sources)
        return beside_doubles(gone, self._doubled[tuple(sources)])

    def _find_doubled(self, sources: Sequence[str]) -> dict[Key, list[Record]]:
        """Return the records of all keys that more than one of `sources` has now."""
        with self._store.read() as connection:
            candidates = set(unusable_keys.doubled(connection, sources))
        if self._overlay is not None:
            with self._overlay.read() as connection:
                candidates |= set(record_rows.changed_keys(connection, sources, Seq(-1)))
        found: dict[Key, list[Record]] = {}
        for keys in batches(sorted(candidates), _BATCH):
            doubles = self.doubles(sources, keys)
            for record in self._in_order(sources, list(doubles)):
                if not record.removed:
                    found.setdefault(record.key, []).append(record)
        return found

    def never_accepted(self, sources: Sequence[str], keys: Sequence[Key]) -> set[Key]:
        """Return those of `keys` whose record was only in a file that a guard refused."""
        with self._store.read() as connection:
            return ingests.never_accepted(connection, sources, keys)

    def known_elsewhere(self, keys: Sequence[Key], except_for: Collection[str]) -> set[Key]:
        """Return those of `keys` that a record of any source has or had, but for some sources."""
        found: set[Key] = set()
        for store in (self._store, self._overlay):
            if store is not None:
                with store.read() as connection:
                    found |= known_records.known_elsewhere(connection, keys, except_for)
        return found

    def named(self, sources: Sequence[str], names: Sequence[str]) -> dict[str, list[Key]]:
        """Return the keys of the records of `sources` that have each of `names`.

        If no record has a name, it belongs to the one record that had it when it left, if any.
        """
        rows: dict[tuple[str, Key, str], Holding] = {}
        for store in (self._store, self._overlay):
            if store is not None:
                with store.read() as connection:
                    for one in record_names.holders(connection, sources, names):
                        rows[one.source, one.key, one.name] = one.holding
        found: dict[Holding, dict[str, set[Key]]] = {holding: {} for holding in Holding}
        for (_, key, name), holding in rows.items():
            found[holding].setdefault(name, set()).add(key)
        left = {name: keys for name, keys in found[Holding.GONE].items() if len(keys) == 1}
        return {name: sorted(keys) for name, keys in (left | found[Holding.CURRENT]).items()}

    def _in_order(self, sources: Sequence[str], keys: Sequence[Key]) -> list[Record]:
        found: dict[tuple[str, Key], Record] = {}
        for store in (self._store, self._overlay):
            if store is not None:
                with store.read() as connection:
                    for record in record_rows.get_records(connection, sources, keys):
                        place = record.source, record.key
                        # the overlay holds no values of a record that is gone
                        last = found.get(place) if record.removed else None
                        found[place] = record if last is None else _gone(record, last)
        return sorted(
            found.values(), key=lambda record: (record.removed, sources.index(record.source))
        )


def _gone(record: Record, last: Record) -> Record:
    """Return a removed record with the values that it had last, as the state keeps it."""
    return replace(record, data=last.data, too_deep=last.too_deep)
