"""A source over HTTP that fails never looks like users who left, and holds up no other target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.office import Office, people
from tests.servers.faulty import FaultyServer, running_faulty_server
from tests.servers.paged_api import PagedApi, Quirks, running_paged_api

SYNC_TOML = """
[sources.staff]
{staff}
key = "id"

[sources.guests]
type = "file"
path = "hr.csv"
key = "id"

[targets.wiki]
url = "{wiki}-a/v2"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
source = "staff"
[targets.wiki.user]
userName = "id"

[targets.other]
url = "{wiki}-b/v2"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
source = "guests"
[targets.other.user]
userName = "email"
"""
HTTP = """
type = "http"
url = "{url}/people"
auth = {{ type = "bearer", token = "literal:sesame" }}
records = "people"
paging = {paging}
"""
SCIM = """
type = "scim"
url = "{url}"
auth = {{ type = "bearer", token = "literal:{token}" }}
page_size = 3
"""


@pytest.fixture
def office(tmp_path: Path, real_server: tuple[str, str]) -> Office:
    root, token = real_server
    office = Office(tmp_path, f"{root}/{tmp_path.name}", token)
    office.hire(people(3))
    return office


def configure(office: Office, staff: str) -> None:
    office.write("sync.toml", SYNC_TOML.format(staff=staff, wiki=office.url))


def nothing_happens(office: Office, exit_code: int, message: str) -> None:
    """A push sends nothing to the target of the source, and the new guest to the other one."""
    office.hire(people(4))
    ran = office.run("push")
    assert ran.code == exit_code, ran.err
    assert message in ran.err
    status = office.run("journal", "--json").document
    assert [(one["target"], one["action"]) for one in status["operations"][-1:]] == [
        ("other", "create")
    ]
    assert office.run("plan", "-t", "wiki", "--json").code == exit_code


@pytest.fixture
def api() -> Iterator[PagedApi]:
    with running_paged_api("body_token") as api:
        yield api


def ends_early(api: PagedApi) -> None:
    api.quirks = Quirks(ends_early=True)


def repeats(api: PagedApi) -> None:
    api.quirks = Quirks(repeats=True)


def shows_one_twice(api: PagedApi) -> None:
    api.people[5] = api.people[2]


def grows(api: PagedApi) -> None:
    api.quirks = Quirks(grows=True)


def loses_its_token(api: PagedApi) -> None:
    api.fail(where=lambda seen: "token" in seen.query, status=401, times=100)


def shows_a_web_page(api: PagedApi) -> None:
    api.fail(where=lambda seen: "token" in seen.query, status=200, body=b"<html>", times=100)


def shows_few(api: PagedApi) -> None:
    api.people = api.people[:2]


def shows_nobody(api: PagedApi) -> None:
    api.people = []


@pytest.mark.parametrize(
    ("fail", "exit_code", "message"),
    [
        (ends_early, 1, "is not complete: 3 of 8 records were received"),
        (repeats, 1, "is not complete: the list repeats a page"),
        (shows_one_twice, 1, "7 of 8 records were received, and 1 repeatedly"),
        (grows, 1, "its total changed from 8 to 9"),
        (loses_its_token, 1, "the credentials are refused"),
        (shows_a_web_page, 1, "the response is not JSON"),
        (shows_few, 3, "guard.min_records"),
        (shows_nobody, 3, "is empty"),
    ],
)
def test_an_api_that_fails(
    office: Office,
    api: PagedApi,
    fail: Callable[[PagedApi], None],
    exit_code: int,
    message: str,
) -> None:
    configure(office, HTTP.format(url=api.url, paging=api.paging))
    assert office.run("push").code == 0
    fail(api)
    nothing_happens(office, exit_code, message)


@pytest.mark.parametrize(
    ("fault", "exit_code", "message"),
    [
        ({"status": 401}, 1, "401"),
        ({"status": 200, "body": b"<html>"}, 1, "the response is not a JSON object"),
        (
            {"status": 200, "body": {"totalResults": 7, "Resources": []}},
            1,
            ("3 of 7 resources were received"),
        ),
    ],
    ids=str,
)
def test_a_scim_server_that_fails(
    office: Office, fault: dict[str, Any], exit_code: int, message: str
) -> None:
    with running_faulty_server() as server:
        add_users(server)
        configure(office, SCIM.format(url=server.url, token=server.token))
        assert office.run("push").code == 0
        server.fail(where=lambda seen: seen.query.get("startIndex") == "4", times=99, **fault)
        nothing_happens(office, exit_code, message)


def add_users(server: FaultyServer) -> None:
    for number in range(1, 8):
        server.users[f"u{number}"] = {"id": f"u{number}", "userName": f"p{number}"}
