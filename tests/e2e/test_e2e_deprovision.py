"""`deprovision` asks each target, whatever the state says, and says what it found."""

from __future__ import annotations

import io
import sys
from contextlib import closing
from datetime import timedelta

import pytest

from tests.office import USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer, running_faulty_server

DAY = timedelta(days=1)
SCOPE = "scope = \"dept != 'left'\""


def access(office: Office, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code of `deprovision --json`, and user -> target -> status."""
    ran = office.run("deprovision", "--json", *arguments)
    users = ran.document["users"]
    return ran.code, {
        key: {name: one["status"] for name, one in some.items()} for key, some in users.items()
    }


@pytest.mark.both_databases
def test_an_account_that_was_switched_on_again_is_deactivated(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(6))
    office.push()
    office.hire(people(5))
    office.push()
    assert office.links()["00006"].status == "inactive"
    faulty.users["id-00006"]["active"] = True

    ran = office.run("deprovision", "00006")

    assert ran.code == 0
    assert ran.out.startswith("wiki: 1 deactivate (3 requests")
    assert ran.out.endswith("00006 at wiki: deactivated (account id-00006)\n")
    assert not faulty.users["id-00006"]["active"]

    again = office.run("deprovision", "00006")
    assert again.code == 0
    assert again.out.endswith("00006 at wiki: was inactive already (account id-00006)\n")
    assert office.push(later=DAY).targets["wiki"].requests == 0


@pytest.mark.both_databases
def test_an_account_without_a_link_is_found_and_deactivated(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    office.hire([*people(3), person(4, dept="left")])
    office.push()
    faulty.add(userName="person4@example.com", active=True)

    ran = office.run("deprovision", "00004")

    assert ran.code == 0
    assert ran.out.endswith("00004 at wiki: deactivated (account id-1)\n")
    assert not faulty.named("person4@example.com")["active"]
    assert office.push(later=DAY).exit_code == 0


def test_that_there_is_no_account_is_said_only_if_the_target_shows_it(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    office.hire([*people(3), person(4, dept="left")])
    office.push()
    one_of_many = {"totalResults": 9, "Resources": [faulty.users["id-00001"]]}
    faulty.fail("GET", status=200, body=one_of_many, times=99)

    ran = office.run("deprovision", "00004")

    assert ran.code == 4
    assert "00004 at wiki: may still have access, and is tried again: the account cannot" in ran.out
    assert "wiki: 1 leaver may still have access: 00004 [SYNC-0372]" in ran.err
    assert office.run("push").code == 4

    faulty.faults.clear()
    assert office.push(later=DAY).exit_code == 0
    assert access(office, "00004") == (0, {"00004": {"wiki": "no_account"}})
    assert "00004" not in office.links()


def test_several_keys_at_several_targets(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_faulty_server() as chat:
        monkeypatch.setenv("CHAT_TOKEN", chat.token)
        office.configure(
            more=f'[targets.chat]\nurl = "{chat.url}"\nsource = "hr"\n'
            'auth = { type = "bearer", token = "env:CHAT_TOKEN" }\n'
            f"{SCOPE}\n[targets.chat.user]\n{USER}"
        )
        office.hire([person(1), person(2, dept="left"), person(3)])
        office.push()
        chat.fail("PATCH", status=403, times=99)

        assert access(office, "00001", "00002") == (
            4,
            {
                "00001": {"wiki": "deactivated", "chat": "unsettled"},
                "00002": {"wiki": "deactivated", "chat": "no_account"},
            },
        )
        assert not faulty.users["id-00001"]["active"]
        assert access(office, "00003", "-t", "wiki") == (
            0,
            {"00003": {"wiki": "deactivated", "chat": "not_asked"}},
        )
        chat.faults.clear()
        assert office.push(later=DAY).exit_code == 0
        assert [user["active"] for user in chat.users.values()] == [False, False]


def test_an_unknown_key_among_several_changes_nothing(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    faulty.forget()

    ran = office.run("deprovision", "00001", "nobody")

    assert ran.code == 2
    assert 'unknown key "nobody": no source record and no linked account [SYNC-0350]' in ran.err
    assert office.run("status", "--json").document["held"] == {}
    assert faulty.seen == []


def test_a_link_in_doubt_is_read_first(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(6))
    office.push()
    faulty.fail(
        where=lambda seen: seen.path.startswith("/Users/id"), status=500, times=99, effect=True
    )
    office.hire(people(5))
    assert office.push().exit_code == 4
    assert office.links()["00006"].in_doubt
    faulty.faults.clear()

    assert access(office, "00006") == (0, {"00006": {"wiki": "inactive"}})


def test_an_account_that_is_gone_is_looked_up_again(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(3))
    office.push()
    assert access(office, "00003") == (0, {"00003": {"wiki": "deleted"}})
    faulty.add(userName="person3@example.com", externalId="00003", active=True)

    assert access(office, "00003") == (0, {"00003": {"wiki": "deleted"}})
    assert len(faulty.users) == 2
    assert access(office, "00003") == (0, {"00003": {"wiki": "no_account"}})


def test_a_record_without_a_value_to_search_for_is_not_settled(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace('externalId = "id"\n', ""), target=SCOPE)
    office.hire([person(1), person(2, dept="left", email="")])
    office.push()

    ran = office.run("deprovision", "00002")

    assert ran.code == 4
    assert "its record has no value to match by [SYNC-0374]" in ran.out
    assert office.run("push").code == 4
    assert office.run("deprovision", "00002", "--lift").code == 0
    assert office.run("push").code == 0


@pytest.mark.parametrize(
    ("answer", "options", "code"), [("y\n", [], 0), ("n\n", [], 1), ("", ["--yes"], 0)]
)
def test_a_terminal_is_asked(
    office: Office,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    options: list[str],
    code: int,
) -> None:
    office.hire(people(2))
    office.push()
    with closing(io.StringIO(answer)) as terminal:
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        ran = office.run("deprovision", "00002", *options)

    assert ran.code == code
    assert faulty.users["id-00002"]["active"] is (code == 1)
    assert ("Remove the access of 00002 at wiki now? [y/N]" in ran.err) is (not options)
    if code == 1:
        assert ran.err.endswith("cancelled: nothing was changed\n")


@pytest.mark.parametrize("deprovisioned", [False, True])
def test_an_unknown_target_changes_nothing(
    office: Office, faulty: FaultyServer, deprovisioned: bool
) -> None:
    office.hire(people(2))
    office.push()
    if deprovisioned:
        office.run("deprovision", "00002")

    ran = office.run("deprovision", "00002", "-t", "wikki", *["--lift"][: int(deprovisioned)])

    assert (ran.code, ran.out) == (2, "")
    assert "no target 'wikki'" in ran.err
    assert "deprovisioned" not in ran.err
    assert counts(office.push(later=DAY)) == {}
    assert faulty.users["id-00002"]["active"] is not deprovisioned


def test_the_question_names_each_target_where_access_is_removed(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_faulty_server() as chat:
        monkeypatch.setenv("CHAT_TOKEN", chat.token)
        office.configure(
            more=f'[targets.chat]\nurl = "{chat.url}"\nsource = "hr"\n'
            'auth = { type = "bearer", token = "env:CHAT_TOKEN" }\n'
            f"[targets.chat.user]\n{USER}"
        )
        office.hire(people(2))
        office.push()
        with closing(io.StringIO("y\n")) as terminal:
            monkeypatch.setattr(terminal, "isatty", lambda: True)
            monkeypatch.setattr(sys, "stdin", terminal)
            ran = office.run("deprovision", "00002", "-t", "wiki")

        assert (
            "Remove the access of 00002 at wiki now, and at chat with the next push? [y/N]"
        ) in ran.err
        assert not faulty.users["id-00002"]["active"]
        office.push(later=DAY)
        assert not chat.named("person2@example.com")["active"]


def test_who_is_deprovisioned_stays_so(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    office.run("deprovision", "00002")

    assert counts(office.push(later=DAY)) == {}
    assert office.run("deprovision", "00002", "--lift").code == 0
    assert faulty.users["id-00002"]["active"]


def test_a_deprovisioning_survives_a_run_that_writes_the_link(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(2))
    office.push()
    office.sql("INSERT INTO hold VALUES ('00002', '2026-03-02 08:00:00')")  # the link is not due

    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    assert office.push(later=DAY).targets["wiki"].requests == 0
