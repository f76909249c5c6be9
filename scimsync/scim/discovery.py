"""What a service provider says that it can do (RFC 7643 section 5, RFC 7644 section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.scim.attributes import read
from scimsync.scim.errors import ErrorKind, ErrorResponse, InvalidResponse
from scimsync.scim.messages import ScimRequest, Sender


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What /ServiceProviderConfig says; None where it says nothing. `max_results` is the most
    resources of one answer."""

    patch: bool | None = None
    filter: bool | None = None
    max_results: int | None = None
    bulk: bool | None = None
    etag: bool | None = None
    sort: bool | None = None
    authentication_schemes: tuple[Mapping[str, Any], ...] = ()


async def discover(client: Sender) -> Capabilities:
    """Ask for the capabilities. A service provider without that endpoint (404, 405, 501) has
    unknown ones.

    Raises what `client.send` raises otherwise, ErrorResponse of kind UNAUTHORISED for a wrong
    token among it.
    """
    try:
        answer = await client.send(ScimRequest("GET", "/ServiceProviderConfig"))
    except ErrorResponse as error:
        if error.kind is ErrorKind.NOT_FOUND or error.status in (405, 501):
            return Capabilities()
        raise
    except InvalidResponse as error:
        if error.status == 404:
            return Capabilities()
        raise
    body = answer.body or {}
    limit = _member(body, "filter", "maxResults")
    schemes = read(body, "authenticationSchemes")
    return Capabilities(
        patch=_supported(body, "patch"),
        filter=_supported(body, "filter"),
        max_results=int(limit) if str(limit).isdecimal() and int(limit) > 0 else None,
        bulk=_supported(body, "bulk"),
        etag=_supported(body, "etag"),
        sort=_supported(body, "sort"),
        authentication_schemes=tuple(one for one in schemes if isinstance(one, dict))
        if isinstance(schemes, list)
        else (),
    )


def _member(body: Mapping[str, Any], feature: str, member: str) -> Any:
    held = read(body, feature)
    return read(held, member) if isinstance(held, Mapping) else None


def _supported(body: Mapping[str, Any], feature: str) -> bool | None:
    """`supported` of a feature, also where it is written as text."""
    return {"true": True, "false": False}.get(str(_member(body, feature, "supported")).lower())
