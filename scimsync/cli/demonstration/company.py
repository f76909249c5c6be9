"""The people of a made-up company, the same on every run."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields

_GIVEN_NAMES = (
    "Ada Björn Carla Dmitri Elena Farid Greta Hugo Ines Jonas Katya Luca Mira Noor Oskar Paula"
    " Quentin Rosa Samir Tess Umar Vera Wanda Xenia Yusuf Zoë Amina Bastien Chiara Dario"
)
_FAMILY_NAMES = (
    "Abbott Bergström Castillo Dahl Engel Fontaine García Halloran Ivanov Jansen Kowalski Lindqvist"
    " Moreau Novák Okafor Petrov Quinn Rossi Sørensen Tanaka Ueda Vargas Weber Xu Yilmaz Zeman"
    " Almeida Brandt Costa Duarte Eriksen Falk Grant Hassan Ibarra Jung Keller Lopez Marini Nyström"
    " Owens"
)
_GIVEN, _FAMILY = _GIVEN_NAMES.split(), _FAMILY_NAMES.split()
"""30 and 41: no common divisor, so that no pair of names comes twice."""

_DEPARTMENTS = (
    ("Engineering", "Engineer", 60),
    ("Sales", "Account Manager", 40),
    ("Support", "Support Agent", 34),
    ("Production", "Technician", 24),
    ("IT", "Administrator", 18),
    ("Finance", "Accountant", 15),
    ("People", "Recruiter", 11),
)
"""Name, title of most, number of people."""

_TEAM = 10


@dataclass(frozen=True, slots=True)
class Person:
    """One row of hr.csv: the fields are its columns."""

    employee_id: str
    given: str
    family: str
    email: str
    title: str
    department: str
    manager_id: str
    level: str
    status: str
    start: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


COLUMNS = tuple(field.name for field in fields(Person))


def company() -> list[Person]:
    """Everybody on day one: a director, heads of departments, leads of teams, their people; and one
    who has not begun."""
    director = hire(1, "Director", "Management", "", "6")
    return [director, *_departments(director.employee_id)]


def hire(
    number: int,
    title: str,
    department: str,
    manager_id: str,
    level: str = "1",
    start: str | None = None,
) -> Person:
    """A new person; the name follows from `number`."""
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[number * 7 % len(_FAMILY)]
    began = start or f"20{12 + number % 13}-{1 + number % 12:02}-01"
    return Person(
        key(number),
        given,
        family,
        address(given, family),
        title,
        department,
        manager_id,
        level,
        "active",
        began,
    )


def key(number: int) -> str:
    """The employee id of the person with this number."""
    return f"E{number:04}"


def address(given: str, family: str) -> str:
    """An e-mail address of plain letters."""
    plain = unicodedata.normalize("NFKD", f"{given}.{family}".replace("ø", "o"))
    return "".join(letter for letter in plain.lower() if letter.isascii()) + "@example.com"


def _departments(director: str) -> Iterator[Person]:
    number = 1
    for department, title, size in _DEPARTMENTS:
        head = lead = ""
        for place in range(size):
            number += 1
            if place == 0:
                head = lead = key(number)
                yield hire(number, f"Head of {department}", department, director, "5")
            elif place % _TEAM == 1:
                lead = key(number)
                yield hire(number, "Team Lead", department, head, "4")
            else:
                yield hire(number, title, department, lead, str(1 + number % 3))
