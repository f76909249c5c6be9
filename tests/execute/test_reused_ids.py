"""A target that was set up again and gave known ids to other accounts."""

from __future__ import annotations

from datetime import timedelta

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
    office.hire([person(number, dept="Law") for number in range(1, 6)])

    ran = office.run("push")

    assert ran.code == 1, ran.err
    assert "this id belongs to userName 'person1@example.com' now [SYNC-0390]" in ran.err
    assert len(shows.written()) == 1
    shows.named("person1@example.com")["active"] = True  # the message says which account it was

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
