"""Lookup tables that are read from a file: `[tables.roles] path = "roles.csv"`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.office import USER, Office, counts, fetch, person
from tests.servers.faulty import FaultyServer, running_faulty_server

HOUR = timedelta(hours=1)
ROLES = USER + "roles = \"dept | lookup('roles', [])\"\n"
TABLE = """
[tables.roles]
path = "roles.csv"
key = "department"
value = "role"
"""
FOUR = "department,role\nIT,admin\nHR,editor\nSales,viewer\nLegal,viewer\n"


@pytest.fixture
def with_roles(office: Office) -> Office:
    office.hire([person(1), person(2, dept="HR"), person(3, dept="Sales"), person(4, dept="")])
    office.write("roles.csv", FOUR)
    office.configure(user=ROLES, more=TABLE)
    return office


@pytest.fixture
def other() -> Iterator[FaultyServer]:
    with running_faulty_server() as server:
        yield server


def roles(faulty: FaultyServer) -> dict[str, list[str]]:
    """externalId -> roles."""
    users: list[Any] = list(faulty.users.values())
    return {user["externalId"]: [role["value"] for role in user.get("roles", ())] for user in users}


def test_values_come_from_the_file(with_roles: Office, faulty: FaultyServer) -> None:
    push = with_roles.run("push")

    assert push.code == 0, push.err
    assert roles(faulty) == {
        "00001": ["admin"],
        "00002": ["editor"],
        "00003": ["viewer"],
        "00004": [],
    }
    assert not with_roles.plan()
    assert not with_roles.push().targets["wiki"].requests


def test_a_change_of_the_table_is_planned(with_roles: Office, faulty: FaultyServer) -> None:
    """Nobody's record changes."""
    with_roles.push()

    with_roles.write("roles.csv", FOUR.replace("HR,editor", "HR,reader"))
    (planned,) = with_roles.plan()
    explained = with_roles.run("explain", "00002")
    with_roles.push(later=HOUR)

    assert (planned["key"], planned["action"]) == ("00002", "update")
    assert "reader" in explained.out
    assert roles(faulty)["00002"] == ["reader"]
    assert not with_roles.plan()


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        (None, 1, "tables.roles.path: there is no file roles.csv"),
        ("", 3, "SYNC-0505"),  # empty
        ("department,role\n", 3, "SYNC-0505"),
        ("department,role\nIT,admin\nHR,editor\n", 3, "SYNC-0504"),  # half of it
        ("department,role\nIT,\nHR,\nSales,\nLegal,\n", 3, "SYNC-0509"),  # values came empty
        ("department,other\nIT,admin\n", 2, 'tables.roles.value: no column \\"role\\"'),
        ("dept,role\nIT,admin\n", 2, 'tables.roles.key: no column \\"department\\"'),
    ],
)
def test_no_role_is_lost_with_the_table(
    with_roles: Office,
    faulty: FaultyServer,
    other: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    code: int,
    what: str,
) -> None:
    """And a target that does not use the table goes on."""
    monkeypatch.setenv("OTHER_TOKEN", other.token)
    with_roles.configure(
        user=ROLES,
        more=f"""{TABLE}
[targets.other]
url = "{other.url}"
auth = {{ type = "bearer", token = "env:OTHER_TOKEN" }}

[targets.other.user]
userName = "email"
""",
    )
    with_roles.push()
    before = roles(faulty)
    assert before["00001"] == ["admin"]

    if text is None:
        (with_roles.folder / "roles.csv").unlink()
    else:
        with_roles.write("roles.csv", text)
    push = with_roles.run("push", "--json")

    assert push.code == code
    assert what in push.err + push.out, push.out
    assert roles(faulty) == before
    assert push.document["targets"]["other"]["error"] is None

    with_roles.write("roles.csv", FOUR)
    assert with_roles.run("push").code == 0
    assert roles(faulty) == before


def test_the_guard_of_a_table_can_be_lifted(with_roles: Office, faulty: FaultyServer) -> None:
    with_roles.push()
    with_roles.write("roles.csv", "department,role\nIT,admin\nSales,viewer\n")
    stopped = with_roles.run("push")
    assert stopped.code == 3
    assert 'guard.min_records: source "table roles" has 2 records, down from 4' in stopped.err

    assert with_roles.run("push", "--allow-records", "2").code == 0
    assert roles(faulty)["00002"] == []


def test_an_ambiguous_row_changes_nothing(with_roles: Office, faulty: FaultyServer) -> None:
    with_roles.push()
    with_roles.write("roles.csv", f"{FOUR}HR,reader\n")

    push = with_roles.run("push")

    assert push.code == 4
    assert roles(faulty)["00002"] == ["editor"]


def test_check_and_status_know_the_table(with_roles: Office) -> None:
    with_roles.push()

    checked, status = with_roles.run("check"), with_roles.run("status")

    assert (checked.code, status.code) == (0, 0)
    assert "source table roles" in checked.out
    assert "roles.csv: 4 records, 2 columns, 2 of them used" in checked.out
    assert "table roles" in status.out
    assert "sync.toml or the date has changed" not in status.out


def test_check_finds_a_missing_column(with_roles: Office) -> None:
    with_roles.configure(user=ROLES, more=TABLE.replace('"role"', '"rolle"'))

    checked = with_roles.run("check")

    assert checked.code == 2
    assert 'tables.roles.value: no column "rolle"' in checked.out
    assert "role" in checked.out


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ('path = "roles.csv"\nkey = "department"\n', "value is missing"),
        ('path = "roles.csv"\nkey = "department"\nvalue = 5\n', "must be the name of a column"),
        ('path = "roles.csv"\nkey = "department"\nvalue = "role"\nkeys = "x"\n', "unknown key"),
        ('type = "fil"\npath = "roles.csv"\nkey = "a"\nvalue = "b"\n', "is unknown"),
    ],
)
def test_wrong_tables(with_roles: Office, table: str, what: str) -> None:
    with_roles.configure(user=ROLES, more=f"[tables.roles]\n{table}")

    plan = with_roles.run("plan")

    assert plan.code == 2
    assert "tables.roles" in plan.err
    assert what in plan.err


def test_constants_may_have_such_names(with_roles: Office, faulty: FaultyServer) -> None:
    """A table of constants that translates words."""
    with_roles.configure(
        user=USER + "nickName = \"dept | lower | lookup('words', '-')\"\n",
        more='[tables.words]\nkey = "Key"\nvalue = "Value"\nit = "Informatics"\n',
    )
    with_roles.push()
    assert {user.get("nickName") for user in faulty.users.values()} == {"Informatics", "-"}


def test_lists_and_other_formats(with_roles: Office, faulty: FaultyServer) -> None:
    with_roles.write("roles.csv", "department,role\nIT,admin;editor\nHR,\n")
    with_roles.configure(user=ROLES, more=f'{TABLE}lists = {{ role = ";" }}\n')
    with_roles.push()
    assert roles(faulty)["00001"] == ["admin", "editor"]

    # the same entries as JSON are no change
    with_roles.write(
        "roles.json",
        '[{"department": "IT", "role": ["admin", "editor"]}, {"department": "HR", "role": []}]',
    )
    with_roles.configure(user=ROLES, more=TABLE.replace("roles.csv", "roles.json"))
    assert not with_roles.plan()
    assert counts(with_roles.push(later=HOUR)) == {}


def test_a_retry_reads_the_stored_table(with_roles: Office, faulty: FaultyServer) -> None:
    with_roles.push()
    (with_roles.folder / "roles.csv").unlink()

    retry = with_roles.run("retry")

    assert retry.code in (0, 1)
    assert roles(faulty)["00001"] == ["admin"]


def test_a_table_that_is_used_by_a_rule_and_a_group(real_office: Office) -> None:
    office = real_office
    office.hire([person(1), person(2, dept="HR"), person(3, dept="Sales"), person(4, dept="")])
    office.write("roles.csv", FOUR)
    office.configure(
        target="scope = \"'Editor' in access\"",
        more=f"""{TABLE}
[access]
Editor = "dept | lookup('roles', 'none') != 'none'"

[targets.wiki.groups.by-role]
each = "dept | lookup('roles', '')"
displayName = "value"
""",
    )
    assert counts(office.push()) == {"create": 6, "add_members": 3}
    groups = fetch(f"{office.url}/Groups", office.token)["Resources"]
    assert {group["displayName"] for group in groups} == {"admin", "editor", "viewer"}

    office.write("roles.csv", FOUR.replace("HR,editor", "HR,admin"))
    assert counts(office.push(later=HOUR)) == {"add_members": 1, "delete": 1}


def test_an_expression_without_columns_waits_for_the_table(
    with_roles: Office, faulty: FaultyServer
) -> None:
    with_roles.configure(user=USER + "nickName = \"'IT' | lookup('roles')\"\n", more=TABLE)
    with_roles.push()
    assert {user["nickName"] for user in faulty.users.values()} == {"admin"}


def test_explain_knows_tables_of_other_targets(with_roles: Office) -> None:
    """A rule that another target uses is evaluated, too."""
    with_roles.configure(
        more=f"""{TABLE}
[access]
Editor = "dept | lookup('roles', '') == 'editor'"

[targets.other]
url = "{with_roles.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
scope = "'Editor' in access"

[targets.other.user]
userName = "email"
""",
    )
    with_roles.push()

    explained = with_roles.run("explain", "00002", "-t", "wiki", "--json")

    assert explained.code == 0
    assert "was not read" not in explained.out


def test_a_table_is_never_stale(with_roles: Office) -> None:
    """It may stay as it is for years."""
    from scimsync.builtin import load
    from scimsync.daemon.notify import stale_findings

    with_roles.configure(user=ROLES, more=f'{TABLE}\n[notify]\nstale = "3d"\n')
    config = load(with_roles.folder / "sync.toml")
    long_ago = dict.fromkeys(config.sources, with_roles.now - timedelta(days=300))

    found = stale_findings(config, long_ago, with_roles.now)

    assert [(one.subject, one.text is not None) for one in found] == [("hr", True)]
