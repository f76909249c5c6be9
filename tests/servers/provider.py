"""A SCIM server on loopback that accepts what identity providers send.

It follows RFC 7643 and RFC 7644, and accepts what Okta, Microsoft Entra ID and JumpCloud document
beyond them: operations in any case, booleans as text, removals of members by a list of values, a
filter on `externalId` without quotes, roles as JSON text, and a plain text as manager.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from scim2_models import EnterpriseUser, Group, User

from scimsync.model.ids import fold_case
from scimsync.scim.attributes import is_unassigned, read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import (
    And,
    AttributeComparison,
    Filter,
    attributes_of,
    parse_filter,
)
from scimsync.scim.grammar import FilterError, PathError
from scimsync.scim.patch import ABSENT, PatchOperation
from scimsync.scim.paths import Path, parse_path
from tests.servers.faulty import error_reply
from tests.servers.faulty_http import FaultyHttpServer, Json, Reply, Seen
from tests.servers.patching import apply_patch

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
NAMES = {"Users": "userName", "Groups": "displayName"}
MANAGER = f"{ENTERPRISE}:manager".casefold()
START = datetime(2026, 1, 1, tzinfo=UTC)
_UNQUOTED = re.compile(r"(externalId)\s+eq\s+([^\s\"]+)", re.IGNORECASE)
_QUOTED_BOOLEAN = re.compile(r"\b(primary|active)\s+eq\s+\"(true|false)\"", re.IGNORECASE)


class Provider(FaultyHttpServer):
    """Has users and groups by id in `stored`, by the name of their collection."""

    media_type = "application/scim+json"

    def __init__(self, token: str = "sesame-open") -> None:
        super().__init__("/v2")
        self.token = token
        self.stored: dict[str, dict[str, Json]] = {name: {} for name in NAMES}
        self.unique_names = True
        self._numbers = count(1)
        self._writes = count(0)

    def add(self, collection: str, **attributes: Any) -> Json:
        """Add a resource that was there before."""
        return self.keep(collection, self.received(collection, attributes), None)

    def answer(self, seen: Seen) -> Reply:
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            return error_reply(401, "who are you?")
        try:
            return self.resource(seen)
        except ErrorResponse as error:
            return error_reply(error.status, error.detail or "", error.scim_type)
        except (FilterError, PathError) as error:
            return error_reply(400, str(error), "invalidFilter")

    def resource(self, seen: Seen) -> Reply:
        """Carry out a request. Raises ErrorResponse, FilterError or PathError if it is refused."""
        collection, _, resource_id = seen.path.removeprefix("/").partition("/")
        if (declared := self.declared(collection, resource_id)) is not None:
            if seen.method != "GET":
                raise ErrorResponse(405, detail="read-only")
            return Reply(200, declared)
        if collection not in NAMES:
            raise ErrorResponse(404, detail=f"no {seen.path}")
        if resource_id == ".search" and seen.method == "POST":
            body = {name: str(value) for name, value in self.body(seen).items()}
            return self.listing(collection, body)
        if not resource_id:
            if seen.method == "POST":
                return self.post(collection, self.body(seen))
            if seen.method != "GET":
                raise ErrorResponse(405, detail="not on a collection")
            return self.listing(collection, seen.query)
        if resource_id not in self.stored[collection]:
            raise ErrorResponse(404, detail=f"no {seen.path}")
        match seen.method:
            case "GET":
                return self.get(collection, resource_id, seen.query)
            case "PUT":
                return self.put(collection, resource_id, self.body(seen))
            case "PATCH":
                return self.patch(collection, resource_id, self.body(seen))
            case "DELETE":
                return self.delete(collection, resource_id)
        raise ErrorResponse(405, detail=seen.method)

    def body(self, seen: Seen) -> Json:
        if not isinstance(seen.body, dict):
            raise ErrorResponse(400, scim_type="invalidSyntax", detail="no JSON object")
        return deepcopy(seen.body)

    # Discovery

    def declared(self, collection: str, name: str) -> Json | None:
        """Return a body of the endpoints of discovery, or None if it is another endpoint."""
        if collection == "ServiceProviderConfig" and not name:
            return _config(self.url)
        if collection == "ResourceTypes":
            found = [_resource_type(self.url, kind) for kind in NAMES]
        elif collection == "Schemas":
            found = _schemas(self.url)
        else:
            return None
        if not name:
            return _list(found, len(found), 1)
        named = [one for one in found if one["id"] == name]
        if not named:
            raise ErrorResponse(404, detail=f"no {name}")
        return named[0]

    # Requests

    def get(self, collection: str, resource_id: str, query: Mapping[str, str]) -> Reply:
        return Reply(200, self.shown(collection, self.stored[collection][resource_id], query))

    def listing(self, collection: str, query: Mapping[str, str]) -> Reply:
        found = list(self.stored[collection].values())
        if "filter" in query:
            condition = self.condition(query["filter"])
            found = [one for one in found if self.fits(condition, collection, one)]
        start = max(1, int(query.get("startIndex", "1")))
        size = max(0, min(int(query.get("count", "100")), 100))
        return self.page(collection, found, start, size, query)

    def page(
        self, collection: str, found: list[Json], start: int, size: int, query: Mapping[str, str]
    ) -> Reply:
        page = [self.shown(collection, one, query) for one in found[start - 1 : start - 1 + size]]
        return Reply(200, _list(page, len(found), start))

    def condition(self, text: str) -> Filter:
        """Read a filter. `externalId eq 7` needs no quotes. Raises FilterError for what is none."""
        condition = parse_filter(_UNQUOTED.sub(r'\1 eq "\2"', text))
        known = {name.casefold() for name in attribute_names()}
        unknown = [one for one in attributes_of(condition) if one.name.casefold() not in known]
        if unknown:
            raise ErrorResponse(400, scim_type="invalidFilter", detail=f"no {unknown[0]}")
        return condition

    def fits(self, condition: Filter, collection: str, resource: Json) -> bool:
        return matches(condition, resource)

    def post(self, collection: str, body: Json) -> Reply:
        resource = self.keep(collection, self.received(collection, body), None)
        location = {"Location": resource["meta"]["location"]}
        return Reply(201, self.shown(collection, resource, {}), location)

    def put(self, collection: str, resource_id: str, body: Json) -> Reply:
        resource = self.keep(collection, self.received(collection, body), resource_id)
        return Reply(200, self.shown(collection, resource, {}))

    def patch(self, collection: str, resource_id: str, body: Json) -> Reply:
        operations = read(body, "Operations")
        if not isinstance(operations, list) or not operations:
            raise ErrorResponse(400, scim_type="invalidSyntax", detail="no Operations")
        changed = self.stored[collection][resource_id]
        for one in operations:
            operation = PatchOperation(
                str(one.get("op")), one.get("path"), one.get("value", ABSENT)
            )
            for understood in self.understood(collection, operation, changed):
                changed = apply_patch([understood], changed)
        changed = self.keep(collection, self.received(collection, changed), resource_id)
        return Reply(200, self.shown(collection, changed, {}))

    def delete(self, collection: str, resource_id: str) -> Reply:
        del self.stored[collection][resource_id]
        for group in self.stored["Groups"].values():
            left = [one for one in group.get("members", ()) if one["value"] != resource_id]
            if "members" in group:
                group["members"] = left
        return Reply(204)

    # What is accepted beyond the RFCs

    def understood(
        self, collection: str, operation: PatchOperation, resource: Json
    ) -> Iterator[PatchOperation]:
        """Yield what an operation means by RFC 7644."""
        op, path, value = operation.op.lower(), operation.path, operation.value
        if path is None and isinstance(value, dict) and op in ("add", "replace"):
            for name, one in value.items():
                if (name, one) != ("id", resource["id"]):
                    yield from self.understood(collection, PatchOperation(op, name, one), resource)
            return
        if path is None:
            yield PatchOperation(op, None, value)
            return
        path = _QUOTED_BOOLEAN.sub(lambda found: found[0].replace('"', "").lower(), path)
        if op == "remove":
            listed = value if isinstance(value, list) else ()
            if not listed:
                yield PatchOperation(op, path, ABSENT)
            for one in listed:
                yield PatchOperation(op, f'{path}[value eq "{one["value"]}"]', ABSENT)
        elif op == "replace" and isinstance(value, dict) and "[" not in path:
            yield PatchOperation("remove", path, ABSENT)
            yield PatchOperation("add", path, self.value(path, value))
        elif op == "add" and (whole := self.new_element(path, value, resource)) is not None:
            yield whole
        else:
            yield PatchOperation(op, path, self.value(path, value))

    def new_element(self, path: str, value: Any, resource: Json) -> PatchOperation | None:
        """Return the addition of a new element if the filter in `path` fits none that there is."""
        where = parse_path(path)
        if where.filter is None or where.sub is None:
            return None
        found = read(resource, where.attribute) or []
        if any(matches(where.filter, one) for one in found):
            return None
        element = {**_pins(where), where.sub: value}
        return PatchOperation("add", where.attribute, [element])

    def value(self, path: str, value: Any) -> Any:
        """Return the value of an attribute as the schema has it."""
        name = path.casefold()
        if name in ("active", "primary"):
            return _boolean(value)
        if name == MANAGER and isinstance(value, str):
            return {"value": value}
        if name == "members" and isinstance(value, list):
            return [{key: held for key, held in one.items() if held is not None} for one in value]
        if isinstance(value, list):
            return [_element(name, one) for one in value]
        return value

    def received(self, collection: str, body: Mapping[str, Any]) -> Json:
        """Return a resource as the schema has it, without what the server sets."""
        resource: Json = {}
        for name, value in body.items():
            if name.casefold() in ("id", "meta", "groups", "password") or is_unassigned(value):
                continue
            if name.casefold() == ENTERPRISE.casefold() and isinstance(value, dict):
                resource[name] = {
                    key: self.value(f"{name}:{key}", held)
                    for key, held in value.items()
                    if not is_unassigned(held)
                }
            else:
                resource[name] = self.value(name, value)
        kind = CORE + collection.removesuffix("s")
        extensions = [name for name in resource if name.casefold().startswith("urn:")]
        resource["schemas"] = [kind, *extensions]
        return resource

    # Resources

    def keep(self, collection: str, resource: Json, resource_id: str | None) -> Json:
        """Store a resource, which may have no name that another has."""
        held, name = self.stored[collection], NAMES[collection]
        wanted = read(resource, name)
        if not isinstance(wanted, str) or not wanted:
            raise ErrorResponse(400, scim_type="invalidValue", detail=f"no {name}")
        for other_id, other in held.items():
            same = fold_case(read(other, name)) == fold_case(wanted)
            if other_id != resource_id and same and self.unique_names:
                return self.duplicate(collection, resource, other)
        if resource_id is None:
            resource_id = f"{collection[0].lower()}-{next(self._numbers):04}"
        old = held.get(resource_id)
        if collection == "Users":
            resource.setdefault("active", True)
        now = (START + timedelta(seconds=next(self._writes))).isoformat().replace("+00:00", "Z")
        meta = {
            "resourceType": collection.removesuffix("s"),
            "created": old["meta"]["created"] if old else now,
            "lastModified": now,
            "location": f"{self.url}/{collection}/{resource_id}",
        }
        held[resource_id] = {**resource, "id": resource_id, "meta": meta}
        return held[resource_id]

    def duplicate(self, collection: str, resource: Json, other: Json) -> Json:
        raise ErrorResponse(
            409, scim_type="uniqueness", detail=f"{read(resource, NAMES[collection])} exists"
        )

    def shown(self, collection: str, resource: Json, query: Mapping[str, str]) -> Json:
        """Return a resource with the attributes that a request asks for."""
        shown = deepcopy(resource)
        if collection == "Users":
            groups = [
                {"value": group["id"], "display": group["displayName"]}
                for group in self.stored["Groups"].values()
                if any(one["value"] == resource["id"] for one in group.get("members", ()))
            ]
            shown |= {"groups": groups} if groups else {}
        excluded = _names(query.get("excludedAttributes", ""))
        if wanted := _names(query.get("attributes", "")):
            excluded = {name.casefold() for name in shown} - wanted
        always = {"id", "schemas"}
        return {
            name: value
            for name, value in shown.items()
            if name.casefold() in always or name.casefold() not in excluded
        }


@cache
def attribute_names() -> frozenset[str]:
    """Return the names of all attributes, as the schemas spell them."""
    declared = [one for schema in _schemas("") for one in schema["attributes"]]
    common = ("id", "externalId", "meta", "schemas")
    return frozenset((*common, *(one["name"] for one in declared)))


def _names(text: str) -> set[str]:
    return {name.strip().partition(".")[0].casefold() for name in text.split(",") if name.strip()}


def _boolean(value: Any) -> Any:
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    if not isinstance(value, bool) and value is not None:
        raise ErrorResponse(400, scim_type="invalidValue", detail=f"{value} is no boolean")
    return value


def _element(name: str, value: Any) -> Any:
    """Return an element of a list, whose `primary` may be a text."""
    value = _role(value) if name == "roles" else value
    if isinstance(value, dict) and "primary" in value:
        return {**value, "primary": _boolean(value["primary"])}
    return value


def _role(value: Any) -> Any:
    """Return an element of `roles`, which Entra may send as JSON in the text of `value`."""
    if isinstance(value, dict) and str(value.get("value", "")).startswith("{"):
        held = json.loads(value["value"])
        return {"value": held["value"], "display": held["displayName"]}
    return value


def _pins(path: Path) -> dict[str, Any]:
    """Return the values that the filter of a path requires of an element."""
    condition = path.filter
    operands: Iterable[Filter | None] = (
        condition.operands if isinstance(condition, And) else (condition,)
    )
    return {
        one.attribute.name: one.value for one in operands if isinstance(one, AttributeComparison)
    }


def _list(resources: list[Json], total: int, start: int) -> Json:
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _config(url: str) -> Json:
    return {
        "schemas": [CORE + "ServiceProviderConfig"],
        "documentationUri": "https://example.com/scim",
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": 100},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer token", "description": "A bearer token"}
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{url}/ServiceProviderConfig",
        },
    }


def _resource_type(url: str, collection: str) -> Json:
    kind = collection.removesuffix("s")
    extensions = [{"schema": ENTERPRISE, "required": False}] if kind == "User" else []
    return {
        "schemas": [CORE + "ResourceType"],
        "id": kind,
        "name": kind,
        "description": kind,
        "endpoint": f"/{collection}",
        "schema": CORE + kind,
        "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": f"{url}/ResourceTypes/{kind}"},
    }


def _schemas(url: str) -> list[Json]:
    declared = [model.to_schema().model_dump() for model in (User, Group, EnterpriseUser)]
    return [
        {**one, "meta": {"resourceType": "Schema", "location": f"{url}/Schemas/{one['id']}"}}
        for one in declared
    ]
