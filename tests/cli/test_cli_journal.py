"""`scimsync journal` and `runs`: what was done, when, and who started it."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import platform
import pwd
from datetime import timedelta

import pytest

from scimsync import __version__
from tests.office import Office, people, person

DAY = timedelta(days=1)
USER = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def worked(office: Office) -> Office:
    """Two days: three people join, and then one of them leaves."""
    office.hire(people(3))
    assert office.run("push").code == 0
    office.now += DAY
    office.hire(people(2))
    assert office.run("push", "--allow-records", "2", "--refresh").code == 0
    return office


@pytest.mark.parametrize(
    ("arguments", "actions"),
    [
        ([], ["create", "create", "create", "deactivate"]),
        (["--until", "1d"], ["create", "create", "create"]),
        (["--since", "12h"], ["deactivate"]),
        (["--since", "2026-03-02T00:00", "--until", "2026-03-03T00:00"], ["create"] * 3),
        (["--action", "deactivate"], ["deactivate"]),
        (["--action", "deactivate", "--action", "create", "--until", "1d"], ["create"] * 3),
        (["--action", "delete"], []),
        (["--limit", "2"], ["create", "deactivate"]),
    ],
)
def test_operations_are_selected(worked: Office, arguments: list[str], actions: list[str]) -> None:
    worked.now += timedelta(minutes=1)
    ran = worked.run("journal", "--json", *arguments)
    assert [one["action"] for one in ran.document["operations"]] == actions
    assert worked.run("journal", "--format", "json", *arguments).out == ran.out


HUGE = "99999999999999999999"


@pytest.mark.parametrize("number", [HUGE, str(2**63), "0", "-1", "last", "1.5", ""])
@pytest.mark.parametrize("command", [["journal", "--run"], ["revert", "--"]])
def test_what_is_no_number_of_a_run_is_refused(
    worked: Office, command: list[str], number: str
) -> None:
    ran = worked.run(*command, number)
    assert (ran.code, ran.out) == (2, "")
    said = f'"{number}" is not a run number; scimsync runs lists the runs [SYNC-0394]'
    assert said in ran.err


def test_the_largest_number_of_a_run_is_unknown(worked: Office) -> None:
    assert worked.run("journal", "--run", str(2**63 - 1)).code == 0
    for lift in ([], ["--lift"]):
        ran = worked.run("revert", str(2**63 - 1), *lift)
        assert ran.code == 2
        assert "SYNC-0704" not in ran.err


@pytest.mark.parametrize("command", [["journal", "--json"], ["journal"], ["runs", "--json"]])
def test_a_huge_limit_shows_all(worked: Office, command: list[str]) -> None:
    ran = worked.run(*command, "--limit", HUGE)
    assert ran == worked.run(*command, "--limit", "100")
    assert ran.code == 0


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_cannot_be_read(worked: Office, option: str) -> None:
    ran = worked.run("journal", option, "Monday")
    assert ran.code == 2
    assert option in ran.err
    assert "write 2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w" in ran.err


def test_csv_has_a_line_for_each_operation(office: Office) -> None:
    office.hire([person(1, given='=HYPERLINK("x")'), person(2) | {"id": "@2"}])
    assert office.run("push").code == 0
    rows = list(csv.DictReader(io.StringIO(office.run("journal", "--format", "csv").out)))
    documents = office.run("journal", "--json").document["operations"]
    assert [row["key"] for row in rows] == ["00001", "'@2"]
    assert [row["status"] for row in rows] == [one["status"] for one in documents]
    assert rows[0]["done_at"].startswith("2026-03-02T08:00:00")
    assert '"path":"name.givenName"' in rows[0]["changes"]


def test_a_run_says_who_started_it_and_how(worked: Office) -> None:
    digest = hashlib.sha256((worked.folder / "sync.toml").read_bytes()).hexdigest()
    last, first = worked.run("runs", "--json").document["runs"]
    origin = {
        "user": USER,
        "host": platform.node(),
        "options": [],
        "version": __version__,
        "config_digest": digest,
    }
    assert first["origin"] == origin
    assert last["origin"] == origin | {"options": ["--allow-records 2", "--refresh"]}
    text = worked.run("runs", "-v").out
    assert f"by {USER} on {platform.node()}, --allow-records 2 --refresh, " in text
    assert "by " not in worked.run("runs").out


def test_runs_of_earlier_versions_say_that_it_was_not_recorded(worked: Office) -> None:
    worked.sql('update run set "user" = null, host = null, version = null where id = 1')
    _, first = worked.run("runs", "--json").document["runs"]
    assert first["origin"] is None
    assert "who started it was not recorded" in worked.run("runs", "-v").out


def test_the_user_behind_sudo_is_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    office.hire(people(1))
    assert office.run("push", "-k", "00001").code == 0
    (run,) = office.run("runs", "--json").document["runs"]
    assert run["origin"]["user"] == "ann as root"
    assert run["origin"]["options"] == ["--key 00001"]
