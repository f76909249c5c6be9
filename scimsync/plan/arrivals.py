"""Find users that arrive at a target and may be users who left it under another key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from scimsync.desired import Desired
from scimsync.model.batches import batches
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, Seq, fold_name
from scimsync.model.links import Link, LinkStatus
from scimsync.model.records import Record
from scimsync.plan.batch import BATCH
from scimsync.plan.candidates import Policy
from scimsync.plan.identities import (
    LONGEST_ABSENCE,
    Obstacle,
    Suspicion,
    compare_names,
    fold_key,
)
from scimsync.plan.protocols import PlanningState, Records

_USER_NAME = UNIQUE_ATTRIBUTE[Kind.USER]

Desire = Callable[[Sequence[Key]], tuple[Mapping[Key, Desired], Mapping[Key, str]]]
"""Keys -> what they should be, and why some cannot be worked out."""


@dataclass(frozen=True, slots=True)
class ArrivalFinder:
    """A search for arriving users that resemble leavers, at one target.

    `desire` computes the desired documents of users. `cursor` is the sequence number up to which
    records were planned, and `accepted` that up to which earlier runs accepted plans.
    """

    state: PlanningState
    records: Records
    sources: tuple[str, ...]
    policy: Policy
    desire: Desire
    now: datetime
    cursor: Seq
    accepted: Seq

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield each pair of keys that may be one user."""
        for keys in batches(self.state.arrivals(self.sources, self.cursor), BATCH):
            desired, _ = self.desire(keys)
            arriving = {key: user.document for key, user in desired.items() if user.in_scope}
            if arriving:
                yield from self._suspect(arriving)

    def _suspect(self, arriving: Mapping[Key, Document]) -> Iterator[Suspicion]:
        by_name: dict[str, list[Key]] = {}
        for key, document in arriving.items():
            name = fold_name(document.get(_USER_NAME))
            if name is not None:
                by_name.setdefault(name, []).append(key)
        holders = self.state.name_holders(Kind.USER, sorted(by_name))
        pairs = [
            (key, link, f"{_USER_NAME} {arriving[key][_USER_NAME]}")
            for name, link in holders.items()
            if link.has_account
            for key in by_name[name]
        ]
        suspected = {key for key, _, _ in pairs}
        others = {key: one for key, one in arriving.items() if key not in suspected}
        if others:
            pairs += self._like_leavers(others)
        yield from self._assess(pairs, arriving)

    def _like_leavers(self, arriving: Mapping[Key, Document]) -> Iterator[tuple[Key, Link, str]]:
        """Yield arrivals that have a key or a match attribute like one who left."""
        alike: dict[tuple[str, object], list[tuple[Key, str]]] = {}
        for key, document in arriving.items():
            alike.setdefault(("", fold_key(key)), []).append((key, "key but for its spelling"))
            for path, value in self._match_values(document):
                text = f"{path} {document[path]}"
                alike.setdefault((path, value), []).append((key, text))
        for link in self._leavers():
            marks = [("", fold_key(link.key)), *self._match_values(link.document)]
            for mark in marks:
                for new, shared in alike.get(mark, ()):
                    yield new, link, shared

    def _leavers(self) -> Iterator[Link]:
        """Yield the accounts of users who leave in this plan, or left not too long ago."""
        seen: set[Key] = set()
        for keys in batches(self.state.removed_keys(self.sources, self.cursor), BATCH):
            seen.update(keys)
            yield from (
                link for link in self.state.links(Kind.USER, keys).values() if link.has_account
            )
        for links in batches(self.state.deactivated(self.now - LONGEST_ABSENCE), BATCH):
            others = [link for link in links if link.key not in seen]
            staying = self._staying([link.key for link in others])
            yield from (link for link in others if link.key not in staying)

    def _staying(self, keys: Sequence[Key]) -> Set[Key]:
        """Return those of `keys` that stay in scope, or of which that is not known."""
        desired, failures = self.desire(keys)
        return failures.keys() | {key for key, user in desired.items() if user.in_scope}

    def _match_values(self, document: Document) -> Iterator[tuple[str, object]]:
        for path in self.policy.match:
            value = document.get(path)
            if path != _USER_NAME and isinstance(value, str):
                yield path, fold_name(value)

    def _assess(
        self, pairs: Iterable[tuple[Key, Link, str]], arriving: Mapping[Key, Document]
    ) -> Iterator[Suspicion]:
        # who shares an account is reported as such
        some = [(new, link, shared) for new, link, shared in pairs if not link.shared]
        if not some:
            return
        olds = sorted({link.key for _, link, _ in some})
        held = self.state.held(olds)
        staying = self._staying(olds)
        records = self.records.get(self.sources, [*olds, *sorted({new for new, _, _ in some})])
        for new, link, shared in some:
            old = link.key
            record = records.get(old)
            obstacle = None
            if old in staying:
                obstacle = Obstacle.STAYS
            elif old in held:
                obstacle = Obstacle.BY_HAND
            elif self._left_long_ago(link, record):
                obstacle = Obstacle.LONG_AGO
            stays = obstacle is Obstacle.STAYS or record is None
            if stays and link.moved_from == new:
                continue  # someone separated the two; only a key that left gives its account back
            fresh = any(is_fresh(one, self.accepted) for one in (records.get(new), record))
            names = compare_names(link.document, arriving[new])
            yield Suspicion(new, old, shared, names, obstacle, fresh)

    def _left_long_ago(self, link: Link, record: Record | None) -> bool:
        leaves = self.policy.remove and self.policy.leave.action != "keep"
        if record is not None and record.removed_at is not None:
            times = [record.removed_at, link.left_at]
        elif link.status is LinkStatus.ACTIVE and leaves:
            times = [self.now]
        else:
            times = [link.left_at or link.synced_at]
        known = [time for time in times if time is not None]
        return not known or min(known) + LONGEST_ABSENCE < self.now


def is_fresh(record: Record | None, accepted: Seq) -> bool:
    """Return whether no earlier run accepted this version of a record.

    `accepted` is the sequence number up to which earlier runs accepted plans. A plan that stores
    nothing reads a record with the sequence number 0.
    """
    return record is not None and not 0 < record.seq <= accepted
