"""A SCIM server on loopback with users and groups, whose answers may be lies.

A `Lie` answers in place of the server. Each lie is an answer that `targets/evidence` has a row for:
what it claims is visibly no proof, or visibly the opposite of what was asked for.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter
from scimsync.scim.patch import ABSENT, PatchOperation
from tests.servers.faulty import FaultyServer, Quirks, Reply, Seen, error_reply
from tests.servers.patching import apply_patch

Json = dict[str, Any]
Resources = dict[str, Json]
Lie: TypeAlias = "Callable[[LyingServer, Seen, random.Random], Reply]"
Choice: TypeAlias = "Callable[[Seen, random.Random], Lie | None]"
UNIQUE = {"Users": "userName", "Groups": "displayName"}
HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


class LyingServer(FaultyServer):
    """Answers each request with the lie that `choose` returns, or else honestly.

    With `quirks.unique_names` False, two resources may have one name. `seed` decides by chance, in
    the same way whatever the order of the requests.
    """

    def __init__(self, token: str, quirks: Quirks) -> None:
        super().__init__(token, quirks)
        self.groups: Resources = {}
        self.seed = ""
        self.choose: Choice = lambda seen, chance: None
        self.told: set[str] = set()
        """The ids of resources that were created and shown."""
        self._times: Counter[str] = Counter()

    def answer(self, seen: Seen) -> Reply:
        line = f"{self.seed} {seen} {subject(seen)}"
        self._times[line] += 1
        chance = random.Random(f"{line} {self._times[line]}")
        lie = self.choose(seen, chance)
        try:
            if lie is not None and not self.may_be_empty(seen, lie):
                return lie(self, seen, chance)
            reply = self.honest(seen)
        except ErrorResponse as error:
            return error_reply(error.status, error.detail or "", error.scim_type)
        if reply.status == 201 and isinstance(reply.body, dict):
            self.told.add(str(reply.body["id"]))
        return reply

    def may_be_empty(self, seen: Seen, lie: Lie) -> bool:
        """Return whether a lie is a 404 to a search that finds nothing, which is how some servers
        say so."""
        if lie not in NOT_FOUND or "filter" not in seen.query:
            return False
        body = self.page(seen).body
        return isinstance(body, dict) and not body["totalResults"]

    def honest(self, seen: Seen) -> Reply:
        """Carry a request out."""
        collection, _, resource_id = seen.path.removeprefix("/").partition("/")
        if collection != "Groups":
            reply = super().answer(seen)
            if seen.method == "DELETE" and reply.status == 204:
                self._remove_members(resource_id)
            return reply
        if not resource_id:
            return self._post_group(seen.body or {}) if seen.method == "POST" else self.page(seen)
        if resource_id not in self.groups:
            return error_reply(404, f"no group {resource_id}")
        if seen.method == "DELETE":
            del self.groups[resource_id]
            return Reply(204)
        if seen.method == "PATCH":
            self.groups[resource_id] = patched(self.groups[resource_id], seen)
            return Reply(204)
        if seen.method == "PUT":
            self.groups[resource_id] = {**(seen.body or {}), "id": resource_id}
        return Reply(200, self.groups[resource_id])

    def resources(self, seen: Seen) -> Resources:
        """Return the collection that a request is about."""
        return self.groups if seen.path.startswith("/Groups") else self.users

    def page(self, seen: Seen) -> Reply:
        """Answer a search."""
        text = seen.query.get("filter")
        condition = None if text is None else parse_filter(text)
        held = self.resources(seen).values()
        found = [one for one in held if condition is None or matches(condition, one)]
        return listing(found, seen, self.quirks.max_page)

    def _post_group(self, body: Json) -> Reply:
        names = {group["displayName"].casefold() for group in self.groups.values()}
        if self.quirks.unique_names and body["displayName"].casefold() in names:
            return error_reply(409, f"{body['displayName']} exists", "uniqueness")
        number = sum(body["displayName"] == one["displayName"] for one in self.groups.values())
        group = {**body, "id": f"{body['displayName']}-{number}".replace(" ", "-")}
        self.groups[group["id"]] = group
        return Reply(201, group)

    def _remove_members(self, user_id: str) -> None:
        for group in self.groups.values():
            group["members"] = [one for one in group.get("members", []) if one["value"] != user_id]


def subject(seen: Seen) -> str:
    """Return what a request is about, if its path does not say so."""
    body = seen.body or {}
    name = body.get("externalId") or body.get("displayName")
    return str(name or seen.query.get("filter") or seen.query.get("startIndex") or "")


def patched(resource: Json, seen: Seen, but: tuple[str, ...] = ()) -> Json:
    """Return a resource after a PATCH, without the operations on the paths `but`."""
    operations = [
        PatchOperation(one["op"], one.get("path"), one.get("value", ABSENT))
        for one in (seen.body or {})["Operations"]
        if one.get("path") not in but
    ]
    return apply_patch(operations, resource)


def listing(found: list[Json], seen: Seen, most: int) -> Reply:
    """Return a page of a list."""
    start = int(seen.query.get("startIndex", "1"))
    count = min(int(seen.query.get("count", "100")), most)
    page = found[start - 1 : start - 1 + count]
    body = {
        "totalResults": len(found),
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": page,
    }
    return Reply(200, body)


# Lies


def says(
    status: int,
    body: bytes | Json | list[Any] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    effect: bool = False,
) -> Lie:
    """Answer so, whatever was asked for; with `effect`, the request is carried out."""

    def lie(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
        if effect:
            server.honest(seen)
        return Reply(status, body, headers or {})

    return lie


def refuses(status: int, scim_type: str | None = None, **headers: str) -> Lie:
    """Answer with a SCIM error, and do nothing."""
    reply = error_reply(status, "not so", scim_type)
    return says(status, reply.body, headers={**reply.headers, **headers})


def hangs_up(*, effect: bool) -> Lie:
    """End the connection without an answer."""

    def lie(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
        if effect:
            server.honest(seen)
        raise ConnectionResetError

    return lie


def shows_another(*, effect: bool) -> Lie:
    """Answer with a resource of somebody else."""

    def lie(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
        own = seen.path.rpartition("/")[2]
        name = UNIQUE["Groups" if seen.path.startswith("/Groups") else "Users"]
        others = [
            one
            for one in server.resources(seen).values()
            if one["id"] != own and one[name] != (seen.body or {}).get(name)
        ]
        honest = server.honest(seen) if effect or not others else None
        return honest if honest is not None and not others else Reply(200, chance.choice(others))

    return lie


def repeats_an_id(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
    """Answer to a POST with what was sent, under the id of another resource that is linked."""
    others = sorted(server.told & server.resources(seen).keys())
    return (
        Reply(201, {**(seen.body or {}), "id": chance.choice(others)})
        if others
        else server.honest(seen)
    )


def ignores_access(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
    """Carry out a PATCH but for `active` and `userName`, and show the resource."""
    resources, _, resource_id = server.resources(seen), *seen.path.rpartition("/")[1:]
    if resource_id not in resources:
        return server.honest(seen)
    resources[resource_id] = patched(resources[resource_id], seen, ("active", "userName"))
    return Reply(200, resources[resource_id])


def stops_early(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
    """Send less of a list than its total."""
    reply = server.page(seen)
    assert isinstance(reply.body, dict)
    shown = reply.body["Resources"]
    reply.body["Resources"] = shown[: len(shown) // 2]
    if not shown:
        reply.body["totalResults"] += 1
    return reply


def repeats(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
    """Send one resource of a page twice, another one not at all."""
    reply = server.page(seen)
    assert isinstance(reply.body, dict)
    shown = reply.body["Resources"]
    if len(shown) > 1:
        reply.body["Resources"] = [*shown[:-1], shown[0]]
        return reply
    return stops_early(server, seen, chance)


def ignores_the_filter(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
    """Answer to a search with anything but what was asked for."""
    if "filter" not in seen.query:
        return stops_early(server, seen, chance)
    condition = parse_filter(seen.query["filter"])
    others = [one for one in server.resources(seen).values() if not matches(condition, one)]
    return listing(others, seen, server.quirks.max_page) if others else server.page(seen)


def hides_members(server: LyingServer, seen: Seen, chance: random.Random) -> Reply:
    """Show groups without their members."""
    reply = server.honest(seen)
    if isinstance(reply.body, dict) and seen.path.startswith("/Groups"):
        shown = reply.body.get("Resources", [reply.body])
        bare = [{name: held for name, held in one.items() if name != "members"} for one in shown]
        body = {**reply.body, "Resources": bare} if "Resources" in reply.body else bare[0]
        return Reply(reply.status, body, reply.headers)
    return reply


ERROR_BODY = error_reply(400, "not so").body
INSTEAD: dict[str, Lie] = {
    "400": refuses(400),
    "400 invalidPath": refuses(400, "invalidPath"),
    "400 invalidValue": refuses(400, "invalidValue"),
    "401": refuses(401),
    "403": refuses(403),
    "403 with Retry-After": refuses(403, **{"Retry-After": "1"}),
    "404": refuses(404),
    "404 without a body": says(404),
    "404 of a gateway": says(404, {"error": "no route"}),
    "404 page": says(404, HTML),
    "405": refuses(405),
    "409": refuses(409, "uniqueness"),
    "412": refuses(412),
    "413": refuses(413),
    "429": refuses(429, **{"Retry-After": "1"}),
    "500": refuses(500),
    "501": refuses(501),
    "503": refuses(503, **{"Retry-After": "1"}),
    "web page": says(200, HTML),
    "redirect": says(302, headers={"Location": "https://example.com/"}),
    "reset": hangs_up(effect=False),
    "error in a 200": says(200, ERROR_BODY),
    "202": says(202),
}
"""Lies instead of what was asked for."""

NOT_FOUND = [lie for name, lie in INSTEAD.items() if name.startswith("404")]

AFTER: dict[str, Lie] = {
    "500 after all": says(500, effect=True),
    "202 after all": says(202, effect=True),
    "web page after all": says(200, HTML, effect=True),
    "reset after all": hangs_up(effect=True),
    "nothing": says(204, effect=True),
}
"""Lies about what was carried out."""

WRITES: dict[str, dict[str, Lie]] = {
    "POST": {
        "another": shows_another(effect=False),
        "another after all": shows_another(effect=True),
        "the same id": repeats_an_id,
        "no id": says(201, {}, effect=True),
    },
    "PATCH": {
        "another": shows_another(effect=False),
        "another after all": shows_another(effect=True),
        "not active, not userName": ignores_access,
    },
    "PUT": {
        "another": shows_another(effect=False),
        "another after all": shows_another(effect=True),
    },
    "DELETE": {},
}
READ: dict[str, Lie] = {"another": shows_another(effect=False), "no members": hides_members}
SEARCH: dict[str, Lie] = {
    "invalidFilter": refuses(400, "invalidFilter"),
    "too short": stops_early,
    "twice": repeats,
    "without the filter": ignores_the_filter,
    "no members": hides_members,
}


def lies_about(seen: Seen) -> dict[str, Lie]:
    """Return the lies that a request can be answered with."""
    instead = {name: lie for name, lie in INSTEAD.items() if name != "401"}  # ends the run
    if seen.method == "GET":
        is_search = seen.path.count("/") == 1
        return {**instead, **(SEARCH if is_search else READ)}
    return {**instead, **AFTER, **WRITES[seen.method]}


@contextmanager
def running_lying_server(*, unique_names: bool, max_page: int = 60) -> Iterator[LyingServer]:
    """Run a server as long as the context lasts."""
    server = LyingServer("sesame-open", Quirks(unique_names=unique_names, max_page=max_page))
    with server.running():
        yield server
