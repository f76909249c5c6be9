"""A SCIM server on loopback that lacks parts of SCIM, as applications do.

What it does not refuse, it carries out to the letter of RFC 7644.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import count
from typing import Any

from scimsync.model.ids import fold_case
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter
from scimsync.scim.patch import ABSENT, PatchOperation
from tests.servers.faulty import FaultyServer, Quirks, Reply, Seen, error_reply
from tests.servers.patching import apply_patch

Json = dict[str, Any]
Operations = Sequence[PatchOperation]

NAMES = {"Users": "userName", "Groups": "displayName"}
SCHEMAS = "urn:ietf:params:scim:schemas:core:2.0:"
LISTS = ("members", "emails")


class Lack(StrEnum):
    """What a server does not do, or does in its own way only."""

    PATCH = "no PATCH"
    FILTERS = "no filters"
    DISCOVERY = "no discovery"
    EXTERNAL_ID = "no externalId"
    ACTIVE = "no active"
    GROUPS = "no groups"
    LONG_PAGES = "pages of 7"
    NAMES = "lower-case names"
    TEXT_IDS = "numbers for ids"
    REMOVAL_BY_FILTER = "Entra's member removal only"
    PATHS = "pathless PATCH only"
    ELEMENTS = "whole lists only"


class PartialServer(FaultyServer):
    """Has users and groups by id in `stored`, by the name of their collection."""

    def __init__(self, token: str, lacks: Collection[Lack]) -> None:
        super().__init__(token, Quirks())
        self.lacks = frozenset(lacks)
        self.stored: dict[str, dict[str, Json]] = {"Users": self.users, "Groups": {}}
        self._numbers = count(1)

    def members(self) -> dict[str, set[str]]:
        """displayName of each group -> userNames of its members."""
        return {
            group["displayName"]: {
                self.users[str(one["value"])]["userName"] for one in group.get("members", ())
            }
            for group in self.stored["Groups"].values()
        }

    def answer(self, seen: Seen) -> Reply:
        if not self.accepts(seen.headers):
            return error_reply(401, "who are you?")
        collection, _, resource_id = seen.path.removeprefix("/").partition("/")
        try:
            reply = self._discovery(collection) or self._resource(seen, collection, resource_id)
        except ErrorResponse as error:
            return error_reply(error.status, error.detail or "", error.scim_type)
        if Lack.NAMES in self.lacks:
            return Reply(reply.status, _lower(reply.body), reply.headers)
        return reply

    def _discovery(self, collection: str) -> Reply | None:
        if Lack.DISCOVERY in self.lacks:
            return None
        if collection == "ServiceProviderConfig":
            return Reply(200, self._config())
        types = [kind for kind in NAMES if kind == "Users" or Lack.GROUPS not in self.lacks]
        if collection == "ResourceTypes":
            found = [_resource_type(kind) for kind in types]
            return Reply(200, {"totalResults": len(found), "Resources": found})
        return None

    def _config(self) -> Json:
        return {
            "schemas": [SCHEMAS + "ServiceProviderConfig"],
            "patch": {"supported": Lack.PATCH not in self.lacks},
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": Lack.FILTERS not in self.lacks, "maxResults": 200},
            "changePassword": {"supported": False},
            "sort": {"supported": False},
            "etag": {"supported": False},
            "authenticationSchemes": [],
        }

    def _resource(self, seen: Seen, collection: str, resource_id: str) -> Reply:
        if collection not in NAMES or (collection == "Groups" and Lack.GROUPS in self.lacks):
            return error_reply(404, f"no {seen.path}")
        held = self.stored[collection]
        if not resource_id:
            if seen.method == "POST":
                return Reply(201, self._store(collection, self._kept(seen.body or {}), None))
            return self._list_of(collection, seen.query)
        if resource_id not in held:
            return error_reply(404, f"no {seen.path}")
        if seen.method == "DELETE":
            del held[resource_id]
            self._forget_member(resource_id)
            return Reply(204)
        if seen.method == "PUT":
            return Reply(200, self._store(collection, self._kept(seen.body or {}), resource_id))
        if seen.method == "PATCH":
            patched = self._patched(collection, held[resource_id], seen.body or {})
            return Reply(200, self._store(collection, patched, resource_id))
        return Reply(200, held[resource_id])

    def _kept(self, body: Json) -> Json:
        """Return a body without the attributes that the server ignores."""
        ignored = {
            "externalid": Lack.EXTERNAL_ID in self.lacks,
            "active": Lack.ACTIVE in self.lacks,
            "id": True,
            "meta": True,
        }
        return {name: value for name, value in body.items() if not ignored.get(name.casefold())}

    def _store(self, collection: str, body: Json, resource_id: str | None) -> Json:
        held, name = self.stored[collection], NAMES[collection]
        folded = fold_case(body[name])
        for other_id, other in held.items():
            if other_id != resource_id and fold_case(other[name]) == folded:
                raise ErrorResponse(409, scim_type="uniqueness", detail=f"{body[name]} exists")
        if resource_id is None:
            number = next(self._numbers)
            body["id"] = number if Lack.TEXT_IDS in self.lacks else f"id-{number}"
        else:
            body["id"] = held[resource_id]["id"]
        held[str(body["id"])] = body
        return body

    def _list_of(self, collection: str, query: Mapping[str, str]) -> Reply:
        if "filter" in query and Lack.FILTERS in self.lacks:
            raise ErrorResponse(400, scim_type="invalidFilter", detail="no filters here")
        condition = parse_filter(query["filter"]) if "filter" in query else None
        held = self.stored[collection].values()
        found = [one for one in held if condition is None or matches(condition, one)]
        start, most = int(query.get("startIndex", "1")), 7 if Lack.LONG_PAGES in self.lacks else 200
        page = found[start - 1 : start - 1 + min(int(query.get("count", "100")), most)]
        body = {"totalResults": len(found), "startIndex": start, "Resources": page}
        return Reply(200, body | {"itemsPerPage": len(page)})

    def _patched(self, collection: str, resource: Json, body: Json) -> Json:
        if Lack.PATCH in self.lacks:
            raise ErrorResponse(501, detail="no PATCH here")
        operations = [
            PatchOperation(one["op"].lower(), one.get("path"), one.get("value", ABSENT))
            for one in body["Operations"]
        ]
        changed = resource
        for operation in operations:
            self._refuse(operation)
            changed = apply_patch(list(self._understood(operation, resource)), changed)
        return changed

    def _refuse(self, operation: PatchOperation) -> None:
        """Raise ErrorResponse for an operation that the server does not take."""
        path, lacks = operation.path, self.lacks
        named = (path or "").partition("[")[0].partition(".")[0].casefold()
        if (named == "externalid" and Lack.EXTERNAL_ID in lacks) or (
            named == "active" and Lack.ACTIVE in lacks
        ):
            raise ErrorResponse(400, scim_type="invalidPath", detail=f"no attribute {path}")
        if path is None:
            names = {name.partition(".")[0].partition("[")[0] for name in operation.value}
            if Lack.ELEMENTS in lacks and operation.op != "replace" and names & set(LISTS):
                raise ErrorResponse(400, scim_type="invalidSyntax", detail="only whole lists")
            return
        if named == "members" or operation.op == "remove":
            by_filter = "[" in path and operation.op == "remove"
            if by_filter and Lack.REMOVAL_BY_FILTER in lacks and named == "members":
                raise ErrorResponse(400, scim_type="invalidPath", detail="no filters in paths")
        elif Lack.PATHS in lacks:
            raise ErrorResponse(400, scim_type="invalidPath", detail="no paths")
        if named in LISTS and Lack.ELEMENTS in lacks and (path != named or operation.op == "add"):
            raise ErrorResponse(400, scim_type="invalidPath", detail="only whole lists")

    def _understood(self, operation: PatchOperation, resource: Json) -> Iterator[PatchOperation]:
        """Yield an operation without what the server ignores, members named by a list one by
        one."""
        if operation.op == "remove" and isinstance(operation.value, list):
            if Lack.ELEMENTS in self.lacks:
                raise ErrorResponse(400, scim_type="invalidSyntax", detail="only whole lists")
            for one in operation.value:
                yield PatchOperation(
                    "remove", f'{operation.path}[value eq "{one["value"]}"]', ABSENT
                )
        elif operation.path is None and isinstance(operation.value, dict):
            yield PatchOperation(operation.op, None, self._kept(operation.value))
        else:
            yield operation

    def _forget_member(self, resource_id: str) -> None:
        for group in self.stored["Groups"].values():
            kept = [one for one in group.get("members", ()) if str(one["value"]) != resource_id]
            group["members"] = kept


def _resource_type(collection: str) -> Json:
    kind = collection.removesuffix("s")
    return {
        "schemas": [SCHEMAS + "ResourceType"],
        "id": kind,
        "name": kind,
        "endpoint": f"/{collection}",
        "schema": SCHEMAS + kind,
    }


def _lower(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.lower(): _lower(held) for name, held in value.items()}
    return [_lower(one) for one in value] if isinstance(value, list) else value


@contextmanager
def running_partial_server(lacks: Collection[Lack]) -> Iterator[PartialServer]:
    """Run a server as long as the context lasts."""
    server = PartialServer("sesame-open", lacks)
    with server.running():
        yield server
