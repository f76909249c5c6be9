"""A target that was set up again and gave known ids to other accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer, Reply, Seen

DAY = timedelta(days=1)


@pytest.fixture
def shows(faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> FaultyServer:
    """The server answers a change with the account."""
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        reply = honest(seen)
        if seen.method == "PATCH" and reply.status == 204:
            return Reply(200, faulty.users[seen.path.rpartition("/")[2]])
        return reply

    monkeypatch.setattr(faulty, "answer", answer)
    return faulty


def set_up_again(server: FaultyServer) -> None:
    """Give the ids of all accounts to the account before each."""
    ids, users = list(server.users), list(server.users.values())
    server.users = {
        ident: {**user, "id": ident} for ident, user in zip(ids, users[1:] + users[:1], strict=True)
    }


@pytest.mark.parametrize("unique_names", [True, False])
def test_the_first_answer_stops_the_push_and_the_next_one_finds_all_accounts(
    office: Office, shows: FaultyServer, unique_names: bool
) -> None:
    shows.quirks.unique_names = unique_names
    office.configure(target="concurrency = 1\n", guard='min_records = "0%"\nmax_updates = "100%"')
    office.hire(people(6))
    assert office.push().exit_code == 0
    set_up_again(shows)
    shows.forget()
    office.hire([person(number, dept="Law") for number in range(1, 7)])

    ran = office.run("push")

    assert ran.code == 1, ran.err
    assert "this id belongs to userName 'person2@example.com' now" in ran.err
    assert len(shows.written()) == 1
    assert "[SYNC-0390]" in ran.err
    office.hire(people(5))
    assert_settled(office, shows)


def test_a_refresh_that_finds_ids_of_others_sends_nothing(
    office: Office, shows: FaultyServer
) -> None:
    shows.quirks.unique_names = False
    office.configure(guard='min_records = "0%"\nmax_updates = "100%"')
    office.hire(people(6))
    office.push()
    set_up_again(shows)
    shows.forget()
    office.hire([person(number, dept="Law") for number in range(1, 6)])

    ran = office.run("push", "--refresh")

    assert ran.code == 1, ran.err
    assert "belongs to userName 'person" in ran.err
    assert "now [SYNC-0390]" in ran.err
    assert shows.written() == []
    assert_settled(office, shows)


PUT_ONLY = 'concurrency = 1\ndialect = "okta-put"\n'


def give_id_to_the_boss(server: FaultyServer, ident: str) -> dict[str, Any]:
    """Somebody else gets the account with an id."""
    boss = {
        **server.users[ident],
        "externalId": "boss",
        "userName": "boss@example.com",
        "displayName": "The Boss",
        "name": {"givenName": "The", "familyName": "Boss"},
    }
    server.users[ident] = boss
    return dict(boss)


@pytest.mark.parametrize("leaves", [True, False])
def test_nothing_is_written_back_to_an_account_that_a_read_shows_to_be_of_another(
    office: Office, faulty: FaultyServer, leaves: bool
) -> None:
    office.configure(target=PUT_ONLY)
    office.hire(people(5))
    assert office.push().exit_code == 0
    boss = give_id_to_the_boss(faulty, "id-00005")
    faulty.forget()
    office.hire(people(4) if leaves else [*people(4), person(5, dept="Law")])

    ran = office.run("push")

    assert ran.code == 1, ran.err
    assert "this id belongs to userName 'boss@example.com' now; nothing was sent to it" in ran.err
    assert faulty.written() == []
    assert faulty.users["id-00005"] == boss


@pytest.mark.parametrize("shape", ["", 'dialect = "okta-put"\n'])
def test_a_leaver_whose_id_was_given_to_another_locks_nobody_out(
    office: Office, faulty: FaultyServer, shape: str
) -> None:
    """No response shows an account, and shapes of deactivations are known to work."""
    office.configure(target=shape, guard='min_records = "0%"')
    office.hire(people(7))
    assert office.push().exit_code == 0
    office.hire(people(6))
    assert office.push().exit_code == 0
    boss = give_id_to_the_boss(faulty, "id-00005")
    faulty.forget()
    office.hire([one for one in people(6) if one["id"] != "00005"])

    ran = office.run("push")

    assert ran.code == 1, ran.err
    assert "this id belongs to userName 'boss@example.com' now; nothing was sent to it" in ran.err
    assert faulty.written() == []
    assert faulty.users["id-00005"] == boss


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 403}, {"hang_up": True}])
def test_a_leaver_whose_account_cannot_be_read_is_deactivated(
    office: Office, faulty: FaultyServer, answer: dict[str, object]
) -> None:
    office.configure(guard='min_records = "0%"\nmax_removals = "100%"')
    office.hire(people(9))
    assert office.push().exit_code == 0
    faulty.fail("GET", times=99, where=lambda seen: seen.path.startswith("/Users/"), **answer)
    office.hire(people(1))

    assert office.push().exit_code == 0

    assert sum(user["active"] for user in faulty.users.values()) == 1


def test_nothing_is_sent_in_another_shape_to_an_account_of_another(
    office: Office, faulty: FaultyServer
) -> None:
    """The target refuses PATCH for the first time, and the account is read for a PUT."""
    office.hire(people(5))
    assert office.push().exit_code == 0
    boss = give_id_to_the_boss(faulty, "id-00005")
    faulty.fail("PATCH", status=501, times=99)
    faulty.forget()
    office.hire([*people(4), person(5, dept="Law")])

    ran = office.run("push")

    assert ran.code == 1, ran.err
    assert "now; nothing was sent to it [SYNC-0390]" in ran.err
    assert [seen.method for seen in faulty.written()] == ["PATCH"]
    assert faulty.users["id-00005"] == boss


def test_a_plan_shows_nothing_of_an_account_of_another(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=PUT_ONLY)
    office.hire(people(5))
    assert office.push().exit_code == 0
    give_id_to_the_boss(faulty, "id-00005")
    office.hire([*people(4), person(5, dept="Law")])

    ran = office.run("plan", "--json")

    assert "The Boss" not in ran.out
    assert "this id belongs to userName 'boss@example.com' now" in ran.out + ran.err


def test_nothing_is_sent_to_accounts_of_others_at_a_new_url(
    office: Office, faulty: FaultyServer
) -> None:
    """Only the first account is the one that is known. No response shows an account."""
    office.hire(people(5))
    assert office.push().exit_code == 0
    for ident in list(faulty.users)[1:]:
        give_id_to_the_boss(faulty, ident)
    faulty.forget()
    office.configure(url=office.url.replace("127.0.0.1", "localhost"))
    office.hire([*people(3), person(4, dept="Law")])

    ran = office.run("push", "--allow-new-url")

    assert ran.code == 1, ran.err
    assert "now; nothing was sent to it [SYNC-0390]" in ran.err
    assert faulty.written() == []


def assert_settled(office: Office, server: FaultyServer) -> None:
    """Push, and assert that everybody has one account, and that the sixth one left."""
    assert office.push(later=DAY).exit_code == 0
    assert len(server.users) == 6
    held = {one["externalId"]: one for one in server.users.values()}
    assert {key: one["active"] for key, one in held.items()} == {
        f"{number:05}": number < 6 for number in range(1, 7)
    }
    assert {link.remote_id: key for key, link in office.links().items()} == {
        one["id"]: key for key, one in held.items()
    }
    assert office.push().targets["wiki"].requests == 0
