"""A SCIM server on loopback that enforces what a product documents.

What breaks a rule is answered as the product answers it, and noted in `broken`: a client that knows
the product sends no such request.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from scimsync.model.ids import fold_case
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import And, AttributeComparison, Filter, parse_filter
from scimsync.scim.patch import ABSENT, PatchOperation
from scimsync.scim.paths import parse_path
from scimsync.scim.resources import project
from tests.servers.faulty import error_reply
from tests.servers.faulty_http import FaultyHttpServer, Json, Reply, Seen
from tests.servers.patching import apply_patch

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NAMES = {"Users": "userName", "Groups": "displayName"}
_COMMON = {"schemas", "id", "meta", "externalid"}


@dataclass(frozen=True)
class Limit:
    """At most `number` requests in `seconds`. `larger` counts those with a larger body only."""

    methods: tuple[str, ...]
    collection: str
    number: int
    seconds: float
    larger: int = 0
    single: bool | None = None
    """Whether requests for one resource count, or those for the collection; None for both."""

    def counts(self, seen: Seen) -> bool:
        """Return whether a request counts."""
        collection, _, resource_id = seen.path.removeprefix("/").partition("/")
        return (
            seen.method in self.methods
            and collection == self.collection
            and self.single in (None, bool(resource_id))
            and len(json.dumps(seen.body)) > self.larger
        )


@dataclass(frozen=True)
class Documented:
    """The rules of one product. The default is a server that takes all of RFC 7644."""

    profile: str
    allowed: frozenset[str] | None = None
    """The attributes of users, in lower case; None for all."""
    required: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    """Attributes that are taken and not stored."""
    frozen: tuple[str, ...] = ()
    """Attributes of users that changes leave as they are."""
    frozen_in_groups: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "Users": ("userName", "externalId"),
            "Groups": ("displayName", "externalId"),
        }
    )
    """The attributes that `eq` compares, by collection."""
    other_filters: str = "refused"
    """What another filter finds: `refused` or `nothing`."""
    filter_needs: Mapping[str, str] = field(default_factory=dict)
    """Text that the value of a filter needs, or else nothing is found."""
    page: int = 100
    largest_page: int = 100
    refuses_larger_pages: bool = False
    cursors: bool = False
    """Lists are paged by cursors, and have no total where they are."""
    lists_are_real: bool = True
    resources: str = "Resources"
    """The name of the list in a list."""
    one_value: bool = False
    """Multi-valued attributes of users have one value."""
    value_paths: bool = True
    """Paths may have filters."""
    refused: tuple[str, ...] = ()
    """Requests that are refused: `DELETE Users`."""
    members: int | None = None
    """The number of members that a request may change."""
    removed_members: int | None = None
    """The number of members that a request may remove, if it may change nothing else."""
    whole_members: bool = True
    """All members may be replaced, or removed, at once."""
    shows_members: bool = True
    largest_body: int | None = None
    inactive: str = "stays"
    """What becomes of a user who is not active: the account `stays` or is `gone`."""
    deleted: str = "gone"
    """What becomes of a user who is deleted: `gone`, or `inactive`."""
    id_is: str | None = None
    longest: Mapping[str, int] = field(default_factory=dict)
    forbidden: str = ""
    """Characters that no value may have."""
    needs_user_agent: bool = False
    silent: bool = False
    """PATCH is answered with 204."""
    config_path: str = "/ServiceProviderConfig"
    limits: tuple[Limit, ...] = ()


class ProductServer(FaultyHttpServer):
    """Has users and groups by id in `stored`, by the name of their collection.

    `clock` is that of the client, by which requests are counted. `broken` are the rules that
    requests broke.
    """

    media_type = "application/scim+json"

    def __init__(self, rules: Documented, token: str) -> None:
        super().__init__("/scim")
        self.rules = rules
        self.token = token
        self.clock: Callable[[], float] = time.monotonic
        self.stored: dict[str, dict[str, Json]] = {name: {} for name in NAMES}
        self.broken: list[str] = []
        self._numbers = count(1)
        self._sent: dict[Limit, deque[float]] = {limit: deque() for limit in rules.limits}

    @property
    def users(self) -> dict[str, Json]:
        """The users by userName."""
        return {one["userName"]: one for one in self.stored["Users"].values()}

    @property
    def groups(self) -> dict[str, set[str]]:
        """displayName of each group -> userNames of its members."""
        users = self.stored["Users"]
        return {
            group["displayName"]: {
                users[one["value"]]["userName"]
                for one in group.get("members", ())
                if one["value"] in users
            }
            for group in self.stored["Groups"].values()
        }

    def add(self, collection: str, **attributes: Any) -> None:
        """Add a resource, as somebody does in the product itself."""
        self._keep(collection, attributes, None)

    def answer(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            return error_reply(401, "who are you?")
        try:
            return self._answer(seen)
        except ErrorResponse as error:
            if error.status != 404 or seen.writes:
                self.broken.append(f"{seen}: {error.status} {error.detail}")
            return error_reply(error.status, error.detail or "", error.scim_type)

    def _answer(self, seen: Seen) -> Reply:
        rules = self.rules
        if seen.path == rules.config_path:
            return Reply(200, self._config())
        collection, _, resource_id = seen.path.removeprefix("/").partition("/")
        if collection not in NAMES or not rules.filters.get(collection):
            raise ErrorResponse(404, detail=f"no {seen.path}")
        self._check_request(seen, collection)
        if not resource_id:
            if seen.method == "POST":
                return Reply(201, self._shown(collection, self._post(collection, seen.body or {})))
            return self._list(collection, seen.query)
        if resource_id not in self.stored[collection]:
            raise ErrorResponse(404, detail=f"no {seen.path}")
        if seen.method == "DELETE":
            self._delete(collection, resource_id)
            return Reply(204)
        if seen.method == "PATCH":
            self._patch(collection, resource_id, seen.body or {})
        held = self.stored[collection].get(resource_id)
        if held is None or (seen.method == "PATCH" and rules.silent):
            return Reply(204)
        return Reply(200, self._shown(collection, held))

    def _config(self) -> Json:
        return {
            "patch": {"supported": True},
            "bulk": {"supported": False},
            "filter": {"supported": True, "maxResults": self.rules.largest_page},
            "changePassword": {"supported": False},
            "sort": {"supported": False},
            "etag": {"supported": False},
            "authenticationSchemes": [],
        } | ({"pagination": {"cursor": True, "index": False}} if self.rules.cursors else {})

    # Rules of requests

    def _check_request(self, seen: Seen, collection: str) -> None:
        rules = self.rules
        if seen.method == "PUT" or f"{seen.method} {collection}" in rules.refused:
            raise ErrorResponse(405, detail="not here")
        if rules.needs_user_agent and not seen.headers.get("user-agent"):
            raise ErrorResponse(403, detail="no User-Agent")
        if rules.largest_body is not None and len(json.dumps(seen.body)) > rules.largest_body:
            raise ErrorResponse(413, detail="too large")
        now = self.clock()
        for limit in (limit for limit in rules.limits if limit.counts(seen)):
            sent = self._sent[limit]
            while sent and sent[0] <= now - limit.seconds:
                sent.popleft()
            if len(sent) >= limit.number:
                raise ErrorResponse(429, detail="too many")
            sent.append(now)

    def _check_values(self, collection: str, body: Json) -> None:
        rules = self.rules
        for path, length in rules.longest.items():
            value = project(body, (path,)).get(path)
            if isinstance(value, str) and len(value) > length:
                raise ErrorResponse(400, scim_type="invalidValue", detail=f"{path} is too long")
        if set(rules.forbidden) & set("".join(_texts(body))):
            raise ErrorResponse(400, scim_type="invalidValue", detail="a forbidden character")
        if collection != "Users":
            return
        if rules.allowed is not None:
            for name in body:
                if name.lower() not in rules.allowed | _COMMON:
                    raise ErrorResponse(400, scim_type="invalidSyntax", detail=f"no {name}")
        for name, value in body.items():
            if rules.one_value and isinstance(value, list) and len(value) > 1 and name != "schemas":
                raise ErrorResponse(400, scim_type="invalidValue", detail=f"one {name} only")

    def _check_operation(self, collection: str, operation: PatchOperation) -> None:
        rules, path = self.rules, operation.path
        if path is not None and "[" in path and collection == "Users" and not rules.value_paths:
            raise ErrorResponse(400, scim_type="invalidPath", detail="no filters in paths")
        if path == "members" and operation.op != "add" and not rules.whole_members:
            raise ErrorResponse(400, scim_type="invalidSyntax", detail="not all members at once")

    # Resources

    def _post(self, collection: str, body: Json) -> Json:
        missing = [path for path in self.rules.required if not project(body, (path,)).get(path)]
        if collection == "Users" and missing:
            raise ErrorResponse(400, scim_type="invalidValue", detail=f"no {missing[0]}")
        self._count_members(len(body.get("members", ())))
        return self._keep(collection, deepcopy(body), None)

    def _patch(self, collection: str, resource_id: str, body: Json) -> None:
        rules, held = self.rules, self.stored[collection][resource_id]
        frozen = rules.frozen if collection == "Users" else rules.frozen_in_groups
        operations = [
            PatchOperation(one["op"], one.get("path"), one.get("value", ABSENT))
            for one in body["Operations"]
        ]
        for operation in operations:
            self._check_operation(collection, operation)
        self._count_members(sum(_members_of(operation) for operation in operations))
        removed = sum(_members_of(one) for one in operations if one.op.lower() == "remove")
        most = rules.removed_members
        if most is not None and removed and (removed > most or len(operations) > 1):
            raise ErrorResponse(400, scim_type="invalidValue", detail=f"{removed} removed members")
        changed = apply_patch(operations, held)
        for name in frozen:
            changed.pop(name, None)
            if name in held:
                changed[name] = held[name]
        changed = self._keep(collection, changed, resource_id)
        if collection == "Users" and changed.get("active") is False and rules.inactive == "gone":
            self._forget(changed["id"])

    def _keep(self, collection: str, body: Json, resource_id: str | None) -> Json:
        self._check_values(collection, body)
        held, name = self.stored[collection], NAMES[collection]
        for other_id, other in held.items():
            if other_id != resource_id and fold_case(other[name]) == fold_case(body[name]):
                raise ErrorResponse(409, scim_type="uniqueness", detail=f"{body[name]} exists")
        body = {key: value for key, value in body.items() if key not in self.rules.dropped}
        if resource_id is not None:
            held.pop(resource_id)
        id_is = self.rules.id_is
        body["id"] = str(body[id_is]) if id_is else resource_id or f"id-{next(self._numbers)}"
        held[body["id"]] = body
        return body

    def _delete(self, collection: str, resource_id: str) -> None:
        if collection == "Users" and self.rules.deleted == "inactive":
            self.stored[collection][resource_id]["active"] = False
        elif collection == "Users":
            self._forget(resource_id)
        else:
            del self.stored[collection][resource_id]

    def _forget(self, user_id: str) -> None:
        del self.stored["Users"][user_id]
        for group in self.stored["Groups"].values():
            left = [one for one in group.get("members", ()) if one["value"] != user_id]
            group["members"] = left

    def _count_members(self, number: int) -> None:
        most = self.rules.members
        if most is not None and number > most:
            raise ErrorResponse(400, scim_type="invalidValue", detail=f"{number} members")

    def _shown(self, collection: str, resource: Json) -> Json:
        hidden = {"password"}
        if collection == "Groups" and not self.rules.shows_members:
            hidden.add("members")
        return {name: value for name, value in resource.items() if name not in hidden}

    # Lists

    def _list(self, collection: str, query: Mapping[str, str]) -> Reply:
        rules = self.rules
        size = int(query.get("count", rules.page))
        if size > rules.largest_page and rules.refuses_larger_pages:
            raise ErrorResponse(400, scim_type="invalidValue", detail=f"count={size}")
        found = list(self.stored[collection].values())
        if "filter" in query:
            found = self._found(collection, parse_filter(query["filter"]), found)
        elif not rules.lists_are_real:
            found = [{"id": "0", "userName": "synthesis_user", "displayName": "synthetic_group"}]
        if rules.cursors and "startIndex" in query:
            raise ErrorResponse(400, scim_type="invalidValue", detail="no startIndex")
        size = min(size, rules.largest_page)
        start = int(query.get("cursor") or query.get("startIndex", "1")) - 1
        page = [self._shown(collection, one) for one in found[start : start + size]]
        body: Json = {rules.resources: page, "itemsPerPage": len(page)}
        if not (rules.cursors and "cursor" in query):
            return Reply(200, body | {"totalResults": len(found), "startIndex": start + 1})
        if start + size < len(found):
            body["nextCursor"] = str(start + size + 1)
        return Reply(200, body)

    def _found(self, collection: str, condition: Filter, held: Sequence[Json]) -> list[Json]:
        rules = self.rules
        parts = condition.operands if isinstance(condition, And) else (condition,)
        for part in parts:
            known = (
                isinstance(part, AttributeComparison)
                and part.operator == "eq"
                and str(part.attribute) in rules.filters[collection]
            )
            if not known and rules.other_filters == "refused":
                raise ErrorResponse(400, scim_type="invalidFilter", detail=str(condition))
            if not known:
                self.broken.append(f"{collection}: the filter {condition} finds nothing")
                return []
            assert isinstance(part, AttributeComparison)
            needed = rules.filter_needs.get(str(part.attribute), "")
            if needed not in str(part.value):
                return []
        return [one for one in held if matches(condition, one)]


def _members_of(operation: PatchOperation) -> int:
    """Return the number of members that an operation changes."""
    if operation.path is None:
        value = operation.value
        return len(value.get("members", ())) if isinstance(value, dict) else 0
    if parse_path(operation.path).attribute != "members":
        return 0
    return len(operation.value) if isinstance(operation.value, list) else 1


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a document, without the names and URNs of schemas."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, held in value.items():
            if name not in ("schemas", "meta", "id"):
                yield from _texts(held)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


@contextmanager
def running_product(rules: Documented) -> Iterator[ProductServer]:
    """Run a server as long as the context lasts."""
    server = ProductServer(rules, "sesame-open")
    with server.running():
        yield server
