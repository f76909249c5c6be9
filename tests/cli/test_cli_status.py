"""`status`, `runs`, `journal` and `retry`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.office import MONDAY, Office, people, person
from tests.servers.faulty import FaultyServer

HOUR = timedelta(hours=1)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith((".db-shm", ".db-wal"))
    }


def fail_creations(faulty: FaultyServer, times: int = 1) -> None:
    faulty.fail(
        "POST", status=400, body={"status": "400", "detail": "no room \x1b[31m"}, times=times
    )


@pytest.fixture
def troubled(office: Office, faulty: FaultyServer) -> Office:
    """Three users, one of whom the target has refused."""
    office.hire(people(3))
    fail_creations(faulty)
    assert office.run("push").code == 4
    faulty.forget()
    return office


@pytest.mark.parametrize(
    "command",
    [["status"], ["runs"], ["journal"], ["retry"], ["explain", "00001", "--offline"], ["check"]],
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_reading_commands_create_no_state(
    office: Office, command: list[str], form: list[str]
) -> None:
    office.hire(people(1))
    before = files(office.folder)
    assert office.run(*command, *form).code == 0
    assert files(office.folder) == before


@pytest.mark.parametrize(
    "command", [["status"], ["runs"], ["journal", "-v"], ["explain", "00002"], ["check"]]
)
def test_reading_commands_change_no_state(
    troubled: Office, faulty: FaultyServer, command: list[str]
) -> None:
    before = files(troubled.folder)
    assert troubled.run(*command).code == 0
    assert files(troubled.folder) == before
    assert faulty.written() == []


def test_status_shows_sources_targets_failures_and_runs(troubled: Office) -> None:
    troubled.now += HOUR
    document = troubled.run("status", "--json").document
    started = MONDAY.isoformat()
    assert document["sources"] == {"hr": {"ingested_at": started, "records": 3, "problems": []}}
    wiki = document["targets"]["wiki"]
    assert wiki["links"]["user"] == {"pending": 1, "active": 2, "inactive": 0, "deleted": 0}
    assert (wiki["pushed"], wiki["behind"], wiki["reconfigured"]) == (True, 0, False)
    assert wiki["failing"]["count"] == 1
    assert [(one["key"], one["failures"]) for one in wiki["failing"]["first"]] == [("00001", 1)]
    assert [(run["id"], run["command"], run["outcome"]) for run in document["runs"]] == [
        (1, "push", "failed")
    ]
    assert document["leases"] == []


def test_status_as_text(troubled: Office) -> None:
    troubled.now += HOUR
    lines = troubled.run("status").out.splitlines()
    assert lines[0] == "source hr"
    assert lines[1].endswith("(1 h ago)")
    assert "  accounts: 1 pending, 2 active" in lines
    assert "  1 failing or waiting (first attempt now); to retry now: scimsync retry" in lines
    (failing,) = [line for line in lines if "no room" in line]
    assert failing.startswith("    00001  failed 1 time  POST /Users: 400: no room")
    assert "\x1b" not in failing
    assert lines[-1].endswith("wiki: 2 create, 1 failed")


def test_status_shows_changes_that_are_not_pushed_yet(troubled: Office) -> None:
    troubled.configure(target="scope = \"dept == 'IT'\"")
    assert troubled.run("status", "--json").document["targets"]["wiki"]["reconfigured"] is True
    assert "the next push compares all records" in troubled.run("status").out


def test_status_works_without_sources(troubled: Office) -> None:
    (troubled.folder / "hr.csv").unlink()
    ran = troubled.run("status")
    assert ran.code == 0
    assert ran.out.startswith("sync.toml: sources.hr.path: there is no file hr.csv")
    assert "accounts: 1 pending, 2 active" in ran.out


def test_a_run_without_an_outcome_has_died_unless_a_lease_is_held(troubled: Office) -> None:
    troubled.sql("update run set outcome = 'running', finished_at = null")
    assert troubled.run("runs", "--json").document["runs"][0]["outcome"] == "died"
    troubled.sql(
        "update lease set holder = 'host process 1', expires_at = '2026-03-02 08:10:00.000000'"
    )
    assert troubled.run("runs", "--json").document["runs"][0]["outcome"] == "running"
    assert [lease["holder"] for lease in troubled.run("status", "--json").document["leases"]] == [
        "host process 1"
    ] * 2


def test_a_run_with_an_error_before_its_plan_has_not_begun(troubled: Office) -> None:
    assert troubled.run("push", "-k", "nobody").code == 2
    troubled.sql("update run set outcome = 'error' where id = 1")

    last, first = troubled.run("runs", "--json").document["runs"]

    assert (last["outcome"], first["outcome"]) == ("not begun", "error")
    assert 'push  not begun  unknown key "nobody": ' in troubled.run("runs").out
    assert 'push  not begun  unknown key "nobody": ' in troubled.run("status").out


def test_runs_are_shown_newest_first(troubled: Office) -> None:
    troubled.run("push")
    assert [run["id"] for run in troubled.run("runs", "--json").document["runs"]] == [2, 1]
    assert [
        run["id"] for run in troubled.run("runs", "--json", "--limit", "1").document["runs"]
    ] == [2]
    lines = troubled.run("runs").out.splitlines()
    assert [line.split()[:2] for line in lines] == [["run", "2"], ["run", "1"]]


def test_the_journal_is_shown_newest_last_and_filtered(troubled: Office) -> None:
    troubled.now += 2 * HOUR
    troubled.hire([person(1), person(2, dept="HR"), person(3)])
    troubled.run("push")

    def keys(*arguments: str) -> list[tuple[int, str]]:
        document = troubled.run("journal", "--json", *arguments).document
        return [(one["run"], one["key"]) for one in document["operations"]]

    first = [(1, "00001"), (1, "00002"), (1, "00003")]
    assert sorted(keys()[:3]) == first
    assert sorted(keys("--run", "1")) == first
    assert keys("--failed") == [(1, "00001")]
    assert keys("-k", "00002") == [(1, "00002"), (2, "00002")]
    assert keys("-k", "00002", "--limit", "1") == [(2, "00002")]
    assert {run for run, _ in keys("--since", "1h")} == {2}
    assert {run for run, _ in keys("--since", "3h")} == {1, 2}
    assert keys("--since", "2026-03-04") == []
    assert keys("-t", "wiki") == keys()


def test_the_journal_as_text(troubled: Office) -> None:
    (line,) = troubled.run("journal", "--failed").out.splitlines()
    assert line[21:].startswith(
        "run 1  wiki  + create  00001  failed 400  no account yet: POST /Users: 400: no room"
    )
    assert "\x1b" not in line


def test_the_verbose_journal_shows_changes_and_requests(troubled: Office) -> None:
    lines = troubled.run("journal", "-v", "-k", "00002").out.splitlines()
    assert '    userName                        "person2@example.com"' in lines
    assert "    POST /Users" in lines
    assert any(line.startswith('    {"schemas":[') for line in lines)


def test_the_journal_says_how_many_operations_it_leaves_out(office: Office) -> None:
    office.hire(people(60))
    office.push()
    ran = office.run("journal")
    assert len(ran.out.splitlines()) == 50
    assert "newest 50 of 60 operations; --limit 60 shows all" in ran.err
    assert len(office.run("journal", "--json").document["operations"]) == 60


def test_retry_sends_only_failed_operations(troubled: Office, faulty: FaultyServer) -> None:
    troubled.hire([person(1), person(2, dept="HR"), person(3)])
    ran = troubled.run("retry", "--json")
    assert ran.code == 0
    assert ran.document["targets"]["wiki"]["counts"] == {"create": 1}
    assert [str(seen) for seen in faulty.written()] == ["POST /Users"]
    assert troubled.run("runs", "--json").document["runs"][0]["command"] == "retry"


def test_retry_does_not_wait_until_operations_are_due(
    troubled: Office, faulty: FaultyServer
) -> None:
    fail_creations(faulty, times=3)
    for later in (HOUR, 2 * HOUR, 4 * HOUR):
        troubled.push(later=later)
    assert troubled.push().targets["wiki"].counts == {}, "its turn has not come"
    assert troubled.run("retry", "--json").document["targets"]["wiki"]["counts"] == {"create": 1}


def test_retry_of_chosen_keys(troubled: Office, faulty: FaultyServer) -> None:
    assert troubled.run("retry", "-k", "00002").out == "nothing to retry\n"
    unknown = troubled.run("retry", "-k", "nobody")
    assert (unknown.code, "[SYNC-0350]" in unknown.err) == (2, True)
    assert faulty.written() == []
    assert troubled.run("retry", "-k", "00001").code == 0
    assert len(faulty.written()) == 1


def test_retry_with_nothing_to_retry(office: Office) -> None:
    office.hire(people(1))
    office.push()
    ran = office.run("retry")
    assert (ran.code, ran.out) == (0, "nothing to retry\n")
    document = office.run("retry", "--json").document
    assert document == {
        "run": None,
        "outcome": "done",
        "targets": {},
        "guard": None,
        "problems": [],
    }
