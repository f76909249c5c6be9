"""The daemon loses no work whatever happens between two jobs, and a problem stays where it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scimsync.builtin import load
from scimsync.daemon.daemon_state import state_at_start
from scimsync.daemon.pending_work import unchanged_sources
from scimsync.daemon.scheduler import every
from scimsync.sources import newest
from tests.daemon.simulation import SteppingScheduler, firing_alerts, live, log_of
from tests.office import SOURCE, USER, Office, people, person
from tests.servers.faulty import FaultyServer

NEVER = "[schedule]\npush = false\n[health]\nport = 0\n"
EVERY_MINUTE = '[schedule]\npush = "60s"\n[health]\nport = 0\n'


@pytest.fixture
def company(office: Office, caplog: pytest.LogCaptureFixture) -> Iterator[Office]:
    """Three users with accounts, and a daemon without a schedule."""
    office.configure(more=NEVER)
    office.hire(people(3))
    assert office.push().exit_code == 0
    with caplog.at_level("INFO", "scimsync"):
        yield office


def dropped(office: Office, count: int, name: str = "hr.csv") -> None:
    """Rename a file into place."""
    office.hire(people(count), "new.csv")
    (office.folder / "new.csv").replace(office.folder / name)


def test_changes_that_a_failed_push_had_read_are_pushed_after_a_start(
    company: Office, faulty: FaultyServer
) -> None:
    """The file is known by then, but no plan has its changes."""
    faulty.fail(times=1000, status=401)
    company.hire(people(5))
    assert company.push().exit_code == 1
    faulty.faults.clear()

    live(company, seconds=60)

    assert len(faulty.users) == 5


def test_a_target_that_failed_before_a_restart_is_retried_after_it(
    company: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", times=1000, status=401)
    live(company, (10, lambda _: dropped(company, 5)), seconds=60)
    assert len(faulty.users) == 3
    faulty.faults.clear()

    live(company, seconds=60)

    assert len(faulty.users) == 5


def test_work_that_becomes_due_during_a_push_is_done_after_it(
    company: Office, faulty: FaultyServer
) -> None:
    faulty.fail(
        "POST", where=lambda seen: (seen.body or {}).get("externalId") == "00004", status=400
    )
    schedulers: list[SteppingScheduler] = []

    def slow(seen: object) -> bool:
        """The second push takes a minute. Meanwhile, the retry of the first one comes due."""
        if schedulers and schedulers[0].steady_s > 250:
            schedulers[0].pass_time(60)
        return False

    faulty.fail("POST", where=slow, times=100)
    live(
        company,
        (1, schedulers.append),
        (10, lambda _: dropped(company, 4)),  # fails, and is retried after five minutes
        (290, lambda _: dropped(company, 5)),
        seconds=600,
    )

    assert sorted(user["externalId"] for user in faulty.users.values()) == [
        f"0000{n}" for n in range(1, 6)
    ]


def test_pushes_that_change_nothing_become_rarer(company: Office, faulty: FaultyServer) -> None:
    """A reference waits for an account that cannot be created."""
    faulty.fail("POST", times=10_000, status=400)
    live(company, (10, lambda _: dropped(company, 4)), seconds=6 * 3600, poll=300)
    runs = company.sql("select id from run")
    assert 5 <= len(runs) <= 30


def test_a_file_that_was_touched_since_it_was_read_counts_as_changed(company: Office) -> None:
    """Even if its size and all samples are the same."""
    rows = [person(number, given="x" * 1000) for number in range(1, 500)]
    company.hire(rows)
    company.now = datetime.now(UTC)
    company.push(removals=1000, updates=1000)
    config = load(company.folder / "sync.toml")
    with state_at_start(config) as store:
        assert unchanged_sources(store, config) == {"hr": True}
        with (company.folder / "hr.csv").open("r+b") as stream:
            stream.seek(40_000)
            stream.write(b"y")
        assert unchanged_sources(store, config) == {"hr": False}


def test_a_table_that_is_read_is_watched(company: Office, faulty: FaultyServer) -> None:
    table = '[tables.names]\npath = "names.csv"\nkey = "dept"\nvalue = "name"\n'
    company.write("names.csv", "dept,name\nIT,Informatics\n")
    company.configure(user=USER + "nickName = \"dept | lookup('names')\"\n", more=NEVER + table)
    company.push(updates=3)

    def renamed(_: object) -> None:
        company.write("names.csv", "dept,name\nIT,Computing\n")
        company.configure(
            user=USER + "nickName = \"dept | lookup('names')\"\n",
            guard="max_updates = 3",
            more=NEVER + table,
        )

    live(company, (30, renamed), seconds=120)
    assert {user["nickName"] for user in faulty.users.values()} == {"Computing"}


def test_a_target_is_pushed_when_an_expression_changes_with_the_time(
    company: Office, faulty: FaultyServer
) -> None:
    company.configure(
        target="scope = \"dept | datetime(tz='Europe/Vienna') > now\"",
        guard="max_removals = 3",
        more=NEVER,
    )
    company.hire([person(number, dept="2026-03-02 10:00") for number in range(1, 4)])
    company.push(updates=3)
    assert company.now < datetime(2026, 3, 2, 9, tzinfo=UTC)

    live(company, seconds=7200)

    assert not any(user["active"] for user in faulty.users.values())


def test_a_reload_misses_no_file(company: Office, faulty: FaultyServer) -> None:
    def both(_: object) -> None:
        dropped(company, 5)
        company.configure(more=NEVER + "# changed\n")

    live(company, (30, both), seconds=120)
    assert len(faulty.users) == 5


def test_a_file_that_a_guard_has_stopped_is_not_pushed_again_after_a_reload(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    company.hire(people(30))
    assert company.push().exit_code == 0
    live(
        company,
        (30, lambda _: dropped(company, 3)),
        (90, lambda _: company.configure(more=NEVER + "# changed\n")),
        seconds=300,
    )
    lines = log_of(caplog)
    assert "sync.toml reloaded" in lines
    assert lines.count("push wiki: source file changed") == 2  # at the start, and with 3 users
    assert firing_alerts(company) == [("guard", "wiki")]


def two_targets(office: Office, schedule: str) -> None:
    """`wiki` reads hr.csv, `chat` other.csv; both are at the same server."""
    other = SOURCE.replace("sources.hr", "sources.other").replace("hr.csv", "other.csv")
    chat = f"""
[targets.chat]
url = "{office.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
source = "other"
[targets.chat.user]
{USER}
"""
    office.configure(source=SOURCE + other, target='source = "hr"', more=chat + schedule)


def test_a_file_that_keeps_changing_delays_only_its_own_targets_for_ten_minutes(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    two_targets(company, EVERY_MINUTE)
    company.hire([person(8)], "other.csv")
    restless = [
        (
            second,
            lambda _, second=second: company.hire([person(8), person(100 + second)], "other.csv"),
        )
        for second in range(1, 900, 1)
    ]
    live(company, *restless, (300, lambda _: dropped(company, 4)), seconds=880, poll=10)
    said = log_of(caplog)
    assert said.count("other: still being written; pushes wait for it up to 10 minutes") == 1
    assert "00004" in {user["externalId"] for user in faulty.users.values()}
    assert "00008" in {user["externalId"] for user in faulty.users.values()}
    first = next(
        at for at, line in enumerate(said) if " create (" in line and line.startswith("chat: ")
    )
    assert sum(line.startswith("push wiki:") for line in said[:first]) >= 8


def test_a_missing_source_stops_its_own_targets_only(company: Office, faulty: FaultyServer) -> None:
    two_targets(company, EVERY_MINUTE)
    live(company, (10, lambda _: dropped(company, 4)), seconds=200, poll=10)
    assert "00004" in {user["externalId"] for user in faulty.users.values()}
    assert firing_alerts(company) == [("source", "other")]


def test_a_missing_file_fires_an_alert_and_removes_no_account(
    company: Office, faulty: FaultyServer
) -> None:
    live(company, (10, lambda _: (company.folder / "hr.csv").unlink()), seconds=300)
    assert firing_alerts(company) == [("source", "hr")]
    live(company, (10, lambda _: dropped(company, 3)), seconds=60)
    assert firing_alerts(company) == []
    assert [user["active"] for user in faulty.users.values()] == [True] * 3


def test_a_missing_sync_toml_fires_an_alert(company: Office) -> None:
    text = (company.folder / "sync.toml").read_text()

    def back(_: object) -> None:
        company.write("sync.toml", text)

    seen: list[str] = []

    def look(_: object) -> None:
        seen.extend(event for (event,) in company.sql("select event from alert"))

    live(
        company,
        (10, lambda _: (company.folder / "sync.toml").unlink()),
        (290, look),
        (300, back),
        seconds=400,
    )
    assert seen == ["config"]
    assert firing_alerts(company) == []


def test_a_file_that_reappears_is_pushed(company: Office, faulty: FaultyServer) -> None:
    file = company.folder / "hr.csv"

    def away(_: object) -> None:
        dropped(company, 4)
        file.rename(file.with_suffix(".away"))

    live(company, (10, away), (100, lambda _: file.with_suffix(".away").rename(file)), seconds=200)
    assert len(faulty.users) == 4


def test_a_missing_secret_is_looked_up_again(
    company: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIKI_TOKEN")
    live(
        company,
        (10, lambda _: dropped(company, 4)),
        (60, lambda _: monkeypatch.setenv("WIKI_TOKEN", company.token)),
        seconds=900,
    )
    assert len(faulty.users) == 4
    assert firing_alerts(company) == []


@pytest.mark.sqlite
def test_a_state_that_disappears_is_not_created_again(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty one would forget which accounts to deactivate."""
    database = company.folder / "scimsync.db"

    def gone(_: object) -> None:
        for path in company.folder.glob("scimsync.db*"):
            path.rename(path.with_name(f"away-{path.name}"))
        company.hire(people(5))

    def back(_: object) -> None:
        for path in company.folder.glob("away-*"):
            path.rename(path.with_name(path.name.removeprefix("away-")))

    faulty.forget()
    live(company, (10, gone), (200, back), seconds=900)

    assert database.exists()
    assert "the state database has disappeared" in "".join(log_of(caplog))
    assert len(faulty.users) == 5
    assert [seen.method for seen in faulty.written()] == ["POST", "POST"]


def test_another_state_url_is_rejected_while_the_daemon_runs(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    def other(_: object) -> None:
        company.state, before = None, company.state
        company.configure(more=f'[state]\nurl = "sqlite:///elsewhere/other.db"\n{NEVER}')
        company.state = before

    live(company, (10, other), seconds=60)
    assert "state.url: the state cannot change while the daemon runs" in "".join(log_of(caplog))
    assert not (company.folder / "elsewhere").exists()
    assert company.sql("select event, subject from alert") == [("config", "sync.toml")]


def test_due_work_continues_despite_a_guard_and_does_not_resolve_its_alert(
    company: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", status=400)

    def too_many(_: object) -> None:
        company.hire([row | {"dept": "Moved"} for row in people(12)])

    company.hire(people(12))
    company.push()
    live(
        company,
        # one of them fails, and is tried again after five minutes
        (10, lambda _: dropped(company, 13)),
        (60, too_many),
        seconds=900,
    )
    assert firing_alerts(company) == [("guard", "wiki")]
    assert len(faulty.users) == 13
    assert {
        user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"]
        for user in faulty.users.values()
    } == {"IT"}


def test_an_unexpected_error_fires_an_alert_and_the_daemon_continues(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    firing: list[list[tuple[str, str]]] = []
    start = company.now

    def buggy() -> None:
        if datetime.now(UTC) < start + timedelta(seconds=100):
            raise ValueError(f"{1:05} is odd")

    live(
        company,
        (20, lambda scheduler: scheduler.add_job(buggy, every(timedelta(seconds=5)), id="buggy")),
        (60, lambda _: dropped(company, 4)),
        (90, lambda _: firing.append(firing_alerts(company))),
        seconds=200,
    )

    assert firing == [[("error", "daemon")]]
    assert firing_alerts(company) == []
    assert len(faulty.users) == 4
    lines = log_of(caplog)
    bugs = [line for line in lines if line.startswith("unexpected error: ValueError;")]
    assert 4 <= len(bugs) <= 8  # it pauses after each
    assert "00001" not in "".join(lines)


def test_a_clock_that_is_set_back_stalls_nothing(
    company: Office, faulty: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    def set_back(scheduler: SteppingScheduler) -> None:
        scheduler.set_clock(-3600)
        dropped(company, 4)

    company.configure(more=EVERY_MINUTE)
    live(
        company,
        (600, set_back),
        seconds=610,
    )
    lines = log_of(caplog)
    assert "the system clock changed by -3600 s; rescheduling [SYNC-0803]" in lines
    changed = lines.index("the system clock changed by -3600 s; rescheduling [SYNC-0803]")
    assert "push wiki: source file changed" in lines[changed:]
    assert lines[changed:].count("push wiki: scheduled") >= 3
    assert len(faulty.users) == 4


def test_a_clock_that_is_set_forward_repeats_nothing(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    company.configure(more='[schedule]\npush = "1h"\n[health]\nport = 0\n')
    live(company, (600, lambda scheduler: scheduler.set_clock(365 * 24 * 3600)), seconds=900)
    lines = log_of(caplog)
    changed = lines.index("the system clock changed by +31536000 s; rescheduling [SYNC-0803]")
    assert lines[changed:].count("push wiki: scheduled") == 1


def test_a_file_may_have_any_modification_time() -> None:
    found = newest({Path("a"): (0, 0, 0, 400_000_000_000 * 10**9, 0), Path("b"): (0, 0, 0, -5, 0)})
    assert found is not None
    assert found.year > 9000


def test_a_source_can_be_stale_without_file_watching(company: Office) -> None:
    company.configure(
        more=NEVER.replace("[health]", "watch = false\n[health]") + '[notify]\nstale = "1d"\n'
    )
    old = (company.now - timedelta(days=2)).timestamp()
    os.utime(company.folder / "hr.csv", (old, old))
    live(company, seconds=120)
    assert firing_alerts(company) == [("stale", "hr")]
