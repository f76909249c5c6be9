"""An HTTP API on loopback that lists people page by page, in each way that APIs do it.

`kind` is a row of KINDS. `quirks` make it misbehave in the ways that real APIs do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.faulty_http import FaultyHttpServer, Json, Reply, Seen

KINDS: dict[str, str] = {
    "body_token": '{ kind = "body_token", in = "query.token", out = "next", total = "total" }',
    "body_token_post": (
        '{ kind = "body_token", in = "body.page.token", out = "next", total = "total" }'
    ),
    "body_url": '{ kind = "body_url", out = "next", total = "total" }',
    "body_relative_url": '{ kind = "body_relative_url", out = "next", total = "total" }',
    "link_header": '{ kind = "link_header", total = "header.X-Total-Count" }',
    "header_token": (
        '{ kind = "header_token", in = "query.token", out = "After-Cursor",'
        ' total = "header.X-Total-Count" }'
    ),
    "page": (
        '{ kind = "page", in = "query.page", size = { in = "query.limit", max = 3 },'
        ' total = "total" }'
    ),
    "page_from_0": '{ kind = "page", in = "query.page0", start = 0, total = "total" }',
    "offset": '{ kind = "offset", in = "query.offset", total = "total" }',
    "offset_post": '{ kind = "offset", in = "body.page.offset", end = "total", total = "total" }',
    "last_id": '{ kind = "last_id", in = "query.after", out = "id", total = "total" }',
    "none": '{ kind = "none", total = "total" }',
}
"""The option `paging` of each kind, with the total that the API gives."""

SIZE = 3


@dataclass
class Quirks:
    """What the API does wrong, from the second page on if it pages.

    `ends_early`: no further page; `repeats`: the first page again, for ever; `grows`: the total
    changes; `lies`: the total is too large; `foreign`: the next page is at another host;
    `moves`: a record is inserted at the front, so that one comes twice; `changes`: a record comes
    twice with other values.
    """

    ends_early: bool = False
    repeats: bool = False
    grows: bool = False
    lies: bool = False
    foreign: bool = False
    moves: bool = False
    changes: bool = False
    times: int = 1_000
    """How many reads of the list are like this; later ones are right."""


@dataclass
class PagedApi(FaultyHttpServer):
    """People by pages of `SIZE` at /people, for those who send `token` as a bearer token."""

    kind: str = "offset"
    people: list[Json] = field(default_factory=list)
    quirks: Quirks = field(default_factory=Quirks)
    token: str = "sesame"
    login: str = ""
    """`json` or `form`: /login gives a token or a cookie for `uses` requests."""

    uses: int = 100

    def __post_init__(self) -> None:
        super().__init__()
        self._reads = 0
        self.logins = 0
        self._left = 0

    @property
    def paging(self) -> str:
        return KINDS[self.kind]

    @property
    def method(self) -> str:
        return "POST" if self.kind.endswith("_post") else "GET"

    def answer(self, seen: Seen) -> Reply:
        if seen.path == "/login":
            return self._login(seen)
        if self.login and not self._logged_in(seen):
            return Reply(401, {"error": "the login has expired"})
        if not self.login and seen.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, {"error": "the token is not valid"})
        if seen.path != "/people" or seen.method != self.method:
            return Reply(404, {"error": "not found"})
        start = self._start(seen)
        if start == 0:
            self._reads += 1
        odd = self.quirks if self._reads <= self.quirks.times else Quirks()
        return self._page(start, odd)

    def _login(self, seen: Seen) -> Reply:
        form = self.login == "form"
        names = ("user", "pass") if form else ("username", "password")
        body = seen.body or {}
        if [body.get(name) for name in names] != ["sync", "s3cr3t & more"]:
            return Reply(401, {"error": "wrong password"})
        if form and seen.headers.get("referer") != f"{self.url}/ui":
            return Reply(400, {"error": "no Referer"})
        self.logins += 1
        self._left = self.uses
        if form:
            cookies = f"lang=en; Path=/, session=login-{self.logins}; HttpOnly; Secure"
            return Reply(200, b"", {"Set-Cookie": cookies})
        return Reply(200, {"token": f"login-{self.logins}"})

    def _logged_in(self, seen: Seen) -> bool:
        sent = f"login-{self.logins}"
        wanted = (
            ("cookie", f"session={sent}")
            if self.login == "form"
            else ("authorization", f"Bearer {sent}")
        )
        self._left -= 1
        return seen.headers.get(wanted[0]) == wanted[1] and self._left >= 0

    def _start(self, seen: Seen) -> int:
        query, page = seen.query, (seen.body or {}).get("page", {})
        if self.kind == "page":
            return (int(query["page"]) - 1) * SIZE
        if self.kind == "page_from_0":
            return int(query["page0"]) * SIZE
        if self.kind == "offset":
            return int(query["offset"])
        if self.kind == "offset_post":
            return int(page["offset"])
        if self.kind == "last_id":
            ids = [one["id"] for one in self.people]
            return ids.index(query["after"]) + 1 if "after" in query else 0
        if self.kind == "body_token_post":
            return int(page.get("token", "0"))
        return int(query.get("token", query.get("at", "0")))

    def _page(self, start: int, odd: Quirks) -> Reply:
        people, size = self.people, len(self.people) if self.kind == "none" else SIZE
        if odd.repeats and start:
            start = 0
        if odd.moves and start:
            people = [{"id": "new", "name": "New"}, *people]
        rows: list[Json] = people[start : start + size]
        if odd.changes and start:
            rows = [*rows[:-1], people[0] | {"name": "Other"}]
        upcoming = start + size if start + size < len(people) else None
        if odd.repeats:
            upcoming = SIZE
        if odd.ends_early:
            upcoming, rows = None, rows if start == 0 and self.kind != "none" else rows[:1]
            if self.kind in ("page", "page_from_0", "offset", "offset_post", "last_id") and start:
                rows = []
        total = len(self.people) + odd.lies + (odd.grows and start > 0)
        body: Json = {"people": rows, "total": total}
        headers = {"X-Total-Count": str(total)}
        if upcoming is not None:
            self._link(body, headers, upcoming, "https://evil.example" if odd.foreign else self.url)
        return Reply(200, body, headers)

    def _link(self, body: Json, headers: dict[str, str], upcoming: int, host: str) -> None:
        address = f"/people?at={upcoming}"
        match self.kind:
            case "body_token" | "body_token_post":
                body["next"] = str(upcoming)
            case "body_url":
                body["next"] = f"{host}{address}"
            case "body_relative_url":
                body["next"] = address
            case "link_header":
                headers["Link"] = f'<{host}{address}>; rel="next", <{host}/people>; rel=first'
            case "header_token":
                headers["After-Cursor"] = str(upcoming)


@contextmanager
def running_paged_api(kind: str = "offset", people: int = 8, **more: Any) -> Iterator[PagedApi]:
    """Serve made-up people with ids from p1 on."""
    rows = [
        {"id": f"p{number}", "name": f"Person {number}", "mail": f"p{number}@example.com"}
        for number in range(1, people + 1)
    ]
    api = PagedApi(kind, rows, **more)
    with api.running():
        yield api
