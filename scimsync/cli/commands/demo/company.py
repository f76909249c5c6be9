"""A made-up company, the same on every run, and what happens to it overnight."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace

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
"""30 and 41 names: no common divisor, so that no pair repeats."""

_DEPARTMENTS = (
    ("Engineering", "Engineer", 60),
    ("Sales", "Account Manager", 40),
    ("Support", "Support Agent", 34),
    ("Production", "Technician", 24),
    ("IT", "Administrator", 18),
    ("Finance", "Accountant", 15),
    ("People", "Recruiter", 11),
)
"""Name, most common title, headcount."""

_TEAM_SIZE = 10


@dataclass(frozen=True, slots=True)
class Employee:
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

    def __str__(self) -> str:
        return f"{self.name} ({self.employee_id})"


COLUMNS = tuple(field.name for field in fields(Employee))


def employee_id(number: int) -> str:
    """Return the key of the employee with this number."""
    return f"E{number:04}"


RENAMED, MOVED, PROMOTED = employee_id(17), employee_id(40), employee_id(132)
LEFT, GONE, CUT = employee_id(75), employee_id(123), employee_id(57)


def first_day() -> list[Employee]:
    """Return a director, the heads of departments, team leads and their teams."""
    director = _hire(1, "Director", "Management", "", "6")
    return [director, *_departments(director.employee_id)]


@dataclass(frozen=True, slots=True)
class SecondDay:
    """The rows of the new file, and a sentence for each thing that happened."""

    rows: list[tuple[str, ...]]
    news: list[str]


def second_day(before: Sequence[Employee]) -> SecondDay:
    """Return the company of `before` with joiners, movers and leavers, and two mistakes."""
    by_key = {employee.employee_id: employee for employee in before}
    renamed = replace(
        by_key[RENAMED], family="Winterfeld", email=_email(by_key[RENAMED].given, "Winterfeld")
    )
    head_of_sales = next(employee for employee in before if employee.title == "Head of Sales")
    moved = replace(
        by_key[MOVED],
        department="Sales",
        title="Sales Engineer",
        manager_id=head_of_sales.employee_id,
    )
    promoted = replace(by_key[PROMOTED], title="Principal Engineer", level="5", department="IT")
    left = replace(by_key[LEFT], status="left")
    after = by_key | {each.employee_id: each for each in (renamed, moved, promoted, left)}
    del after[GONE]
    number = len(before) + 1
    joined = _hire(number, "Engineer", "Engineering", moved.employee_id, start="2025-11-03")
    no_email = replace(_hire(number + 1, "Accountant", "Finance", "", start="2025-11-03"), email="")
    later = _hire(number + 2, "Recruiter", "People", "", start="2199-01-01")
    rows: list[tuple[str, ...]] = [astuple(each) for each in after.values()]
    rows = [row[:4] if row[0] == CUT else row for row in rows]
    rows += [astuple(each) for each in (joined, no_email, later)]
    return SecondDay(
        rows,
        [
            f"{joined} joins",
            f"{renamed} has a new family name and email address",
            f"{moved} moves to Sales, and {promoted} is promoted and moves to IT",
            f"{left} has left, and {by_key[GONE]} is no longer in the file",
            f"{later} is hired, but starts later",
            f"{no_email} joins as well, but without an email address",
            f"the row of {by_key[CUT]} is cut off after the fourth column",
        ],
    )


def _hire(
    number: int,
    title: str,
    department: str,
    manager_id: str,
    level: str = "1",
    start: str | None = None,
) -> Employee:
    """Return a new employee, whose name follows from `number`."""
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[number * 7 % len(_FAMILY)]
    return Employee(
        employee_id(number),
        given,
        family,
        _email(given, family),
        title,
        department,
        manager_id,
        level,
        "active",
        start or f"20{12 + number % 13}-{1 + number % 12:02}-01",
    )


def _email(given: str, family: str) -> str:
    """Return an address of ASCII letters."""
    plain = unicodedata.normalize("NFKD", f"{given}.{family}".replace("ø", "o"))
    return "".join(letter for letter in plain.lower() if letter.isascii()) + "@example.com"


def _departments(director: str) -> Iterator[Employee]:
    number = 1
    for department, title, size in _DEPARTMENTS:
        head = lead = ""
        for place in range(size):
            number += 1
            if place == 0:
                head = lead = employee_id(number)
                yield _hire(number, f"Head of {department}", department, director, "5")
            elif place % _TEAM_SIZE == 1:
                lead = employee_id(number)
                yield _hire(number, "Team Lead", department, head, "4")
            else:
                yield _hire(number, title, department, lead, str(1 + number % 3))
