"""A target that is down is given up within a run, left alone for a while after several, and asked
once before it gets more."""

from __future__ import annotations

from datetime import timedelta

from scimsync.errors import TargetQuarantined, TargetUnavailable
from tests.office import Office, actions, counts, people
from tests.servers.faulty import HTML, FaultyServer, running_faulty_server

DOWN = "http://127.0.0.1:9/scim"


def quarantined(office: Office, faulty: FaultyServer) -> None:
    """A target in quarantine, with people who wait."""
    office.hire(people(5))
    office.push()
    office.hire(people(20))
    faulty.forget()
    for method in ("POST", "GET"):
        faulty.fail(method, status=503, times=10_000)
    for _ in range(3):
        outcome = office.push(later=timedelta(days=1))
        assert isinstance(outcome.targets["wiki"].error, TargetUnavailable)
        assert not isinstance(outcome.targets["wiki"].error, TargetQuarantined)
    faulty.forget()


def test_a_target_that_only_fails_is_given_up_within_the_run(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", status=503, body={"detail": "Come back later"}, times=10_000)
    office.hire(people(300))

    outcome = office.push()

    error = outcome.targets["wiki"].error
    assert outcome.exit_code == 1
    assert isinstance(error, TargetUnavailable)
    assert "5 requests in a row failed, the last: POST /Users: 503" in error.message
    assert len(faulty.written()) <= 5 * (5 + 8)
    faulty.faults.clear()
    assert office.push(later=timedelta(hours=1)).exit_code == 0
    assert len(faulty.users) == 300


def test_where_no_creation_comes_to_anything_no_more_are_begun(
    office: Office, faulty: FaultyServer
) -> None:
    """Everything else is answered: the target is not down."""
    faulty.fail("POST", status=503, times=10_000)
    office.hire(people(300))

    outcome = office.push()

    assert (outcome.exit_code, outcome.targets["wiki"].error) == (4, None)
    assert len(faulty.written()) <= 5 * (50 + 8)
    faulty.faults.clear()
    assert office.push(later=timedelta(hours=1)).exit_code == 0
    assert len(faulty.users) == 300


def test_pages_instead_of_scim_give_a_target_up(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(200))
    office.push()
    faulty.forget()
    faulty.fail("PATCH", status=200, body=HTML, times=10_000)
    office.hire([{**row, "dept": "Law"} for row in people(200)])

    outcome = office.push(updates=200)

    assert (outcome.exit_code, len(faulty.written()) < 20) == (1, True)


def test_refusals_of_single_people_give_nothing_up(office: Office, faulty: FaultyServer) -> None:
    faulty.fail("POST", status=400, times=150)
    office.hire(people(200))

    outcome = office.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed, counts(outcome)) == (
        4,
        150,
        {"create": 50},
    )


def test_a_target_that_keeps_failing_is_left_alone_and_then_asked_once(
    office: Office, faulty: FaultyServer
) -> None:
    quarantined(office, faulty)

    outcome = office.push(later=timedelta(minutes=4))

    error = outcome.targets["wiki"].error
    assert (outcome.exit_code, faulty.seen) == (1, [])
    assert isinstance(error, TargetQuarantined)
    assert "after 3 runs in a row that failed" in error.message

    assert office.push(later=timedelta(minutes=1)).exit_code == 1
    assert len(faulty.seen) == 1
    faulty.forget()
    assert office.push(later=timedelta(minutes=9)).exit_code == 1
    assert faulty.seen == []
    office.push(later=timedelta(minutes=1))
    assert len(faulty.seen) == 1

    faulty.faults.clear()
    outcome = office.push(later=timedelta(minutes=20))
    assert (outcome.exit_code, outcome.targets["wiki"].error) == (0, None)
    assert len(faulty.users) == len(office.links())
    assert office.sql("select failures, quarantined_until, last_error from target") == [
        (0, None, None)
    ]
    assert office.push().targets["wiki"].requests == 0


def test_who_names_a_target_in_quarantine_gets_it_tried_at_once(
    office: Office, faulty: FaultyServer
) -> None:
    quarantined(office, faulty)
    assert office.run("push").code == 1
    assert faulty.seen == []

    assert office.run("push", "-t", "wiki").code == 1
    assert len(faulty.seen) == 1
    faulty.faults.clear()
    assert office.run("push", "-t", "wiki").code == 0
    assert len(faulty.users) == len(office.links())


def test_an_order_by_name_is_tried_in_quarantine_too(office: Office, faulty: FaultyServer) -> None:
    quarantined(office, faulty)

    assert office.run("deprovision", "00002").code == 0

    assert faulty.named("person2@example.com")["active"] is False


def test_another_configuration_ends_a_quarantine(office: Office, faulty: FaultyServer) -> None:
    quarantined(office, faulty)
    faulty.faults.clear()
    office.configure(target="scope = \"dept != 'Nowhere'\"")

    assert office.push().exit_code == 0


def test_a_quarantine_is_told_by_status_and_by_push(office: Office, faulty: FaultyServer) -> None:
    quarantined(office, faulty)

    ran = office.run("push")
    assert "wiki: in quarantine until" in ran.err
    assert "scimsync push -t wiki tries at once" in ran.err
    status = office.run("status").out
    assert "failed in 3 runs in a row: wiki: " in status
    assert "in quarantine until" in status
    document = office.run("status", "--json").document["targets"]["wiki"]
    assert (document["failures"], document["quarantined_until"] is not None) == (3, True)
    assert "503" in document["last_error"]


def test_a_quarantine_holds_up_no_other_target(office: Office, faulty: FaultyServer) -> None:
    with running_faulty_server(office.token) as chat:
        more = f"""
[targets.chat]
url = "{chat.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.chat.user]
userName = "email | lower"
"""
        office.configure(url=DOWN, more=more)
        for number in range(1, 6):
            office.hire(people(number))
            outcome = office.push()
            assert (outcome.exit_code, len(chat.users)) == (1, number)
        assert outcome.targets["wiki"].requests == 1 or isinstance(
            outcome.targets["wiki"].error, TargetQuarantined
        )


def test_pauses_that_a_clock_wrote_which_was_years_ahead_are_over(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard='min_records = "0%"')
    office.hire(people(3))
    office.push()
    faulty.fail(
        where=lambda seen: seen.method in ("PATCH", "PUT") and seen.path.endswith("id-00003"),
        times=10_000,
        status=400,
    )
    office.hire(people(2))
    office.now += timedelta(days=3650)
    assert office.push().exit_code == 4
    faulty.faults.clear()
    office.now -= timedelta(days=3650)

    assert actions(office.plan()) == {"00003": "deactivate"}
    assert counts(office.push()) == {"deactivate": 1}

    faulty.fail("POST", status=503, times=10_000)
    faulty.fail("GET", status=503, times=10_000)
    office.hire(people(2) + people(20)[10:])
    office.now += timedelta(days=3650)
    for _ in range(4):
        office.push(later=timedelta(days=1))
    assert isinstance(office.push().targets["wiki"].error, TargetQuarantined)
    faulty.faults.clear()
    office.now -= timedelta(days=3650)

    assert len(office.plan()) == 10
    assert counts(office.push()) == {"create": 10}
