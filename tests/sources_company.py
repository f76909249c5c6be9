"""A made-up company that any kind of source can hold, so that all of them can give the same plan.

The names have umlauts and apostrophes, the keys are digits with leading zeros, the managers form
a tree, and about three in a hundred people have left. The same arguments give the same company.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

GIVEN_NAMES = (
    "Anna", "Björn", "Céline", "D'Arcy", "Émile", "Franziska", "Günther", "Hélène", "Ingrid",
    "Jürgen", "Katarzyna", "Łukasz", "Mary Jane", "Noël", "Özlem", "Paul", "Quentin", "Renée",
    "Søren", "Tomáš", "Ulla", "Vincent", "Wiebke", "Xenia", "Yusuf", "Zoë", "Åsa",
)  # fmt: skip
FAMILY_NAMES = (
    "Abel", "Müller", "O'Brien", "Schäfer", "D'Amico", "Nuñez", "van der Berg", "Weiß", "Øster",
    "Smith-Jones", "Çelik", "Kowalski", "Dvořák", "L'Écuyer", "Brûlé", "Grün", "Straße", "Quist",
    "Ní Dhálaigh", "Lindström", "Zając", "O'Neill", "Tanaka", "Þórsson", "Ibsen", "Jäger", "Bär",
    "Ferreira", "Popović",
)  # fmt: skip
DEPARTMENTS = (
    "IT", "Sales", "Human Resources", "Research & Development", "Finance", "Legal", "Logistics",
    "Qualität", "Einkauf", "Marketing",
)  # fmt: skip
TITLES = ("Engineer", "Clerk", "Team lead", "Sachbearbeiter", "Architect", "Trainee", "Analyst")
NAMES_OF_GROUPS = ("Project", "Büro", "Choir", 'Team "A"', "On call", "Überblick", "Café crew")

ASCII = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "ł": "l", "þ": "th", "'": "", " ": "-"}
)
FIRST_DAY = date(2015, 1, 1)
FIRST_END = date(2025, 11, 1)


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `email` is the user name too, and `login` is its part before the at sign.

    `manager` is the key of another person. `end` is the last day of a person who has left.
    """

    key: str
    login: str
    email: str
    given_name: str
    family_name: str
    department: str
    title: str
    manager: str | None
    active: bool
    start: date
    end: date | None

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def number(self) -> int:
        """The key as a number, for systems with numeric ids."""
        return int(self.key)


@dataclass(frozen=True, slots=True)
class Group:
    """One group. `members` are keys of active people."""

    key: str
    name: str
    members: tuple[str, ...]

    @property
    def number(self) -> int:
        """A number of its own, for systems with numeric ids."""
        return int(self.key.removeprefix("G"))


@dataclass(frozen=True, slots=True)
class Company:
    """All people and groups, in the order of their keys."""

    people: tuple[Person, ...]
    groups: tuple[Group, ...]

    @property
    def active(self) -> tuple[Person, ...]:
        """The people who have not left."""
        return tuple(person for person in self.people if person.active)

    def by_key(self) -> Mapping[str, Person]:
        """Return the people by their keys."""
        return {person.key: person for person in self.people}


def company(people: int = 2_000, groups: int = 60) -> Company:
    """Return a company of so many people, leavers among them, and so many groups.

    The first group has all active people, the second has none.
    """
    staff = _people(people)
    return Company(staff, _groups(groups, [person.key for person in staff if person.active]))


def _people(count: int) -> tuple[Person, ...]:
    staff: list[Person] = []
    taken: dict[str, int] = {}
    for index in range(count):
        given = GIVEN_NAMES[index % len(GIVEN_NAMES)]
        family = FAMILY_NAMES[index % len(FAMILY_NAMES)]
        login = f"{_ascii(given)}.{_ascii(family)}"
        taken[login] = taken.get(login, 0) + 1
        if taken[login] > 1:
            login = f"{login}{taken[login]}"
        has_left = index % 29 == 17 and 8 * index >= count
        staff.append(
            Person(
                key=_key(index),
                login=login,
                email=f"{login}@example.com",
                given_name=given,
                family_name=family,
                department=DEPARTMENTS[index % len(DEPARTMENTS)],
                title=TITLES[index * 3 % len(TITLES)],
                manager=None if index == 0 else _key((index - 1) // 8),
                active=not has_left,
                start=FIRST_DAY + timedelta(days=index * 37 % 3_650),
                end=FIRST_END + timedelta(days=index % 90) if has_left else None,
            )
        )
    return tuple(staff)


def _groups(count: int, keys: list[str]) -> tuple[Group, ...]:
    groups = []
    for index in range(count):
        if index < 2:
            name, members = (("Everyone", keys), ("Nobody yet", []))[index]
        else:
            name = f"{NAMES_OF_GROUPS[index % len(NAMES_OF_GROUPS)]} {index}"
            members = keys[index % 13 :: 7 + index]
        groups.append(Group(f"G{index + 1:03}", name, tuple(members)))
    return tuple(groups)


def _key(index: int) -> str:
    return f"{index + 101:06}"


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(ASCII))
    return "".join(letter for letter in plain if letter.isascii())
