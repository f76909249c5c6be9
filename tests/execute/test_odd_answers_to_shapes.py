"""Answers that must not teach a wrong shape of requests, nor pass for a change that was made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from tests.interop.site import USER
from tests.office import Json, Office, Pauses, people, person
from tests.servers.faulty import Reply, Seen, error_reply
from tests.servers.partial import PartialServer

Honest = Callable[[Seen], Reply]
Odd = Callable[[Seen, Honest], Reply]


class OddServer(PartialServer):
    """Answers requests for single users as `odd` says."""

    odd: Odd | None = None

    def answer(self, seen: Seen) -> Reply:
        if self.odd is None or not seen.path.startswith("/Users/"):
            return super().answer(seen)
        return self.odd(seen, super().answer)


@pytest.fixture
def server() -> Iterator[OddServer]:
    server = OddServer("sesame-open", set())
    with server.running():
        yield server


@pytest.fixture
def hired(tmp_path: Path, server: OddServer) -> Office:
    """Three users who have accounts."""
    office = Office(tmp_path, server.url, server.token, time=Pauses().source)
    office.configure(user=USER, guard='max_updates = "100%"\nmin_records = "0%"')
    office.hire(people(3))
    office.push()
    server.forget()
    return office


def shapes_of(office: Office) -> Json:
    known: Json = json.loads(office.run("status", "--json").out)["targets"]["wiki"]["shapes"]
    return known


def test_the_first_deactivation_is_read_back_in_a_shape_that_works_for_names(
    hired: Office, server: OddServer
) -> None:
    def ignores_active(seen: Seen, honest: Honest) -> Reply:
        if seen.method == "PATCH" and seen.body is not None:
            kept = [one for one in seen.body["Operations"] if one.get("path") != "active"]
            honest(Seen(seen.method, seen.path, {}, seen.headers, {"Operations": kept}))
            return Reply(204)
        return honest(seen)

    server.odd = ignores_active
    hired.hire([person(1, family="Married"), *people(3)[1:]])
    hired.push()

    hired.hire([person(1, family="Married"), *people(3)[1:2]])
    assert hired.push().exit_code == 0

    assert server.named("person3@example.com")["active"] is False


def test_a_change_after_which_the_old_value_is_shown_has_failed(
    hired: Office, server: OddServer
) -> None:
    def keeps_names(seen: Seen, honest: Honest) -> Reply:
        old = deepcopy(server.users)
        reply = honest(seen)
        for user_id, user in server.users.items():
            user["name"] = old[user_id]["name"]
        return reply

    server.odd = keeps_names
    hired.hire([person(1, family="Married"), *people(3)[1:]])

    outcome = hired.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 1)
    assert "Family1" in json.dumps(hired.links()["00001"].document)
    assert shapes_of(hired) == {}


def test_a_put_that_need_not_be_sent_teaches_nothing(hired: Office, server: OddServer) -> None:
    failed: list[Seen] = []

    def fails_after_all(seen: Seen, honest: Honest) -> Reply:
        if seen.method == "GET":
            return honest(seen)
        if "path" not in (seen.body or {})["Operations"][0] and not failed:
            failed.append(seen)
            honest(seen)
            return error_reply(500, "out of order")
        return error_reply(400, "not so", "invalidPath")

    server.odd = fails_after_all
    hired.hire(people(2))

    assert hired.push().exit_code == 0

    assert server.named("person3@example.com")["active"] is False
    assert "user setting write" not in shapes_of(hired)


def test_what_shows_no_user_is_not_written_back(hired: Office, server: OddServer) -> None:
    def shows_nothing(seen: Seen, honest: Honest) -> Reply:
        if seen.method == "GET":
            return Reply(200, {"status": "ok"})
        return error_reply(501, "no PATCH") if seen.method == "PATCH" else honest(seen)

    server.odd = shows_nothing
    hired.hire(people(2))

    assert hired.push().exit_code == 4

    assert "PUT" not in {seen.method for seen in server.seen}


def test_a_read_that_lags_behind_moves_no_choice(hired: Office, server: OddServer) -> None:
    shown: list[Json] = []

    def lags_behind(seen: Seen, honest: Honest) -> Reply:
        user_id = seen.path.rpartition("/")[2]
        if seen.method == "PATCH" and "path" not in (seen.body or {})["Operations"][0]:
            return Reply(204)  # ignored
        if seen.method == "PATCH":
            shown.append(deepcopy(server.users[user_id]))
            honest(seen)
            return Reply(204)
        return Reply(200, shown.pop()) if shown else honest(seen)

    server.odd = lags_behind
    hired.hire([person(1, family="Married"), *people(3)[1:]])

    assert hired.push().exit_code == 0

    assert shapes_of(hired)["user setting path"]["choice"] == "path"


def test_a_target_that_takes_put_no_longer_gets_patch(hired: Office, server: OddServer) -> None:
    def refuses_put(seen: Seen, honest: Honest) -> Reply:
        return error_reply(405, "no PUT") if seen.method == "PUT" else honest(seen)

    lesson = {"choice": "put", "why": "501", "learned_on": "2026-03-01"}
    hired.sql("UPDATE target SET shapes = ?", json.dumps({"user setting write": lesson}))
    server.odd = refuses_put
    hired.hire(people(2))

    assert hired.push().exit_code == 0

    assert server.named("person3@example.com")["active"] is False
    learned = shapes_of(hired)["user setting write"]
    assert (learned["choice"], learned["why"]) == ("patch", "active: PUT /Users: 405")


def test_what_taught_single_operations_names_nobody(hired: Office, server: OddServer) -> None:
    def takes_one_operation(seen: Seen, honest: Honest) -> Reply:
        if seen.method == "PATCH" and len((seen.body or {})["Operations"]) > 1:
            return error_reply(400, "one at a time", "invalidSyntax")
        return honest(seen)

    server.odd = takes_one_operation
    hired.hire([person(1, family="Married", email="married@example.com"), *people(3)[1:]])
    assert hired.push().exit_code == 0

    learned = shapes_of(hired)["user setting operations"]
    assert (learned["choice"], learned["why"]) == (
        "single",
        "several operations: PATCH /Users: 400 invalidSyntax",
    )
