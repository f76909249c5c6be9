"""Applied operations reach a file and a receiver as Security Event Tokens, each one once."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.docs.documentation import ROOT
from tests.office import Office, people, person, resource
from tests.security_events import (
    AUDIENCE,
    ISSUER,
    PUBLIC_JWK,
    audit_table,
    in_file,
    received,
    short,
)
from tests.servers.faulty import FaultyServer
from tests.servers.hooks import Hooks, running_hooks

HOUR = timedelta(hours=1)
GUARD = 'max_removals = 100\nmin_records = "0%"'
FILE = 'file = "events.ndjson"'
GROUP = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with running_hooks() as receiver:
        receiver.status = 202
        yield receiver


def configure(office: Office, *lines: str, target: str = "", more: str = "") -> None:
    table = audit_table(office.folder, *lines)
    office.configure(target=target, more=f"{more}\n{table}", guard=GUARD)


def push(office: Office, code: int = 0) -> str:
    office.now += HOUR
    ran = office.run("push")
    assert ran.code == code, ran.err
    return ran.err


def events_file(office: Office) -> Path:
    return office.folder.resolve() / "events.ndjson"


def events(office: Office) -> list[tuple[str, dict[str, object]]]:
    return short(in_file(events_file(office)))


def applied(office: Office) -> int:
    (row,) = office.sql("SELECT count(*) FROM operation WHERE status = 'applied'")
    return int(row[0])


def waiting(office: Office) -> dict[str, int]:
    document = office.run("status", "--json").document
    return {one["destination"]: one["waiting"] for one in document["events"]}


def test_each_operation_at_a_real_server_is_one_event(real_office: Office, hooks: Hooks) -> None:
    office = real_office
    configure(office, f'url = "{hooks.url}/events?tenant=7"', FILE, more=GROUP)
    office.hire(people(2))
    hooks.status = 500
    assert "audit.events.url: delivery failed: response status 500 instead of 202" in push(office)
    assert hooks.got == []
    assert waiting(office) == {"url": 4}
    hooks.status = 202
    push(office)  # nothing changed, and the receiver is tried again
    office.hire([person(1, family="Other"), person(2)])
    push(office)
    office.hire([person(1, family="Other")])
    push(office)
    office.hire([person(1, family="Other"), person(2)])
    push(office)

    tokens = in_file(events_file(office))
    found = short(tokens)
    names = [name for _, one in found for name in one]
    assert {name: names.count(name) for name in names} == {
        "create:notice": 3,  # two users, and their group
        "patch:notice": 2,
        "deactivate": 1,
        "activate": 1,
    }
    assert ("00002", {"deactivate": {}}) in found
    assert ("00002", {"activate": {}}) in found
    notices = [
        (key, payload["attributes"])
        for key, one in found
        for name, payload in one.items()
        if name == "patch:notice"
    ]
    assert ("00001", ["name.familyName", "displayName"]) in notices
    assert ["members"] in [attributes for _, attributes in notices]

    numbers = [one["jti"] for one in tokens]
    assert len(set(numbers)) == len(numbers) == applied(office)
    assert sorted(one["jti"] for one in received(hooks)) == sorted(numbers)
    assert {got.path for got in hooks.got} == {"/events?tenant=7"}
    assert waiting(office) == {}

    account = office.accounts()["person1@example.com"]
    first = next(one for one in tokens if one["sub_id"].get("externalId") == "00001")
    assert first["sub_id"] == {
        "format": "scim",
        "uri": f"/Users/{account['id']}",
        "externalId": "00001",
    }
    assert (first["iss"], first["aud"], first["scimsync_target"]) == (ISSUER, AUDIENCE, "wiki")
    assert "Family" not in json.dumps(tokens)
    assert "person1@" not in json.dumps(tokens)


def test_a_push_with_nothing_changed_makes_no_event(office: Office, hooks: Hooks) -> None:
    configure(office, f'url = "{hooks.url}"', FILE)
    office.hire(people(3))
    push(office)
    before = events_file(office).read_bytes()
    push(office)

    assert events_file(office).read_bytes() == before
    assert len(hooks.got) == 3
    assert stat.S_IMODE(events_file(office).stat().st_mode) == 0o600


def test_operations_before_the_export_was_configured_are_no_events(office: Office) -> None:
    office.hire(people(3))
    push(office)
    configure(office, FILE)
    office.hire(people(4))
    push(office)

    assert [key for key, _ in events(office)] == ["00004"]


def test_a_deletion_names_the_user_who_is_gone(office: Office) -> None:
    configure(office, FILE, target='leave = { action = "delete" }')
    office.hire(people(3))
    push(office)
    office.hire(people(2))
    push(office)

    assert events(office)[-1] == ("00003", {"delete": {}})


def test_an_adoption_is_an_event_if_it_changes_the_account(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(**resource(person(1)))
    faulty.add(**resource(person(2, family="Another")))
    configure(office, FILE)
    office.hire(people(2))
    push(office)

    assert [(key, list(one)) for key, one in events(office)] == [("00002", ["patch:notice"])]


def test_changes_by_put_are_put_notices(office: Office) -> None:
    configure(office, FILE, target='dialect = "okta-put"')
    office.hire(people(2))
    push(office)
    office.hire([person(1, family="Other"), person(2)])
    push(office)

    assert [name for _, one in events(office)[2:] for name in one] == ["put:notice"]


def test_a_push_that_is_killed_before_the_export_loses_no_event(
    office: Office, hooks: Hooks
) -> None:
    configure(office, f'url = "{hooks.url}"', FILE)
    office.hire(people(5))
    office.push()  # the operations are applied, and nothing of the command follows
    assert (hooks.got, events_file(office).exists()) == ([], False)
    push(office)

    assert len(in_file(events_file(office))) == len(received(hooks)) == 5
    assert waiting(office) == {}


@pytest.mark.parametrize("effect", [True, False], ids=["after its effect", "before its effect"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_push_that_is_killed_in_a_request_loses_no_event(
    office: Office, faulty: FaultyServer, method: str, effect: bool
) -> None:
    configure(office, FILE, target='leave = { action = "delete" }')
    office.now = datetime.now(UTC)
    office.hire(people(10))
    if method != "POST":
        push(office)
        changed = [person(1, family="Other"), *people(10)[1:]]
        office.hire(changed if method == "PATCH" else people(9))
    faulty.fail(method, hold=True, effect=effect)
    program = office.start("push")
    try:
        assert faulty.holding.wait(60), "no request came"
        program.kill()
    finally:
        program.communicate()
    office.now = datetime.now(UTC)
    faulty.wait_until_disconnected()
    faulty.holding.clear()
    faulty.faults.clear()
    push(office)
    push(office)

    found = events(office)
    created = sorted(key for key, one in found if "create:notice" in one)
    assert created == sorted(row["id"] for row in people(10))
    last = [(key, list(one)) for key, one in found if "create:notice" not in one]
    assert (
        last
        == {
            "POST": [],
            "PATCH": [("00001", ["patch:notice"])],
            "DELETE": [("00010", ["delete"])],
        }[method]
    )


@pytest.mark.parametrize("cut", ["after the tokens", "within a token"])
def test_a_push_that_is_killed_after_it_has_written_repeats_no_token(
    office: Office, cut: str
) -> None:
    configure(office, FILE)
    office.hire(people(5))
    push(office)
    whole = events_file(office).read_bytes()
    rows = office.sql("SELECT id FROM operation")
    for (number,) in rows:  # as if the process had ended before it noted that they are written
        office.sql(
            "INSERT INTO pending_event (destination, operation_id, noted_at, remote_id,"
            " external_id, refusals) VALUES ('file', ?, ?, 'x', 'x', 0)",
            number,
            office.now.replace(tzinfo=None),
        )
    if cut == "within a token":
        events_file(office).write_bytes(whole[:-40])
    push(office)

    numbers = [one["jti"] for one in in_file(events_file(office))]
    assert len(numbers) == len(set(numbers)) == 5


def test_the_events_of_a_user_arrive_in_order(office: Office, hooks: Hooks) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status = 500
    office.hire(people(2))
    push(office)
    for family in ("Second", "Third", "Fourth"):
        office.hire([person(1, family=family), person(2)])
        push(office)
    hooks.status = 202
    push(office)

    numbers = [one["txn"].split(".")[1] for one in received(hooks) if "00001" in str(one["sub_id"])]
    assert len(numbers) == 4
    assert numbers == sorted(numbers, key=int)


def test_a_token_that_arrives_twice_is_the_same(office: Office, hooks: Hooks) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status = "cut"  # it has the token, and its answer does not arrive
    office.hire(people(1))
    push(office)
    hooks.status = 202
    push(office)

    assert [one.body for one in hooks.got] == [one.body for one in hooks.refused]


def test_a_receiver_that_is_down_neither_fails_nor_delays_a_push(
    office: Office, hooks: Hooks
) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status = "cut"
    office.hire(people(3))
    assert "[SYNC-0825]" in push(office)
    office.hire(people(4))
    tries = len(hooks.refused)
    office.now -= HOUR
    assert "SYNC-0825" not in push(office), "it is left alone for a minute"

    assert len(hooks.refused) == tries
    shown = office.run("status").out
    assert "url  4 events waiting since 2026-03-02" in shown
    assert "1 failure, next attempt in 1 min" in shown


@pytest.mark.parametrize("asked", ["9" * 300, "99999999999999.5"])
def test_a_receiver_that_asks_for_an_endless_pause_does_not_fail_a_push(
    office: Office, hooks: Hooks, asked: str
) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status, hooks.headers = 503, {"Retry-After": asked}
    office.hire(people(1))
    assert "[SYNC-0825]" in push(office)
    assert "1 failure, next attempt in 1 h" in office.run("status").out
    hooks.status, hooks.headers = 202, {}
    push(office)

    assert len(received(hooks)) == 1


def test_a_token_that_the_receiver_refuses_does_not_block_the_others(
    office: Office, hooks: Hooks
) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.body[400] = b'{"err": "invalid_request", "description": "Person1@example.com"}'
    hooks.answers = [400]
    office.hire(people(3))
    said = push(office)

    assert "was refused: response status 400 instead of 202 (invalid_request) [SYNC-0826]" in said
    assert "Person1@" not in said
    assert (len(hooks.got), waiting(office)) == (2, {"url": 1})
    push(office)
    assert sorted(key for key, _ in short(received(hooks))) == ["00001", "00002", "00003"]


def test_a_receiver_that_does_not_know_the_key_gets_nothing_until_later(
    office: Office, hooks: Hooks
) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.body[400] = b'{"err": "invalid_key"}'
    hooks.status = 400
    office.hire(people(20))
    assert "delivery failed: response status 400 instead of 202 (invalid_key)" in push(office)

    assert len(hooks.refused) < 20
    hooks.status = 202
    push(office)
    assert len(received(hooks)) == 20


def test_the_receiver_gets_the_credentials(
    office: Office, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIEM_TOKEN", "secret-of-siem")
    auth = 'auth = { type = "bearer", token = "env:SIEM_TOKEN" }'
    configure(office, f'url = "{hooks.url}"', auth)
    office.hire(people(1))
    push(office)
    assert [got.headers["authorization"] for got in hooks.got] == ["Bearer secret-of-siem"]
    monkeypatch.delenv("SIEM_TOKEN")
    office.hire(people(2))
    assert "SIEM_TOKEN" in push(office)
    assert waiting(office) == {"url": 1}


def test_what_waited_for_a_destination_that_is_no_longer_configured_is_dropped(
    office: Office, hooks: Hooks
) -> None:
    configure(office, f'url = "{hooks.url}"', FILE)
    hooks.status = 500
    office.hire(people(2))
    push(office)
    configure(office, FILE)
    office.hire(people(3))
    push(office)

    assert waiting(office) == {}
    assert len(in_file(events_file(office))) == 3


def test_a_deprovisioning_by_hand_is_exported_at_once(office: Office) -> None:
    configure(office, FILE)
    office.hire(people(3))
    push(office)
    assert office.run("deprovision", "00002", "--yes").code == 0

    assert events(office)[-1] == ("00002", {"deactivate": {}})


def test_a_pause_that_a_wrong_clock_has_written_has_no_effect(office: Office, hooks: Hooks) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status = 500
    office.hire(people(2))
    office.now += timedelta(days=400)
    push(office)
    office.now -= timedelta(days=400)
    hooks.status = 202
    push(office)

    assert len(received(hooks)) == 2


def test_openssl_gives_the_key_that_receivers_want(office: Office) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    configure(office, FILE)
    page = (ROOT / "docs" / "how-to" / "prove-offboarding.md").read_text("utf-8")
    (line,) = (one for one in page.splitlines() if "tail -c 32" in one)
    public = "openssl pkey -in audit-key.pem -pubout -out audit-key.pub.pem"
    ran = subprocess.run(
        ["/bin/sh", "-c", f"{public} && {line}"],
        cwd=office.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == PUBLIC_JWK["x"]


def test_the_journal_keeps_operations_whose_event_waits(office: Office, hooks: Hooks) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status = 500
    office.hire(people(2))
    push(office)
    hooks.status = 202
    office.now += timedelta(days=20)
    office.hire(people(3))
    assert office.run("state", "prune", "--keep", "1d").code == 0
    push(office)

    assert sorted(key for key, _ in short(received(hooks))) == ["00001", "00002", "00003"]


def test_an_event_that_no_receiver_took_is_given_up_after_a_month(
    office: Office, hooks: Hooks
) -> None:
    configure(office, f'url = "{hooks.url}"')
    hooks.status = 500
    office.hire(people(2))
    push(office)
    office.now += timedelta(days=31)
    assert "audit.events.url: discarded 2 events after 30 days [SYNC-0827]" in push(office)
    assert waiting(office) == {}


def test_check_tells_where_events_go(office: Office, hooks: Hooks) -> None:
    configure(office, f'url = "{hooks.url}/events"', FILE)
    office.hire(people(2))
    said = office.run("check").out
    assert f"events are written to {events_file(office)}" in said
    assert f"events are posted to 127.0.0.1:{hooks.port}" in said
    assert "reports and events are signed" in said
    configure(office, 'file = "missing/events.ndjson"')
    ran = office.run("check", "--json")
    (finding,) = [one for one in ran.document["findings"] if one["level"] == "error"]
    assert (ran.code, finding["code"]) == (2, "SYNC-0939")
