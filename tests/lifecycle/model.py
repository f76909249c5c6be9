"""What the rules of `tests.lifecycle.company` come to, worked out in the simplest way: everybody,
every month, from scratch.

Written from the design and not from the program: it shares no code with it. What it remembers of a
target from month to month is what a target remembers: accounts, switched on or off, groups,
members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.lifecycle.company import ENTERPRISE, Company, Person, Rules, Team

Json = dict[str, Any]
MEMBERS_PER_PATCH = 500

Account = tuple[str, int]
"""A person's key, and how many accounts this person had before at the target."""


@dataclass
class User:
    """An account: what it holds (a manager is an `Account`), and since when its person is gone."""

    account: Account
    holds: Json
    left: datetime | None = None
    deletion_seen: bool = False

    @property
    def name(self) -> str:
        return str(self.holds["userName"]).casefold()


@dataclass
class Group:
    """`members`: ("User", account) and ("Group", key)."""

    holds: Json
    members: set[tuple[str, Any]] = field(default_factory=set)


@dataclass(frozen=True)
class Wanted:
    """A group as it should be: members by key."""

    holds: Json
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TargetRules:
    """What is particular about one target.

    `document` makes an account of a person, given the account of the manager; `by_person` are
    groups whose members' own records tell, `by_team` those from the teams' list. `keeps` are names
    of groups that outlive their reason.
    """

    in_scope: Callable[[Person], bool]
    document: Callable[[Person, Account | None], Json]
    by_person: Callable[[Mapping[str, Person]], dict[str, Wanted]]
    by_team: Callable[[Mapping[str, Team]], dict[str, Wanted]]
    leave: str
    delete_after: timedelta | None = None
    loses_roles: bool = False
    loses_memberships: bool = False
    empties: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()


@dataclass
class Target:
    """One target, as it should be.

    `had`: how many accounts somebody had; `stepped_aside`: people who had a temporary name so far;
    `chunked`: groups whose members changed by more than one request can tell.
    """

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    had: dict[str, int] = field(default_factory=dict)
    stepped_aside: int = 0
    chunked: int = 0

    def month(self, rules: TargetRules, company: Company, now: datetime) -> int:
        """Goes one month on; gives the number of write requests."""
        in_scope = {key: one for key, one in company.people.items() if rules.in_scope(one)}
        before = {key: (user.account, dict(user.holds)) for key, user in self.users.items()}
        names = {user.name: key for key, user in self.users.items()}
        self._leavers(rules, in_scope, now)
        for key in in_scope:
            if key not in self.users:
                self.users[key] = User((key, self.had.get(key, 0)), {})
                self.had[key] = self.had.get(key, 0) + 1
        for key, person in in_scope.items():
            manager = self.users.get(person.manager)
            self.users[key].holds = rules.document(
                person, None if manager is None else manager.account
            )
            self.users[key].left = None
            self.users[key].deletion_seen = False
        after = {key: (user.account, user.holds) for key, user in self.users.items()}
        writes = len(
            [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        )
        rings = self._rings(before, names)
        self.stepped_aside += rings
        return writes + rings + self._groups_month(rules, company, in_scope)

    def _leavers(self, rules: TargetRules, in_scope: Mapping[str, Person], now: datetime) -> None:
        for key in [key for key in self.users if key not in in_scope]:
            user = self.users[key]
            due = (
                user.left is not None
                and rules.delete_after is not None
                and user.left + rules.delete_after <= now
            )
            if rules.leave == "delete" or (due and user.deletion_seen):
                del self.users[key]
            elif due:  # the next push confirms it
                user.deletion_seen = True
            elif user.left is None:
                user.left = now
                lost = ("active", "roles") if rules.loses_roles else ("active",)
                user.holds = {
                    name: value for name, value in user.holds.items() if name not in lost
                } | {"active": False}

    def _rings(self, before: Mapping[str, tuple[Account, Json]], names: Mapping[str, str]) -> int:
        """People who take each other's userName in a ring: one of each ring steps aside first."""
        waits = {
            key: names[user.name]
            for key, user in self.users.items()
            if key in before and names.get(user.name, key) != key and names[user.name] in self.users
        }
        rings = 0
        while waits:
            chain = [next(iter(waits))]
            while waits.get(chain[-1]) is not None and waits[chain[-1]] not in chain:
                chain.append(waits[chain[-1]])
            rings += waits.get(chain[-1]) in chain
            for key in chain:
                waits.pop(key, None)
        return rings

    def _groups_month(
        self, rules: TargetRules, company: Company, in_scope: Mapping[str, Person]
    ) -> int:
        wanted = rules.by_person(in_scope)
        for key, group in self.groups.items():
            # who is gone and keeps memberships is still a member of what the record told
            users = {member[0] for kind, member in group.members if kind == "User"}
            stay = {user for user in users if user in self.users and user not in in_scope}
            if not rules.loses_memberships and stay and not key.startswith("teams:"):
                one = wanted.get(key, Wanted(group.holds))
                wanted[key] = Wanted(one.holds, one.users | stay, one.groups)
        wanted |= rules.by_team(company.teams)
        writes = 0
        for key in [key for key in self.groups if key not in wanted]:
            name = key.partition(":")[0]
            if name in rules.empties:
                wanted[key] = Wanted(self.groups[key].holds)
            elif name not in rules.keeps:
                del self.groups[key]
                writes += 1
        for key, one in wanted.items():
            writes += key not in self.groups or self.groups[key].holds != one.holds
            self.groups.setdefault(key, Group({})).holds = one.holds
        for key, one in wanted.items():
            before = self.groups[key].members
            there = {
                user: ("User", self.users[user].account) for user in one.users if user in self.users
            }
            # who has left comes into no further groups
            members: set[tuple[str, Any]] = {
                member
                for user, member in there.items()
                if user in in_scope or (member in before and not rules.loses_memberships)
            }
            members |= {("Group", group) for group in one.groups if group in self.groups}
            changed = len(members ^ before)
            chunks = -(-changed // MEMBERS_PER_PATCH)
            writes += chunks
            self.chunked += chunks > 1
            self.groups[key].members = members
        return writes


def access(person: Person, rules: Rules) -> list[str]:
    """The rules that hold for somebody."""
    viewer = person.status == "active"
    admin = person.dept in rules.admin_departments and person.level >= rules.admin_level and viewer
    return [
        name
        for name, holds in (
            ("Admin", admin),
            ("Viewer", viewer),
            ("Lead", person.level >= 4 and viewer),
        )
        if holds
    ]


def _values(texts: list[str] | tuple[str, ...]) -> list[Json]:
    return [{"value": text} for text in sorted(texts)]


def _by(
    name: str,
    people: Mapping[str, Person],
    values: Callable[[Person], tuple[str, ...]],
    holds: Callable[[str], Json],
) -> Any:
    found: dict[str, set[str]] = {}
    for key, person in people.items():
        for value in values(person):
            found.setdefault(value, set()).add(key)
    return {
        f"{name}:{value}": Wanted(holds(value), frozenset(keys)) for value, keys in found.items()
    }


def wiki(rules: Rules) -> TargetRules:
    """Everybody who is at work."""

    def document(person: Person, manager: Account | None) -> Json:
        name = person.email.lower()
        return {
            "externalId": person.id,
            "userName": name,
            "name": {"givenName": person.given, "familyName": person.family},
            "displayName": f"{person.given} {person.family}",
            "active": True,
            "emails": [{"type": "work", "value": name, "primary": True}],
            "roles": _values(access(person, rules)),
            ENTERPRISE: {"employeeNumber": person.id, "department": person.dept}
            | ({} if manager is None else {"manager": {"value": manager}}),
        }

    def by_person(people: Mapping[str, Person]) -> dict[str, Wanted]:
        groups: dict[str, Wanted] = _by(
            "departments",
            people,
            lambda one: (one.dept,),
            lambda v: {"displayName": f"Department {v}"},
        )
        admins = frozenset(key for key, one in people.items() if "Admin" in access(one, rules))
        groups["admins"] = Wanted({"displayName": "Administrators"}, admins)
        groups["everybody"] = Wanted({"displayName": "Everybody"}, frozenset(people))
        if rules.wiki_projects:
            groups |= _by(
                "projects",
                people,
                lambda one: one.projects,
                lambda v: {"displayName": v, "externalId": f"project-{v}"},
            )
        return groups

    def by_team(teams: Mapping[str, Team]) -> dict[str, Wanted]:
        return {
            f"teams:{team.id}": Wanted(
                {"externalId": team.id, "displayName": team.name},
                frozenset(team.members),
                frozenset(f"teams:{child}" for child in team.children),
            )
            for team in teams.values()
        }

    return TargetRules(
        in_scope=lambda one: one.status == "active",
        document=document,
        by_person=by_person,
        by_team=by_team,
        leave="deactivate",
        delete_after=timedelta(days=rules.months_until_deletion * 30 - 15),
        loses_roles=True,
        loses_memberships=True,
    )


def crm(rules: Rules) -> TargetRules:
    """Some departments; who leaves them is deleted."""

    def document(person: Person, manager: Account | None) -> Json:
        made: Json = {
            "externalId": person.id,
            "userName": person.login,
            "displayName": f"{person.family}, {person.given}",
            "active": person.status == "active",
            ENTERPRISE: {"organization": "Example Ltd", "division": person.region},
        }
        return made | ({"title": person.title} if rules.crm_title and person.title else {})

    def by_person(people: Mapping[str, Person]) -> dict[str, Wanted]:
        groups: dict[str, Wanted] = _by(
            "regions", people, lambda one: (one.region,), lambda value: {"displayName": value}
        )
        seniors = frozenset(key for key, one in people.items() if one.level >= 3)
        return groups | {"seniors": Wanted({"displayName": "Senior people"}, seniors)}

    return TargetRules(
        in_scope=lambda one: one.dept in rules.crm_departments,
        document=document,
        by_person=by_person,
        by_team=lambda teams: {},
        leave="delete",
        empties=("regions",),
    )


def vault(rules: Rules) -> TargetRules:
    """Those with much access; who loses it is switched off, and stays in groups."""

    def document(person: Person, manager: Account | None) -> Json:
        made: Json = {
            "externalId": person.id,
            "userName": f"v-{person.id}",
            "displayName": person.given,
            "active": True,
            "roles": _values([one for one in access(person, rules) if one != "Viewer"]),
            ENTERPRISE: {"costCenter": person.dept.upper()}
            | ({} if manager is None else {"manager": {"value": manager}}),
        }
        return made | ({"entitlements": _values(person.projects)} if person.projects else {})

    def by_person(people: Mapping[str, Person]) -> dict[str, Wanted]:
        return {
            "leads": Wanted(
                {"displayName": "Leads"},
                frozenset(key for key, one in people.items() if one.level >= 4),
            )
        }

    def by_team(teams: Mapping[str, Team]) -> dict[str, Wanted]:
        return {
            f"teams:{team.id}": Wanted(
                {"externalId": team.id, "displayName": f"{team.name} (vault)"},
                frozenset(team.members),
            )
            for team in teams.values()
        }

    return TargetRules(
        in_scope=lambda one: bool({"Admin", "Lead"} & set(access(one, rules))),
        document=document,
        by_person=by_person,
        by_team=by_team,
        leave="deactivate",
        loses_roles=True,
        keeps=("teams",),
    )
