"""The daemon reconciles on a schedule of its own, beside no push, and repairs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from scimsync.daemon.jobs import Daemon
from tests.daemon.simulation import SteppingScheduler, firing_alerts, live, log_of
from tests.office import Office, people
from tests.servers.faulty import FaultyServer, Reply, Seen, error_reply

HOURLY = '[schedule]\npush = false\nreconcile = "1h"\n[health]\nport = 0\n'
HOUR = 3600.0


@pytest.fixture
def company(office: Office, caplog: pytest.LogCaptureFixture) -> Iterator[Office]:
    """Three users with accounts, and a daemon that reconciles each hour."""
    office.configure(more=HOURLY.replace("[health]", "watch = false\n[health]"))
    office.hire(people(3))
    assert office.push().exit_code == 0
    office.now += timedelta(minutes=10)
    with caplog.at_level("INFO", "scimsync"):
        yield office


def reconciled(office: Office) -> Any:
    return office.run("status", "--json").document["targets"]["wiki"]["reconciled"]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says about reconciliations, without durations."""
    found = [line for line in log_of(caplog) if line.startswith("reconcile ")]
    return [re.sub(r", \d+\.\d s\)", ")", line) for line in found]


def test_drift_is_found_at_the_scheduled_time_and_not_repaired(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"
    faulty.users["id-00003"]["active"] = False
    faulty.forget()
    start = company.now

    live(company, seconds=HOUR, poll=600, look=600)

    assert faulty.written() == []
    assert faulty.users["id-00002"]["displayName"] == "Else"
    (line,) = lines(caplog)
    assert re.fullmatch(
        r"reconcile wiki: 1 deactivated, 1 changed \(3 accounts compared, \d+ requests\)", line
    )
    kept = reconciled(company)
    assert (kept["findings"], kept["complete"]) == (2, True)
    assert kept["at"] == (start + timedelta(minutes=50)).isoformat()


def test_drift_fires_an_alert_and_the_next_reconciliation_without_any_resolves_it(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.users["id-00002"]["displayName"] = "Else"

    def undone(_: SteppingScheduler) -> None:
        faulty.users["id-00002"]["displayName"] = "Given2 Family2"

    live(company, (1.5 * HOUR, undone), seconds=2 * HOUR, poll=600, look=600)

    assert [line for line in log_of(caplog) if line.startswith("alert")] == [
        "alert firing (drift): wiki: 1 difference from what the target acknowledged.\n"
        "Nothing was repaired.",
        "alert resolved (drift): wiki",
    ]
    assert firing_alerts(company) == []


def test_targets_are_read_again_at_each_time(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    live(company, seconds=3 * HOUR, poll=600, look=600)

    assert lines(caplog) == ["reconcile wiki: no drift (3 accounts compared, 1 request)"] * 3


def test_without_a_schedule_nothing_is_read(company: Office, faulty: FaultyServer) -> None:
    company.configure(more="[schedule]\npush = false\n[health]\nport = 0\n")
    faulty.forget()

    live(company, seconds=24 * HOUR, poll=600, look=600)

    assert faulty.seen == []


def test_a_push_goes_first_and_a_reconciliation_follows(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    company.configure(more=HOURLY.replace("false", '"1h"'))
    company.hire(people(4))

    live(company, seconds=HOUR, poll=600, look=600)

    told = [
        line.partition(":")[0] for line in log_of(caplog) if " wiki: " in line or "wiki: " in line
    ]
    assert told.index("push wiki") < told.index("reconcile wiki")
    assert lines(caplog)[-1].startswith("reconcile wiki: no drift (4 accounts compared")


def test_a_missed_reconciliation_is_made_up_for(company: Office) -> None:
    company.run("reconcile")
    company.now += timedelta(hours=5)
    start = company.now

    live(company, seconds=60, poll=600, look=600)

    assert reconciled(company)["at"] == start.isoformat()


def test_a_target_that_was_never_pushed_is_left_alone(
    office: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    office.configure(more=HOURLY.replace("[health]", "watch = false\n[health]"))
    office.hire(people(3))
    faulty.add(userName="guest@example.com", active=True)
    with caplog.at_level("INFO", "scimsync"):
        live(office, seconds=1.5 * HOUR, poll=600, look=600)

    assert lines(caplog) == ["reconcile wiki: never pushed, nothing to compare"]
    assert faulty.seen == []


def errors(caplog: pytest.LogCaptureFixture) -> int:
    """The number of reconciliations that a target refused."""
    return sum("401" in line for line in log_of(caplog))


def test_a_target_that_cannot_be_read_is_tried_again_at_growing_intervals(
    company: Office,
    faulty: FaultyServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    company.configure(more=HOURLY.replace('"1h"', '"0 9 * * *"'))
    honest, start = faulty.answer, company.now
    monkeypatch.setattr(faulty, "answer", lambda _: error_reply(401, "no"))

    def recover(_: SteppingScheduler) -> None:
        monkeypatch.setattr(faulty, "answer", honest)

    live(company, (1.5 * HOUR, recover), seconds=4 * HOUR, poll=600, look=600)

    assert errors(caplog) == 4  # at once, and after 5, 15, and 35 minutes
    assert lines(caplog) == ["reconcile wiki: no drift (3 accounts compared, 1 request)"]
    assert reconciled(company)["at"] == (start + timedelta(minutes=50 + 75)).isoformat()


def test_a_scheduled_time_comes_before_a_later_retry(
    company: Office,
    faulty: FaultyServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = faulty.answer
    monkeypatch.setattr(faulty, "answer", lambda _: error_reply(401, "no"))

    def recover(_: SteppingScheduler) -> None:
        monkeypatch.setattr(faulty, "answer", honest)

    live(company, (2 * HOUR, recover), seconds=3.5 * HOUR, poll=600, look=600)

    assert lines(caplog) == ["reconcile wiki: no drift (3 accounts compared, 1 request)"]


def test_a_target_is_not_tried_again_once_nothing_is_reconciled(
    company: Office,
    faulty: FaultyServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faulty, "answer", lambda _: error_reply(401, "no"))
    never = HOURLY.replace('"1h"', "false")

    live(
        company,
        (HOUR, lambda _: company.configure(more=never)),
        seconds=6 * HOUR,
        poll=60,
        look=600,
    )

    assert errors(caplog) == 2


def test_a_daemon_that_stops_sends_no_more_reads(
    company: Office,
    faulty: FaultyServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A signal arrives while the target answers the first request."""
    daemons: list[Daemon] = []
    honest = faulty.answer
    begin = Daemon.run

    def run(daemon: Daemon) -> None:
        daemons.append(daemon)
        begin(daemon)

    monkeypatch.setattr(Daemon, "run", run)
    faulty.users["id-00002"]["displayName"] = "Else"

    def answer(seen: Seen) -> Reply:
        for daemon in daemons:
            daemon._stop(15)
        return honest(seen)

    monkeypatch.setattr(faulty, "answer", answer)
    faulty.forget()

    live(company, seconds=2 * HOUR, poll=600, look=600)

    assert len(faulty.seen) == 1
    assert lines(caplog) == ["reconcile wiki: the daemon was stopped"]
    assert reconciled(company) is None


def test_a_reload_adds_and_ends_the_schedule(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    never = HOURLY.replace('"1h"', "false")
    company.configure(more=never)

    live(
        company,
        (0.5 * HOUR, lambda _: company.configure(more=HOURLY)),
        (1.5 * HOUR, lambda _: company.configure(more=never)),
        seconds=4 * HOUR,
        poll=60,
        look=600,
    )

    assert len(lines(caplog)) == 1
