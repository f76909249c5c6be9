"""The Directory API of Google Workspace on loopback: users, groups, members.

It answers as developers.google.com/workspace/admin/directory/reference/rest/v1 says (read on
2026-11-29): pages with tokens and without totals, fields that are missing where a list is empty,
errors of Google APIs, PATCH that replaces lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.servers.faulty_http import FaultyHttpServer, Json, Reply, Seen

DOMAIN = "example.com"


class GoogleDirectory(FaultyHttpServer):
    """The users and groups of a domain, by id.

    `members` maps the id of a group to members by id. `accepts` checks the headers of a request.
    With `searches_lag`, a search finds nothing, as it does for hours after a change.
    """

    def __init__(self, accepts: Callable[[Mapping[str, str]], bool]) -> None:
        super().__init__("/admin/directory/v1")
        self._accepts = accepts
        self.users: dict[str, Json] = {}
        self.groups: dict[str, Json] = {}
        self.members: dict[str, dict[str, Json]] = {}
        self.passwords: dict[str, str] = {}
        self.searches_lag = False
        self.max_page = 500
        self._next_id = 100000000000000000001

    def named(self, email: str) -> Json:
        """Return the user with this primary e-mail address."""
        (user,) = (one for one in self.users.values() if one["primaryEmail"] == email)
        return user

    def add_user(self, email: str, **more: Any) -> Json:
        """Add a user that scimsync did not create."""
        user = {"id": self._new_id(), "primaryEmail": email, "suspended": False, **more}
        self.users[user["id"]] = user
        return user

    def members_of(self, email: str) -> set[str]:
        """Return the e-mail addresses of the users in the group with this address."""
        (group,) = (one for one in self.groups.values() if one["email"] == email)
        return {
            self.users[member]["primaryEmail"]
            for member in self.members[group["id"]]
            if member in self.users
        }

    def answer(self, seen: Seen) -> Reply:
        if not self._accepts(seen.headers):
            return error(401, "authError", "Invalid Credentials")
        _, collection, *rest = seen.path.split("/")
        if collection == "users" and len(rest) <= 1:
            return self._users(seen, rest)
        if collection == "groups" and len(rest) <= 1:
            return self._groups(seen, rest)
        if collection == "groups" and rest[1] == "members" and len(rest) <= 3:
            return self._members(seen, rest[0], rest[2:])
        return Reply(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")

    # users

    def _users(self, seen: Seen, rest: list[str]) -> Reply:
        if not rest and seen.method == "GET":
            fields = {"email": "primaryEmail", "externalId": "externalIds"}
            return self._list(seen.query, "users", list(self.users.values()), fields)
        body = seen.body or {}
        if not rest:
            return self._insert_user(body)
        if "@" in rest[0] and not rest[0].endswith(f"@{DOMAIN}"):
            return error(403, "forbidden", "Not Authorized to access this resource/api")
        user = next(
            (
                one
                for one in self.users.values()
                if rest[0] == one["id"]
                or rest[0].lower() in [one["primaryEmail"], *one.get("aliases", [])]
            ),
            None,
        )
        if user is None:
            return error(404, "notFound", "Resource Not Found: userKey")
        if seen.method == "DELETE":
            del self.users[user["id"]]
            for members in self.members.values():
                members.pop(user["id"], None)
            return Reply(204)
        if seen.method == "PATCH":
            taken = self._taken(body.get("primaryEmail", ""), user["id"])
            if taken:
                return error(409, "duplicate", "Entity already exists.")
            if "primaryEmail" in body:
                user.setdefault("aliases", []).append(user["primaryEmail"])
            user["name"] |= body.pop("name", {})
            user |= body
        return Reply(200, user)

    def _insert_user(self, body: Json) -> Reply:
        name = body.get("name", {})
        if not (name.get("givenName") and name.get("familyName") and body.get("password")):
            return error(400, "required", "Missing required field")
        email = body["primaryEmail"]
        if not email.endswith(f"@{DOMAIN}"):
            return error(404, "notFound", "Domain not found.")
        if self._taken(email, None):
            return error(409, "duplicate", "Entity already exists.")
        self.passwords[email] = body.pop("password")
        return Reply(200, self.add_user(email, **{"orgUnitPath": "/", **body}))

    def _taken(self, email: str, but: str | None) -> bool:
        return any(
            email in [one["primaryEmail"], *one.get("aliases", [])] and one["id"] != but
            for one in self.users.values()
        )

    # groups and members

    def _groups(self, seen: Seen, rest: list[str]) -> Reply:
        if not rest and seen.method == "GET":
            fields = {"email": "email", "name": "name"}
            return self._list(seen.query, "groups", list(self.groups.values()), fields)
        body = seen.body or {}
        if not rest:
            if any(one["email"] == body["email"] for one in self.groups.values()):
                return error(409, "duplicate", "Entity already exists.")
            group = {"id": self._new_id(), **body}
            self.groups[group["id"]] = group
            self.members[group["id"]] = {}
            return Reply(200, group)
        found = [one for one in self.groups.values() if rest[0] in (one["id"], one["email"])]
        if not found:
            return error(404, "notFound", "Resource Not Found: groupKey")
        if seen.method == "DELETE":
            del self.groups[found[0]["id"]]
            return Reply(204)
        if seen.method == "PATCH":
            found[0].update(body)
        return Reply(200, found[0])

    def _members(self, seen: Seen, key: str, rest: list[str]) -> Reply:
        if key not in self.groups:
            return error(404, "notFound", "Resource Not Found: groupKey")
        members = self.members[key]
        if seen.method == "POST":
            member = (seen.body or {})["id"]
            if member in members:
                return error(409, "duplicate", "Member already exists.")
            if member not in self.users and member not in self.groups:
                return error(404, "notFound", "Resource Not Found: memberKey")
            kind = "USER" if member in self.users else "GROUP"
            members[member] = {"id": member, "role": "MEMBER", "type": kind}
            return Reply(200, members[member])
        if seen.method == "DELETE":
            if rest[0] not in members:
                return error(404, "notFound", "Resource Not Found: memberKey")
            del members[rest[0]]
            return Reply(204)
        return self._list(seen.query, "members", list(members.values()), {})

    # lists

    def _list(
        self, query: Mapping[str, str], name: str, rows: list[Json], fields: Mapping[str, str]
    ) -> Reply:
        if name != "members" and query.get("customer") != "my_customer":
            return error(400, "badRequest", "Bad Request")
        if "query" in query:
            match = re.fullmatch(r"(\w+)='((?:[^'\\]|\\.)*)'", query["query"])
            if match is None or match[1] not in fields:
                return error(400, "invalid", "Invalid Input: query")
            value = re.sub(r"\\(.)", r"\1", match[2])
            field = fields[match[1]]
            rows = [] if self.searches_lag else [one for one in rows if _holds(one, field, value)]
        start = int(query.get("pageToken", "token-0").removeprefix("token-"))
        size = min(int(query.get("maxResults", "100")), self.max_page)
        body: Json = {"kind": f"admin#directory#{name}"}
        if page := rows[start : start + size]:
            body[name] = [{"id": one["id"]} for one in page] if "fields" in query else page
        if start + size < len(rows):
            body["nextPageToken"] = f"token-{start + size}"
        return Reply(200, body)

    def _new_id(self) -> str:
        self._next_id += 1
        return str(self._next_id)


def _holds(row: Json, field: str, value: str) -> bool:
    held = row.get(field)
    if isinstance(held, list):
        return any(one.get("value") == value for one in held)
    return bool(held == value)


def error(status: int, reason: str, message: str) -> Reply:
    """Return an error of a Google API."""
    return Reply(status, error_body(status, reason, message))


def error_body(status: int, reason: str, message: str) -> Json:
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return {"error": {"code": status, "message": message, "errors": errors}}


@contextmanager
def running_google_directory(
    accepts: Callable[[Mapping[str, str]], bool] = lambda _: True,
) -> Iterator[GoogleDirectory]:
    """Run the API as long as the context lasts."""
    server = GoogleDirectory(accepts)
    with server.running():
        yield server
