"""A small SCIM server on loopback that fails on demand and has quirks.

It keeps users in a dictionary; POST, GET, filters, paging, PATCH and DELETE follow RFC 7644. A list
of `Fault`s says which requests fail and how; `Quirks` change all responses.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from scimsync.model.ids import fold_case
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter
from scimsync.scim.patch import ABSENT, PatchOperation
from tests.servers.loopback import LoopbackServer
from tests.servers.patching import apply_patch

Json = dict[str, Any]
WRITES = ("POST", "PUT", "PATCH", "DELETE")
HTML = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"


@dataclass(frozen=True)
class Seen:
    """One request. `path` is relative to the base URL; `path` and `query` are decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        return self.method in WRITES


@dataclass
class Fault:
    """How the next `times` requests of `method` fail for which `where` returns True.

    With `effect` the request is carried out first. Then the connection ends (`hang_up`), no
    response is sent (`hold`), the right response is sent once `until` is set, or the response has
    `status`, `body` and `headers`.
    """

    method: str | None = None
    where: Callable[[Seen], bool] = lambda seen: True
    times: int = 1
    status: int = 500
    body: bytes | Json = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: bool = False
    hang_up: bool = False
    hold: bool = False
    until: threading.Event | None = None

    def fits(self, seen: Seen) -> bool:
        return self.times > 0 and self.method in (None, seen.method) and self.where(seen)


@dataclass
class Quirks:
    """How responses look: ids as numbers, names in upper case, no body (or Location) after POST,
    small pages; whether two users may have one userName, or one e-mail address."""

    numeric_ids: bool = False
    other_case: bool = False
    mute_post: bool = False
    location: bool = True
    max_page: int = 200
    unique_names: bool = True
    unique_emails: bool = False


@dataclass
class Reply:
    """An HTTP response."""

    status: int
    body: bytes | Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FaultyServer(LoopbackServer):
    """A SCIM server in a thread. `users`, `seen` and `faults` may be read and changed while no push
    runs.

    The id of a new user is `id-EXTERNALID`, or a running number if that id was used before.
    """

    def __init__(self, token: str, quirks: Quirks) -> None:
        super().__init__("/v2")
        self.token = token
        self.accepts: Callable[[Mapping[str, str]], bool] = self._has_token
        self.quirks = quirks
        self.users: dict[str, Json] = {}
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.holding = threading.Event()
        """Set once a response is held back."""
        self._next_id = 1
        self._given: set[str] = set()

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.token}"

    def fail(self, method: str | None = None, **more: Any) -> Fault:
        """Add a fault."""
        fault = Fault(method, **more)
        self.faults.append(fault)
        return fault

    def add(self, **attributes: Any) -> Json:
        """Add an account that scimsync did not create."""
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], **attributes}
        return self._keep(user)

    def named(self, name: str) -> Json:
        """Return the one account with this userName."""
        (user,) = (one for one in self.users.values() if one["userName"] == name)
        return user

    def written(self) -> list[Seen]:
        """Return the requests that change something."""
        return [one for one in self.seen if one.writes]

    def forget(self) -> None:
        """Forget all requests."""
        self.seen.clear()

    def wait_until_disconnected(self) -> None:
        """Return once no client is connected, so that nothing more arrives from a client that was
        killed."""
        asyncio.run_coroutine_threadsafe(self.until_disconnected(), self.loop).result()

    # HTTP

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        seen = Seen(
            method,
            unquote(url.path.removeprefix("/v2")),
            query,
            headers,
            json.loads(body) if body else None,
        )
        self.seen.append(seen)
        fault = next((one for one in self.faults if one.fits(seen)), None)
        reply = Reply(500)
        if fault is None or fault.effect or fault.until is not None:
            reply = self._answer(seen)
        if fault is not None:
            fault.times -= 1
            if fault.hang_up:
                writer.transport.abort()
                return False
            if fault.hold:
                self.holding.set()
                await reader.read(1)  # until the client is gone
                return False
            if fault.until is not None:
                self.holding.set()
                await asyncio.to_thread(fault.until.wait)
            else:
                reply = Reply(fault.status, fault.body, fault.headers)
        writer.write(self._bytes(reply))
        await writer.drain()
        return True

    def _bytes(self, reply: Reply) -> bytes:
        body = reply.body
        kind = "text/html"
        if isinstance(body, dict):
            body, kind = (
                json.dumps(_other_case(body) if self.quirks.other_case else body).encode(),
                "application/scim+json",
            )
        body = body or b""
        headers = {"Content-Type": kind, **reply.headers, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {reply.status} Said\r\n{lines}\r\n".encode() + body

    # SCIM

    def _answer(self, seen: Seen) -> Reply:
        if not self.accepts(seen.headers):
            return error_reply(401, "who are you?")
        collection, _, user_id = seen.path.removeprefix("/").partition("/")
        if collection != "Users":
            return error_reply(404, f"no {seen.path}")
        try:
            if not user_id:
                return (
                    self._post(seen.body or {}) if seen.method == "POST" else self._list(seen.query)
                )
            if user_id not in self.users:
                return error_reply(404, f"no user {user_id}")
            return self._user(seen, user_id)
        except ErrorResponse as error:
            return error_reply(error.status, error.detail or "", error.scim_type)

    def _post(self, body: Json) -> Reply:
        if self._taken(body, None):
            return error_reply(409, f"{body['userName']} exists", "uniqueness")
        user = self._keep(body)
        headers = (
            {"Location": f"{self.url}/Users/{quote(str(user['id']), safe='')}"}
            if self.quirks.location
            else {}
        )
        return Reply(201, None if self.quirks.mute_post else user, headers)

    def _list(self, query: Mapping[str, str]) -> Reply:
        condition = parse_filter(query["filter"]) if "filter" in query else None
        found = [one for one in self.users.values() if condition is None or matches(condition, one)]
        start = int(query.get("startIndex", "1"))
        count = min(int(query.get("count", "100")), self.quirks.max_page)
        page = found[start - 1 : start - 1 + count]
        return Reply(
            200,
            {
                "totalResults": len(found),
                "startIndex": start,
                "itemsPerPage": len(page),
                "Resources": page,
            },
        )

    def _user(self, seen: Seen, user_id: str) -> Reply:
        user = self.users[user_id]
        if seen.method == "DELETE":
            del self.users[user_id]
            return Reply(204)
        if seen.method == "PATCH":
            operations = [
                PatchOperation(one["op"], one.get("path"), one.get("value", ABSENT))
                for one in (seen.body or {})["Operations"]
            ]
            changed = apply_patch(operations, user)
            if self._taken(changed, user_id):
                return error_reply(409, f"{changed['userName']} exists", "uniqueness")
            self.users[user_id] = changed
            return Reply(204)
        return Reply(200, user)

    def _taken(self, body: Json, but: str | None) -> bool:
        others = [one for user_id, one in self.users.items() if user_id != but]
        name, emails = fold_case(body["userName"]), _emails(body)
        same_name = any(fold_case(one["userName"]) == name for one in others)
        same_email = any(emails & _emails(one) for one in others)
        return (self.quirks.unique_names and same_name) or (
            self.quirks.unique_emails and same_email
        )

    def _keep(self, body: Json) -> Json:
        number = str(body.get("externalId") or self._next_id)
        while number in self._given:
            number = str(self._next_id)
            self._next_id += 1
        self._given.add(number)
        # passwords are written and never returned (RFC 7643 section 4.1.1)
        user = {name: value for name, value in body.items() if name != "password"}
        user["id"] = int(number) if self.quirks.numeric_ids else f"id-{number}"
        self.users[str(user["id"])] = user
        return user


def error_reply(status: int, detail: str, scim_type: str | None = None) -> Reply:
    body: Json = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": detail,
    }
    return Reply(status, body | ({"scimType": scim_type} if scim_type else {}))


def _other_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name if ":" in name else name.upper(): _other_case(held) for name, held in value.items()
        }
    return [_other_case(one) for one in value] if isinstance(value, list) else value


def _emails(user: Json) -> set[str]:
    return {fold_case(one["value"]) for one in user.get("emails", []) if "value" in one}


@contextmanager
def running_faulty_server(
    token: str = "sesame-open", quirks: Quirks | None = None
) -> Iterator[FaultyServer]:
    """Run a server as long as the context lasts."""
    server = FaultyServer(token, quirks or Quirks())
    with server.running():
        yield server
