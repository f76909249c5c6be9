"""The times of a schedule: cron expressions, intervals, jitter, missed times, reloads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from scimsync.builtin import parse
from scimsync.config.schedule import Schedule
from scimsync.daemon.scheduler import ScheduleTrigger, every
from tests.daemon.simulation import live, log_of
from tests.office import Office, people

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BASE = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.wiki]
url = "https://wiki.example.com/scim"
auth = { type = "bearer", token = "env:WIKI_TOKEN" }
[targets.wiki.user]
userName = "email"
[schedule]
"""


def schedule(text: str) -> Schedule:
    return parse(BASE + text, Path("sync.toml")).schedule


def trigger(text: str, zone: str = "UTC") -> ScheduleTrigger:
    found = schedule(text)
    return ScheduleTrigger(found.push, ZoneInfo(zone), found.jitter, Random(7))


def fire_times(one: ScheduleTrigger, start: datetime, number: int) -> list[datetime]:
    times: list[datetime] = []
    while len(times) < number:
        times.append(one.get_next_fire_time(None, times[-1] if times else start))
    return times


@pytest.mark.parametrize(
    ("push", "start", "expected"),
    [
        # an interval starts at a fixed point, whenever the process starts
        ('"6h"', NOON + HOUR, ["02 18:00", "03 00:00", "03 06:00"]),
        # several: the earliest
        ('["6h", "30 14 * * *"]', NOON, ["02 14:30", "02 18:00", "03 00:00"]),
        ('"0 2 * * *"', NOON, ["03 02:00", "04 02:00", "05 02:00"]),
    ],
)
def test_a_trigger_fires_at_the_times_of_its_schedule(
    push: str, start: datetime, expected: list[str]
) -> None:
    times = fire_times(trigger(f"push = {push}"), start, 3)

    assert [f"{at:%d %H:%M}" for at in times] == expected


@pytest.mark.parametrize(
    ("push", "night", "expected"),
    [
        # the skipped hour: right after it
        ("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["29 03:00", "30 02:30"]),
        # the repeated hour: once
        ("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), ["25 02:30", "26 02:30"]),
    ],
)
def test_daylight_saving_time_is_that_of_debian_cron(
    push: str, night: datetime, expected: list[str]
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    times = fire_times(trigger(f'push = "{push}"', "Europe/Berlin"), night, 2)

    assert [f"{at.astimezone(berlin):%d %H:%M}" for at in times] == expected


def test_a_schedule_that_is_off_never_fires() -> None:
    assert trigger("push = false").get_next_fire_time(None, NOON) is None


def test_missed_times_are_not_made_up_for_one_by_one() -> None:
    one = every(timedelta(seconds=10))
    year = timedelta(days=365)
    assert one.get_next_fire_time(NOON, NOON + year) == NOON + year + timedelta(seconds=10)


def test_jitter_delays_and_never_advances() -> None:
    one = trigger('push = "1h"\njitter = "10m"')
    delays = [
        one.get_next_fire_time(None, NOON + hour * HOUR) - (NOON + (hour + 1) * HOUR)
        for hour in range(200)
    ]

    assert min(delays) >= timedelta(0)
    assert max(delays) <= timedelta(minutes=10)
    assert len(set(delays)) > 100


def test_triggers_are_equal_if_they_fire_at_the_same_times() -> None:
    one = trigger('push = "1h"\njitter = "30m"')
    assert one == trigger('push = "1h"\njitter = "30m"\nquiet = "9s"')
    assert one != trigger('push = "2h"\njitter = "30m"')
    assert one != trigger('push = "1h"')
    assert one != trigger('push = "1h"\njitter = "30m"', "Europe/Berlin")


@pytest.fixture
def company(office: Office, caplog: pytest.LogCaptureFixture) -> Office:
    caplog.set_level("INFO", "scimsync")
    office.hire(people(2))
    configure(office, 'push = "1h"')
    assert office.push().exit_code == 0
    return office


def configure(office: Office, text: str) -> None:
    office.configure(more=f"[schedule]\nwatch = false\n{text}\n[health]\nport = 0\n")


def pushes(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [line for line in log_of(caplog) if line.startswith("push wiki:")]
    caplog.clear()
    return found


def test_a_missed_time_is_made_up_for_once_at_startup(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    company.now += timedelta(days=3, minutes=30)
    live(company, seconds=600)
    assert pushes(caplog) == ["push wiki: missed or unfinished"]


def test_a_missed_time_is_skipped_if_catch_up_is_off(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    configure(company, 'push = "1h"\ncatch_up = false')
    company.now += timedelta(days=3, minutes=30)
    live(company, seconds=600)
    assert pushes(caplog) == []


def test_a_target_that_was_never_pushed_has_missed_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "scimsync")
    office.hire(people(2))
    configure(office, 'push = "0 2 * * *"')
    live(office, seconds=600)
    assert pushes(caplog) == []


def test_a_run_in_the_future_is_no_run(company: Office, caplog: pytest.LogCaptureFixture) -> None:
    """The clock was set back while the daemon was stopped."""
    company.now -= timedelta(days=400)
    live(company, seconds=600)
    assert pushes(caplog) == []


@pytest.mark.parametrize(
    ("catch_up", "expected"), [("true", ["push wiki: scheduled"]), ("false", [])]
)
def test_a_machine_that_slept_makes_up_for_it_once(
    company: Office, caplog: pytest.LogCaptureFixture, catch_up: str, expected: list[str]
) -> None:
    configure(company, f'push = "1h"\ncatch_up = {catch_up}')
    live(company, (60, lambda scheduler: scheduler.pass_time(5.5 * 3600)), seconds=6 * 3600 - 60)
    assert pushes(caplog) == expected


def test_a_reload_keeps_the_times_of_unchanged_schedules(
    company: Office, caplog: pytest.LogCaptureFixture
) -> None:
    def next_push() -> list[str]:
        return [line for line in log_of(caplog) if "next push" in line]

    configure(company, 'push = "2h"\njitter = "1h"')
    live(
        company,
        (60, lambda _: configure(company, 'push = "2h"\njitter = "1h"\nquiet = "3s"')),
        (120, lambda _: configure(company, 'push = "4h"\njitter = "1h"')),
        seconds=300,
    )
    first, same, other = next_push()
    assert first == same
    assert other != same
