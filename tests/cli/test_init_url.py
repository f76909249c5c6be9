"""`init` asks the server at a URL what it gives, and takes the kind of source that fits."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.office import Office
from tests.servers.faulty_http import FaultyHttpServer, Reply, Seen

USERS: list[Any] = [
    {"id": 1001, "email": "ann@example.com", "first_name": "Ann", "tags": [{"a": 1}] * 5},
    {"id": 1002, "email": "bo@example.com", "first_name": "Bo", "tags": []},
]
CSV = b"id,email,first_name\n1001,ann@example.com,Ann\n1002,bo@example.com,Bo\n"
SERVICE = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]}
ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}
TOKEN = ("--set", "auth.type=bearer", "--set", "auth.token=env:HR_TOKEN")


class Site(FaultyHttpServer):
    """A server with a response for each path; `token` is what it asks for, if anything."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Reply] = {}
        self.token: str | None = None

    def answer(self, seen: Seen) -> Reply:
        if self.token is not None and seen.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, b"who are you?", {"Content-Type": "text/plain"})
        return self.pages.get(seen.path, Reply(404, ERROR))


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    with server.running():
        yield server


@pytest.fixture
def empty(tmp_path: Path) -> Office:
    return Office(tmp_path, "https://wiki.example.com/scim/v2", "unused")


def source_of(empty: Office) -> dict[str, Any]:
    """The only source in the written sync.toml, without its key."""
    (source,) = tomllib.loads((empty.folder / "sync.toml").read_text())["sources"].values()
    return {name: value for name, value in source.items() if name != "key"}


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (USERS, {}),
        ({"people": USERS, "next": None}, {"records": "people"}),
        ({"data": {"the people": USERS}}, {"records": 'data."the people"'}),
        ({"roles": [{"id": 1}], "people": USERS}, {"records": "people"}),
    ],
)
def test_json_is_an_http_source_with_the_longest_list(
    empty: Office, site: Site, body: Any, records: dict[str, str]
) -> None:
    site.pages["/api/people"] = Reply(200, body)

    ran = empty.run("init", f"{site.url}/api/people")

    assert (ran.code, ran.err) == (0, "")
    assert source_of(empty) == {"type": "http", "url": f"{site.url}/api/people", **records}
    assert '/api/people answers with JSON: type = "http"' in ran.out
    assert "describe them with paging" in " ".join(ran.out.split())


@pytest.mark.parametrize("media_type", ["text/csv; charset=utf-8", "text/plain"])
def test_csv_is_an_http_source_with_that_format(empty: Office, site: Site, media_type: str) -> None:
    site.pages["/people"] = Reply(200, CSV, {"Content-Type": media_type})

    ran = empty.run("init", f"{site.url}/people")

    assert (ran.code, ran.err) == (0, "")
    assert source_of(empty) == {"type": "http", "url": f"{site.url}/people", "format": "csv"}


@pytest.mark.parametrize("lists_all", [False, True])
def test_a_scim_service_is_known_by_what_it_declares(
    empty: Office, site: Site, *, lists_all: bool
) -> None:
    site.pages["/scim/v2/ServiceProviderConfig"] = Reply(200, SERVICE)
    users = [{"id": str(one["id"]), "userName": one["email"]} for one in USERS]
    site.pages["/scim/v2/Users"] = Reply(
        200,
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 2,
            "startIndex": 1,
            "itemsPerPage": 2,
            "Resources": users,
        },
    )
    if lists_all:  # RFC 7644, 3.4.2.1: a query of the base URL
        site.pages["/scim/v2"] = site.pages["/scim/v2/Users"]

    ran = empty.run("init", f"{site.url}/scim/v2")

    assert (ran.code, ran.err) == (0, "")
    assert source_of(empty) == {"type": "scim", "url": f"{site.url}/scim/v2"}


def test_the_request_has_the_credentials(
    empty: Office, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.token = "sesame"
    site.pages["/people"] = Reply(200, USERS)

    asked = empty.run("init", f"{site.url}/people")
    monkeypatch.setenv("HR_TOKEN", "guess")
    refused = empty.run("init", f"{site.url}/people", *TOKEN)
    monkeypatch.setenv("HR_TOKEN", "sesame")
    ran = empty.run("init", f"{site.url}/people", *TOKEN)

    assert (asked.code, asked.out) == (refused.code, refused.out) == (2, "")
    assert "/people: status 401: the server asks for credentials [SYNC-0915]" in asked.err
    assert "add --set auth.type=bearer --set auth.token=env:NAME, or" in asked.err
    assert "/people: status 401: the server refuses these credentials [SYNC-0915]" in refused.err
    assert (ran.code, ran.err) == (0, "")
    assert source_of(empty)["auth"] == {"type": "bearer", "token": "env:HR_TOKEN"}
    assert "sesame" not in ran.out + ran.err + refused.err


def test_a_scim_service_that_refuses_only_what_is_there(empty: Office, site: Site) -> None:
    site.pages["/scim/v2/ServiceProviderConfig"] = Reply(401, ERROR)

    ran = empty.run("init", f"{site.url}/scim/v2")

    assert (ran.code, ran.out) == (2, "")
    assert "/scim/v2: status 401: the server asks for credentials [SYNC-0915]" in ran.err


def test_options_that_are_set_count(empty: Office, site: Site) -> None:
    site.pages["/people"] = Reply(200, {"old": USERS * 2, "people": USERS})

    ran = empty.run("init", f"{site.url}/people", "--set", "records=people")

    assert (ran.code, source_of(empty)["records"]) == (0, "people")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (
            Reply(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
            "the response (text/html) is neither JSON",
        ),
        (
            Reply(200, {"people": []}),
            "(application/json) is neither JSON with a list of records nor CSV",
        ),
        (
            Reply(200, ["a", "b"]),
            "(application/json) is neither JSON with a list of records nor CSV",
        ),
        (Reply(500, b"oops"), "status 500, and there is no SCIM service below it"),
    ],
)
def test_a_server_that_does_not_tell_is_an_error(
    empty: Office, site: Site, reply: Reply, problem: str
) -> None:
    site.pages["/people"] = reply

    ran = empty.run("init", f"{site.url}/people")

    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err
    assert "--type" in ran.err
    assert "[SYNC-0915]" in ran.err
    assert not (empty.folder / "sync.toml").exists()


def test_a_redirect_and_a_server_that_is_down_are_errors(empty: Office, site: Site) -> None:
    site.pages["/people"] = Reply(302, b"", {"Location": "https://elsewhere.example.com/"})

    redirected = empty.run("init", f"{site.url}/people")
    down = empty.run("init", "http://127.0.0.1:9/people")

    assert (redirected.code, down.code) == (1, 1)
    assert "302" in redirected.err
    assert "add --type to write a sync.toml without a request" in down.err


def test_a_kind_that_is_named_is_not_asked_for(empty: Office, site: Site) -> None:
    site.pages["/people"] = Reply(200, USERS)

    empty.run("init", f"{site.url}/people", "--type", "http")

    assert [str(one) for one in site.seen] == ["GET /people"]
