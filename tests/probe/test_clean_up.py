"""A probe leaves nothing behind, wherever it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from scimsync.probe.ledger import new_ledger
from scimsync.probe.run import ProbeOptions, clean_up
from scimsync.probe.values import Exchange
from scimsync.scim.error_response import ErrorResponse
from scimsync.transport.retry_policy import TimeSource
from tests.chaos.scale import LONG
from tests.probe.conftest import origin_of, probed
from tests.servers.defects import Defect, DefectiveProvider, running_provider
from tests.servers.faulty_http import Reply, Seen

OptionsOf = Callable[..., ProbeOptions]
EMPTY: dict[str, dict[str, Any]] = {"Users": {}, "Groups": {}}


@pytest.fixture
def server() -> Iterator[DefectiveProvider]:
    with running_provider() as running:
        yield running


class Ended(Exception):
    """Stands for the end of the process."""


@dataclass
class LastingTo:
    """An authenticator that lets `left` requests through, and then raises `Ended`.

    With `once`, only one request ends so; later ones, those of the clean-up, get through.
    """

    token: str
    left: int
    once: bool = False

    async def headers(self, url: str) -> Mapping[str, str]:
        self.left -= 1
        if self.left == -1 or (self.left < 0 and not self.once):
            raise Ended
        return {"Authorization": f"Bearer {self.token}"}

    async def refresh(self, _rejected: Mapping[str, str], /) -> bool:
        return False

    def redact(self, text: str) -> str:
        return text


def count_requests(server: DefectiveProvider, options: ProbeOptions) -> int:
    server.forget()
    probed(origin_of(server.url, server.token), options)
    return len(server.seen)


def cleaned(server: DefectiveProvider, options: ProbeOptions) -> None:
    """Clean up, and check that nothing is left, neither there nor here."""
    server.faults.clear()
    _, left = asyncio.run(clean_up(origin_of(server.url, server.token), options))
    assert left == []
    assert server.stored == EMPTY
    assert list(options.folder.iterdir()) == []


def requests_until(
    server: DefectiveProvider, options: ProbeOptions, step: str
) -> Sequence[Exchange]:
    """Return the requests of a probe before those of a step whose name begins with `step`."""
    report = probed(origin_of(server.url, server.token), options)
    server.forget()
    return list(takewhile(lambda one: not one.step.startswith(step), report.exchanges))


def is_number(server: DefectiveProvider, number: int, _seen: Seen) -> bool:
    return len(server.seen) == number


def at_each(first: int, total: int, every: int) -> range:
    """Return the numbers of requests after which a probe ends: all of them in `make chaos`."""
    return range(first, total, 1 if LONG else every)


@pytest.mark.parametrize(("provider", "every"), [("okta-put", 1), ("okta", 9), ("rfc", 23)])
@pytest.mark.parametrize("response_is_lost", [False, True])
def test_killed_at_each_request_the_next_run_removes_what_is_left(
    provider: str,
    every: int,
    response_is_lost: bool,
    server: DefectiveProvider,
    options_of: OptionsOf,
) -> None:
    options = options_of(provider)
    total = count_requests(server, options)
    for number in at_each(2 if response_is_lost else 0, total, every):
        server.forget()
        if response_is_lost:
            server.fail(where=partial(is_number, server, number), effect=True, hang_up=True)
        origin = replace(
            origin_of(server.url, server.token),
            authenticator=LastingTo(server.token, number),
        )
        # a lost response makes the sequence shorter, so it may end by itself
        with suppress(Ended) if response_is_lost else pytest.raises(Ended):
            probed(origin, options)

        cleaned(server, options)


@pytest.mark.parametrize(("provider", "every"), [("okta-put", 1), ("rfc", 41)])
def test_after_an_error_at_any_request_the_same_run_removes_what_it_has_made(
    provider: str, every: int, server: DefectiveProvider, options_of: OptionsOf
) -> None:
    options = options_of(provider)
    total = count_requests(server, options)
    for number in at_each(0, total - 20, every):
        origin = replace(
            origin_of(server.url, server.token),
            authenticator=LastingTo(server.token, number, once=True),
        )
        with pytest.raises(Ended):
            probed(origin, options)

        assert server.stored == EMPTY
        assert list(options.folder.glob("*")) == []


class WithoutFilters(DefectiveProvider):
    """A server that cannot filter: it returns all, nothing, or an error."""

    def __init__(self, how: str) -> None:
        super().__init__(())
        self.how = how

    def listing(self, collection: str, query: Mapping[str, str]) -> Reply:
        if "filter" not in query:
            return super().listing(collection, query)
        if self.how == "all":
            return super().listing(collection, {})
        if self.how == "nothing":
            return super().listing(collection, {**query, "filter": 'userName eq "-"'})
        raise ErrorResponse(501, detail="filter")


@pytest.mark.parametrize("how", ["all", "nothing", "error"])
def test_without_filters_what_is_left_is_found_in_the_list(how: str, options_of: OptionsOf) -> None:
    server = WithoutFilters(how)
    with server.running():
        server.add("Users", userName="ada@example.com")
        for number in range(120):  # more than a page, of another run
            server.add("Users", userName=f"scimsync-probe-other-{number}@example.com")
        others = dict(server.stored["Users"])
        # a look at the server, a look-up, and a creation without a response
        server.fail("POST", effect=True, hang_up=True)
        origin = origin_of(server.url, server.token)
        options = options_of("okta-put")
        with pytest.raises(Ended):
            probed(replace(origin, authenticator=LastingTo(server.token, 3)), options)
        assert len(server.stored["Users"]) == len(others) + 1

        gone, left = asyncio.run(clean_up(origin, options))

        assert (gone, left) == (1, [])
        assert server.stored["Users"] == others


class CursorsOnly(WithoutFilters):
    """A server with pages by cursors only (RFC 9865), and no totalResults."""

    def listing(self, collection: str, query: Mapping[str, str]) -> Reply:
        if "filter" in query or "cursor" not in query:
            raise ErrorResponse(501, detail="cursors only")
        start = int(query["cursor"] or "1")
        reply = super().listing(collection, {"startIndex": str(start), "count": query["count"]})
        assert isinstance(reply.body, dict)
        total, end = reply.body.pop("totalResults"), start + len(reply.body["Resources"])
        return replace(reply, body=reply.body | ({"nextCursor": f"{end}"} if end <= total else {}))


def test_what_is_left_is_found_by_cursors(options_of: OptionsOf) -> None:
    server = CursorsOnly("error")
    with server.running():
        for number in range(120):
            server.add("Users", userName=f"ada.{number}@example.com")
        others = dict(server.stored["Users"])
        server.fail("POST", effect=True, hang_up=True)
        origin, options = origin_of(server.url, server.token), options_of("okta-put")
        with pytest.raises(Ended):
            probed(replace(origin, authenticator=LastingTo(server.token, 3)), options)

        assert asyncio.run(clean_up(origin, options)) == (1, [])
        assert server.stored["Users"] == others


class GivesAnotherAccount(DefectiveProvider):
    """A server that answers each creation of a user with the account of Ada."""

    def post(self, collection: str, body: Any) -> Reply:
        super().post(collection, body)
        ada = next(iter(self.stored["Users"].values()))
        return Reply(201, self.shown("Users", ada, {}))


def test_an_account_that_the_probe_did_not_make_is_neither_changed_nor_removed(
    options_of: OptionsOf,
) -> None:
    server = GivesAnotherAccount(())
    with server.running():
        ada = server.add("Users", userName="ada@example.com", active=True)

        report = probed(origin_of(server.url, server.token), options_of("okta", "rfc"))

        assert report.left == ()
        assert server.stored["Users"] == {ada["id"]: ada}
        paths = {one.path for one in server.written()}
        assert f"/Users/{ada['id']}" not in paths


class CannotRead(DefectiveProvider):
    """A server that fails when it is asked for a resource, or also when asked for a list."""

    def __init__(self, *, lists: bool) -> None:
        super().__init__(())
        self.lists = lists
        self.asked = 0

    def get(self, collection: str, resource_id: str, query: Mapping[str, str]) -> Reply:
        raise ErrorResponse(500, detail="broken")

    def listing(self, collection: str, query: Mapping[str, str]) -> Reply:
        self.asked += 1
        if not self.lists and self.asked > 1:  # the first one asks whether there is a server
            raise ErrorResponse(500, detail="broken")
        return super().listing(collection, query)


def test_a_user_who_cannot_be_read_is_found_in_the_list(options_of: OptionsOf) -> None:
    server = CannotRead(lists=True)
    with server.running():
        report = probed(origin_of(server.url, server.token), options_of("okta-put"))

        assert report.left == ()
        assert server.stored == EMPTY


def test_a_deactivated_user_whom_the_server_hides_is_removed(options_of: OptionsOf) -> None:
    with running_provider(Defect.INACTIVE_HIDDEN) as server:
        options = options_of("okta-put")
        # the last request is the GET that reads the deactivation back
        reads = [one.method for one in requests_until(server, options, "Reactivate the user")]
        origin = origin_of(server.url, server.token)
        with pytest.raises(Ended):
            probed(replace(origin, authenticator=LastingTo(server.token, len(reads))), options)
        assert False in [user["active"] for user in server.stored["Users"].values()]

        cleaned(server, options)


def test_what_the_server_hides_is_reported(options_of: OptionsOf) -> None:
    server = CannotRead(lists=False)
    with server.running():
        report = probed(origin_of(server.url, server.token), options_of("okta-put"))

        why = "GET answers status 500, and no list shows it"
        assert [(one.endpoint, one.why) for one in report.left] == [("/Users", why)] * 2
        assert report.exit_code == 4


def test_a_server_that_falls_silent_does_not_hold_up_the_end(
    server: DefectiveProvider, options_of: OptionsOf
) -> None:
    count = 12
    server.fail(where=lambda _: len(server.seen) > count, times=9999, hold=True)
    origin = origin_of(server.url, server.token)
    origin = replace(origin, options=replace(origin.options, timeout=0.05))

    report = probed(origin, options_of("okta-put", "okta"))

    assert len(server.seen) < count + 12
    skipped = {one.found for one in report.results if one.outcome == "skipped"}
    assert "the server no longer responds" in skipped
    assert {one.why for one in report.left} >= {"the server no longer responds"}
    assert len(list(options_of().folder.iterdir())) == 1
    server.faults.clear()
    cleaned(server, options_of())


def test_another_probe_of_the_same_server_is_left_alone(
    server: DefectiveProvider, options_of: OptionsOf
) -> None:
    origin, options = origin_of(server.url, server.token), options_of("okta-put")
    running = new_ledger(options.folder, origin.url, "beef")  # its process holds the lock
    name = "scimsync-probe-beef-okta-user@example.com"
    running.will_make("/Users", "userName", (name,))
    user = server.add("Users", userName=name)

    probed(origin, options)

    assert list(server.stored["Users"]) == [user["id"]]
    running.close()
    assert running.path.exists()


def program(server: DefectiveProvider, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scimsync", "probe", server.url, "--token", "env:APP_TOKEN"]
    environment = {
        **os.environ,
        "APP_TOKEN": server.token,
        "XDG_STATE_HOME": str(folder),
    }
    return subprocess.Popen(
        [*command, *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def held(server: DefectiveProvider, method: str) -> None:
    server.holding.clear()
    server.fail(method, effect=True, hold=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_killed_by_sigkill(method: str, server: DefectiveProvider, tmp_path: Path) -> None:
    held(server, method)
    process = program(server, tmp_path, "--as", "okta-put")
    server.holding.wait()
    process.kill()
    process.communicate()
    server.wait_until_disconnected()
    server.faults.clear()
    assert server.stored != EMPTY

    cleaning = program(server, tmp_path, "--clean")
    out, err = cleaning.communicate()

    assert cleaning.returncode == 0, err
    assert "removed" in out
    assert server.stored == EMPTY
    assert list((tmp_path / "scimsync").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_interrupted(
    number: signal.Signals, code: int, server: DefectiveProvider, tmp_path: Path
) -> None:
    held(server, "PUT")
    process = program(server, tmp_path, "--as", "okta-put")
    server.holding.wait()
    process.send_signal(number)
    _, err = process.communicate()

    assert process.returncode == code
    assert "interrupted [SYNC-0703]" in err
    assert server.stored == EMPTY
    assert list((tmp_path / "scimsync").iterdir()) == []


def test_a_rate_limit_is_obeyed(server: DefectiveProvider, options_of: OptionsOf) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    server.fail("PUT", status=429, headers={"Retry-After": "7"}, times=2)
    options = replace(options_of("okta-put"), time=TimeSource(sleep=sleep))

    report = probed(origin_of(server.url, server.token), options)

    assert waits == [7, 7]
    assert report.failed == ()
    assert server.stored == EMPTY
