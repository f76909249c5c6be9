"""A push by cron tells its keepers and writes figures, as the daemon does; neither changes what the
push came to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer
from tests.servers.hooks import SECRET, Hooks, running_hooks

NOTIFY = """
[notify]
failures = 0
[notify.to.desk]
webhook = "env:HOOK_URL"
secret = "env:HOOK_SECRET"
"""


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooks]:
    with running_hooks() as receiver:
        monkeypatch.setenv("HOOK_URL", receiver.url)
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        yield receiver


@pytest.fixture
def told(office: Office, hooks: Hooks) -> Office:
    """Thirty people with accounts, and somebody who is told."""
    office.configure(more=NOTIFY)
    office.hire(people(30))
    assert office.run("push").code == 0
    return office


def push(office: Office, *arguments: str, code: int = 0) -> None:
    office.now += timedelta(minutes=30)
    ran = office.run("-q", "push", *arguments)
    assert ran.code == code, ran.err


def test_a_guard_is_told_once_and_when_it_is_over(told: Office, hooks: Hooks) -> None:
    told.hire([row | {"dept": "Moved"} for row in people(30)])
    push(told, code=3)
    push(told, code=3)
    assert "guard wiki  since 2026-03-02 " in told.run("status").out
    assert [one["event"] for one in told.run("status", "--json").document["troubles"]] == ["guard"]
    told.hire(people(30))
    push(told)
    push(told)
    assert "FailingLinks" not in told.run("status").out
    assert [one.document["type"] for one in hooks.got] == [
        "scimsync.guard.began",
        "scimsync.guard.ended",
    ]
    assert "00001" not in hooks.bodies


def test_a_source_that_is_missing_is_told(told: Office, hooks: Hooks) -> None:
    (told.folder / "hr.csv").unlink()
    push(told, code=1)
    push(told, code=1)
    told.hire(people(31))
    push(told)
    assert hooks.titles == [
        "[scimsync] hr: source unreadable",
        "[scimsync] hr: resolved: source unreadable (1 h)",
    ]


def test_a_target_that_fails_is_told_after_the_first_night(
    told: Office, hooks: Hooks, faulty: FaultyServer
) -> None:
    faulty.fail(times=1000, status=401)
    told.hire([person(1, dept="Sales"), *people(30)[1:]])
    push(told, code=1)
    push(told, code=1)
    faulty.faults.clear()
    push(told)
    assert hooks.titles == [
        "[scimsync] wiki: target unavailable",
        "[scimsync] wiki: resolved: target unavailable (1 h)",
    ]


def test_people_who_fail_are_told(told: Office, hooks: Hooks, faulty: FaultyServer) -> None:
    fault = faulty.fail("PATCH", times=1000, status=400)
    told.hire([person(1, dept="Sales"), *people(30)[1:]])
    push(told, code=4)
    fault.times = 0
    push(told)
    assert [one.document["type"] for one in hooks.got] == [
        "scimsync.failures.began",
        "scimsync.failures.ended",
    ]


def test_a_push_of_one_person_says_nothing_about_guards(told: Office, hooks: Hooks) -> None:
    told.hire([row | {"dept": "Moved"} for row in people(30)])
    push(told, code=3)
    push(told, "-k", "00001")
    assert [one.document["type"] for one in hooks.got] == ["scimsync.guard.began"]


@pytest.mark.parametrize("answer", ["cut", 500, 302])
def test_who_cannot_be_told_changes_nothing_and_is_told_later(
    told: Office, hooks: Hooks, answer: int | str
) -> None:
    hooks.status = answer
    (told.folder / "hr.csv").unlink()
    push(told, code=1)
    hooks.status = 204
    told.hire(people(31))
    push(told)
    assert hooks.titles == [
        "[scimsync] hr: source unreadable",
        "[scimsync] hr: resolved: source unreadable (30 min)",
    ]


def test_a_secret_that_is_missing_changes_nothing(
    told: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    (told.folder / "hr.csv").unlink()
    told.now += timedelta(minutes=30)
    ran = told.run("push")
    assert ran.code == 1
    assert "notify.to.desk: delivery failed: " in ran.err
    assert "HOOK_SECRET is not set" in ran.err
    assert "there is no file hr.csv" in ran.err
    assert "Traceback" not in ran.err


def figures(path: Path) -> dict[str, float]:
    """`name{values}` -> value."""
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_figures_go_on_from_push_to_push(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "scimsync.prom"
    office.hire(people(3))
    push(office, "--metrics-file", str(file))
    assert figures(file)["scimsync_operations_total{create,applied,wiki}"] == 3
    office.hire(people(5))
    push(office, "--metrics-file", str(file))
    found = figures(file)
    assert found["scimsync_operations_total{create,applied,wiki}"] == 5
    assert found["scimsync_runs_total{command,done}"] == 2
    assert found["scimsync_requests_total{POST,201,wiki}"] == 2
    assert found["scimsync_accounts{user,active,wiki}"] == 5


def test_a_metrics_file_that_cannot_be_written_is_told_before_anything_is_done(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(3))
    for path, said in (
        ("missing/x.prom", "the folder does not exist"),
        ("hr.csv", "a metrics file must end in .prom"),
    ):
        ran = office.run("push", "--metrics-file", path)
        assert ran.code == 2
        assert said in ran.err
    assert faulty.seen == []


def test_who_wants_none_of_it_loads_none_of_it(office: Office) -> None:
    office.hire(people(2))
    code = """
import sys
sys.argv = ["scimsync", "push"]
from scimsync.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end
heavy = ["scimsync.daemon", "prometheus_client", "uvicorn", "starlette", "apprise", "cronsim"]
print("loaded:", [name for name in heavy if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=office.folder,
        env=office.env(),
        capture_output=True,
        text=True,
    )
    assert ran.stdout.splitlines()[-1] == "loaded: []", ran.stderr


def test_check_tells_whether_they_can_be_told_and_when_the_daemon_pushes(
    told: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.configure(more=NOTIFY + '[schedule]\npush = "0 2 * * *"\ntimezone = "UTC"\n')
    ran = told.run("check")
    assert (ran.code, "can be told" in ran.out) == (0, True), ran.out
    assert "the daemon pushes: 0 2 * * *; next 2026-03-03 " in ran.out
    monkeypatch.delenv("HOOK_SECRET")
    ran = told.run("check")
    assert ran.code == 1
    assert "notify.to.desk: " in ran.out

    told.configure(more=NOTIFY.replace("env:HOOK_SECRET", "literal:abcdefgh"))
    (told.folder / "sync.toml").chmod(0o644)
    assert (
        "holds notify.to.desk.secret, and others on this machine may read it"
        in told.run("check").out
    )
