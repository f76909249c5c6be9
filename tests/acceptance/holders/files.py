"""The company in files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from openpyxl import Workbook

from tests.acceptance.holders.holder import Held, Holder
from tests.sources_company import Company, Group, Person

Row = dict[str, Any]


def person_row(person: Person) -> Row:
    """One person, with values of their own types."""
    return {
        "id": person.key,
        "email": person.email,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "title": person.title,
        "department": person.department,
        "manager": person.manager,
        "active": person.active,
    }


def group_row(group: Group) -> Row:
    """One group, with its members as a list."""
    return {"id": group.key, "name": group.name, "members": list(group.members)}


def _text(value: object) -> object:
    return ";".join(value) if isinstance(value, list) else value


def _write_csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)


@contextmanager
def csv_files(company: Company, folder: Path) -> Iterator[Held]:
    """Two CSV files; lists are joined by semicolons."""
    _write_csv(folder / "staff.csv", [person_row(one) for one in company.people])
    _write_csv(folder / "teams.csv", [group_row(one) for one in company.groups])
    yield Held(
        people='type = "file"\npath = "staff.csv"\nkey = "id"',
        groups='type = "file"\npath = "teams.csv"\nkey = "id"\nlists = { members = ";" }',
    )


@contextmanager
def ndjson_files(company: Company, folder: Path) -> Iterator[Held]:
    """Two NDJSON files with typed values."""
    for name, rows in (
        ("staff", [person_row(one) for one in company.people]),
        ("teams", [group_row(one) for one in company.groups]),
    ):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.ndjson").write_text(text, "utf-8")
    yield Held(
        people='type = "file"\npath = "staff.ndjson"\nkey = "id"',
        groups='type = "file"\npath = "teams.ndjson"\nkey = "id"',
    )


@contextmanager
def excel_file(company: Company, folder: Path) -> Iterator[Held]:
    """One Excel file with two sheets; lists are joined by line breaks within a cell."""
    book = Workbook(write_only=True)
    for name, rows in (
        ("Staff", [person_row(one) for one in company.people]),
        ("Teams", [group_row(one) for one in company.groups]),
    ):
        sheet = book.create_sheet(name)
        sheet.append(list(rows[0]))
        for row in rows:
            sheet.append([_lines(value) for value in row.values()])
    book.save(folder / "hr.xlsx")
    table = 'type = "file"\npath = "hr.xlsx"\nkey = "id"'
    yield Held(
        people=f'{table}\nsheet = "Staff"',
        groups=f'{table}\nsheet = "Teams"\nlists = {{ members = "\\n" }}',
    )


def _lines(value: object) -> object:
    return "\n".join(value) if isinstance(value, list) else value


@contextmanager
def yaml_files(company: Company, folder: Path) -> Iterator[Held]:
    """A YAML file for each person, and one for all groups."""
    (folder / "people").mkdir()
    for person in company.people:
        text = yaml.dump(person_row(person), Dumper=yaml.CSafeDumper, allow_unicode=True)
        (folder / "people" / f"{person.login}.yaml").write_text(text, "utf-8")
    teams = yaml.dump([group_row(one) for one in company.groups], Dumper=yaml.CSafeDumper)
    (folder / "teams.yaml").write_text(teams, "utf-8")
    yield Held(
        people='type = "file"\npath = "people/*.yaml"\nkey = "id"',
        groups='type = "file"\npath = "teams.yaml"\nkey = "id"',
    )


HOLDERS: dict[str, Holder] = {
    "csv": csv_files,
    "ndjson": ndjson_files,
    "excel": excel_file,
    "yaml": yaml_files,
}
