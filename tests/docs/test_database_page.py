"""The sync.toml of the page about databases pushes people and teams from a SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.docs.documentation import block, page
from tests.office import Office, fetch

TABLES = (
    "create table person (employee_id, email, given, family, status, manager_id)",
    "create table team (team_id, name)",
    "create table team_member (team_id, employee_id)",
)
PEOPLE = [
    ("1001", "Avery@example.com", "Avery", "Stone", "active", ""),
    ("1002", "blake@example.com", "Blake", "Novak", "active", "1001"),
    ("1003", "casey@example.com", "Casey", "Moreau", "left", "1001"),
]


def sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "hr.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_the_configuration_pushes_people_and_teams_on_two_days(real_office: Office) -> None:
    office = real_office
    sql(
        office.folder,
        *TABLES,
        *(f"insert into person values {person}" for person in PEOPLE),
        "insert into team values (7, 'Platform'), (8, 'Sales')",
        "insert into team_member values (7, '1001'), (7, '1002'), (8, '1002')",
    )
    start = '[sources.hr]\ntype = "sql"\nurl = "sqlite'
    text = block(page("docs/how-to/read-from-a-database.md"), "toml", start)
    office.write("sync.toml", text.replace("https://wiki.example.com/scim/v2", office.url))

    assert office.run("check").code == 0
    assert office.run("push").code == 0

    users = office.accounts()
    assert {name: user["active"] for name, user in users.items()} == {
        "avery@example.com": True,
        "blake@example.com": True,
    }
    assert members(office) == {"Platform": ["1001", "1002"], "Sales": ["1002"]}
    assert office.run("push", "--json").document["targets"]["wiki"]["requests"] == 0

    sql(
        office.folder,
        "update person set status = 'left' where employee_id = '1002'",
        "delete from team_member where employee_id = '1002'",
        "insert into team_member values (8, '1001')",
    )
    assert office.run("push").code == 0

    assert office.accounts()["blake@example.com"]["active"] is False
    assert members(office) == {"Platform": ["1001"], "Sales": ["1001"]}


def members(office: Office) -> dict[str, list[str]]:
    """The keys of the members of each group at the target."""
    keys = {user["id"]: user["externalId"] for user in office.accounts().values()}
    return {
        group["displayName"]: sorted(keys[member["value"]] for member in group.get("members", []))
        for group in fetch(f"{office.url}/Groups?count=100", office.token)["Resources"]
    }
