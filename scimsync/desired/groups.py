"""The groups that a target should have, and their members.

The key of a group is the name of its table in sync.toml. With `each`, the value follows after a
colon (`by-department:Sales`); with a source, the key of the record (`teams:T7`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from scimsync.desired.program import Desired, Program
from scimsync.errors import ScimsyncError
from scimsync.model.ids import Key
from scimsync.model.records import Record

VALUE = "value"
"""The only column of a group by `each`."""

MEMBERS = "members"
SUBGROUPS = "subgroups"


class GroupForm(StrEnum):
    """Where the groups of a table come from."""

    EACH = "each"
    RULE = "rule"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One `[targets.NAME.groups.NAME]`, compiled.

    `leave` is `delete`, `empty` or `keep`. `source` is set for groups from a source.
    """

    name: str
    form: GroupForm
    program: Program
    source: str | None
    leave: str
    match: tuple[str, ...]

    def key(self, value: str = "") -> Key:
        """Return the key of the group by rule, or of the group for `value`.

        `value` is a value of `each` or the key of a source record.
        """
        return Key(self.name) if self.form is GroupForm.RULE else Key(f"{self.name}:{value}")

    def desired(self, key: Key, today: date) -> Desired:
        """Return the desired document of a group by `each` or by rule, or raise DesireError."""
        return self.program.desire(Record(self.name, key, {VALUE: value_of(key)}), today)


def name_of(key: Key) -> str:
    """Return the name of the table that a group's key comes from."""
    return key.partition(":")[0]


def value_of(key: Key) -> Key:
    """Return the value of `each`, or the key of the source record, that a group's key has."""
    return Key(key.partition(":")[2])


def groups_of(desired: Desired, rules: dict[str, GroupRule]) -> list[Key]:
    """Return the keys of the groups by `each` and by rule that a user in scope should be in.

    Raise ScimsyncError if an expression gave something other than texts.
    """
    keys = []
    for name, value in desired.extras.items():
        rule = rules[name]
        if rule.form is GroupForm.RULE:
            if value:
                keys.append(rule.key())
        else:
            keys += [rule.key(one) for one in texts(value, f"groups.{name}.each")]
    return keys


def texts(value: Any, where: str) -> list[str]:
    """Return the texts that an expression gave: none, one or several, without duplicates.

    Raise ScimsyncError for anything else; `where` names the expression.
    """
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    if isinstance(value, bool | dict):
        raise ScimsyncError(
            f"{where}: must give a text or a list of texts, not"
            f" {'a table' if isinstance(value, dict) else 'true or false'}",
            code="SYNC-0324",
        )
    if isinstance(value, int | float):
        return [str(value)]
    found: dict[str, None] = {}
    for item in value:
        for text in texts(item, where):
            found[text] = None
    return list(found)
