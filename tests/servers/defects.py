"""A SCIM server on loopback with defects that real servers have, each of which can be chosen.

Without one, it is the server of `provider.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from scimsync.scim.attributes import read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filters import And, AttributeComparison, Filter, attributes_of
from scimsync.scim.patch import ABSENT, PatchOperation
from tests.servers.faulty import error_reply
from tests.servers.faulty_http import Json, Reply, Seen
from tests.servers.provider import ENTERPRISE, Provider, attribute_names

_OPERATOR = re.compile(r"\s(eq|and)\s", re.IGNORECASE)


class Defect(StrEnum):
    """What a server does otherwise than it should."""

    EMPTY_MEMBERS_IGNORED = "replace of members with an empty list changes nothing"
    LISTED_REMOVAL_WIPES = "remove of listed members removes all members"
    LISTED_REMOVAL_REFUSED = "remove of listed members is refused"
    FILTERED_REMOVAL_IGNORED = "remove of members by a filter changes nothing"
    BARE_NOT_FOUND = "404 without a SCIM body"
    NOTHING_FOUND_404 = "404 for a filter that finds nothing"
    USER_NAME_EXACT = "the filter on userName is case-sensitive"
    WORDS_EXACT = "operators and attributes of filters are lower case only"
    UNQUOTED_REFUSED = "a filter value without quotes is refused"
    OPERATIONS_LOWER = "PATCH takes add, replace, remove in lower case only"
    ACTIVE_TEXT_ONLY = "active is taken as text only"
    ACTIVE_TEXT_REFUSED = "active is refused as text"
    ACTIVE_SHOWN_AS_TEXT = "active is shown as text"
    FALSE_IS_TRUE = 'the text "False" is stored as true'
    POST_WITHOUT_ID = "POST returns no id"
    POST_WITHOUT_BODY = "POST returns no body"
    UPSERT = "POST of an existing userName changes that user and returns 200"
    DUPLICATES = "two users may have one userName"
    PATHLESS_REFUSED = "PATCH without a path is refused"
    PATCH_STORES_NOTHING = "PATCH returns 204 and stores nothing"
    PATCH_REFUSED = "PATCH is refused"
    VALUE_FILTERS_REFUSED = "filters in paths are refused"
    JSON_ONLY = "application/scim+json is refused"
    FIRST_PAGE_ONLY = "startIndex is ignored"
    TOTAL_OF_PAGE = "totalResults is the number of resources of the page"
    INACTIVE_HIDDEN = "inactive users are not found"
    RENAME_WITH_MEMBERS_REFUSED = "a group is not renamed together with its members"
    MANAGER_DROPPED = "manager is not stored"
    EXTERNAL_ID_DROPPED = "externalId is not stored"
    PUT_REFUSED = "PUT is refused"
    DELETE_KEEPS = "DELETE returns 200 and keeps the user"
    ERRORS_500 = "all errors are 500"
    EXCLUSION_REFUSED = "excludedAttributes is refused"
    PASSWORD_REFUSED = "a password is refused"
    ROLES_REFUSED = "roles are refused"
    FIRST_MEMBER_ONLY = "of several members one is stored"


class DefectiveProvider(Provider):
    """A provider with defects."""

    def __init__(self, defects: Collection[Defect], token: str = "sesame-open") -> None:
        super().__init__(token)
        self.defects = frozenset(defects)
        self.unique_names = Defect.DUPLICATES not in self.defects

    def has(self, defect: Defect) -> bool:
        return defect in self.defects

    def answer(self, seen: Seen) -> Reply:
        reply = super().answer(seen)
        if reply.status == 404 and self.has(Defect.BARE_NOT_FOUND):
            return Reply(404)
        if reply.status >= 400 and self.has(Defect.ERRORS_500):
            return error_reply(500, "unexpected")
        return reply

    def resource(self, seen: Seen) -> Reply:
        kind = seen.headers.get("content-type", "")
        if self.has(Defect.JSON_ONLY) and "scim+json" in kind:
            raise ErrorResponse(415, detail=kind)
        if self.has(Defect.EXCLUSION_REFUSED) and "excludedAttributes" in seen.query:
            raise ErrorResponse(400, scim_type="invalidValue", detail="excludedAttributes")
        refused = {"PUT": Defect.PUT_REFUSED, "PATCH": Defect.PATCH_REFUSED}.get(seen.method)
        if refused is not None and self.has(refused):
            raise ErrorResponse(501, detail=seen.method)
        return super().resource(seen)

    # Lists

    def listing(self, collection: str, query: Mapping[str, str]) -> Reply:
        reply = super().listing(collection, query)
        assert isinstance(reply.body, dict)
        none = "filter" in query and not reply.body["totalResults"]
        if none and self.has(Defect.NOTHING_FOUND_404):
            raise ErrorResponse(404, detail="not found")
        return reply

    def page(
        self, collection: str, found: list[Json], start: int, size: int, query: Mapping[str, str]
    ) -> Reply:
        if self.has(Defect.FIRST_PAGE_ONLY):
            start = 1
        reply = super().page(collection, found, start, size, query)
        if self.has(Defect.TOTAL_OF_PAGE):
            assert isinstance(reply.body, dict)
            reply.body["totalResults"] = len(reply.body["Resources"])
        return reply

    def condition(self, text: str) -> Filter:
        if self.has(Defect.UNQUOTED_REFUSED) and '"' not in text:
            raise ErrorResponse(400, scim_type="invalidFilter", detail=text)
        condition = super().condition(text)
        if self.has(Defect.WORDS_EXACT):
            written = all(one.name in attribute_names() for one in attributes_of(condition))
            if not written or any(one != one.lower() for one in _OPERATOR.findall(text)):
                raise ErrorResponse(400, scim_type="invalidFilter", detail=text)
        return condition

    def fits(self, condition: Filter, collection: str, resource: Json) -> bool:
        if self.has(Defect.INACTIVE_HIDDEN) and resource.get("active") is False:
            return False
        if self.has(Defect.USER_NAME_EXACT):
            parts = condition.operands if isinstance(condition, And) else (condition,)
            for part in parts:
                is_name = isinstance(part, AttributeComparison) and (
                    part.attribute.name.casefold() == "username"
                )
                if is_name and part.value != resource.get("userName"):  # type: ignore[union-attr]
                    return False
        return super().fits(condition, collection, resource)

    # Resources

    def get(self, collection: str, resource_id: str, query: Mapping[str, str]) -> Reply:
        hidden = self.stored[collection][resource_id].get("active") is False
        if self.has(Defect.INACTIVE_HIDDEN) and hidden:
            raise ErrorResponse(404, detail="not found")
        return super().get(collection, resource_id, query)

    def post(self, collection: str, body: Json) -> Reply:
        if self.has(Defect.PASSWORD_REFUSED) and "password" in body:
            raise ErrorResponse(400, scim_type="invalidValue", detail="password")
        before = set(self.stored[collection])
        reply = super().post(collection, body)
        assert isinstance(reply.body, dict)
        if reply.body["id"] in before:
            return Reply(200, reply.body)
        if self.has(Defect.POST_WITHOUT_BODY):
            return Reply(201, headers=reply.headers)
        if self.has(Defect.POST_WITHOUT_ID):
            without = {name: value for name, value in reply.body.items() if name != "id"}
            return Reply(201, without, reply.headers)
        return reply

    def duplicate(self, collection: str, resource: Json, other: Json) -> Json:
        if self.has(Defect.UPSERT):
            return self.keep(collection, resource, other["id"])
        return super().duplicate(collection, resource, other)

    def patch(self, collection: str, resource_id: str, body: Json) -> Reply:
        operations = read(body, "Operations")
        self._refuse(collection, operations if isinstance(operations, list) else [])
        if self.has(Defect.PATCH_STORES_NOTHING):
            return Reply(204)
        return super().patch(collection, resource_id, body)

    def delete(self, collection: str, resource_id: str) -> Reply:
        if self.has(Defect.DELETE_KEEPS) and collection == "Users":
            return Reply(200, self.shown(collection, self.stored[collection][resource_id], {}))
        return super().delete(collection, resource_id)

    def received(self, collection: str, body: Mapping[str, Any]) -> Json:
        if self.has(Defect.ROLES_REFUSED) and body.get("roles"):
            raise ErrorResponse(400, scim_type="invalidValue", detail="roles")
        resource = super().received(collection, body)
        if self.has(Defect.EXTERNAL_ID_DROPPED):
            resource.pop("externalId", None)
        if self.has(Defect.MANAGER_DROPPED):
            resource.get(ENTERPRISE, {}).pop("manager", None)
        return resource

    def shown(self, collection: str, resource: Json, query: Mapping[str, str]) -> Json:
        shown = super().shown(collection, resource, query)
        if self.has(Defect.ACTIVE_SHOWN_AS_TEXT) and "active" in shown:
            shown["active"] = str(shown["active"])
        return shown

    # Operations

    def _refuse(self, collection: str, operations: list[Json]) -> None:
        """Raise ErrorResponse for operations that the server does not take."""
        paths = [str(one.get("path") or "") for one in operations]
        names = {path.casefold() for path in paths if path}
        for one in operations:
            value = one.get("value")
            names |= {name.casefold() for name in value} if isinstance(value, dict) else set()
            self._refuse_operation(one)
        together = {"displayname", "members"} <= {name.partition("[")[0] for name in names}
        if self.has(Defect.RENAME_WITH_MEMBERS_REFUSED) and together:
            raise ErrorResponse(400, scim_type="invalidSyntax", detail="one change at a time")

    def _refuse_operation(self, one: Json) -> None:
        op, path, value = str(one.get("op")), one.get("path"), one.get("value")
        if self.has(Defect.OPERATIONS_LOWER) and op != op.lower():
            raise ErrorResponse(400, scim_type="invalidSyntax", detail=f"no {op}")
        if self.has(Defect.PATHLESS_REFUSED) and not path:
            raise ErrorResponse(400, scim_type="invalidSyntax", detail="no path")
        if self.has(Defect.VALUE_FILTERS_REFUSED) and "[" in str(path):
            raise ErrorResponse(400, scim_type="invalidPath", detail="no filters in paths")
        listed = op.lower() == "remove" and isinstance(value, list)
        if self.has(Defect.LISTED_REMOVAL_REFUSED) and listed:
            raise ErrorResponse(400, scim_type="invalidSyntax", detail="remove has no value")
        active = value
        if str(path).casefold() != "active":
            active = value.get("active") if not path and isinstance(value, dict) else None
        if self.has(Defect.ACTIVE_TEXT_REFUSED) and isinstance(active, str):
            raise ErrorResponse(400, scim_type="invalidValue", detail="active is a boolean")
        if self.has(Defect.ACTIVE_TEXT_ONLY) and isinstance(active, bool):
            raise ErrorResponse(400, scim_type="invalidValue", detail="active is a text")

    def understood(
        self, collection: str, operation: PatchOperation, resource: Json
    ) -> Iterator[PatchOperation]:
        op, path, value = operation.op.lower(), operation.path or "", operation.value
        on_members = path.casefold() == "members"
        if self.has(Defect.EMPTY_MEMBERS_IGNORED) and on_members and op == "replace" and not value:
            return
        by_filter = op == "remove" and path.casefold().startswith("members[")
        if self.has(Defect.FILTERED_REMOVAL_IGNORED) and by_filter:
            return
        if self.has(Defect.LISTED_REMOVAL_WIPES) and on_members and op == "remove":
            yield PatchOperation("remove", "members", ABSENT)
            return
        if self.has(Defect.FIRST_MEMBER_ONLY) and on_members and op == "add":
            operation = PatchOperation(op, path, value[:1])
        if self.has(Defect.FALSE_IS_TRUE) and path == "active" and isinstance(value, str):
            operation = PatchOperation(op, path, bool(value))
        yield from super().understood(collection, operation, resource)


@contextmanager
def running_provider(*defects: Defect) -> Iterator[DefectiveProvider]:
    """Run a server with `defects` as long as the context lasts."""
    server = DefectiveProvider(defects)
    with server.running():
        yield server
