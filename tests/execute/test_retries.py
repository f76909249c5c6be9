"""What follows from an answer, and from none: tried again where that is safe, looked up where it is
not, never done twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from scimsync.errors import TargetUnavailable
from scimsync.transport.retry_policy import TimeSource
from tests.office import Office, Pauses, bare, counts, people, person, resource
from tests.servers.faulty import HTML, Fault, FaultyServer, Seen, running_faulty_server

SOON = timedelta(minutes=6)
"""The pause after a first failure is over then."""


def is_about(key: str) -> Callable[[Seen], bool]:
    """Whether a request writes the account of `key`."""

    def fits(seen: Seen) -> bool:
        return seen.path == f"/Users/id-{key}" or (seen.body or {}).get("externalId") == key

    return fits


def state_is(office: Office, faulty: FaultyServer, rows: int) -> bool:
    """Whether the accounts of `rows` people are there, each once, as the file says."""
    wanted = {row["email"].lower(): bare(resource(row)) for row in people(rows)}
    return (
        len(faulty.users) == rows
        and {one["userName"]: bare(one) for one in faulty.users.values()} == wanted
    )


# What passes by


def test_a_429_is_tried_again_after_the_time_it_names(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    faulty.fail("POST", status=429, headers={"Retry-After": "17"})
    office.hire(people(1))

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 0)
    assert [str(one) for one in faulty.written()] == ["POST /Users", "POST /Users"]
    assert max(pauses) == pytest.approx(17, abs=1)


def test_a_target_that_names_no_time_to_wait_is_given_some(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    faulty.fail("POST", status=503, headers={"Retry-After": "0"}, times=3)
    office.hire(people(1))

    assert counts(office.push()) == {"create": 1}

    assert sum(pauses) > 0


def test_while_a_target_pauses_nobody_else_is_sent(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    faulty.fail("POST", status=429, headers={"Retry-After": "100"})
    office.configure(target="concurrency = 1")
    office.hire(people(20))

    assert counts(office.push()) == {"create": 20}

    assert len(faulty.written()) == 21
    assert len([seconds for seconds in pauses if seconds > 90]) >= 1


def test_a_pause_of_hours_is_not_waited_for(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    faulty.fail("POST", status=429, headers={"Retry-After": "86400"}, times=100)
    office.hire(people(1))

    outcome = office.push()

    assert outcome.exit_code in (1, 4)
    assert max(pauses) <= 300
    assert sum(pauses) < 3600


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", status=503),
        Fault("POST", status=503, headers={"Retry-After": "2"}, times=3),
        Fault("POST", status=429),
        Fault("POST", status=500),
        Fault("POST", status=502, body=HTML),
        Fault("POST", hang_up=True),
        Fault("GET", status=503),
        Fault("GET", hang_up=True),
    ],
    ids=lambda fault: f"{fault.method} {'reset' if fault.hang_up else fault.status} x{fault.times}",
)
def test_what_passes_by_fails_nobody(office: Office, faulty: FaultyServer, fault: Fault) -> None:
    faulty.faults.append(fault)
    office.hire(people(3))

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 3}, 0)
    assert fault.times == 0
    assert state_is(office, faulty, 3)
    assert office.push().targets["wiki"].requests == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_tries_come_to_an_end_and_the_person_stays_due(
    office: Office, faulty: FaultyServer, status: int, pauses: Pauses
) -> None:
    faulty.fail("PATCH", where=is_about("00002"), status=status, times=1000)
    office.hire(people(3))
    office.push()
    office.hire([person(1), person(2, dept="Sales"), person(3)])

    outcome = office.push()

    assert (counts(outcome), outcome.targets["wiki"].failed, outcome.exit_code) == ({}, 1, 4)
    assert len(faulty.written()) == 3 + 5
    assert sum(pauses) <= 180
    (entry,) = office.journal()
    assert (entry.status, entry.http_status) == ("failed", status)
    faulty.faults.clear()
    assert counts(office.push(later=SOON)) == {"update": 1}
    assert faulty.users["id-00002"][
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    ] == {"department": "Sales"}


def test_pauses_between_pushes_grow_while_somebody_keeps_failing(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.fail("POST", where=is_about("00001"), status=400, times=1000)
    office.hire(people(2))
    office.push()
    pauses = []
    for _ in range(4):
        due = office.links()["00001"].next_try_at
        assert due is not None
        pauses.append(due - office.now)
        assert office.push(later=pauses[-1] - timedelta(seconds=1)).targets["wiki"].requests == 0
        assert office.push(later=timedelta(seconds=1)).targets["wiki"].failed == 1

    assert pauses == [timedelta(minutes=minutes) for minutes in (5, 10, 20, 40)]


# A POST without an answer


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", hang_up=True, effect=True),
        Fault("POST", status=500, effect=True),
        Fault("POST", status=504, body=HTML, effect=True),
        Fault("POST", status=200, body=HTML, effect=True),
        Fault("POST", status=201, body=b"created", effect=True),
        Fault("POST", status=201, effect=True),
    ],
    ids=["reset", "500", "504", "HTML", "no JSON", "no body"],
)
def test_a_post_without_an_answer_is_looked_up_and_not_sent_twice(
    office: Office, faulty: FaultyServer, fault: Fault
) -> None:
    faulty.faults.append(fault)
    office.hire(people(1))

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 0)
    assert [str(one) for one in faulty.written()] == ["POST /Users"]
    assert state_is(office, faulty, 1)
    assert office.links()["00001"].remote_id == "id-00001"
    assert office.push().targets["wiki"].requests == 0


@pytest.mark.parametrize("effects", [(True, True), (False, True), (False, False)])
def test_a_post_that_stays_without_an_answer_is_settled_by_the_next_push(
    office: Office, faulty: FaultyServer, effects: tuple[bool, bool]
) -> None:
    for effect in effects:
        faulty.fail("POST", hang_up=True, effect=effect)
    faulty.fail("GET", where=lambda seen: len(faulty.written()) > 0, status=500, times=99)
    office.hire(people(1))

    assert office.push().exit_code in (1, 4)
    faulty.faults.clear()
    office.push(later=SOON)

    assert state_is(office, faulty, 1)
    assert office.push(later=SOON).targets["wiki"].requests == 0


def test_a_silent_target_is_given_up_and_the_account_is_found(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="timeout = 0.2")
    faulty.fail("POST", hold=True, effect=True)
    office.hire(people(1))

    assert counts(office.push()) == {"create": 1}

    assert [str(one) for one in faulty.written()] == ["POST /Users"]
    assert state_is(office, faulty, 1)


def test_a_patch_without_an_answer_is_sent_again(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    faulty.forget()
    faulty.fail("PATCH", hang_up=True, effect=True)
    office.hire([person(1, dept="Sales"), person(2)])

    assert counts(office.push()) == {"update": 1}

    assert [str(one) for one in faulty.written()] == ["PATCH /Users/id-00001"] * 2


# Refusals


def test_a_409_adopts_the_account_that_is_there(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='match = ["externalId"]')
    office.hire(people(2))
    stranger = faulty.add(userName="person2@example.com", title="Prophet")
    assert office.push().exit_code == 4  # by externalId nobody is found
    assert (stranger["title"], len(faulty.users)) == ("Prophet", 2)

    office.configure()
    assert counts(office.push(later=SOON)) == {"adopt": 1}

    assert faulty.users[stranger["id"]] == {
        "id": stranger["id"],
        "title": "Prophet",
        **faulty.users[stranger["id"]],
    }
    assert bare(faulty.users[stranger["id"]]) == bare(resource(person(2))) | {"title": "Prophet"}


def test_an_account_made_between_look_up_and_post_is_adopted(
    office: Office, faulty: FaultyServer
) -> None:
    def meanwhile(seen: Seen) -> bool:
        if not faulty.users:
            faulty.add(userName="person1@example.com", title="Prophet")
        return False

    faulty.fail("POST", where=meanwhile)
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1}

    (user,) = faulty.users.values()
    assert bare(user) == bare(resource(person(1))) | {"title": "Prophet"}
    assert office.push().targets["wiki"].requests == 0


@pytest.mark.parametrize("status", [400, 409, 413])
def test_a_refusal_fails_one_person_and_the_others_go_on(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    office.configure(target='match = ["externalId"]')
    faulty.fail(
        "POST",
        where=is_about("00002"),
        status=status,
        body={"detail": "we do not like Given2", "scimType": "invalidValue"},
    )
    office.hire(people(3))

    outcome = office.push()

    assert (counts(outcome), outcome.targets["wiki"].failed, outcome.exit_code) == (
        {"create": 2},
        1,
        4,
    )
    (failed,) = (entry for entry in office.journal() if entry.status == "failed")
    assert (failed.key, failed.http_status, failed.scim_type) == ("00002", status, "invalidValue")
    assert "we do not like Given2" in (failed.detail or "")
    assert counts(office.push(later=SOON)) == {"create": 1}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_the_target_at_once(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    faulty.fail("POST", status=status, times=1000)
    office.hire(people(200))

    ran = office.run("push")

    assert ran.code == 1
    assert str(status) in ran.err
    assert "token" in ran.err
    assert len(faulty.written()) <= 8
    faulty.faults.clear()
    office.push(later=SOON)
    assert len(faulty.users) == 200


def test_the_push_after_the_token_was_mended_does_all(office: Office, faulty: FaultyServer) -> None:
    faulty.fail("POST", status=401, times=1000)
    office.hire(people(40))
    office.push()
    faulty.faults.clear()

    assert counts(office.push()) == {"create": 40}


def test_a_token_refused_while_planning_stops_the_target_at_once(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.token = "another"
    office.hire(people(50))

    outcome = office.push()

    assert (outcome.exit_code, len(faulty.seen)) == (1, 1)
    faulty.token = office.token
    assert counts(office.push()) == {"create": 50}


# Accounts that are gone, or that changed


def test_an_account_that_is_gone_is_made_again_in_the_same_push(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(3))
    office.push()
    del faulty.users["id-00002"]
    office.hire([person(1), person(2, dept="Sales"), person(3)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 0)
    assert bare(faulty.named("person2@example.com")) == bare(resource(person(2, dept="Sales")))
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)


@pytest.mark.parametrize("leave", ["deactivate", "delete"])
def test_a_leaver_whose_account_is_gone_is_fine(
    office: Office, faulty: FaultyServer, leave: str
) -> None:
    office.configure(target=f'leave = {{ action = "{leave}" }}', guard='min_records = "0%"')
    office.hire(people(3))
    office.push()
    del faulty.users["id-00003"]
    office.hire(people(2))

    outcome = office.push()

    assert (outcome.targets["wiki"].failed, outcome.exit_code) == (0, 0)
    assert office.links()["00003"].status == "deleted"
    assert (office.plan(), office.push(later=timedelta(days=90)).targets["wiki"].requests) == (
        [],
        0,
    )


def test_a_412_is_read_and_compared_again(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    faulty.forget()
    faulty.fail("PATCH", status=412)
    faulty.users["id-00001"]["displayName"] = "Somebody else's idea"
    office.hire([person(1, dept="Sales"), person(2)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"update": 1}, 0)
    assert [str(one) for one in faulty.seen] == [
        "PATCH /Users/id-00001",
        "GET /Users/id-00001",
        "PATCH /Users/id-00001",
        "GET /Users/id-00001",  # the first update of a target is read back
    ]
    assert bare(faulty.users["id-00001"]) == bare(resource(person(1, dept="Sales")))


# Targets that cannot be reached, or that are something else


def test_a_target_that_is_not_there_is_told_so(office: Office, faulty: FaultyServer) -> None:
    office.configure(url="http://127.0.0.1:9/scim")
    office.hire(people(3))

    ran = office.run("push")

    assert ran.code == 1
    for piece in ("wiki", "cannot connect to 127.0.0.1", "Connection refused"):
        assert piece in ran.err
    assert "Traceback" not in ran.err
    office.configure()
    assert counts(office.push()) == {"create": 3}


def test_a_target_that_is_down_holds_up_no_other(office: Office, faulty: FaultyServer) -> None:
    with running_faulty_server() as chat:
        office.configure(
            url="http://127.0.0.1:9/scim",
            more=f"""
[targets.chat]
url = "{chat.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.chat.user]
userName = "email | lower"
""",
        )
        office.hire(people(5))

        outcome = office.push()

        assert (outcome.exit_code, counts(outcome, "wiki"), counts(outcome, "chat")) == (
            1,
            {},
            {"create": 5},
        )
        assert isinstance(outcome.targets["wiki"].error, TargetUnavailable)
        assert outcome.targets["chat"].error is None
        assert len(chat.users) == 5
        ran = office.run("push", "--json")
        assert ran.document["targets"]["wiki"]["error"].startswith("wiki: ")
        assert ran.document["targets"]["chat"]["requests"] == 0


def test_a_web_page_in_place_of_scim_fails_with_its_first_bytes(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard='max_updates = "100%"')
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", where=is_about("00001"), status=200, body=HTML)
    office.hire([person(1, dept="Sales"), person(2, dept="Sales")])

    outcome = office.push()

    assert (counts(outcome), outcome.targets["wiki"].failed, outcome.exit_code) == (
        {"update": 1},
        1,
        4,
    )
    (failed,) = (entry for entry in office.journal() if entry.status == "failed")
    assert "<!DOCTYPE html><html><body><h1>Please sign in" in (failed.detail or "")
    assert counts(office.push(later=SOON)) == {"update": 1}
    assert (
        len(
            {
                user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"]
                for user in faulty.users.values()
            }
        )
        == 1
    )


def test_a_web_page_for_a_look_up_sends_nothing(office: Office, faulty: FaultyServer) -> None:
    faulty.fail("GET", status=200, body=HTML, times=10)
    office.hire(people(2))

    ran = office.run("push")

    assert ran.code == 1
    assert "Please sign in" in ran.err
    assert faulty.written() == []


def test_a_filter_that_is_refused_is_replaced_by_the_next_or_by_the_list(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.fail("GET", where=lambda seen: "filter" in seen.query, status=400, times=10)
    faulty.add(externalId="00001", userName="person1@example.com", active=True)
    office.hire(people(2))

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1, "adopt": 1}, 0)


def test_where_neither_filters_nor_the_list_work_nobody_is_created(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(2))
    office.push()
    faulty.fail("GET", status=400, times=99)
    office.hire([*people(1), person(3)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"deactivate": 1}, 4)


def test_requests_keep_to_the_rate(office: Office, faulty: FaultyServer, pauses: Pauses) -> None:
    microseconds = count()
    office.time = TimeSource(pauses.sleep, lambda: sum(pauses) + next(microseconds) / 1e6)
    office.configure(target="rate = 10\nconcurrency = 1")
    office.hire(people(20))

    assert counts(office.push()) == {"create": 20}

    assert sum(pauses) == pytest.approx((len(faulty.asked) + len(faulty.seen) - 1) * 0.1, abs=0.01)


def test_every_request_says_who_asks_and_what_it_takes(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(2))
    office.push()

    for seen in faulty.seen:
        assert seen.headers["user-agent"].startswith("scimsync/")
        assert seen.headers["accept"] == "application/scim+json, application/json"
        assert seen.headers.get("content-type") in (None, "application/scim+json")
