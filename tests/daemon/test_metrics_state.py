"""Gauges that are read from the state."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from scimsync.builtin import load
from scimsync.daemon.metrics import PushMetrics, state_gauges
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.scim.profiles import PROFILES, Profile
from scimsync.state import alerts, due
from scimsync.state.alerts import FiringAlert, OutboxItem
from scimsync.state.link_store import put_links
from scimsync.state.store import Store, open_state
from scimsync.state.target_states import get_target, put_targets
from tests.daemon.test_metrics import samples
from tests.office import MONDAY, Office, people, person
from tests.security_events import audit_table
from tests.servers.faulty import FaultyServer


@pytest.fixture(params=["sqlite", "postgresql"])
def state_kind(request: pytest.FixtureRequest) -> str:
    """Both kinds of database."""
    kind: str = request.param
    return kind


@contextmanager
def state(office: Office, *, create: bool = False) -> Iterator[Store]:
    with closing(open_state(office.state_url, office.folder, create=create)) as store:
        yield store


def text(office: Office, changed_at: Mapping[str, datetime] | None = None) -> bytes:
    config = load(office.folder / "sync.toml")
    metrics = PushMetrics()
    with state(office) as store:
        metrics.add_collector(lambda: state_gauges(config, store, office.now, changed_at or {}))
        return metrics.expose()


def gauges(office: Office, changed_at: Mapping[str, datetime] | None = None) -> dict[str, float]:
    """All gauges, without `scimsync_`."""
    return {
        name.removeprefix("scimsync_"): value
        for name, value in samples(text(office, changed_at)).items()
        if not name.startswith(("scimsync_runs", "scimsync_build"))
    }


def of_accounts(**numbers: int) -> dict[str, float]:
    """The gauges of all kinds and states of accounts at the wiki."""
    return {
        f'accounts{{kind="{kind}",status="{status}",target="wiki"}}': numbers.get(
            f"{kind}_{status}", 0
        )
        for kind in Kind
        for status in LinkStatus
    }


def of_alerts(**numbers: int) -> dict[str, float]:
    events = (
        *("guard", "target", "access", "failures", "credentials", "drift"),
        *("source", "stale", "config", "error"),
    )
    return {f'troubles{{event="{event}"}}': numbers.get(event, 0) for event in events}


CALM = {
    'due{target="wiki"}': 0.0,
    'failing{target="wiki"}': 0.0,
    'may_have_access{target="wiki"}': 0.0,
    'quarantined{target="wiki"}': 0.0,
    'target_failed_runs{target="wiki"}': 0.0,
    "notices_waiting": 0.0,
    **of_alerts(),
}


def test_the_last_reconciliation_of_each_target(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(3))
    office.push()
    assert not any("drift_findings" in name or "reconcile" in name for name in gauges(office))
    faulty.users["id-00002"]["displayName"] = "Else"

    office.run("reconcile")

    found = gauges(office)
    assert found['drift_findings{target="wiki"}'] == 1
    assert found['last_reconcile_timestamp_seconds{target="wiki"}'] == office.now.timestamp()
    assert found['troubles{event="drift"}'] == 1


def test_before_the_first_push_all_gauges_are_zero_or_absent(office: Office) -> None:
    assert gauges(office) == CALM | of_accounts()


def test_failing_users_wait_and_then_are_due(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(10))
    office.push()
    faulty.fail(
        "PATCH",
        status=400,
        body={"scimType": "invalidValue"},
        times=3,
        where=lambda seen: seen.path[-1] in "123",
    )
    office.hire([{**row, "dept": "Law"} for row in people(9)])  # and one leaves
    office.push(later=timedelta(hours=1), updates=9)
    ran_at = (MONDAY + timedelta(hours=1)).timestamp()

    found = gauges(office, {"hr": MONDAY})

    assert found == CALM | of_accounts(user_active=len(faulty.users) - 1, user_inactive=1) | {
        'failing{target="wiki"}': 3.0,
        'last_run_timestamp_seconds{target="wiki"}': ran_at,
        'last_good_run_timestamp_seconds{target="wiki"}': ran_at,
        'source_records{source="hr"}': 9.0,
        'source_problems{source="hr"}': 0.0,
        'source_read_timestamp_seconds{source="hr"}': ran_at,
        'source_changed_timestamp_seconds{source="hr"}': MONDAY.timestamp(),
    }
    office.now += timedelta(days=1)
    assert gauges(office)['due{target="wiki"}'] == 3
    office.push()
    assert [gauges(office)[f'{name}{{target="wiki"}}'] for name in ("due", "failing")] == [0, 0]


def test_the_day_on_which_a_token_expires_is_that_of_the_token_itself(
    office: Office, faulty: FaultyServer
) -> None:
    claims = urlsafe_b64encode(b'{"exp": 1806364800}').decode().rstrip("=")  # 2027-03-30, midday
    office.token = f"e30.{claims}.c2lnbmVk"
    faulty.accepts = lambda _headers: True
    office.hire(people(1))
    office.push()

    day = datetime(2027, 3, 30, tzinfo=UTC).timestamp()
    assert gauges(office)['credentials_expire_timestamp_seconds{target="wiki"}'] == day


def test_a_target_that_is_down_is_in_quarantine_until_it_responds(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    office.hire(people(20))
    for method in ("POST", "GET"):
        faulty.fail(method, status=503, times=10_000)

    def at_the_wiki() -> tuple[float, float, float]:
        found = gauges(office)
        good = (
            found['last_run_timestamp_seconds{target="wiki"}']
            - found['last_good_run_timestamp_seconds{target="wiki"}']
        )
        return found['quarantined{target="wiki"}'], found['target_failed_runs{target="wiki"}'], good

    seen = []
    for _ in range(3):
        office.push(later=timedelta(days=1))
        seen.append(at_the_wiki())
    assert seen == [(0, 1, 86400), (0, 2, 2 * 86400), (1, 3, 3 * 86400)]
    office.now += timedelta(days=1)
    assert at_the_wiki()[0] == 1  # it may be asked again, and has not answered yet
    faulty.faults.clear()
    office.push()
    assert at_the_wiki() == (0, 0, 0)


@pytest.mark.parametrize(
    ("configured", "learned", "age", "expected"),
    [
        (None, None, timedelta(), None),
        (5, None, timedelta(), 5),
        (None, 7.5, timedelta(), 7.5),
        (5, 7.5, timedelta(), 5),
        (10, 7.5, timedelta(), 7.5),
        (10, 7.5, timedelta(days=2), 10),  # so old a measure counts no more
    ],
)
def test_the_rate_is_the_lower_of_the_configured_and_the_learned_one(
    office: Office,
    configured: float | None,
    learned: float | None,
    age: timedelta,
    expected: float | None,
) -> None:
    office.configure(target="" if configured is None else f"rate = {configured}")
    office.hire(people(1))
    office.push()
    with state(office) as store, store.write() as connection:
        known = get_target(connection, "wiki")
        at = None if learned is None else office.now - age
        put_targets(connection, [replace(known, lowered_rate=learned, lowered_at=at)])

    assert gauges(office).get('rate_limit{target="wiki"}') == expected


def test_the_rate_of_the_profile_applies_if_sync_toml_has_none(office: Office) -> None:
    config = load(office.folder / "sync.toml")
    metrics = PushMetrics()
    profiles = PROFILES.with_("generic", lambda: Profile("generic", rate=4))
    with state(office) as store:
        metrics.add_collector(lambda: state_gauges(config, store, office.now, {}, profiles))
        found = samples(metrics.expose())

    assert found['scimsync_rate_limit{target="wiki"}'] == 4


def test_alerts_and_undelivered_notifications_are_counted(office: Office) -> None:
    office.hire(people(1))
    office.push()
    with state(office) as store, store.write() as connection:
        alerts.put_alerts(
            connection,
            [
                FiringAlert("failures", "wiki", MONDAY, "12 fail at wiki"),
                FiringAlert("failures", "chat", MONDAY, "13 fail at chat"),
                FiringAlert("guard", "", MONDAY, "a guard stops pushes"),
            ],
        )
        alerts.add_to_outbox(
            connection,
            [OutboxItem(str(number), "ops", "{}", MONDAY, 0, MONDAY) for number in range(4)],
        )

    found = gauges(office)

    assert {
        name: value for name, value in found.items() if name.startswith("troubles")
    } == of_alerts(failures=2, guard=1)
    assert found["notices_waiting"] == 4


def test_the_events_that_wait_are_counted_by_destination(office: Office) -> None:
    events = audit_table(office.folder, 'file = "events.ndjson"', 'url = "http://127.0.0.1:1/"')
    office.configure(more=events)
    office.hire(people(3))
    office.push()
    found = gauges(office)
    waiting = [found[f'events_waiting{{destination="{name}"}}'] for name in ("file", "url")]
    assert waiting == [3, 3]


def test_metrics_contain_no_personal_data(office: Office, faulty: FaultyServer) -> None:
    rows = [
        person(number, id=f"staff{number}", email=f"mail{number}@example.com", dept=f"dept{number}")
        for number in range(1, 9)
    ]
    office.hire(rows)
    office.push()
    faulty.fail(
        "PATCH",
        where=lambda seen: seen.path in ("/Users/id-staff1", "/Users/id-staff2"),
        status=400,
        times=99,
        body={"scimType": "invalidValue", "detail": "no staff1 mail1@example.com"},
    )
    # one is there twice, with different names
    married = [{**row, "family": f"Married{row['id']}"} for row in rows]
    office.hire([*married, rows[-1]])
    assert office.push(later=timedelta(hours=1), updates=9).problems

    exposed = text(office).decode()

    assert 'scimsync_failing{target="wiki"} 2.0' in exposed
    assert 'scimsync_source_problems{source="hr"} 0.0' not in exposed
    for row in rows:
        for value in (*row.values(), f"Married{row['id']}", f"id-{row['id']}"):
            assert not value or value not in exposed


# When links ask for work by themselves

STEPS = [None, *(MONDAY + timedelta(hours=hours) for hours in (0, 1, 2))]
LINKS = [
    Link(Kind.USER, Key(f"{number:03}"), status, next_try_at=again, delete_after=end)
    for number, (status, again, end) in enumerate(product(LinkStatus, STEPS, STEPS))
]


@pytest.mark.parametrize(
    "moment", [MONDAY + timedelta(minutes=minutes) for minutes in (-30, 0, 30, 60, 90, 120, 150)]
)
def test_retries_and_deletions_are_due_at_their_time(office: Office, moment: datetime) -> None:
    def inactive(one: Link) -> bool:
        return one.status is LinkStatus.INACTIVE

    with state(office, create=True) as store, store.write() as connection:
        put_links(connection, "wiki", LINKS)
        put_links(
            connection,
            "chat",
            [
                Link(
                    Kind.USER,
                    Key("1"),
                    LinkStatus.ACTIVE,
                    next_try_at=moment + timedelta(minutes=1),
                )
            ],
        )

        expected = 0
        for one in LINKS:
            try_at = one.next_try_at or (one.delete_after if inactive(one) else None)
            expected += try_at is not None and try_at <= moment
        assert due.count_due(connection, "wiki", moment) == expected
        assert due.count_waiting(connection, "wiki") == sum(
            one.next_try_at is not None for one in LINKS
        )
        later = [one for one in STEPS if one is not None and one > moment]
        assert due.next_due(connection, "wiki", moment) == (later[0] if later else None)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (
            Link(
                Kind.USER, Key("1"), LinkStatus.INACTIVE, delete_after=MONDAY + timedelta(days=30)
            ),
            timedelta(days=30),
        ),
        (
            Link(
                Kind.GROUP, Key("1"), LinkStatus.PENDING, next_try_at=MONDAY + timedelta(minutes=5)
            ),
            timedelta(minutes=5),
        ),
        (
            Link(Kind.USER, Key("1"), LinkStatus.DELETED, delete_after=MONDAY + timedelta(days=30)),
            None,
        ),
        (Link(Kind.USER, Key("1"), LinkStatus.ACTIVE), None),
    ],
)
def test_the_next_due_work_is_a_retry_or_the_deletion_of_an_inactive_account(
    office: Office, one: Link, expected: timedelta | None
) -> None:
    with state(office, create=True) as store, store.write() as connection:
        put_links(connection, "wiki", [one])

        assert due.next_due(connection, "wiki", MONDAY) == (
            None if expected is None else MONDAY + expected
        )
