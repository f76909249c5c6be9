"""The members that the records of groups name, and the groups whose record names unknown ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from scimsync.desired import Desired
from scimsync.desired.groups import MEMBERS, SUBGROUPS, GroupRule, texts, value_of
from scimsync.desired.survey import suspicious
from scimsync.errors import ScimsyncError, coded
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.model.records import Record
from scimsync.plan.batch import BATCH
from scimsync.plan.group_members import GroupMembers, Staying
from scimsync.plan.moved_keys import MovedKeys
from scimsync.plan.protocols import PlanningState, Records, TargetRules, sources_of_groups

_UNKNOWN = "SYNC-0356"
_UNDECIDED = "SYNC-0353"
_KEYS_SHOWN = 5
_MANY = 5000
"""The number of named members that are looked up at a time."""

Members = dict[tuple[Kind, Key], None]
"""The members of one group, in order, each once."""


def is_held(link: Link | None) -> bool:
    """Return whether a group keeps members that its record no longer names."""
    error = "" if link is None else link.last_error or ""
    return any(f"[{code}]" in error for code in (_UNKNOWN, _UNDECIDED))


def named_members(target: str, rule: GroupRule, desired: Desired) -> Members:
    """Return the members that the record of a group names, or raise ScimsyncError."""
    where = f"targets.{target}.groups.{rule.name}"
    users = texts(desired.extras.get(MEMBERS), f"{where}.members")
    subgroups = texts(desired.extras.get(SUBGROUPS), f"{where}.subgroups")
    members: Members = dict.fromkeys((Kind.USER, Key(user)) for user in users)
    return members | dict.fromkeys((Kind.GROUP, rule.key(subgroup)) for subgroup in subgroups)


class NamedMembers:
    """The members that records of groups name at one target.

    A group whose record newly names unknown members keeps all that it has: the names may be
    misspelled. The unknown ones wait until the record is corrected or they have a record. A group
    also keeps users whose row cannot be used.
    """

    def __init__(
        self, state: PlanningState, records: Records, rules: TargetRules, members: GroupMembers
    ) -> None:
        self._state = state
        self._records = records
        self._target = rules.policy.target
        self._of_groups = sources_of_groups(rules)
        self._members = members
        self._sources = rules.sources
        self._moved = MovedKeys(state, records, rules.sources)
        self._named: Counter[str] = Counter()
        self._nameless: Counter[str] = Counter()
        self._read: dict[Key, str | None] = {}

    @property
    def nameless(self) -> dict[str, tuple[int, int]]:
        """The lists of members that mostly match no record, with the number of these and of all."""
        return suspicious(self._named, self._nameless)

    def why_held(self, group: Key, link: Link | None) -> str | None:
        """Return why a group keeps all members that it has, or None if it does not."""
        if group in self._read:
            return self._read[group]
        return (link.last_error or "").strip() if link is not None and is_held(link) else None

    def read(
        self,
        rule: GroupRule,
        source: str,
        keys: Sequence[Key],
        desire: Callable[[Record], Desired],
    ) -> None:
        """Want the members that some records of `source` name in their groups."""
        named: dict[Key, Members] = {}
        number = 0
        for key, record in self._records.get([source], keys).items():
            if record.removed:
                continue  # planning the group removes its members
            try:
                named[rule.key(key)] = named_members(self._target, rule, desire(record))
            except ScimsyncError:
                continue  # planning the group reports it, and its members stay
            number += len(named[rule.key(key)])
            if number >= _MANY:
                self._want(rule, source, named)
                named, number = {}, 0
        self._want(rule, source, named)

    def _want(self, rule: GroupRule, source: str, named: Mapping[Key, Members]) -> None:
        users = {key for members in named.values() for kind, key in members if kind is Kind.USER}
        groups = {key for members in named.values() for kind, key in members if kind is Kind.GROUP}
        there = self._moved.with_record(users)
        moved = self._moved.current(users - there)
        unknown = {(Kind.USER, key) for key in self._unknown(users - there - moved.keys())}
        unknown |= {(Kind.GROUP, key) for key in self._unknown_groups(source, groups)}
        for group, members in named.items():
            wanted: Members = dict.fromkeys(
                (kind, moved.get(key, key) if kind is Kind.USER else key) for kind, key in members
            )
            staying = self._members.set(group, wanted, unknown, self._undecided)
            self._read[group] = _why_held(staying)
            self._count(rule, wanted, there.union(moved.values()))

    def _count(self, rule: GroupRule, wanted: Members, known: Collection[Key]) -> None:
        """Count the users that one group names, and those of them whose keys are not `known`."""
        path = f"groups.{rule.name}.{MEMBERS}"
        of_users = [key for kind, key in wanted if kind is Kind.USER]
        self._named[path] += len(of_users)
        self._nameless[path] += sum(key not in known for key in of_users)

    def _undecided(self, users: Sequence[Key]) -> Collection[Key]:
        """Return those of `users` whom a row that cannot be used may be of."""
        return self._records.unusable(self._sources, users)

    def _unknown(self, users: Collection[Key]) -> set[Key]:
        """Return those of `users` without any record, even a removed one, and without a link."""
        unknown: set[Key] = set()
        for some in batches(sorted(users), BATCH):
            known = self._records.known_elsewhere(some, self._of_groups)
            unknown |= {*some} - known - self._state.links(Kind.USER, some).keys()
        return unknown

    def _unknown_groups(self, source: str, groups: Collection[Key]) -> set[Key]:
        """Return those of `groups` without a record, even a removed one, and without a link."""
        unknown: set[Key] = set()
        for some in batches(sorted(groups), BATCH):
            by_record = {value_of(key): key for key in some}
            known = {by_record[key] for key in self._records.get([source], list(by_record))}
            unknown |= {*some} - known - self._state.links(Kind.GROUP, some).keys()
        return unknown


def _why_held(staying: Staying) -> str | None:
    """Return why a group keeps members that its record no longer names, None if it keeps none."""
    if staying.members:
        return coded(
            f"the record newly names {plural(len(staying.misnamed), 'member')} that no record has:"
            f" {_listed(staying.misnamed)}; {plural(staying.members, 'member')} would be removed"
            " and stay until that is corrected",
            _UNKNOWN,
        )
    if staying.undecided:
        return coded(
            f"a row that cannot be used may be of {_listed(staying.undecided)}: until it is"
            " corrected, they stay in the group although its record no longer names them",
            _UNDECIDED,
        )
    return None


def _listed(keys: Sequence[Key]) -> str:
    more = len(keys) - _KEYS_SHOWN
    return ", ".join(keys[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
