"""A push that is killed at any point: the next one settles what is unknown, makes nothing twice,
and leaves nothing to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from scimsync.errors import LeaseHeld
from tests.office import Office, bare, counts, people, person, resource
from tests.servers.faulty import FaultyServer

both_databases = pytest.mark.both_databases
"""For what a killed program leaves to the database: open transactions, locks, leases. With both
databases, tests/execute shows how operations without an outcome are settled."""

LEASE_IS_OVER = timedelta(minutes=3)
LEAVE = 'leave = { action = "deactivate", delete_after = "30d" }'


def kill_while_held(office: Office, faulty: FaultyServer) -> None:
    """Runs the real program, and kills it while the server holds an answer back."""
    program = office.start("push")
    try:
        assert faulty.holding.wait(60), "no request came"
        program.kill()
    finally:
        program.communicate()
    assert program.returncode == -9
    office.now = datetime.now(UTC) + LEASE_IS_OVER
    faulty.wait_until_disconnected()
    faulty.holding.clear()
    faulty.faults.clear()
    faulty.forget()


def everybody_has_one_account(
    office: Office, faulty: FaultyServer, rows: list[dict[str, str]]
) -> bool:
    wanted = {row["email"].lower(): bare(resource(row)) for row in rows}
    held = {user["userName"]: bare(user) for user in faulty.users.values() if user["active"]}
    return held == wanted


@both_databases
@pytest.mark.parametrize("effect", [True, False], ids=["after its effect", "before its effect"])
def test_a_push_killed_in_a_creation_is_settled_by_the_next(
    office: Office, faulty: FaultyServer, effect: bool
) -> None:
    office.configure(target="concurrency = 4")
    office.hire(people(60))
    faulty.fail(
        "POST", where=lambda seen: len(faulty.users) >= 20, times=4, hold=True, effect=effect
    )
    kill_while_held(office, faulty)
    there = len(faulty.users)
    assert 20 <= there < 60

    outcome = office.push()

    assert outcome.exit_code == 0
    assert everybody_has_one_account(office, faulty, people(60))
    assert len(faulty.users) == 60
    assert len(faulty.written()) == 60 - there
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


@pytest.mark.parametrize("effect", [True, False], ids=["after its effect", "before its effect"])
def test_a_push_killed_in_an_update_is_settled_by_the_next(
    office: Office, faulty: FaultyServer, effect: bool
) -> None:
    office.configure(target="concurrency = 2")
    office.now = datetime.now(UTC)
    office.hire(people(30))
    office.push()
    rows = [
        *(person(number, dept="Sales", family="Other") for number in range(1, 11)),
        *people(30)[10:],
    ]
    office.hire(rows)
    faulty.fail(
        "PATCH",
        where=lambda seen: seen.path in ("/Users/id-00004", "/Users/id-00005"),
        hold=True,
        effect=effect,
        times=2,
    )
    kill_while_held(office, faulty)

    assert office.push().exit_code == 0

    assert everybody_has_one_account(office, faulty, rows)
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


@pytest.mark.parametrize(
    "effect",
    [True, False],
    ids=["after its effect", "before its effect"],
)
def test_a_push_killed_in_a_deactivation_is_settled_by_the_next(
    office: Office, faulty: FaultyServer, effect: bool
) -> None:
    office.configure(target=LEAVE)
    office.now = datetime.now(UTC)
    office.hire(people(30))
    office.push()
    office.hire(people(29))
    faulty.fail("PATCH", hold=True, effect=effect)
    kill_while_held(office, faulty)

    assert office.push().exit_code == 0

    assert faulty.users["id-00030"]["active"] is False
    link = office.links()["00030"]
    assert (link.status, link.in_doubt, link.delete_after) == (
        "inactive",
        False,
        office.now + timedelta(days=30),
    )
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)
    assert counts(office.push_twice(later=timedelta(days=30))) == {"delete": 1}


@pytest.mark.parametrize("effect", [True, False], ids=["after its effect", "before its effect"])
def test_a_push_killed_in_a_deletion_is_settled_by_the_next(
    office: Office, faulty: FaultyServer, effect: bool
) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.now = datetime.now(UTC)
    office.hire(people(30))
    office.push()
    office.hire(people(29))
    faulty.fail("DELETE", hold=True, effect=effect)
    kill_while_held(office, faulty)

    assert office.push().exit_code == 0

    assert everybody_has_one_account(office, faulty, people(29))
    assert "id-00030" not in faulty.users
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


def test_a_push_killed_in_an_adoption_is_settled_by_the_next(
    office: Office, faulty: FaultyServer
) -> None:
    for number in range(1, 11):
        faulty.add(**resource(person(number, dept="Old")))
    office.hire(people(10))
    faulty.fail("PATCH", where=lambda seen: seen.path == "/Users/id-00005", hold=True, effect=True)
    kill_while_held(office, faulty)

    assert office.push().exit_code == 0

    assert everybody_has_one_account(office, faulty, people(10))
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


@both_databases
def test_a_push_killed_while_it_plans_is_settled_by_the_next(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(10))
    faulty.fail("GET", hold=True)
    kill_while_held(office, faulty)

    assert counts(office.push()) == {"create": 10}

    assert everybody_has_one_account(office, faulty, people(10))
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


def test_a_plan_after_a_crash_looks_and_says_what_the_push_will_do(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="concurrency = 1")
    office.hire(people(5))
    faulty.fail("POST", where=lambda seen: len(faulty.users) == 2, hold=True, effect=True)
    kill_while_held(office, faulty)

    planned = {one["key"]: one["action"] for one in office.plan()}

    assert planned["00003"] == "adopt"
    assert (planned["00004"], planned["00005"]) == ("create", "create")
    assert faulty.written() == []
    assert sum(counts(office.push()).values()) == len(planned)


@both_databases
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_push_that_is_interrupted_ends_what_is_in_flight_and_the_next_one_goes_on(
    office: Office, faulty: FaultyServer, number: signal.Signals
) -> None:
    office.configure(target="concurrency = 2")
    office.hire(people(60))
    answer = threading.Event()
    faulty.fail("POST", where=lambda seen: len(faulty.users) >= 20, until=answer, times=2)
    program = office.start("push")
    assert faulty.holding.wait(60)
    program.send_signal(number)
    said = program.stderr
    assert said is not None
    lines = iter(said.readline, b"")
    assert any(b"in flight" in line for line in lines)
    answer.set()
    rest = b"".join(lines).decode()
    program.communicate()

    assert program.returncode == 128 + number
    assert "interrupted" in rest
    assert "Traceback" not in rest
    there = len(faulty.users)
    assert 20 < there < 60
    faulty.forget()
    office.now = datetime.now(UTC)
    # all that was in flight is known
    assert office.sql("SELECT count(*) FROM link WHERE remote_id IS NOT NULL") == [(there,)]
    assert office.sql("SELECT outcome FROM run") == [("interrupted",)]
    assert office.push().exit_code == 0  # it gave its leases back
    assert everybody_has_one_account(office, faulty, people(60))
    assert len(faulty.written()) == 60 - there
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_copies_of_what_was_read(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    temporary = office.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    office.hire(people(2))
    faulty.fail("GET", hold=True)
    program = office.start("plan")
    assert faulty.holding.wait(60)
    program.send_signal(number)
    _, said = program.communicate(timeout=60)

    assert program.returncode == 128 + number
    assert said.decode().splitlines()[-1] == "interrupted; the next push continues from here"
    assert list(temporary.iterdir()) == []


def test_sigterm_ends_a_program_that_a_shell_began_in_the_background(
    office: Office, faulty: FaultyServer
) -> None:
    """Such a shell has it ignore SIGINT."""
    office.hire(people(2))
    faulty.fail("GET", hold=True)
    program = subprocess.Popen(
        ["/bin/sh", "-c", f"{sys.executable} -m scimsync plan & echo $!; wait"],
        cwd=office.folder,
        env=office.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    pid = int(program.stdout.readline())
    try:
        assert faulty.holding.wait(60)
        os.kill(pid, signal.SIGTERM)
        _, said = program.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert "interrupted" in said


def test_a_second_interrupt_ends_at_once(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(5))
    faulty.fail("POST", hold=True, effect=True)
    program = office.start("push")
    assert faulty.holding.wait(60)
    program.send_signal(signal.SIGINT)
    said = program.stderr
    assert said is not None
    assert any(b"in flight" in line for line in iter(said.readline, b""))
    program.send_signal(signal.SIGINT)
    program.communicate()

    assert program.returncode == -signal.SIGINT
    faulty.faults.clear()
    office.now = datetime.now(UTC)
    assert office.push().exit_code == 0
    assert everybody_has_one_account(office, faulty, people(5))


def test_an_interrupt_does_not_wait_for_a_pause_that_the_target_asked_for(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(2))
    faulty.fail("POST", status=503, headers={"Retry-After": "250"}, times=50)
    program = office.start("push")
    said = program.stderr
    assert said is not None
    assert any(b"wiki: requests a pause of 250 s" in line for line in iter(said.readline, b""))
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=60)

    assert program.returncode == 128 + signal.SIGTERM
    assert faulty.users == {}


@both_databases
def test_of_two_pushes_at_once_the_second_is_told_and_sends_nothing(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    faulty.fail("POST", hold=True, effect=True)
    first = office.start("push")
    try:
        assert faulty.holding.wait(60)
        seen = len(faulty.seen)

        second = office.start("push")
        out, said = second.communicate()

        assert (second.returncode, out) == (5, b"")
        assert "another run is active" in said.decode()
        assert str(first.pid) in said.decode()
        assert len(faulty.seen) <= seen + 4  # the first goes on with the others
    finally:
        first.kill()
        first.communicate()


def kill_at_once(office: Office, faulty: FaultyServer) -> None:
    """Kills the real program in its first request, and no time passes."""
    office.hire(people(3))
    faulty.fail("POST", hold=True)
    kill_while_held(office, faulty)
    office.now -= LEASE_IS_OVER


@both_databases
def test_a_push_that_died_on_this_machine_holds_nobody_up(
    office: Office, faulty: FaultyServer
) -> None:
    kill_at_once(office, faulty)

    assert office.push().exit_code == 0
    assert len(faulty.users) == 3


@both_databases
def test_a_push_that_died_on_another_machine_holds_others_up_until_its_lease_is_over(
    office: Office, faulty: FaultyServer
) -> None:
    kill_at_once(office, faulty)
    office.sql("UPDATE lease SET holder = 'elsewhere process 1 0123'")

    with pytest.raises(LeaseHeld) as held:
        office.push()
    assert held.value.exit_code == 5
    assert faulty.seen == []

    outcome = office.push(later=timedelta(minutes=2, seconds=1))
    # made, or found to be there
    assert (outcome.exit_code, sum(counts(outcome).values()), len(faulty.users)) == (0, 3, 3)
