"""One round of a feed of changes: its changes to each record, and the resulting records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from scimsync.sources.http.delta_feed import DeltaFeed
from scimsync.sources.http.jmespath_expressions import compiled, is_true
from scimsync.sources.http.list_pages import BadPage
from scimsync.sources.http.page_reader import evaluated
from scimsync.sources.remote import ListFault

Record = Mapping[str, Any]


class Changes:
    """The changes of a round so far. Its pages may come in any order, and may repeat records.

    `names` are the members to keep, or None for all. Contradictions raise ListFault: the order has
    no meaning, so it does not show which of two values is newer.
    """

    def __init__(self, feed: DeltaFeed, names: Sequence[str] | None) -> None:
        self._feed = feed
        self._names = None if names is None else {feed.id, *names}
        self._removed_if = compiled(feed.removed)
        self.changed: dict[str, dict[str, Any]] = {}
        self.removed: set[str] = set()

    def add(self, records: Sequence[Record]) -> None:
        """Add the records of a page."""
        for record in records:
            name = self.name_of(record)
            if self._is_removed(record):
                self.remove(name)
            else:
                self.change(name, record)

    def remove(self, name: str) -> None:
        """Note that a record is gone."""
        if name in self.changed:
            raise _contradiction()
        self.removed.add(name)

    def change(self, name: str, record: Record) -> None:
        """Note the members of a record that are in the response; others stay as they are."""
        if name in self.removed:
            raise _contradiction()
        said = members_of(record, self._names)
        known = self.changed.setdefault(name, said)
        if known is not said:
            known.update(agreed(known, said))

    def name_of(self, record: Record) -> str:
        """Return the id of a record. Raise BadPage if it has none."""
        name = record.get(self._feed.id)
        if not isinstance(name, str) or not name:
            raise BadPage(f"a changed record has no text at {self._feed.id}")
        return name

    def _is_removed(self, record: Record) -> bool:
        return is_true(evaluated(self._removed_if, record))


class AllRecords(Changes):
    """The first round, which lists all records. `fresh` are those listed for the first time."""

    def __init__(self, feed: DeltaFeed, names: Sequence[str] | None) -> None:
        super().__init__(feed, names)
        self._seen: set[str] = set()
        self.fresh: list[dict[str, Any]] = []

    def remove(self, name: str) -> None:
        """Note that a record is gone. No page may contain it."""
        if name in self._seen:
            raise _contradiction()
        super().remove(name)

    def change(self, name: str, record: Record) -> None:
        """Add a record to `fresh`, or note it as a change if it came before."""
        if name in self._seen:
            super().change(name, record)
            return
        if name in self.removed:
            raise _contradiction()
        self._seen.add(name)
        self.fresh.append(members_of(record, self._names))

    def take(self) -> list[dict[str, Any]]:
        """Return the records that were added since the last call."""
        fresh, self.fresh = self.fresh, []
        return fresh


class Overlay:
    """The records after a round. `gone` counts the records that it removed."""

    def __init__(self, changes: Changes, feed: DeltaFeed) -> None:
        self._changes = changes
        self._feed = feed
        self.gone = 0

    def records(self, batches: Iterable[list[bytes]]) -> Iterator[list[dict[str, Any]]]:
        """Yield the records. `batches` are the records before the round, as lines of JSON.

        Raise ListFault for an incomplete new record, and for a record of the first round that
        contradicts the changes.
        """
        changes, member = self._changes, self._feed.id
        first = isinstance(changes, AllRecords)
        left = dict(changes.changed)
        for lines in batches:
            records = []
            for line in lines:
                record = orjson.loads(line)
                name = record[member]
                if name in changes.removed:
                    self.gone += 1
                    continue
                change = left.pop(name, None)
                if change is not None:
                    record |= agreed(record, change) if first else change
                records.append(record)
            if records:
                yield records
        for record in left.values():
            if any(record.get(name) in (None, "") for name in self._feed.complete):
                raise ListFault("a record that was not known before is incomplete")
        if left:
            yield list(left.values())


def members_of(record: Record, names: Collection[str] | None) -> dict[str, Any]:
    """Return the members `names` of a record, or all of them if that is None."""
    if names is None:
        return dict(record)
    return {name: value for name, value in record.items() if name in names}


def agreed(known: Record, said: Record) -> dict[str, Any]:
    """Return `said`. Raise ListFault if both have different values for the same member."""
    if any(name in known and known[name] != value for name, value in said.items()):
        raise _contradiction()
    return dict(said)


def _contradiction() -> ListFault:
    return ListFault("the changes contain different values for one record")
