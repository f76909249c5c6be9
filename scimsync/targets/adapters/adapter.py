"""The base of adapters: a SCIM service in front of another API.

An adapter takes the requests that a SCIM client takes, and raises the same errors. Planning,
guards, journal, and recovery do not know about it. It declares at /ServiceProviderConfig and
/Schemas what the API can do and store, and refuses everything else.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote
from weakref import WeakValueDictionary

from scimsync.scim.attributes import count_in, read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filters import AttributeComparison, parse_filter
from scimsync.scim.grammar import FilterError, PathError
from scimsync.scim.messages import Member, ScimRequest, ScimResponse
from scimsync.scim.paths import parse_path
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import build
from scimsync.targets.adapters.api_attributes import AttributeTable, Json, refused
from scimsync.targets.adapters.json_api import JsonApi
from scimsync.transport.request_errors import NoResponse, RequestError

_LIST_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_DEFAULT_COUNT = 100
_UNSUPPORTED: Final = {"supported": False}
_SERVICE_PROVIDER_CONFIG: Final[Json] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {**_UNSUPPORTED, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": 0},
    "changePassword": _UNSUPPORTED,
    "sort": _UNSUPPORTED,
    "etag": _UNSUPPORTED,
    "authenticationSchemes": [],
}


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A user or group as the API shows it.

    `document` maps the paths of its attributes to values. `members` are None for a user, and for a
    group whose members were not read.
    """

    remote_id: str
    document: Mapping[str, Any]
    members: Sequence[Member] | None = None

    def to_json(self, kind: str) -> Json:
        """Return the SCIM resource."""
        held = {path: value for path, value in self.document.items() if value not in (None, "")}
        body = build(held, RESOURCE_TYPES[kind].schema)
        body |= {"id": self.remote_id, "meta": {"resourceType": kind.capitalize()}}
        if self.members is not None:
            body["members"] = [member.to_json() for member in self.members]
        return body


@dataclass(frozen=True, slots=True)
class Listed:
    """Some resources of a list, and the number of all (None if it is not known)."""

    resources: Sequence[ApiResource]
    total: int | None


class Endpoint(ABC):
    """The users or the groups of an API.

    `attributes` are those that it stores, and `filters` those by which it finds resources. The
    methods raise RequestError; 404 as ErrorResponse means that there is no such resource.
    """

    kind: str
    attributes: AttributeTable
    filters: Sequence[str]

    def __init__(self, api: JsonApi) -> None:
        self._api = api
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, remote_id: str) -> AsyncIterator[None]:
        """Wait for other changes of the same resource: an API may only write it as a whole."""
        lock = self._locks.setdefault(remote_id, asyncio.Lock())
        async with lock:
            yield

    @abstractmethod
    async def page(self, start: int, count: int) -> Listed:
        """Return at most `count` resources from the 1-based index `start` on."""

    @abstractmethod
    async def find(self, attribute: str, value: str) -> Sequence[ApiResource]:
        """Return the resources whose attribute, one of `filters`, equals a value."""

    @abstractmethod
    async def read(self, remote_id: str) -> ApiResource:
        """Return one resource."""

    @abstractmethod
    async def create(self, values: Json) -> ApiResource:
        """Create a resource."""

    @abstractmethod
    async def update(self, remote_id: str, changes: Json) -> ApiResource:
        """Change a resource. A value of None removes an attribute."""

    @abstractmethod
    async def delete(self, remote_id: str) -> None:
        """Delete a resource."""

    async def with_members(self, resources: Sequence[ApiResource]) -> Sequence[ApiResource]:
        """Return groups with their members; users have none."""
        return resources

    async def change_members(
        self, remote_id: str, removed: Sequence[str], added: Sequence[Member]
    ) -> None:
        """Remove members from a group, and add others. Repeating it does no harm."""
        raise NotImplementedError


class Adapter:
    """A sender of SCIM requests to `api`, whose `endpoints` are its users and its groups.

    Requests that change one resource wait for each other. Raises the errors of `ScimClient.send`.
    """

    def __init__(self, api: JsonApi, product: str, endpoints: Sequence[Endpoint]) -> None:
        self._api = api
        self._product = product
        self._endpoints = {RESOURCE_TYPES[each.kind].endpoint: each for each in endpoints}

    async def aclose(self) -> None:
        """Close the connection to the API."""
        await self._api.aclose()

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Carry out `request`, which may take several requests to the API."""
        status, body = await self._carry_out(request)
        return ScimResponse(status, body, date=self._api.date)

    async def _carry_out(self, request: ScimRequest) -> tuple[int, Json | None]:
        declared = self._declared(request)
        if declared is not None:
            return 200, declared
        _, collection, *rest = request.path.split("/")
        endpoint = self._endpoints.get(f"/{collection}")
        if endpoint is None or len(rest) > 1:
            raise self._unsupported(request)
        members = "members" not in _parameter(request, "excludedAttributes").split(",")
        if not rest:
            if request.method == "GET":
                return 200, await self._list(endpoint, request, members=members)
            if request.method == "POST":
                return 201, await self._create(endpoint, request.body or {})
            raise self._unsupported(request)
        remote_id = unquote(rest[0])
        if request.method == "GET":
            found = [await endpoint.read(remote_id)]
            (resource,) = await endpoint.with_members(found) if members else found
            return 200, resource.to_json(endpoint.kind)
        async with endpoint.alone(remote_id):
            if request.method == "DELETE":
                await endpoint.delete(remote_id)
                return 204, None
            if request.method == "PATCH":
                return await _patch(endpoint, remote_id, request.body or {})
        raise self._unsupported(request)

    async def _list(self, endpoint: Endpoint, request: ScimRequest, *, members: bool) -> Json:
        condition = _parameter(request, "filter")
        if condition:
            attribute, value = _equality(endpoint, condition, self._product)
            found = await endpoint.find(attribute, value)
            listed = Listed(found, len(found))
        else:
            start = max(count_in(_parameter(request, "startIndex")) or 1, 1)
            count = count_in(_parameter(request, "count")) or _DEFAULT_COUNT
            listed = await endpoint.page(start, count)
        resources = listed.resources
        if members:
            resources = await endpoint.with_members(resources)
        return _listed([each.to_json(endpoint.kind) for each in resources], listed.total)

    async def _create(self, endpoint: Endpoint, body: Mapping[str, Any]) -> Json:
        values = endpoint.attributes.values_of(body)
        added = _members(read(body, "members") or [])
        resource = await endpoint.create(values)
        if added:
            async with after_effect():
                await endpoint.change_members(resource.remote_id, (), added)
        return resource.to_json(endpoint.kind)

    def _declared(self, request: ScimRequest) -> Json | None:
        """Return the response of an endpoint that needs no request to the API, or None."""
        if request.method != "GET":
            return None
        endpoints = self._endpoints.values()
        if request.path == "/ServiceProviderConfig":
            return _SERVICE_PROVIDER_CONFIG
        if request.path == "/Schemas":
            schemas: dict[str, Json] = {}
            for endpoint in endpoints:
                schemas |= {one["id"]: one for one in endpoint.attributes.schemas()}
            return _listed(list(schemas.values()), len(schemas))
        if request.path == "/ResourceTypes":
            types = [endpoint.attributes.resource_type() for endpoint in endpoints]
            return _listed(types, len(types))
        return None

    def _unsupported(self, request: ScimRequest) -> ErrorResponse:
        return ErrorResponse(501, detail=f"{self._product} has no {request.method} {request.path}")


@asynccontextmanager
async def after_effect() -> AsyncIterator[None]:
    """Let an error of a further request mean that the first one may have had its effect."""
    try:
        yield
    except RequestError as error:
        raise NoResponse(f"carried out in part: {error}", may_have_had_effect=True) from error


async def _patch(
    endpoint: Endpoint, remote_id: str, body: Mapping[str, Any]
) -> tuple[int, Json | None]:
    operations = read(body, "Operations")
    if not isinstance(operations, list) or not operations:
        raise refused("invalidSyntax", "a PATCH needs operations")
    of_members = [one for one in operations if endpoint.kind == "group" and _names_members(one)]
    others = [one for one in operations if one not in of_members]
    removed, added = _member_changes(of_members)  # refused before anything is changed
    changes = endpoint.attributes.changes_of(others)
    shown: Json | None = None
    if changes:
        shown = (await endpoint.update(remote_id, changes)).to_json(endpoint.kind)
    if of_members:
        await endpoint.change_members(remote_id, removed, added)
    return (204, None) if shown is None else (200, shown)


def _names_members(operation: Mapping[str, Any]) -> bool:
    try:
        path = parse_path(str(read(operation, "path")))
    except PathError:
        return False
    return path.attribute.casefold() == "members"


def _member_changes(
    operations: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[Member]]:
    """Return the members that a PATCH removes and adds, one by one."""
    removed: list[str] = []
    added: list[Member] = []
    for operation in operations:
        op = str(read(operation, "op")).lower()
        path = parse_path(str(read(operation, "path")))
        chosen, value = path.filter, read(operation, "value")
        if op == "add" and chosen is None:
            added += _members(value)
        elif op == "remove" and chosen is None and value:
            removed += [member.value for member in _members(value)]
        elif (
            op == "remove"
            and isinstance(chosen, AttributeComparison)
            and (chosen.attribute.name.casefold(), chosen.operator) == ("value", "eq")
        ):
            removed.append(str(chosen.value))
        else:
            raise refused("invalidPath", "members are added and removed one by one")
    return removed, added


def _members(value: Any) -> list[Member]:
    elements = value if isinstance(value, list) else [value]
    if not all(isinstance(one, Mapping) and isinstance(one.get("value"), str) for one in elements):
        raise refused("invalidValue", "a member is an object with a value")
    return [Member(one["value"], one.get("type")) for one in elements]


def _parameter(request: ScimRequest, name: str) -> str:
    return dict(request.query).get(name, "")


def _equality(endpoint: Endpoint, text: str, product: str) -> tuple[str, str]:
    """Return attribute and value of a filter. Raise ErrorResponse for one that cannot be used."""
    known = ", ".join(endpoint.filters)
    problem = refused(
        "invalidFilter", f"{product} finds a {endpoint.kind} by {known} only, with eq"
    )
    try:
        condition = parse_filter(text)
    except FilterError:
        raise problem from None
    if not isinstance(condition, AttributeComparison) or condition.operator != "eq":
        raise problem
    if not isinstance(condition.value, str):
        raise problem
    name = str(condition.attribute).casefold()
    for attribute in endpoint.filters:
        if attribute.casefold() == name:
            return attribute, condition.value
    raise problem


def _listed(resources: Sequence[Json], total: int | None) -> Json:
    body: Json = {"schemas": [_LIST_SCHEMA], "Resources": list(resources)}
    return body if total is None else body | {"totalResults": total}
