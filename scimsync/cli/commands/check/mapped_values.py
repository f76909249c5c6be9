"""The values that the mappings of a target give for the records of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

import orjson

from scimsync.desired.groups import GroupForm, GroupRule, groups_of, name_of
from scimsync.desired.program import Desired
from scimsync.errors import ScimsyncError
from scimsync.model.ids import Key
from scimsync.model.placeholders import IdOf
from scimsync.scim.attributes import at_top
from scimsync.scim.discovery import ASSIGNABLE
from scimsync.scim.settable import settable_path

SAMPLE = 1_000
"""The number of users or groups for which values are checked, starting with the first."""

_DISTINCT = 1_000
"""The number of different values of one attribute that are kept."""


@dataclass(slots=True)
class ValueCount:
    """A value, how many resources have it, and the key of the first of them."""

    value: Any
    first: Key
    number: int = 0


@dataclass(slots=True)
class MappedValues:
    """The values of one mapping, by path. Passwords and references are not kept.

    Roles and entitlements are those of all resources, others those of the first `SAMPLE`.
    """

    resources: int = 0
    by_path: dict[str, dict[bytes, ValueCount]] = field(default_factory=dict)

    def add(self, desired: Desired) -> None:
        """Add the values of a resource, if it is in scope."""
        if not desired.in_scope:
            return
        self.resources += 1
        for values in (desired.document, desired.once):
            for path, value in values.items():
                if self.resources <= SAMPLE or assignable_attribute(path) is not None:
                    self._add(path, value, desired.key)

    def values(self, path: str) -> Iterator[ValueCount]:
        """Return the values at `path`, in the order of their first resources."""
        yield from self.by_path.get(path, {}).values()

    def _add(self, path: str, value: Any, key: Key) -> None:
        if isinstance(value, IdOf) or "password" in path.casefold():
            return
        known = self.by_path.setdefault(path, {})
        name = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS)
        if name in known or len(known) < _DISTINCT:
            known.setdefault(name, ValueCount(value, key)).number += 1


@dataclass(slots=True)
class TargetValues:
    """The values of users, and of groups by the names of their tables."""

    users: MappedValues = field(default_factory=MappedValues)
    groups: dict[str, MappedValues] = field(default_factory=dict)
    group_keys: dict[Key, None] = field(default_factory=dict)

    def add_user(self, desired: Desired, rules: dict[str, GroupRule]) -> None:
        """Add a user, and the keys of the groups that the user should be in."""
        self.users.add(desired)
        if not desired.in_scope or len(self.group_keys) >= SAMPLE:
            return
        try:
            keys = groups_of(desired, rules)
        except ScimsyncError:  # reported as a failure of the expression
            return
        self.group_keys |= dict.fromkeys(keys)

    def add_groups(self, rules: dict[str, GroupRule], today: date) -> None:
        """Add the groups by `each` and by rule that users should be in."""
        for key in islice(self.group_keys, SAMPLE):
            rule = rules[name_of(key)]
            try:
                desired = rule.desired(key, today)
            except ScimsyncError:
                continue
            self.of_groups(rule.name).add(desired)

    def of_groups(self, name: str) -> MappedValues:
        """Return the values of the groups of one table."""
        return self.groups.setdefault(name, MappedValues())


def assignable_attribute(path: str) -> str | None:
    """Return `roles` or `entitlements` if `path` is one of them, or a value of their elements."""
    place = settable_path(path).path
    name = place.attribute.casefold()
    is_value = place.sub is None or place.sub.casefold() == "value"
    return name if at_top(place.schema) and is_value and name in ASSIGNABLE else None


def rules_by_name(rules: Iterable[GroupRule]) -> dict[str, GroupRule]:
    """Return the group tables whose groups come from users, by name."""
    return {rule.name: rule for rule in rules if rule.form is not GroupForm.SOURCE}
