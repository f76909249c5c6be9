"""State databases and a sync.toml that release 0.1.0 wrote still work.

The files in `data/release_0.1.0` were written by that release. The last push died while the target
created 00009: 00010 and 00011 were not sent yet, and their managers are placeholders in the
journal. The outcome of an update of 00002 is unknown since the push before. 00003 has been
deprovisioned by hand, 00005 is to be.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from scimsync.builtin import load
from scimsync.errors import StateError
from scimsync.state.store import SCHEMA_VERSION, open_state
from tests.office import ENTERPRISE, Office, counts
from tests.servers.faulty import FaultyServer
from tests.servers.postgresql import Server

DATA = Path(__file__).parent / "data" / "release_0.1.0"
URL_IN_DATA = "http://127.0.0.1:1/v2"
RELEASE = "0005"
BACKUP = "scimsync.db.0005.backup"
THE_DAY_AFTER = datetime(2026, 3, 6, 9, tzinfo=UTC)

READING = [
    ["plan"],
    ["status"],
    ["explain", "00010"],
    ["journal"],
    ["runs"],
    ["state", "export", "/dev/null"],
]


@pytest.fixture
def installation(office: Office, faulty: FaultyServer) -> Office:
    """The folder of an installation of the release, and what its target holds."""
    office.write("sync.toml", of_release("sync.toml", office))
    shutil.copy(DATA / "hr.csv", office.folder)
    with closing(sqlite3.connect(office.folder / "scimsync.db")) as connection:
        connection.executescript(of_release("state_sqlite.sql", office))
        connection.execute("PRAGMA journal_mode=WAL")
    faulty.users.update(json.loads(of_release("accounts.json", office)))
    office.now = THE_DAY_AFTER
    return office


@pytest.fixture
def installation_in_postgresql(installation: Office, postgresql: Server) -> Office:
    """The same with the state in PostgreSQL."""
    url = postgresql.create()
    with psycopg.connect(url) as connection:
        connection.execute(of_release("state_postgresql.sql", installation).encode())
    (installation.folder / "scimsync.db").unlink()
    installation.state = url
    settings = of_release("sync.toml", installation)
    installation.write("sync.toml", f'[state]\nurl = "{url}"\n{settings}')
    return installation


def of_release(name: str, office: Office) -> str:
    return (DATA / name).read_text("utf-8").replace(URL_IN_DATA, office.url)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def check_recovered(office: Office, faulty: FaultyServer) -> None:
    """Check that a push did what the one that died left to do, once."""
    assert sorted(faulty.users) == [f"id-{number:05}" for number in range(1, 12)]
    active = {name for name, user in faulty.users.items() if user["active"]}
    assert set(faulty.users) - active == {"id-00003", "id-00005", "id-00006"}
    managers = {
        name: user[ENTERPRISE]["manager"]["value"]
        for name, user in faulty.users.items()
        if "manager" in user[ENTERPRISE]
    }
    assert managers["id-00007"] == "id-00011"
    assert managers["id-00010"] == "id-00009"
    assert managers["id-00011"] == "id-00010"
    assert faulty.users["id-00002"][ENTERPRISE]["department"] == "Legal"
    assert not [link for link in office.links().values() if link.in_doubt]
    faulty.forget()
    assert counts(office.push()) == {}
    assert faulty.written() == []


def test_a_push_upgrades_a_state_of_the_release(installation: Office, faulty: FaultyServer) -> None:
    before = dump(installation.folder / "scimsync.db")

    ran = installation.run("push")

    assert ran.code == 0, ran.err
    backup = installation.folder / BACKUP
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert dump(backup) == before
    assert f"tables upgraded from version {RELEASE} to {SCHEMA_VERSION}" in ran.err
    assert str(backup.resolve()) in ran.err
    check_recovered(installation, faulty)


def test_memberships_keep_their_values(installation: Office) -> None:
    assert installation.run("state", "upgrade").code == 0

    assert installation.sql(
        "SELECT member_key, wanted, acknowledged, in_doubt FROM membership ORDER BY member_key"
    ) == [("00001", 1, 1, 0), ("00002", 0, 1, 0), ("00009", 0, 0, 1)]
    assert installation.sql("SELECT in_doubt FROM replaced_membership") == [(None,)]
    assert installation.sql("SELECT event FROM alert") == [("failures",)]
    assert installation.sql("SELECT receiver FROM notification") == [("ops",)]
    assert installation.sql("SELECT name FROM checkpoint") == [("summary",)]


@pytest.mark.parametrize("kind", ["installation", "installation_in_postgresql"])
def test_two_links_to_one_account_are_kept_and_held_back(
    kind: str, request: pytest.FixtureRequest, faulty: FaultyServer
) -> None:
    office: Office = request.getfixturevalue(kind)
    office.sql("UPDATE link SET remote_id = 'id-00001' WHERE key = '00004'")
    before = dict(faulty.users["id-00001"])

    for _ in range(2):
        ran = office.run("push")
        assert ran.code == 4, ran.err
        assert "00001: wiki: the account id-00001 is linked to 00004 too" in ran.err
        assert "00004: wiki: the account id-00001 is linked to 00001 too" in ran.err
    links = office.links()
    assert {key for key, link in links.items() if link.shared} == {"00001", "00004"}
    assert {links[key].remote_id for key in ("00001", "00004")} == {"id-00001"}
    assert faulty.users["id-00001"] == before


@pytest.mark.parametrize("kind", ["installation", "installation_in_postgresql"])
def test_names_that_were_case_folded_are_stored_in_lower_case(
    kind: str, request: pytest.FixtureRequest
) -> None:
    office: Office = request.getfixturevalue(kind)
    for key, name in (("00001", "Strauß@Example.com"), ("00002", "Ann@Example.com")):
        office.sql(
            "UPDATE link SET document = ?, unique_name = ? WHERE key = ?",
            json.dumps({"userName": name}, ensure_ascii=False),
            name.casefold(),
            key,
        )

    assert office.run("state", "upgrade").code == 0

    assert office.sql(
        "SELECT key, unique_name FROM link WHERE key IN ('00001', '00002') ORDER BY key"
    ) == [("00001", "strauß@example.com"), ("00002", "ann@example.com")]


@pytest.mark.parametrize("kind", ["installation", "installation_in_postgresql"])
@pytest.mark.parametrize(
    ("operations", "adopted"),
    [
        # pruned
        ([], True),
        ([("create", "applied", "")], False),
        ([("adopt", "applied", "a group with the same displayName exists")], True),
        # its creation had no response, and the group was found
        (
            [
                ("create", "skipped", ""),
                ("adopt", "applied", "an earlier run made it, and no answer said so"),
            ],
            False,
        ),
        # ... or another one was adopted afterwards
        ([("create", "failed", ""), ("adopt", "applied", "a group exists")], True),
        # deleted at the target, then found again
        ([("create", "applied", ""), ("delete", "applied", ""), ("adopt", "applied", "")], True),
        ([("adopt", "applied", ""), ("delete", "applied", ""), ("create", "applied", "")], False),
    ],
)
def test_groups_count_as_adopted_unless_the_journal_shows_their_creation(
    kind: str,
    operations: list[tuple[str, str, str]],
    adopted: bool,
    request: pytest.FixtureRequest,
) -> None:
    office: Office = request.getfixturevalue(kind)
    office.sql("DELETE FROM link WHERE kind = 'group'")
    office.sql("DELETE FROM operation WHERE kind = 'group'")
    office.sql(
        "INSERT INTO link (target, kind, key, remote_id, status, doubtful, failures)"
        " VALUES ('wiki', 'group', 'teams:1', 'g-1', 'active', false, 0)"
    )
    for action, status, reason in operations:
        office.sql(
            "INSERT INTO operation (run_id, target, phase, kind, key, action, reason, changes,"
            " status, attempts, planned_at, sent_at) VALUES (1, 'wiki', 60, 'group', 'teams:1', ?,"
            " ?, '[]', ?, 1, '2026-03-01 00:00:00', '2026-03-01 00:00:00')",
            action,
            reason,
            status,
        )

    assert office.run("state", "upgrade").code == 0

    assert office.links()["teams:1"].adopted is adopted


def test_a_push_upgrades_a_state_in_postgresql(
    installation_in_postgresql: Office, faulty: FaultyServer
) -> None:
    ran = installation_in_postgresql.run("push")

    assert ran.code == 0, ran.err
    assert "scimsync makes no backup of a PostgreSQL database" in ran.err
    check_recovered(installation_in_postgresql, faulty)


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: arguments[0])
def test_reading_leaves_an_older_state_as_it_is(
    installation: Office, faulty: FaultyServer, arguments: list[str]
) -> None:
    before = (installation.folder / "scimsync.db").read_bytes()

    ran = installation.run(*arguments)

    assert ran.code in (0, 4), ran.err
    assert (installation.folder / "scimsync.db").read_bytes() == before
    assert {path.name for path in installation.folder.iterdir()} - {"hr.index.duckdb"} == {
        "hr.csv",
        "scimsync.db",
        "sync.toml",
    }
    assert faulty.written() == []


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: arguments[0])
def test_reading_leaves_an_older_state_in_postgresql_as_it_is(
    installation_in_postgresql: Office, arguments: list[str]
) -> None:
    ran = installation_in_postgresql.run(*arguments)

    assert ran.code in (0, 4), ran.err
    assert installation_in_postgresql.sql("SELECT version_num FROM alembic_version") == [(RELEASE,)]
    assert installation_in_postgresql.sql("SELECT count(*) FROM link WHERE doubtful") == [(1,)]


@pytest.mark.parametrize("kind", ["installation", "installation_in_postgresql"])
def test_a_plan_of_an_older_state_is_what_the_push_does(
    kind: str, request: pytest.FixtureRequest, faulty: FaultyServer
) -> None:
    office: Office = request.getfixturevalue(kind)
    planned = office.run("plan", "--json").document["targets"]["wiki"]["counts"]

    assert counts(office.push()) == planned
    assert planned == {"adopt": 1, "create": 2, "deactivate": 1, "update": 1}


@pytest.mark.parametrize(
    ("version", "arguments"),
    [
        (RELEASE, ["plan"]),
        (RELEASE, ["journal"]),
        (SCHEMA_VERSION, ["plan"]),
        (SCHEMA_VERSION, ["journal"]),
        (SCHEMA_VERSION, ["status"]),
        (SCHEMA_VERSION, ["explain", "00001"]),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_state_in_a_read_only_folder_can_be_read(
    installation: Office, arguments: list[str], version: str
) -> None:
    if version == SCHEMA_VERSION:
        assert installation.run("push").code == 0
    # root may write everywhere, unless it gives this capability up
    prefix = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    for path in installation.folder.iterdir():
        path.chmod(0o400)
    installation.folder.chmod(0o500)
    try:
        ran = subprocess.run(
            [*prefix, sys.executable, "-m", "scimsync", *arguments],
            cwd=installation.folder,
            env=installation.env(),
            capture_output=True,
            check=False,
        )
    finally:
        installation.folder.chmod(0o700)

    assert ran.returncode in (0, 4), ran.stderr.decode()


def test_an_upgrade_that_fails_leaves_the_state_as_it_was(installation: Office) -> None:
    installation.sql("CREATE TABLE alert (id integer)")
    before = dump(installation.folder / "scimsync.db")

    ran = installation.run("push")

    assert (ran.code, "already" in ran.err) == (1, True), ran.err
    assert "Traceback" not in ran.err
    assert dump(installation.folder / "scimsync.db") == before
    installation.sql("DROP TABLE alert")
    assert installation.run("push").code == 0


def test_a_copy_takes_no_writes(installation: Office) -> None:
    with (
        closing(open_state("sqlite:///scimsync.db", installation.folder, create=False)) as store,
        pytest.raises(StateError, match="temporary copy"),
        store.write(),
    ):
        pass


def test_a_sync_toml_of_the_release_with_every_setting_loads(tmp_path: Path) -> None:
    shutil.copy(DATA / "every-setting.toml", tmp_path / "sync.toml")

    assert list(load(tmp_path / "sync.toml").targets) == ["wiki", "tickets"]
