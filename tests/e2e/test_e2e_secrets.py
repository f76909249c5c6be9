"""The canary: a token and passwords of recognisable value, looked for wherever scimsync writes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.office import USER, Office, Ran, people, person
from tests.servers.faulty import FaultyServer, Quirks, Seen, running_faulty_server

TOKEN = "canary-7Yq3vZ0token"
PASSWORD = "canary-mapped-9Kx-password"
WAYS = (["-v", "--debug"], ["--log-format", "json", "--debug"], ["--json"])


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """The server that knows the token."""
    with running_faulty_server(TOKEN, Quirks()) as server:
        yield server


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All that lies in the folder but for what people wrote themselves."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("hr.csv", "sync.toml"):
            yield path.name, path.read_bytes()


def assert_kept_secret(secret: str, office: Office, ran: Ran) -> None:
    """Neither what was said nor what was stored holds `secret`."""
    assert secret not in ran.out
    assert secret not in ran.err
    for name, content in written(office.folder):
        assert secret.encode() not in content, name


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_the_token_is_shown_and_stored_nowhere(
    office: Office, faulty: FaultyServer, way: list[str]
) -> None:
    office.hire(people(3))

    ran = office.run("push", *way)

    assert ran.code == 0
    assert faulty.seen[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert {name for name, _ in written(office.folder)} >= {"hr.index.duckdb"} | (
        {"scimsync.db"} if office.state is None else set()
    )
    assert_kept_secret(TOKEN, office, ran)


@pytest.mark.parametrize("command", ["plan", "push"])
def test_a_missing_token_is_found_before_anything_is_read_or_stored(
    office: Office, faulty: FaultyServer, command: str
) -> None:
    office.hire(people(3))
    office.push()
    before, seen = dict(written(office.folder)), len(faulty.seen)
    office.hire(people(4))
    office.token = ""

    ran = office.run(command)

    assert ran.code == 2
    assert "targets.wiki.auth.token: the environment variable WIKI_TOKEN is empty" in ran.err
    assert len(faulty.seen) == seen
    assert office.sql("select count(*) from run") == [(1,)]
    assert office.sql("select count(*) from record") == [(3,)]
    assert dict(written(office.folder)) == before


def test_without_the_token_no_state_is_created(office: Office) -> None:
    office.hire(people(3))
    office.token = ""

    assert office.run("push").code == 2
    assert list(written(office.folder)) == []


@pytest.mark.parametrize(
    ("code", "exit_code", "message"),
    [
        # a vault that is locked may be open at the next run
        ("raise SystemExit('locked')", 1, "ended with exit code 1"),
        ("print('canary' * 20_000)", 2, "wrote more than 64 KiB, so its output is not a token"),
    ],
)
@pytest.mark.parametrize("command", ["push", "check"])
def test_a_command_that_gives_no_token_stops_the_run(
    office: Office, faulty: FaultyServer, command: str, code: str, exit_code: int, message: str
) -> None:
    office.hire(people(3))
    office.write("give.py", code)
    office.configure()
    with_command = f"cmd:{sys.executable} give.py"
    configuration = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", configuration.replace("env:WIKI_TOKEN", with_command))

    ran = office.run(command)

    assert ran.code == exit_code
    said = ran.out if command == "check" else ran.err
    assert "targets.wiki.auth.token: the command" in said
    assert message in said
    assert "canary" not in ran.out + ran.err
    assert faulty.seen == []


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_no_plan_shows_the_token(office: Office, form: str) -> None:
    office.hire(people(3))

    ran = office.run("plan", "--format", form, "--debug", "-v")

    assert ran.code == 0
    assert "person3@example.com" in ran.out.replace("\\", "")
    assert_kept_secret(TOKEN, office, ran)


def _echo_html(faulty: FaultyServer) -> None:
    page = f"<html>You sent: Authorization: Bearer {TOKEN}</html>".encode()
    faulty.fail(status=200, body=page, times=50)


def _echo_scim(faulty: FaultyServer) -> None:
    faulty.fail(
        "POST", status=400, body={"detail": f"what is {TOKEN}?", "scimType": TOKEN}, times=50
    )


def _echo_in_headers(faulty: FaultyServer) -> None:
    faulty.fail(
        "POST",
        status=302,
        headers={"Location": f"https://elsewhere.example.com/?token={TOKEN}"},
        times=50,
    )


def _echo_as_type(faulty: FaultyServer) -> None:
    faulty.fail(
        "POST", status=200, body=b"what?", headers={"Content-Type": f"text/{TOKEN}"}, times=50
    )


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("echo", [_echo_html, _echo_scim, _echo_in_headers, _echo_as_type])
def test_a_target_that_repeats_the_token_does_not_make_it_known(
    office: Office, faulty: FaultyServer, echo: object, way: list[str]
) -> None:
    office.hire(people(3))
    assert callable(echo)
    echo(faulty)

    ran = office.run("push", *way)

    assert ran.code in (1, 4)
    assert_kept_secret(TOKEN, office, ran)
    told = office.run("journal", "--failed", "--json")
    assert "***" in ran.out + ran.err + told.out
    assert_kept_secret(TOKEN, office, told)


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_a_refused_token_is_not_shown(office: Office, faulty: FaultyServer, way: list[str]) -> None:
    faulty.token = "another one"
    office.hire(people(3))

    ran = office.run("push", *way)

    assert ran.code == 1
    assert "401" in ran.out + ran.err
    assert_kept_secret(TOKEN, office, ran)


def test_a_target_that_is_not_there_does_not_make_the_token_known(office: Office) -> None:
    office.configure(url="http://127.0.0.1:9")
    office.hire(people(3))

    ran = office.run("push", "--debug", "-v")

    assert ran.code == 1
    assert_kept_secret(TOKEN, office, ran)


def test_a_token_that_no_header_can_carry_is_not_shown(office: Office) -> None:
    office.hire(people(3))
    office.token = f"{TOKEN}\N{SNOWMAN}"

    ran = office.run("push", "--debug")

    assert ran.code == 2
    assert "targets.wiki.auth.token" in ran.err
    assert_kept_secret(TOKEN, office, ran)


def test_the_token_goes_to_no_other_origin(office: Office, faulty: FaultyServer) -> None:
    with running_faulty_server(TOKEN) as elsewhere:
        faulty.fail(status=307, headers={"Location": f"{elsewhere.url}/Users"}, times=50)
        office.hire(people(3))

        assert office.push().exit_code == 1

        assert elsewhere.seen == []


def passwords(seen: list[Seen]) -> list[str]:
    """Passwords that were sent."""
    return [one.body["password"] for one in seen if one.method == "POST" and one.body is not None]


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_a_mapped_password_is_sent_and_shown_and_stored_nowhere_but_in_the_snapshot(
    office: Office, faulty: FaultyServer, way: list[str]
) -> None:
    office.configure(user=USER + "password = \"'canary-' ~ secret ~ '-password'\"\n")
    office.hire([person(number) | {"secret": "mapped-9Kx"} for number in (1, 2)])

    plans = (
        [office.run("plan", "--format", form, "--debug") for form in ("text", "markdown", "json")]
        if "-v" in way
        else []
    )
    ran = office.run("push", *way)

    assert ran.code == 0
    assert passwords(faulty.seen) == [PASSWORD, PASSWORD]
    for one in (*plans, ran):
        assert_kept_secret(PASSWORD, office, one)
        assert "mapped-9Kx" not in one.out + one.err
    assert office.push().targets["wiki"].requests == 0


def test_a_changed_password_is_sent_and_nothing_shows_it(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + 'password = "secret"\n')
    office.hire([person(number) | {"secret": f"old-{number}"} for number in (1, 2)])
    office.push()
    office.hire([person(1) | {"secret": PASSWORD}, person(2) | {"secret": "old-2"}])

    (planned,) = office.plan()
    faulty.forget()
    ran = office.run("push", "--json", "--debug")

    assert planned["changes"] == [{"path": "password", "before": "(secret)", "after": "(secret)"}]
    (sent,) = faulty.written()
    assert sent.body is not None
    assert sent.body["Operations"] == [{"op": "replace", "path": "password", "value": PASSWORD}]
    assert PASSWORD not in ran.out + ran.err
    assert PASSWORD not in "".join(map(repr, office.journal()))
    assert PASSWORD not in repr(office.links())


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_a_generated_password_is_sent_once_and_kept_nowhere(
    office: Office, faulty: FaultyServer, way: list[str]
) -> None:
    office.configure(user=USER + "password = { generate = 24 }\n")
    office.hire(people(2))

    plan = office.run("plan", "--json")
    ran = office.run("push", *way)

    first, second = passwords(faulty.seen)
    assert len({first, second}) == 2
    assert all(re.fullmatch(r"[!-~]{24}", one) for one in (first, second))
    assert "(24 random characters)" in plan.out
    for secret in (first, second):
        assert_kept_secret(secret, office, ran)
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)
