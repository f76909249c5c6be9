"""Read what a service provider declares about itself (RFC 7644 section 4).

An endpoint that is missing, fails, or sends something else leaves its part unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

from scimsync.model.service_provider import (
    NOTHING_DISCOVERED,
    AssignableList,
    Capabilities,
    Discovery,
)
from scimsync.scim.attributes import count_in, read
from scimsync.scim.declarations import (
    read_assignable,
    read_capabilities,
    read_resource_types,
    read_schemas,
)
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Query, ScimRequest, Sender
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError

REQUESTS: Final = 3
"""The number of requests of a discovery without roles and entitlements.

It is one more where /ServiceProviderConfig does not exist.
"""

CONFIG: Final = "/ServiceProviderConfig"
RESOURCE_TYPES: Final = "/ResourceTypes"
SCHEMAS: Final = "/Schemas"
ASSIGNABLE: Final[Mapping[str, str]] = {"roles": "/Roles", "entitlements": "/Entitlements"}
"""The attributes of users for which a service provider may list values, and where it lists them."""

_OTHER_CONFIG = "/ServiceProviderConfigs"
"""The endpoint of SCIM 1.1 (simplecloud.info, section 9), which Salesforce has as well."""

_ABSENT = (404, 405, 501)
_PAGE_SIZE, _MOST_PAGES = 100, 20
_LONGEST_REASON = 300

_Objects = list[Mapping[str, Any]]
_Part = TypeVar("_Part")


async def discover(
    sender: Sender,
    now: datetime | None = None,
    *,
    known: Discovery = NOTHING_DISCOVERED,
    assignable: Collection[str] = (),
) -> Discovery:
    """Return what a service provider declares, as read at the time `now`.

    `assignable` are the attributes of `ASSIGNABLE` whose values are read. Parts of `known`, which
    was read before, remain where they are not read, or cannot be read for now.

    Raise NoResponse if the service provider does not respond to the first request. Other errors of
    requests are not raised.
    """
    reader = _EndpointReader(sender)
    found = replace(
        known,
        capabilities=await reader.capabilities(known.capabilities),
        resource_types=await reader.part(RESOURCE_TYPES, read_resource_types, known.resource_types),
        schemas=await reader.part(SCHEMAS, read_schemas, known.schemas),
        read_at=now,
    )
    if "roles" in assignable:
        found = replace(found, roles=await reader.assignable("/Roles", known.roles))
    if "entitlements" in assignable:
        entitlements = await reader.assignable("/Entitlements", known.entitlements)
        found = replace(found, entitlements=entitlements)
    return replace(found, untold=reader.untold)


async def discover_capabilities(sender: Sender) -> Capabilities:
    """Return the capabilities of a service provider, unknown ones where they cannot be read.

    Raise NoResponse if it does not respond.
    """
    return await _EndpointReader(sender).capabilities(Capabilities())


class _EndpointReader:
    """A reader of endpoints. `untold` holds why some could not be read, by their paths."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._responded = False
        self._absent: set[str] = set()
        self.untold: dict[str, str] = {}

    async def capabilities(self, known: Capabilities) -> Capabilities:
        body = await self._get(CONFIG)
        if CONFIG in self._absent:
            other = await self._get(_OTHER_CONFIG)
            del self.untold[CONFIG if other is not None else _OTHER_CONFIG]
            body = other
        if body is None:
            return Capabilities() if CONFIG in self._absent else known
        listed = _resources(body)
        return read_capabilities(listed[0] if listed else body)

    async def part(
        self, path: str, read_part: Callable[[_Objects], _Part], known: _Part | None
    ) -> _Part | None:
        """Return a part that is read from the resources at `path`, or None if it is unknown."""
        body = await self._get(path)
        return self._kept(path, known) if body is None else read_part(_resources(body) or [])

    async def assignable(self, path: str, known: AssignableList | None) -> AssignableList | None:
        """Return the roles or entitlements at `path`, read page by page."""
        body = await self._get(path)
        if body is None:
            return self._kept(path, known)
        resources, total = _resources(body) or [], count_in(read(body, "totalResults"))
        for _ in range(_MOST_PAGES):
            if not resources or total is None or len(resources) >= total:
                break
            query = (("startIndex", str(len(resources) + 1)), ("count", str(_PAGE_SIZE)))
            page = _resources(await self._get(path, query) or {})
            if not page or page[0] in resources:
                break
            resources += page
        self.untold.pop(path, None)
        return AssignableList(
            read_assignable(resources), is_whole=total is None or len(resources) >= total
        )

    def _kept(self, path: str, known: _Part | None) -> _Part | None:
        """Return the previous value of a part that cannot be read for now."""
        return None if path in self._absent else known

    async def _get(self, path: str, query: Query = ()) -> Mapping[str, Any] | None:
        """Return the body of a response, or None if there is none that can be used."""
        try:
            response = await self._sender.send(ScimRequest("GET", path, query=query))
        except RequestError as error:
            if isinstance(error, NoResponse) and not self._responded:
                raise
            if isinstance(error, ErrorResponse | InvalidResponse) and error.status in _ABSENT:
                self._absent.add(path)
            self.untold[path] = str(error)[:_LONGEST_REASON]
            return None
        finally:
            self._responded = True
        return response.body or {}


def _resources(body: Mapping[str, Any]) -> _Objects | None:
    """Return the resources of a list, or None if `body` is not a list."""
    listed = read(body, "Resources")
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else None
