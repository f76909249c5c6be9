"""A target that is silent during planning holds up no other, and takes part once it is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep

from scimsync.run import RunOutcome
from tests.office import Office, counts, people
from tests.servers.faulty import FaultyServer, running_faulty_server

PATIENCE_S = 0.2


def with_crm(office: Office, crm: FaultyServer, *, guard: str = "", lines: str = "") -> None:
    """A second target; `lines` are further ones of its table."""
    office.configure(
        more=f"""
[targets.crm]
url = "{crm.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
{lines}
[targets.crm.user]
userName = "email | lower"
active = true
""",
        guard=guard,
    )


@contextmanager
def pushing(office: Office) -> Iterator[Future[RunOutcome]]:
    """Pushes in another thread."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(office.push, patience_s=PATIENCE_S)


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that happens soon."""
    end = monotonic() + 20
    while not condition():
        assert monotonic() < end
        sleep(0.02)


def silent(server: FaultyServer) -> threading.Event:
    """Lets searches of a server wait for an event."""
    event = threading.Event()
    server.fail("GET", where=lambda seen: seen.path == "/Users", until=event, times=99)
    return event


def test_leavers_go_out_while_another_target_is_silent(
    office: Office, faulty: FaultyServer
) -> None:
    with running_faulty_server(office.token) as crm:
        with_crm(office, crm)
        office.hire(people(5))
        office.push()
        office.hire([*people(4), *people(7)[5:]])
        answers = silent(faulty)

        with pushing(office) as push:
            try:
                until(lambda: not crm.named("person5@example.com")["active"])
                until(lambda: len(crm.users) == 7)
                assert faulty.named("person5@example.com")["active"]
                assert not push.done()
            finally:
                answers.set()
            outcome = push.result()

        assert outcome.exit_code == 0
        assert {name: counts(outcome, name) for name in outcome.targets} == {
            "wiki": {"create": 2, "deactivate": 1},
            "crm": {"create": 2, "deactivate": 1},
        }
        assert not faulty.named("person5@example.com")["active"]
        assert office.push().targets["wiki"].requests == 0


def test_a_guard_at_a_slow_target_stops_it_and_keeps_its_changes_for_later(
    office: Office, faulty: FaultyServer
) -> None:
    with running_faulty_server(office.token) as crm:
        with_crm(office, crm)
        office.hire(people(5))
        office.push()
        with_crm(office, crm, guard="max_removals = 1", lines="scope = \"id != '00004'\"")
        office.push()
        office.hire([*people(3), *people(7)[5:]])  # two leave wiki, one leaves crm
        answers = silent(faulty)

        with pushing(office) as push:
            try:
                until(lambda: not crm.named("person5@example.com")["active"])
            finally:
                answers.set()
            outcome = push.result()

        assert outcome.exit_code == 3
        assert (outcome.violations[0].target, outcome.violations[0].stops) == ("wiki", ("wiki",))
        assert counts(outcome, "crm") == {"create": 2, "deactivate": 1}
        assert all(user["active"] for user in faulty.users.values())
        faulty.faults.clear()
        assert counts(office.push(removals=2)) == {"create": 2, "deactivate": 2}
        assert office.push().exit_code == 0


def test_a_guard_at_a_fast_target_stops_the_slow_one_too(
    office: Office, faulty: FaultyServer
) -> None:
    with running_faulty_server(office.token) as crm:
        with_crm(office, crm)
        office.hire(people(5))
        office.push()
        with_crm(office, crm, guard="max_removals = 1")
        office.hire([*people(3), *people(7)[5:]])
        answers = silent(faulty)
        faulty.forget()
        crm.forget()

        with pushing(office) as push:
            sleep(PATIENCE_S * 4)
            answers.set()
            outcome = push.result()

        assert outcome.exit_code == 3
        assert {name for one in outcome.violations for name in one.stops} == {"wiki", "crm"}
        assert faulty.written() == crm.written() == []
        faulty.faults.clear()
        done = office.push(removals=2)
        assert (counts(done), counts(done, "crm")) == ({"create": 2, "deactivate": 2},) * 2
