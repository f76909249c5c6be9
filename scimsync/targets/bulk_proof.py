"""Read back what a bulk request created, to see that each result belongs to its request."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from scimsync.model.ids import Kind
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.targets.connection import TargetConnection
from scimsync.targets.shown_resources import shows_another
from scimsync.transport.request_errors import RequestError

Result = tuple[ScimRequest, ScimResponse]


async def read_back(connection: TargetConnection, results: Sequence[Result]) -> bool | None:
    """Return whether the first and the last creation have the ids of their own resources.

    `results` are successful. Return None if that is unknown: none created anything, or no resource
    can be read. The caller compares a result that contains its resource.
    """
    creations = [
        (request, location)
        for request, response in results
        if request.method == "POST" and response.body is None and (location := _path(response))
    ]
    proof: bool | None = None
    for request, location in dict.fromkeys((*creations[:1], *creations[-1:])):
        try:
            response = await connection.send_alone(ScimRequest("GET", location))
        except RequestError:
            continue
        if shows_another(response.body, request.body or {}, _kind(request)) is not None:
            return False
        proof = True
    return proof


def _path(response: ScimResponse) -> str | None:
    """Return the path of the created resource, relative to the base URL."""
    try:
        path = urlsplit(response.location or "").path
    except ValueError:
        return None
    segments = path.rstrip("/").split("/")
    return f"/{segments[-2]}/{segments[-1]}" if len(segments) > 1 and segments[-1] else None


def _kind(request: ScimRequest) -> Kind:
    groups = RESOURCE_TYPES[Kind.GROUP].endpoint
    return Kind.GROUP if request.path.lower() == groups.lower() else Kind.USER
