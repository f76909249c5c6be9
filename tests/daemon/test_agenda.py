"""What is done next: schedules, jitter, what was missed, what a file or a deadline asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from scimsync.config.load import parse
from scimsync.daemon.agenda import Agenda
from scimsync.daemon.jobs import Cause, Job
from tests.config.test_config_timing import BASE

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MORE = BASE.replace("[targets.wiki", "[targets.crm")


def agenda(
    schedule: str, last_runs: Mapping[str, datetime | None] | None = None, *, now: datetime = NOON
) -> Agenda:
    text = BASE + MORE[MORE.index("[targets") :] + f'\n[schedule]\ntimezone = "UTC"\n{schedule}\n'
    config = parse(text, Path("sync.toml"))
    made = Agenda(config.schedule, list(config.targets), config.schedule.zone, Random(7))
    made.begin(now, last_runs or {"wiki": now, "crm": now})
    return made


def test_targets_of_one_time_are_pushed_to_together() -> None:
    one = agenda('push = "1h"')
    assert one.take(NOON) is None
    assert one.next_time() == NOON + HOUR

    assert one.take(NOON + HOUR) == Job(("wiki", "crm"), Cause.SCHEDULE)
    assert one.take(NOON + HOUR) is None
    assert one.next_time() == NOON + 2 * HOUR


def test_a_target_may_have_times_of_its_own_or_none() -> None:
    one = agenda('push = "30 14 * * *"\n[schedule.targets]\nwiki = "2h"')
    assert one.next_runs() == {"wiki": NOON + 2 * HOUR, "crm": NOON + timedelta(hours=2.5)}

    two = agenda('push = "1h"\n[schedule.targets]\nwiki = false')
    assert two.next_runs() == {"wiki": None, "crm": NOON + HOUR}


def test_what_was_missed_is_done_once_and_at_once() -> None:
    one = agenda('push = "1h"', {"wiki": NOON - timedelta(days=3), "crm": NOON})
    assert one.take(NOON) == Job(("wiki",), Cause.START)
    assert one.take(NOON) is None
    assert one.next_time() == NOON + HOUR


def test_what_was_missed_is_left_where_nobody_wants_it() -> None:
    one = agenda(
        'push = "0 2 * * *"\ncatch_up = false', {"wiki": NOON - timedelta(days=3), "crm": None}
    )
    assert one.take(NOON) is None
    assert one.next_time() == datetime(2026, 3, 3, 2, tzinfo=UTC)


def test_who_was_never_pushed_to_has_missed_nothing() -> None:
    assert agenda('push = "0 2 * * *"', {"wiki": None, "crm": None}).take(NOON) is None


def test_a_run_of_the_future_is_no_run() -> None:
    """The clock was set back."""
    one = agenda('push = "1h"', {"wiki": NOON + timedelta(days=400), "crm": NOON})
    assert one.next_runs() == {"wiki": NOON + HOUR, "crm": NOON + HOUR}


def test_late_is_once() -> None:
    """The machine slept through five hours."""
    one = agenda('push = "1h"')
    assert one.take(NOON + 5.5 * HOUR) == Job(("wiki", "crm"), Cause.SCHEDULE)
    assert one.take(NOON + 5.5 * HOUR) is None
    assert one.next_time() == NOON + 6 * HOUR


def test_jitter_is_some_time_later_and_never_earlier() -> None:
    found = set()
    one = agenda('push = "1h"\njitter = "10m"')
    now = NOON
    for hour in range(1, 200):
        at = one.next_time()
        assert at is not None
        assert timedelta(0) <= at - (NOON + hour * HOUR) <= timedelta(minutes=10)
        found.add(at - (NOON + hour * HOUR))
        now = at
        assert one.take(now) is not None
        one.take(now + timedelta(minutes=10))
    assert len(found) > 100


def test_a_file_goes_before_the_schedule_and_does_not_replace_it() -> None:
    one = agenda('push = "1h"')
    one.ask(["wiki"], Cause.FILE, NOON)
    assert one.take(NOON) == Job(("wiki",), Cause.FILE)
    assert one.next_runs() == {"wiki": NOON + HOUR, "crm": NOON + HOUR}


def test_what_is_due_needs_no_source() -> None:
    one = agenda("push = false")
    one.due("wiki", NOON + HOUR)
    one.due("crm", None)
    assert one.next_time() == NOON + HOUR
    assert one.take(NOON) is None

    assert one.take(NOON + HOUR) == Job(("wiki",), Cause.DUE)
    assert one.next_time() is None


def test_a_push_does_what_is_due_along_with_it() -> None:
    one = agenda('push = "1h"')
    one.due("wiki", NOON + HOUR)
    assert one.take(NOON + HOUR) == Job(("wiki", "crm"), Cause.SCHEDULE)
    assert one.take(NOON + HOUR) is None


def test_a_job_that_could_not_begin_comes_again() -> None:
    one = agenda('push = "1h"')
    soon = NOON + timedelta(seconds=15)
    for cause in (Cause.SCHEDULE, Cause.FILE, Cause.START, Cause.DUE):
        one.again(Job(("wiki",), cause), soon)
        assert one.take(NOON) is None
        assert one.take(soon) == Job(("wiki",), cause)
        assert one.take(soon) is None


def test_a_target_that_is_gone_is_not_asked_for() -> None:
    one = agenda('push = "1h"')
    one.ask(["hr", "vault"], Cause.FILE, NOON)
    one.again(Job(("vault",), Cause.DUE), NOON)
    assert one.take(NOON) is None


def test_another_sync_toml_takes_over_what_is_pending() -> None:
    before = agenda('push = "1h"\njitter = "30m"')
    before.ask(["wiki"], Cause.FILE, NOON)
    late = before.next_runs()
    same = agenda('push = "1h"\njitter = "30m"\nquiet = "9s"', now=NOON + HOUR)
    same.take_over(before)
    assert same.next_runs() == late
    assert same.take(NOON + HOUR) == Job(("wiki",), Cause.FILE)

    other = agenda('push = "0 2 * * *"')
    other.take_over(before)
    assert other.next_runs() == dict.fromkeys(["wiki", "crm"], datetime(2026, 3, 3, 2, tzinfo=UTC))
