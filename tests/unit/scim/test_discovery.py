"""What discovery makes of the declarations of service providers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scimsync.scim.discovery import Capabilities, discover
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.request_errors import InvalidResponse, RequestError


class Says:
    """A service provider that answers or fails in one way."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    async def send(self, request: ScimRequest) -> ScimResponse:
        assert request == ScimRequest("GET", "/ServiceProviderConfig")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return ScimResponse(200, self.outcome)


@pytest.mark.parametrize(
    ("outcome", "capabilities"),
    [
        (
            {
                "patch": {"supported": True},
                "Bulk": {"Supported": "False"},
                "filter": {"supported": "true", "maxResults": "200"},
                "sort": {"supported": False},
                "etag": {},
            },
            Capabilities(True, True, 200, False, None, False),
        ),
        (
            {"patch": True, "filter": {"maxResults": 0}},
            Capabilities(),
        ),
        ({"filter": {"maxResults": True}}, Capabilities()),
        (None, Capabilities()),
        (ErrorResponse(404), Capabilities()),
        (ErrorResponse(405), Capabilities()),
        (ErrorResponse(501), Capabilities()),
        (InvalidResponse("a page", status=404, content_type="text/html"), Capabilities()),
    ],
)
def test_discovery_reads_what_is_there(outcome: Any, capabilities: Capabilities) -> None:
    assert asyncio.run(discover(Says(outcome))) == capabilities


@pytest.mark.parametrize(
    "error",
    [
        ErrorResponse(401),
        ErrorResponse(500),
        InvalidResponse("a page", status=200, content_type="text/html"),
    ],
)
def test_discovery_does_not_hide_other_errors(error: RequestError) -> None:
    with pytest.raises(type(error)):
        asyncio.run(discover(Says(error)))
