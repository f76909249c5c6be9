"""Keys that sources still name although the accounts have moved to other keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from scimsync.desired import Desired
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Value
from scimsync.model.placeholders import IdOf
from scimsync.plan.batch import BATCH
from scimsync.plan.protocols import PlanningState, Records


class MovedKeys:
    """The earlier keys of users at one target. `sources` are those of its users."""

    def __init__(self, state: PlanningState, records: Records, sources: Sequence[str]) -> None:
        self._state = state
        self._records = records
        self._sources = sources

    def current(self, keys: Collection[Key]) -> dict[Key, Key]:
        """Return the present keys of those of `keys` that have no record any longer.

        A key that has moved to several others, or to one without a record, is left out.
        """
        moves = self._state.moved_keys() if keys else {}
        moved = {key: moves[key] for key in keys if key in moves}
        there = self.with_record({*moved, *moved.values()})
        return {old: new for old, new in moved.items() if old not in there and new in there}

    def with_record(self, keys: Collection[Key]) -> set[Key]:
        """Return those of `keys` that have a record."""
        return {
            key
            for some in batches(sorted(keys), BATCH)
            for key, record in self._records.get(self._sources, some).items()
            if not record.removed
        }

    def resolved(self, desired: Mapping[Key, Desired]) -> dict[Key, Desired]:
        """Return the desired documents of users, with references to the present keys."""
        current = self.current({value.key for user in desired.values() for value in _keys(user)})
        after = dict(desired)
        if current:
            for key, user in desired.items():
                if any(value.key in current for value in _keys(user)):
                    document, once = _moved(user.document, current), _moved(user.once, current)
                    after[key] = replace(user, document=document, once=once)
        return after


def _keys(user: Desired) -> Iterator[IdOf]:
    """Yield the references of a user by key."""
    values: Iterable[Value] = (*user.document.values(), *user.once.values())
    yield from (value for value in values if isinstance(value, IdOf) and value.name is None)


def _moved(document: Mapping[str, Value], current: Mapping[Key, Key]) -> dict[str, Value]:
    return {
        path: IdOf(current.get(value.key, value.key))
        if isinstance(value, IdOf) and value.name is None
        else value
        for path, value in document.items()
    }
