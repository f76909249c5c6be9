"""The capabilities that a service provider declares (RFC 7643 section 5, RFC 7644 section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.scim.attributes import count_in, read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, Sender
from scimsync.transport.request_errors import InvalidResponse


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The contents of /ServiceProviderConfig; None for everything that it does not declare.

    `max_results` is the largest number of resources in a filtered list.
    """

    patch: bool | None = None
    filter: bool | None = None
    max_results: int | None = None
    bulk: bool | None = None
    etag: bool | None = None
    sort: bool | None = None


async def discover(sender: Sender) -> Capabilities:
    """Return the capabilities of a service provider.

    All are unknown if the endpoint does not exist (404, 405, 501). Otherwise, raise the errors of
    `sender`, such as ErrorResponse of kind UNAUTHORISED for a wrong token.
    """
    try:
        response = await sender.send(ScimRequest("GET", "/ServiceProviderConfig"))
    except (ErrorResponse, InvalidResponse) as error:
        if error.status in (404, 405, 501):
            return Capabilities()
        raise
    body = response.body or {}
    return Capabilities(
        patch=_supported(body, "patch"),
        filter=_supported(body, "filter"),
        max_results=count_in(_member(body, "filter", "maxResults")) or None,
        bulk=_supported(body, "bulk"),
        etag=_supported(body, "etag"),
        sort=_supported(body, "sort"),
    )


def _member(body: Mapping[str, Any], feature: str, member: str) -> Any:
    held = read(body, feature)
    return read(held, member) if isinstance(held, Mapping) else None


def _supported(body: Mapping[str, Any], feature: str) -> bool | None:
    """Return `supported` of a feature, which may be a boolean or text."""
    return {"true": True, "false": False}.get(str(_member(body, feature, "supported")).lower())
