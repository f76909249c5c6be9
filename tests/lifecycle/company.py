"""A made-up company that lives through a year: who works there, in which teams, under which rules,
and what happens each month.

Nothing here knows scimsync. `Company` is what HR and the teams' list say; `Rules` is what the
administrator has decided, and `sync_toml` writes it down.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

DEPARTMENTS = (
    "Sales",
    "Support",
    "IT",
    "Finance",
    "Legal",
    "Research",
    "Design",
    "Factory",
    "Stores",
    "Press",
)
REGIONS = ("North", "South", "East", "West")
PROJECTS = tuple(
    f"Project {name}"
    for name in ("Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple", "Oak", "Yew")
)
GIVEN = (
    "Ada",
    "Bo",
    "Cleo",
    "Dan",
    "Eva",
    "Finn",
    "Gül",
    "Hana",
    "Ivo",
    "José",
    "Kim",
    "Lea",
    "Max",
    "Noor",
    "Olga",
    "Per",
)
FAMILY = (
    "Abel",
    "Berg",
    "Costa",
    "Dahl",
    "Ekman",
    "Faro",
    "Große",
    "Holm",
    "Ito",
    "Jansen",
    "Kaya",
    "Lund",
    "Moss",
    "Núñez",
)


@dataclass(frozen=True)
class Person:
    """A row of hr.csv."""

    id: str
    login: str
    email: str
    given: str
    family: str
    dept: str
    level: int
    title: str
    status: str
    region: str
    manager: str
    projects: tuple[str, ...]

    def row(self) -> dict[str, str]:
        """As the file has it."""
        return {
            "id": self.id,
            "login": self.login,
            "email": self.email,
            "given": self.given,
            "family": self.family,
            "dept": self.dept,
            "level": str(self.level),
            "title": self.title,
            "status": self.status,
            "region": self.region,
            "manager": self.manager,
            "projects": ";".join(self.projects),
        }


@dataclass(frozen=True)
class Team:
    """A row of teams.csv."""

    id: str
    name: str
    members: tuple[str, ...]
    children: tuple[str, ...] = ()

    def row(self) -> dict[str, str]:
        """As the file has it."""
        return {
            "team_id": self.id,
            "name": self.name,
            "member_ids": ";".join(self.members),
            "child_ids": ";".join(self.children),
        }


@dataclass
class Company:
    """`heads` have no manager, `leads` have a head for one, everybody else has a lead."""

    chance: random.Random
    people: dict[str, Person] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    gone: dict[str, Person] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)
    freed_login: str = ""
    _number: int = 0

    @classmethod
    def founded(cls, seed: int, size: int) -> Company:
        """A company of `size` people and 14 teams, some of them in each other."""
        company = cls(random.Random(seed))
        for _ in range(5):
            company.heads.append(company.join(level=6, manager=""))
        for _ in range(40):
            company.leads.append(
                company.join(
                    level=company.chance.choice((4, 5, 5)),
                    manager=company.chance.choice(company.heads),
                )
            )
        while len(company.people) < size:
            company.join()
        for number in range(1, 15):
            members = tuple(sorted(company.some(12)))
            children = (f"T{number + 7}", f"T{number + 10}") if number <= 3 else ()
            company.teams[f"T{number}"] = Team(f"T{number}", f"Team {number}", members, children)
        return company

    def some(self, number: int, *, ordinary: bool = False) -> list[str]:
        """Keys of people, chosen by chance; `ordinary` ones lead nobody."""
        choice = sorted(
            key for key in self.people if not ordinary or key not in (*self.heads, *self.leads)
        )
        return self.chance.sample(choice, number)

    def join(self, **more: object) -> str:
        """Somebody new; gives the key."""
        self._number += 1
        chance, key = self.chance, f"{self._number:04}"
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        leads = [lead for lead in self.leads if lead in self.people]
        person = Person(
            id=key,
            login=f"login{key}",
            email=f"{given}.{family}.{key}@example.com",
            given=given,
            family=family,
            dept=chance.choice(DEPARTMENTS if "dept" not in more else ("",)),
            level=chance.choice((1, 2, 2, 3, 3)),
            title="Clerk",
            status="active",
            region=chance.choice(REGIONS),
            manager=chance.choice(leads) if leads else "",
            projects=tuple(chance.sample(PROJECTS, chance.choice((0, 0, 0, 1, 2)))),
        )
        self.people[key] = replace(person, **more)  # type: ignore[arg-type]
        return key

    def change(self, key: str, **more: object) -> None:
        """Other values for somebody."""
        self.people[key] = replace(self.people[key], **more)  # type: ignore[arg-type]

    def leave(self, key: str) -> None:
        """Out of HR's file; the teams' list does not notice."""
        self.gone[key] = self.people.pop(key)

    def come_back(self, key: str, **more: object) -> None:
        """A rehire under the old key."""
        self.people[key] = replace(self.gone.pop(key), **more)  # type: ignore[arg-type]

    def rename(self, key: str, family: str) -> None:
        """Somebody marries: name, address and login are others."""
        one = self.people[key]
        self.change(
            key,
            family=family,
            email=f"{one.given}.{family}.{key}.new@example.com",
            login=f"{one.login}n",
        )

    def swap(self, *keys: str) -> None:
        """Each takes address and login of the next, the last those of the first."""
        held = [(self.people[key].email, self.people[key].login) for key in keys]
        for key, (email, login) in zip(keys, held[1:] + held[:1], strict=True):
            self.change(key, email=email, login=login)

    def move(self, key: str) -> None:
        """Another department, another boss."""
        leads = sorted(lead for lead in self.leads if lead in self.people)
        self.change(key, dept=self.chance.choice(DEPARTMENTS), manager=self.chance.choice(leads))

    def department(self, name: str) -> list[str]:
        """Who works there."""
        return sorted(key for key, one in self.people.items() if one.dept == name)


@dataclass(frozen=True)
class Rules:
    """What sync.toml says, as far as it changes in the course of the year."""

    admin_departments: tuple[str, ...] = ("IT",)
    admin_level: int = 3
    crm_departments: tuple[str, ...] = ("Sales", "Support")
    crm_title: bool = False
    wiki_projects: bool = True
    vault: bool = False
    months_until_deletion: int = 2


ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def sync_toml(rules: Rules, urls: dict[str, str]) -> str:
    """The file. `urls`: name of a target -> its base URL."""
    admin = (
        f"dept in {list(rules.admin_departments)} and level | int >= {rules.admin_level} and"
        " 'Viewer' in access"
    )
    auth = 'auth = { type = "bearer", token = "env:WIKI_TOKEN" }\nsource = "hr"'
    return "\n".join(
        [
            f"""
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
lists = {{ projects = ";" }}

[sources.teams]
type = "file"
path = "teams.csv"
key = "team_id"
lists = {{ member_ids = ";", child_ids = ";" }}

[access]
Admin = "{admin}"
Viewer = "status == 'active'"
Lead = "level | int >= 4 and 'Viewer' in access"

[targets.wiki]
bulk = false
url = "{urls["wiki"]}"
{auth}
scope = "'Viewer' in access"
[targets.wiki.leave]
action = "deactivate"
delete_after = "{rules.months_until_deletion * 30 - 15}d"
revoke = ["memberships", "roles"]
[targets.wiki.user]
externalId = "id"
userName = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
displayName = "given ~ ' ' ~ family"
active = true
'emails[type eq "work"].value' = "email | lower"
'emails[type eq "work"].primary' = true
roles = "access"
"{ENTERPRISE}:employeeNumber" = "id"
"{ENTERPRISE}:department" = "dept"
"{ENTERPRISE}:manager.value" = "ref(manager)"
[targets.wiki.groups.departments]
each = "dept"
displayName = "'Department ' ~ value"
[targets.wiki.groups.admins]
displayName = {{ value = "Administrators" }}
members = "'Admin' in access"
[targets.wiki.groups.everybody]
displayName = {{ value = "Everybody" }}
members = "'Viewer' in access"
[targets.wiki.groups.teams]
source = "teams"
externalId = "team_id"
displayName = "name"
members = "member_ids"
subgroups = "child_ids"
""",
            (
                """
[targets.wiki.groups.projects]
each = "projects"
displayName = "value"
externalId = "'project-' ~ value"
"""
                if rules.wiki_projects
                else ""
            ),
            f"""
[targets.crm]
bulk = false
url = "{urls["crm"]}"
{auth}
scope = "dept in {list(rules.crm_departments)}"
leave = {{ action = "delete" }}
[targets.crm.user]
externalId = "id"
userName = "login"
displayName = "family ~ ', ' ~ given"
active = "status == 'active'"
"{ENTERPRISE}:organization" = {{ value = "Example Ltd" }}
"{ENTERPRISE}:division" = "region"
{'title = "title"' if rules.crm_title else ""}
[targets.crm.groups.regions]
each = "region"
displayName = "value"
leave = {{ action = "empty" }}
[targets.crm.groups.seniors]
displayName = {{ value = "Senior people" }}
members = "level | int >= 3"
""",
            (
                f"""
[targets.vault]
bulk = false
url = "{urls["vault"]}"
{auth}
scope = "'Admin' in access or 'Lead' in access"
leave = {{ action = "deactivate", revoke = ["roles"] }}
[targets.vault.user]
externalId = "id"
userName = "'v-' ~ id"
displayName = "given"
active = true
roles = "access | reject('equalto', 'Viewer') | list"
entitlements = "projects"
"{ENTERPRISE}:costCenter" = "dept | upper"
"{ENTERPRISE}:manager.value" = "ref(manager)"
[targets.vault.groups.leads]
displayName = {{ value = "Leads" }}
members = "'Lead' in access"
[targets.vault.groups.teams]
source = "teams"
externalId = "team_id"
displayName = "name ~ ' (vault)'"
members = "member_ids"
leave = {{ action = "keep" }}
"""
                if rules.vault
                else ""
            ),
        ]
    )
