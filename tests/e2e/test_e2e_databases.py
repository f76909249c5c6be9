"""People and groups of databases, from the first push to the leaver; and no secret is shown."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.office import ENTERPRISE, Office, counts, fetch
from tests.servers.mariadb import MariaDb
from tests.servers.postgresql import Server
from tests.sql_databases import Database, mariadb_database, postgresql_database

TABLES = (
    "CREATE TABLE person (id varchar(10) PRIMARY KEY, email varchar(50), given varchar(50),"
    " family varchar(50), dept varchar(50), active boolean)",
    "CREATE TABLE team (id integer PRIMARY KEY, name varchar(50))",
    "CREATE TABLE member (team integer, person varchar(10))",
    "INSERT INTO person VALUES "
    + ", ".join(
        f"('{n:04}', 'Person{n}@example.com', 'Given{n}', 'Family{n}', 'IT', true)"
        for n in range(1, 41)
    ),
    "INSERT INTO team VALUES (1, 'Platform'), (2, 'Sales')",
    "INSERT INTO member VALUES (1, '0001'), (1, '0002'), (2, '0002'), (2, '0003')",
)
MEMBERS = {
    "postgresql": ("array_agg(m.person ORDER BY m.person)", ""),
    "mariadb": ("json_arrayagg(m.person)", 'lists = { members = ";" }'),
}
SECRET = "correct horse/battery%staple"


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database with forty people and two teams."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        made = postgresql_database(server)
    else:
        other: MariaDb = request.getfixturevalue("mariadb")
        made = mariadb_database(other)
    made.run(*TABLES)
    return made


def configure(office: Office, database: Database) -> None:
    aggregate, lists = MEMBERS[database.kind]
    office.configure(
        source=f"""
[sources.hr]
type = "sql"
url = "{database.url}"
query = "SELECT * FROM person"
key = "id"

[sources.teams]
type = "sql"
url = "{database.url}"
query = '''
SELECT t.id, t.name, {aggregate} AS members
FROM team t JOIN member m ON m.team = t.id GROUP BY t.id, t.name
'''
key = "id"
{lists}
""",
        target='source = "hr"\nscope = "active"',
        user=f"""
externalId = "id"
userName = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
active = true
"{ENTERPRISE}:department" = "dept"
""",
        more="""
[targets.wiki.groups.teams]
source = "teams"
displayName = "name"
members = "members"
""",
    )


def members(office: Office) -> dict[str, list[str]]:
    """The keys of the members of each group."""
    keys = {user["id"]: user["externalId"] for user in office.accounts().values()}
    groups: list[dict[str, Any]] = fetch(f"{office.url}/Groups?count=100", office.token)[
        "Resources"
    ]
    return {
        group["displayName"]: sorted(keys[one["value"]] for one in group.get("members", []))
        for group in groups
    }


def test_people_and_groups_on_three_days(real_office: Office, database: Database) -> None:
    office = real_office
    configure(office, database)
    assert counts(office.push())["create"] == 42
    assert members(office) == {"Platform": ["0001", "0002"], "Sales": ["0002", "0003"]}
    assert office.push().targets["wiki"].requests == 0

    database.run(
        "UPDATE person SET active = false WHERE id = '0003'",
        "DELETE FROM person WHERE id = '0004'",
        "UPDATE person SET family = 'Müller' WHERE id = '0005'",
        "INSERT INTO person VALUES ('0041', 'new@example.com', 'Nia', 'Neu', 'IT', true)",
        "INSERT INTO member VALUES (1, '0041')",
    )
    second = counts(office.push())

    assert (second["create"], second["update"], second["deactivate"]) == (1, 1, 2)
    accounts = office.accounts()
    assert accounts["person5@example.com"]["name"]["familyName"] == "Müller"
    assert [accounts[f"person{n}@example.com"]["active"] for n in (2, 3, 4)] == [True, False, False]
    assert members(office)["Platform"] == ["0001", "0002", "0041"]

    database.run("ALTER TABLE person RENAME TO persons")
    failed = office.run("push", "--json")

    assert failed.code == 2
    assert "sources.hr.query: the database refuses the query" in failed.err
    assert office.accounts() == accounts
    database.run("ALTER TABLE persons RENAME TO person")
    assert office.push().targets["wiki"].requests == 0


def test_a_source_that_fails_does_not_hold_up_the_targets_of_others(
    office: Office, database: Database
) -> None:
    configure(office, database)
    text = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", text.replace("SELECT t.id, t.name", "SELECT t.id, t.nmae AS name"))
    failed = office.run("push")
    assert failed.code == 2
    assert office.accounts() == {}

    office.write(
        "sync.toml",
        text.replace(
            "[targets.wiki.groups.teams]",
            f"""
[targets.other]
url = "{office.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
source = "hr"
user = {{ userName = "email | lower" }}

[targets.other.groups.teams]""",
        ).replace("SELECT t.id, t.name", "SELECT t.id, t.nmae AS name"),
    )
    assert office.run("push").code == 2
    assert len(office.accounts()) == 40


COMMANDS = (
    ("check",),
    ("check", "--json"),
    ("plan",),
    ("plan", "--json"),
    ("push", "--debug"),
    ("push", "--json", "-v"),
    ("status",),
    ("status", "--json"),
    ("journal",),
    ("runs",),
)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
@pytest.mark.parametrize(
    "url",
    [
        "{scheme}://hr@127.0.0.1:{port}/hr",
        "{scheme}://hr:{password}@127.0.0.1:{port}/hr",
        "{scheme}://hr:{password}@127.0.0.1:{port}/hr?unknown_option={password}",
        "{scheme}://hr:{password}@127.0.0.1:{port}/hr?connect_timeout={password}",
        "{password}",
    ],
)
def test_no_output_contains_a_secret(
    office: Office, monkeypatch: pytest.MonkeyPatch, scheme: str, url: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        quoted = SECRET.replace("%", "%25").replace(" ", "%20").replace("/", "%2F")
        monkeypatch.setenv("DB_URL", url.format(scheme=scheme, port=port, password=quoted))
        monkeypatch.setenv("DB_PASSWORD", SECRET)
        office.configure(
            source="""
[sources.hr]
type = "sql"
url = "env:DB_URL"
password = "env:DB_PASSWORD"
query = "SELECT * FROM person"
key = "id"
"""
        )
        for command in COMMANDS:
            ran = office.run(*command)
            said = ran.out + ran.err
            assert "Traceback" not in ran.err or command[-1] == "--debug", ran.err
            for form in (SECRET, quoted, "battery"):
                assert form not in said, command
    for path in office.folder.rglob("*"):
        if path.is_file() and path.name != "sync.toml":
            assert b"battery" not in path.read_bytes(), path


def test_init_drafts_a_configuration_from_a_query(tmp_path: Path, database: Database) -> None:
    office = Office(tmp_path, "https://wiki.example.com/scim", "token")

    ran = office.run("init", database.url, "--set", "query=SELECT * FROM person")

    assert ran.code == 0, ran.err
    text = (tmp_path / "sync.toml").read_text("utf-8")
    assert 'type = "sql"' in text
    assert 'query = "SELECT * FROM person"' in text
    assert 'key = "id"' in text
