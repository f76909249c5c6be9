"""A push by cron alerts and writes metrics as the daemon does, without changing its outcome."""

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
def company(office: Office, hooks: Hooks) -> Office:
    """Thirty users with accounts, and a receiver."""
    office.configure(more=NOTIFY)
    office.hire(people(30))
    assert office.run("push").code == 0
    return office


def push(office: Office, *arguments: str, code: int = 0) -> None:
    office.now += timedelta(minutes=30)
    ran = office.run("-q", "push", *arguments)
    assert ran.code == code, ran.err


def test_a_guard_alerts_once_and_is_resolved_once(company: Office, hooks: Hooks) -> None:
    company.hire([row | {"dept": "Moved"} for row in people(30)])
    push(company, code=3)
    push(company, code=3)
    assert "guard wiki  since 2026-03-02 " in company.run("status").out
    assert [one["event"] for one in company.run("status", "--json").document["troubles"]] == [
        "guard"
    ]
    company.hire(people(30))
    push(company)
    push(company)
    assert "guard wiki" not in company.run("status").out
    assert [one.document["type"] for one in hooks.got] == [
        "scimsync.guard.began",
        "scimsync.guard.ended",
    ]
    assert "00001" not in hooks.bodies


def test_a_missing_source_fires_an_alert(company: Office, hooks: Hooks) -> None:
    (company.folder / "hr.csv").unlink()
    push(company, code=1)
    push(company, code=1)
    company.hire(people(31))
    push(company)
    assert hooks.titles == [
        "[scimsync] hr: source unreadable",
        "[scimsync] hr: resolved: source unreadable (1 h)",
    ]


def test_a_failing_target_fires_an_alert_after_the_first_push(
    company: Office, hooks: Hooks, faulty: FaultyServer
) -> None:
    faulty.fail(times=1000, status=401)
    company.hire([person(1, dept="Sales"), *people(30)[1:]])
    push(company, code=1)
    push(company, code=1)
    faulty.faults.clear()
    push(company)
    assert hooks.titles == [
        "[scimsync] wiki: target unavailable",
        "[scimsync] wiki: resolved: target unavailable (1 h)",
    ]


def test_failing_users_fire_an_alert(company: Office, hooks: Hooks, faulty: FaultyServer) -> None:
    fault = faulty.fail("PATCH", times=1000, status=400, body={"scimType": "invalidValue"})
    company.hire([person(1, dept="Sales"), *people(30)[1:]])
    push(company, code=4)
    fault.times = 0
    push(company)
    assert [one.document["type"] for one in hooks.got] == [
        "scimsync.failures.began",
        "scimsync.failures.ended",
    ]


def test_a_push_of_one_user_does_not_resolve_a_guard_alert(company: Office, hooks: Hooks) -> None:
    company.hire([row | {"dept": "Moved"} for row in people(30)])
    push(company, code=3)
    push(company, "-k", "00001")
    assert [one.document["type"] for one in hooks.got] == ["scimsync.guard.began"]


@pytest.mark.parametrize("answer", ["cut", 500, 302])
def test_an_unreachable_receiver_changes_no_outcome_and_is_notified_later(
    company: Office, hooks: Hooks, answer: int | str
) -> None:
    hooks.status = answer
    (company.folder / "hr.csv").unlink()
    push(company, code=1)
    hooks.status = 204
    company.hire(people(31))
    push(company)
    assert hooks.titles == [
        "[scimsync] hr: source unreadable",
        "[scimsync] hr: resolved: source unreadable (30 min)",
    ]


def test_a_missing_webhook_secret_changes_no_outcome(
    company: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    (company.folder / "hr.csv").unlink()
    company.now += timedelta(minutes=30)
    ran = company.run("push")
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


def test_totals_continue_from_push_to_push(office: Office, tmp_path: Path) -> None:
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


def test_a_reconciliation_writes_what_it_found(
    office: Office, faulty: FaultyServer, tmp_path: Path
) -> None:
    file = tmp_path / "scimsync.prom"
    office.hire(people(3))
    push(office)
    faulty.users["id-00002"]["displayName"] = "Else"

    assert office.run("reconcile", "--metrics-file", str(file)).code == 0

    found = figures(file)
    assert found["scimsync_drift_findings{wiki}"] == 1
    assert found["scimsync_last_reconcile_timestamp_seconds{wiki}"] == office.now.timestamp()
    assert found["scimsync_requests_total{GET,200,wiki}"] == 2
    assert found["scimsync_runs_total{command,done}"] == 1

    office.run("reconcile", "--fix", "--metrics-file", str(file))
    assert figures(file)["scimsync_requests_total{PATCH,204,wiki}"] == 1


def test_an_unwritable_metrics_file_stops_a_command_before_it_starts(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(3))
    for path, said in (
        ("missing/x.prom", "the folder does not exist"),
        ("hr.csv", "a metrics file must end in .prom"),
    ):
        for command in ("push", "reconcile"):
            ran = office.run(command, "--metrics-file", path)
            assert ran.code == 2
            assert said in ran.err
    assert faulty.seen == []


def test_a_plain_push_loads_no_optional_package(office: Office) -> None:
    office.hire(people(2))
    code = """
import sys
sys.argv = ["scimsync", "push"]
from scimsync.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end
heavy = [
    "scimsync.daemon.notify",
    "scimsync.daemon.metrics",
    "apscheduler",
    "prometheus_client",
    "uvicorn",
    "starlette",
    "apprise",
    "cronsim",
]
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


def test_check_shows_receivers_and_the_next_push(
    company: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.configure(more=NOTIFY + '[schedule]\npush = "0 2 * * *"\ntimezone = "UTC"\n')
    ran = company.run("check")
    assert (ran.code, "ready" in ran.out) == (0, True), ran.out
    assert "pushes 0 2 * * *; next 2026-03-03 " in ran.out
    monkeypatch.delenv("HOOK_SECRET")
    ran = company.run("check")
    assert ran.code == 1
    assert "notify.to.desk: " in ran.out

    company.configure(more=NOTIFY.replace("env:HOOK_SECRET", "literal:abcdefgh"))
    (company.folder / "sync.toml").chmod(0o644)
    assert (
        "contains notify.to.desk.secret and is readable by other users" in company.run("check").out
    )
