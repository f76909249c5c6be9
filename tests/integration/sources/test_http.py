"""`type = "http"` against an API on loopback that misbehaves as real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from scimsync.sources.http.source import HttpSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.servers.faulty_http import Fault
from tests.servers.paged_api import KINDS, PagedApi, Quirks, running_paged_api

HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


BEARER = '{ type = "bearer", token = "literal:sesame" }'


def table(api: PagedApi, more: str = "", auth: str = BEARER) -> str:
    return f"""
type = "http"
url = "{api.url}/people"
method = "{api.method}"
key = "id"
records = "people"
paging = {api.paging}
auth = {auth}
{more}
"""


def read(
    api: PagedApi,
    *columns: str,
    more: str = "",
    time: FakeTime | None = None,
    auth: str = BEARER,
) -> list[Any]:
    with Workspace() as workspace:
        spec = replace(spec_of(table(api, more, auth)), used=columns)
        source = HttpSource(spec, workspace, (time or FakeTime()).source)
        return records(source, workspace, *columns)


def everyone(api: PagedApi) -> list[Any]:
    return [{"key": one["id"], "name": one["name"]} for one in api.people]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("people", [1, 3, 8])
def test_all_pages_are_read(kind: str, people: int) -> None:
    with running_paged_api(kind, people) as api:
        assert read(api, "name") == everyone(api)


PAGED = [kind for kind in KINDS if kind != "none"]


@pytest.mark.parametrize(
    ("quirks", "kinds", "message"),
    [
        (Quirks(ends_early=True), KINDS, "of 8 records were received|is not the end"),
        (Quirks(repeats=True), PAGED, "repeats"),
        (Quirks(grows=True), PAGED, "its total changed from 8 to 9"),
        (Quirks(lies=True), KINDS, "8 of 9 records were received|is not the end"),
        (Quirks(moves=True), ["page", "page_from_0", "offset", "offset_post"], "moved|changed"),
        (Quirks(changes=True), PAGED, "received twice|repeats"),
    ],
    ids=lambda value: (
        next((name for name, on in vars(value).items() if on is True), "")
        if isinstance(value, Quirks)
        else ""
    ),
)
def test_a_list_that_is_not_complete_is_unreadable(
    quirks: Quirks, kinds: list[str], message: str
) -> None:
    for kind in kinds:
        with running_paged_api(kind, quirks=quirks) as api:
            with pytest.raises(SourceUnavailable, match=message) as caught:
                read(api, "name")
            assert caught.value.code == "SYNC-0267", kind


@pytest.mark.parametrize("kind", PAGED)
def test_a_list_that_changes_once_is_read_again(kind: str) -> None:
    with running_paged_api(kind, quirks=Quirks(grows=True, times=1)) as api:
        assert read(api, "name") == everyone(api)


@pytest.mark.parametrize("kind", ["body_url", "link_header"])
def test_a_next_page_at_another_host_is_refused(kind: str) -> None:
    with (
        running_paged_api(kind, quirks=Quirks(foreign=True)) as api,
        pytest.raises(SourceUnavailable, match="another origin"),
    ):
        read(api, "name")


def second_page(api: PagedApi) -> Any:
    """The requests after the first one."""
    return lambda seen: len(api.seen) > 1


PASSING: list[tuple[str, Any, list[float]]] = [
    ("429 with Retry-After", {"status": 429, "headers": {"Retry-After": "7"}}, [7]),
    ("429 without", {"status": 429}, [0.5]),
    ("503", {"status": 503, "headers": {"Retry-After": "2"}}, [2]),
    ("500", {"status": 500, "body": HTML}, [0.5]),
    ("hangs up", {"hang_up": True}, [0.5]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "fault", "slept"), PASSING, ids=lambda case: str(case)[:20])
def test_a_failure_that_passes_costs_time_only(
    kind: str, name: str, fault: dict[str, Any], slept: list[float]
) -> None:
    time = FakeTime()
    with running_paged_api(kind) as api:
        wanted = second_page(api) if kind != "none" else lambda seen: True
        api.faults.append(Fault(where=wanted, **fault))
        assert read(api, "name", time=time) == everyone(api)
    assert time.slept == slept


@pytest.mark.parametrize("kind", ["body_token", "link_header", "offset_post", "last_id", "none"])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"status": 429}, "limit of the API is used up"),
        ({"status": 429, "headers": {"Retry-After": "4000"}}, "requests a pause of 4000 s"),
        ({"status": 500, "body": HTML}, "status 500: .*Please sign in"),
        ({"status": 401}, "status 401: the credentials are refused"),
        ({"status": 403, "body": {"error": "no"}}, "status 403: the credentials are refused"),
        ({"status": 404}, "status 404"),
        ({"status": 302, "headers": {"Location": "/login"}}, "redirects are not followed"),
        ({"status": 200, "body": HTML}, "the response is not JSON"),
        ({"status": 200, "body": b""}, "the response is not JSON"),
        ({"status": 200, "body": b'{"people": [{"id": "p1"'}, "the response is not JSON"),
        ({"status": 200, "body": {"ok": False, "error": "missing_scope"}}, "missing_scope"),
        ({"status": 200, "body": {"persons": []}}, "the response has no list at people"),
        ({"status": 200, "body": {"people": {}}}, "the response has no list at people"),
        ({"status": 204}, "status 204 is not a list"),
        ({"status": 206, "body": {"people": []}}, "status 206 is not a list"),
        (
            {"status": 200, "body": {"people": [1], "total": 1}},
            "a record at people is not an object",
        ),
        ({"hang_up": True}, "no complete response from 127.0.0.1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_failure_that_stays_makes_the_source_unreadable(
    kind: str, fault: dict[str, Any], message: str
) -> None:
    errors = 'errors = [{ body = "ok == `false`", text = "error", hint = "add the scope" }]'
    with running_paged_api(kind) as api:
        wanted = second_page(api) if kind != "none" else lambda seen: True
        api.faults.append(Fault(where=wanted, times=100, **fault))
        with pytest.raises(SourceUnavailable, match=message):
            read(api, "name", more=errors)


def test_a_server_that_sends_nothing_is_given_up() -> None:
    with running_paged_api("offset") as api:
        api.fail(hold=True, times=100)
        with pytest.raises(SourceUnavailable, match=r"nothing for 0\.05 s"):
            read(api, "name", more="timeout = 0.05")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with running_paged_api("offset") as api:
        text = table(api)
    with Workspace() as workspace:
        source = HttpSource(replace(spec_of(text), used=()), workspace, FakeTime().source)
        with pytest.raises(SourceUnavailable, match="Connection refused"):
            source.scan(())


LOGINS = {
    "json": (
        '{{ type = "login", url = "{url}/login", username = "sync", password = "env:PW",'
        ' token = "token" }}'
    ),
    "form": (
        '{{ type = "login", format = "form", url = "{url}/login", username = "sync",'
        ' password = "env:PW", username_field = "user", password_field = "pass",'
        ' cookie = "session", headers = {{ Referer = "{url}/ui" }} }}'
    ),
}


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_that_expires_in_the_middle_is_repeated(
    login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "s3cr3t & more")
    with running_paged_api("body_token", login=login, uses=2) as api:
        assert read(api, "name", auth=LOGINS[login].format(url=api.url)) == everyone(api)
        assert api.logins == 2


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize(
    ("fault", "code"), [({"status": 401}, "SYNC-0266"), ({"status": 200, "body": {}}, "SYNC-0265")]
)
def test_a_login_that_fails_makes_the_source_unreadable(
    login: str, fault: dict[str, Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "s3cr3t & more")
    with running_paged_api("body_token", login=login) as api:
        api.fail(where=lambda seen: seen.path == "/login", times=100, **fault)
        with pytest.raises(SourceUnavailable, match="login") as caught:
            read(api, "name", auth=LOGINS[login].format(url=api.url))
    assert caught.value.code == code
    assert "s3cr3t" not in str(caught.value)
