"""A company that changes by a few people each day, and what its target should hold then."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.office import ENTERPRISE, MANAGER, USER, Office, Row, person, resource

Json = dict[str, Any]
ROLES = 'roles = "[dept]"\n'
GROUPS = """
[access]
Manager = "dept in ['Dept 1', 'Dept 2']"
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
[targets.wiki.groups.managers]
displayName = { value = "Managers" }
members = "'Manager' in access"
"""
NO_GUARD = """
max_removals = "100%"
max_updates = "100%"
min_records = "0%"
max_identity_changes = "100%"
max_adoptions = 1000
"""
DEACTIVATE = """
leave = { action = "deactivate", revoke = ["memberships", "roles"] }
concurrency = 1
"""
DELETE = """
leave = { action = "delete" }
concurrency = 1
"""


@dataclass
class Staff:
    """`rows` are the people by key, `gone` those who have left."""

    chance: random.Random
    size: int
    departments: int
    rows: dict[str, Row] = field(default_factory=dict)
    gone: dict[str, Row] = field(default_factory=dict)
    swapped: set[str] = field(default_factory=set)
    _number: int = 0

    def found(self) -> None:
        """Hire everybody."""
        for _ in range(self.size):
            self.join()

    def join(self) -> None:
        self._number += 1
        manager = self.chance.choice([*self.rows, ""])
        row = person(self._number, dept=self._department(), manager=manager)
        self.rows[row["id"]] = row

    def _leave(self, key: str) -> None:
        self.gone[key] = self.rows.pop(key)
        for one, row in self.rows.items():
            if row["manager"] == key:
                self.rows[one] = row | {"manager": ""}

    def day(self) -> None:
        """Some leave, some join or come back, some move, marry or swap their addresses."""
        number = max(1, self.size // 40)
        for key in self._some(number):
            if key not in self.swapped:  # the address of a leaver is not free
                self._leave(key)
        for _ in range(number):
            self.join()
        if self.gone and self.chance.random() < 0.3:
            back = self.chance.choice(sorted(self.gone))
            self.rows[back] = self.gone.pop(back) | {"manager": ""}
        for key in self._some(number * 2):
            self.rows[key] |= {"dept": self._department(), "manager": self._some(1)[0]}
        for key in self._some(number):
            row = self.rows[key]
            self.rows[key] = row | {"family": f"{row['family']}son", "email": f"x{row['email']}"}
        if self.chance.random() < 0.5:
            pair = self._some(2)
            self.swapped.update(pair)
            one, other = (self.rows[key] for key in pair)
            one["email"], other["email"] = other["email"], one["email"]

    def configure(self, office: Office, leave: str, guard: str = NO_GUARD) -> None:
        """Write sync.toml."""
        office.configure(user=USER + MANAGER + ROLES, target=leave, guard=guard, more=GROUPS)

    def accounts(self) -> dict[str, Json]:
        """Return what each person's account should hold, a manager by key."""
        return {key: self._account(row) for key, row in self.rows.items()}

    def groups(self) -> dict[str, set[str]]:
        """Return the keys of the members of each group."""
        groups: dict[str, set[str]] = {"Managers": set()}
        for key, row in self.rows.items():
            groups.setdefault(row["dept"], set()).add(key)
            if row["dept"] in ("Dept 1", "Dept 2"):
                groups["Managers"].add(key)
        return groups

    def _account(self, row: Row) -> Json:
        made = resource(row)
        manager = row["manager"] if row["manager"] in self.rows else None
        extension = made[ENTERPRISE] | ({"manager": {"value": manager}} if manager else {})
        return made | {"roles": [{"value": row["dept"]}], ENTERPRISE: extension}

    def _department(self) -> str:
        return f"Dept {self.chance.randint(1, self.departments)}"

    def _some(self, number: int) -> list[str]:
        return self.chance.sample(sorted(self.rows), number)
