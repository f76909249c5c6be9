"""Find users that arrive at a target and may be users who left it under another key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from scimsync.desired import Desired
from scimsync.model.batches import batches
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, Seq, fold_name
from scimsync.model.links import Link, LinkStatus
from scimsync.model.persons import Agreement, compare_names
from scimsync.model.records import Record
from scimsync.plan.batch import BATCH
from scimsync.plan.candidates import Policy
from scimsync.plan.identities import LONGEST_ABSENCE, Obstacle, Suspicion, fold_key
from scimsync.plan.protocols import PlanningState, Records

_USER_NAME = UNIQUE_ATTRIBUTE[Kind.USER]

Desire = Callable[[Sequence[Key]], tuple[Mapping[Key, Desired], Mapping[Key, str]]]
"""Keys -> what they should be, and why some cannot be worked out."""

People = Callable[[Sequence[Key]], Mapping[Key, Document]]
"""Keys -> the values in their records, the last ones at least, that tell who they are."""


@dataclass(frozen=True, slots=True)
class ArrivalFinder:
    """A search for arriving users that resemble leavers, at one target.

    `desire` computes the desired documents of users, and `people` who they are. `cursor` is the
    sequence number up to which records were planned, and `accepted` that up to which earlier runs
    accepted plans.
    """

    state: PlanningState
    records: Records
    sources: tuple[str, ...]
    policy: Policy
    desire: Desire
    people: People
    now: datetime
    cursor: Seq
    accepted: Seq

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield each pair of keys that may be one user."""
        held: list[Link] | None = None
        for keys in batches(self.state.arrivals(self.sources, self.cursor), BATCH):
            desired, _ = self.desire(keys)
            arriving = {key: user.document for key, user in desired.items() if user.in_scope}
            if arriving:
                held = self._held() if held is None else held
                yield from self._suspect(arriving, held)

    def _suspect(
        self, arriving: Mapping[Key, Document], held: Sequence[Link]
    ) -> Iterator[Suspicion]:
        by_name: dict[str, list[Key]] = {}
        for key, document in arriving.items():
            name = fold_name(document.get(_USER_NAME))
            if name is not None:
                by_name.setdefault(name, []).append(key)
        holders = self.state.name_holders(Kind.USER, sorted(by_name))
        pairs = [
            (key, link, f"{_USER_NAME} {arriving[key][_USER_NAME]}")
            for name, link in holders.items()
            if link.may_have_account
            for key in by_name[name]
            if key != link.key
        ]
        suspected = {key for key, _, _ in pairs}
        others = {key: one for key, one in arriving.items() if key not in suspected}
        if others:
            pairs += self._alike(others, self._leavers(), {*self.policy.match, _USER_NAME})
        if held:
            pairs += self._alike(arriving, held, {*self.policy.match, _USER_NAME})
        yield from self._assess(pairs, arriving)

    def _alike(
        self, arriving: Mapping[Key, Document], old: Iterable[Link], paths: Collection[str]
    ) -> Iterator[tuple[Key, Link, str]]:
        """Yield arrivals that have a key, or the value of one of `paths`, like an old user."""
        alike: dict[tuple[str, object], list[tuple[Key, str]]] = {}
        for key, document in arriving.items():
            alike.setdefault(("", fold_key(key)), []).append((key, "key but for its spelling"))
            for path, value in _folded(document, paths):
                text = f"{path} {document[path]}"
                alike.setdefault((path, value), []).append((key, text))
        for link in old:
            for mark in (("", fold_key(link.key)), *_folded(link.document, paths)):
                for new, shared in alike.get(mark, ()):
                    if new != link.key:
                        yield new, link, shared

    def _held(self) -> list[Link]:
        """Return links for the users who were deprovisioned by hand, as their records show them.

        They count whether they have an account here or not: theirs may have been deleted, or may be
        at another target.
        """
        keys = sorted(self.state.all_held())
        return [
            Link(Kind.USER, key, LinkStatus.DELETED, document=document)
            for some in batches(keys, BATCH)
            for key, document in self.people(some).items()
        ]

    def _leavers(self) -> Iterator[Link]:
        """Yield the accounts of users who leave in this plan, or left not too long ago.

        An account that may have been created for such a user is one of them.
        """
        seen: set[Key] = set()
        for keys in batches(self.state.removed_keys(self.sources, self.cursor), BATCH):
            seen.update(keys)
            yield from (
                link for link in self.state.links(Kind.USER, keys).values() if link.may_have_account
            )
        for links in batches(self.state.deactivated(self.now - LONGEST_ABSENCE), BATCH):
            others = [link for link in links if link.key not in seen]
            staying = self._staying([link.key for link in others])
            yield from (link for link in others if link.key not in staying)

    def _staying(self, keys: Sequence[Key]) -> Set[Key]:
        """Return those of `keys` that stay in scope, or of which that is not known."""
        desired, failures = self.desire(keys)
        return failures.keys() | {key for key, user in desired.items() if user.in_scope}

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
            obstacle = self._obstacle(link, record, staying, held)
            stays = obstacle is Obstacle.STAYS or record is None
            if stays and link.moved_from == new:
                continue  # someone separated the two; only a key that left gives its account back
            fresh = any(is_fresh(one, self.accepted) for one in (records.get(new), record))
            names = compare_names(link.document, arriving[new])
            if link.status is LinkStatus.DELETED and names is Agreement.DIFFERENT:
                continue  # another person, and no account that they could take over
            yield Suspicion(new, old, shared, names, obstacle, fresh)

    def _obstacle(
        self, link: Link, record: Record | None, staying: Set[Key], held: Collection[Key]
    ) -> Obstacle | None:
        if link.key in staying:
            return Obstacle.STAYS
        if link.key in held:
            return Obstacle.BY_HAND
        return Obstacle.LONG_AGO if self._left_long_ago(link, record) else None

    def _left_long_ago(self, link: Link, record: Record | None) -> bool:
        leaves = self.policy.remove and self.policy.leave.action != "keep"
        if record is not None and record.removed_at is not None:
            times = [record.removed_at, link.left_at]
        elif link.status in (LinkStatus.ACTIVE, LinkStatus.PENDING) and leaves:
            times = [self.now]
        else:
            times = [link.left_at or link.synced_at]
        known = [time for time in times if time is not None]
        return not known or min(known) + LONGEST_ABSENCE < self.now


def _folded(document: Document, paths: Collection[str]) -> Iterator[tuple[str, object]]:
    for path in paths:
        value = document.get(path)
        if isinstance(value, str):
            yield path, fold_name(value)


def is_fresh(record: Record | None, accepted: Seq) -> bool:
    """Return whether no earlier run accepted this version of a record.

    `accepted` is the sequence number up to which earlier runs accepted plans. A plan that stores
    nothing reads a record with the sequence number 0.
    """
    return record is not None and not 0 < record.seq <= accepted
