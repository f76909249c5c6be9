"""A small SCIM server on loopback that fails on demand and has quirks.

It keeps users in a dictionary; POST, GET, filters, paging, PUT, PATCH and DELETE follow RFC 7644.
A list of `Fault`s says which requests fail and how; `Quirks` change all responses. What the server
declares about itself is apart from that: `declared`, by default nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from scimsync.model.ids import fold_case
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter
from scimsync.scim.patch import ABSENT, PatchOperation
from tests.servers.faulty_http import WRITES, Fault, FaultyHttpServer, Json, Reply, Seen
from tests.servers.patching import apply_patch

__all__ = [
    "HTML",
    "WRITES",
    "Fault",
    "FaultyServer",
    "Json",
    "Quirks",
    "Reply",
    "Seen",
    "error_reply",
    "running_faulty_server",
]

DISCOVERY = frozenset(
    {
        "/ServiceProviderConfig",
        "/ServiceProviderConfigs",
        "/ResourceTypes",
        "/Schemas",
        "/Roles",
        "/Entitlements",
    }
)
HTML = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"


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
class Bulk:
    """How the server carries out bulk requests, and what it declares about them.

    Larger ones get 413. With `repeats_ids` results of all methods have a `bulkId`, or else those
    of POST only.
    """

    max_operations: int = 1000
    max_payload: int = 1048576
    repeats_ids: bool = True
    declared: bool = True

    @property
    def config(self) -> Json:
        declared = {"supported": self.declared, "maxOperations": self.max_operations}
        return {"bulk": declared | {"maxPayloadSize": self.max_payload}}


class FaultyServer(FaultyHttpServer):
    """A SCIM server in a thread. `users`, `seen` and `faults` may be read and changed while no push
    runs.

    `declared` has the bodies of the endpoints of discovery, or whole replies, and `asked` the
    requests for them, which are neither in `seen` nor subject to faults.

    The id of a new user is `id-EXTERNALID`, or a running number if that id was used before.
    """

    media_type = "application/scim+json"

    def __init__(self, token: str, quirks: Quirks) -> None:
        super().__init__("/v2")
        self.bulk: Bulk | None = None
        self.operations: list[Seen] = []
        """The operations of bulk requests."""
        self.token = token
        self.accepts: Callable[[Mapping[str, str]], bool] = self._has_token
        self.quirks = quirks
        self.users: dict[str, Json] = {}
        self.declared: dict[str, Json | list[Json] | Reply] = {}
        self.asked: list[str] = []
        self._next_id = 1
        self._given: set[str] = set()

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.token}"

    def add(self, **attributes: Any) -> Json:
        """Add an account that scimsync did not create."""
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], **attributes}
        return self._keep(user)

    def named(self, name: str) -> Json:
        """Return the one account with this userName."""
        (user,) = (one for one in self.users.values() if one["userName"] == name)
        return user

    def forget(self) -> None:
        super().forget()
        self.asked.clear()
        self.operations.clear()

    def aside(self, seen: Seen) -> Reply | None:
        if seen.path not in DISCOVERY:
            return None
        self.asked.append(seen.path)
        declared = self.declared.get(seen.path)
        if not self.accepts(seen.headers):
            return error_reply(401, "who are you?")
        if declared is None:
            return error_reply(404, f"no {seen.path}")
        return declared if isinstance(declared, Reply) else Reply(200, declared)

    def shaped(self, body: Any) -> Any:
        return _other_case(body) if self.quirks.other_case else body

    def offer(self, bulk: Bulk) -> None:
        """Carry out bulk requests from now on."""
        self.bulk = bulk
        self.declared["/ServiceProviderConfig"] = bulk.config

    # SCIM

    def answer(self, seen: Seen) -> Reply:
        if not self.accepts(seen.headers):
            return error_reply(401, "who are you?")
        if self.bulk is not None and seen.path == "/Bulk":
            return self._carry_out(self.bulk, seen)
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

    def _carry_out(self, bulk: Bulk, seen: Seen) -> Reply:
        """Carry out a bulk request. Faults that fit one of its operations spoil its result; one
        that hangs up leaves it out."""
        operations = (seen.body or {})["Operations"]
        size = int(seen.headers["content-length"])
        if len(operations) > bulk.max_operations or size > bulk.max_payload:
            return error_reply(413, f"at most {bulk.max_operations} operations")
        results = [self._result(bulk, seen, operation) for operation in operations]
        schema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
        body = {"schemas": [schema], "Operations": [one for one in results if one is not None]}
        return Reply(200, body)

    def _result(self, bulk: Bulk, whole: Seen, operation: Json) -> Json | None:
        method, path = operation["method"], operation["path"]
        seen = Seen(method, unquote(path), {}, whole.headers, operation.get("data"))
        self.operations.append(seen)
        fault = next((one for one in self.faults if one.fits(seen)), None)
        if fault is None or fault.effect:
            reply = self.answer(seen)
        if fault is not None:
            fault.times -= 1
            if fault.hang_up:
                return None
            reply = Reply(fault.status, fault.body)
        result: Json = {"method": method, "status": str(reply.status)}
        if method == "POST" or bulk.repeats_ids:
            result["bulkId"] = operation["bulkId"]
        if method != "POST":
            result["location"] = f"{self.url}{path}"
        elif "Location" in reply.headers:
            result["location"] = reply.headers["Location"]
        return result | ({"response": reply.body} if isinstance(reply.body, dict) else {})

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
        if seen.method == "PUT":
            changed = {**(seen.body or {}), "id": user["id"]}
            if self._taken(changed, user_id):
                return error_reply(409, f"{changed['userName']} exists", "uniqueness")
            self.users[user_id] = changed
        return Reply(200, self.users[user_id])

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
