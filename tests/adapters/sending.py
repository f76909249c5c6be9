"""Send single requests through an adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.adapters.adapter import Adapter
from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.http import HttpConnection


def patch(path: str, op: str, attribute: str, value: object) -> ScimRequest:
    """Return a PATCH with one operation."""
    operation = {"op": op, "path": attribute, "value": value}
    return ScimRequest("PATCH", path, {"Operations": [operation]})


def sent(
    open_adapter: Callable[[HttpConnection, float | None], Adapter],
    url: str,
    *requests: ScimRequest,
    token: str = "token",
    rate: float | None = None,
) -> list[ScimResponse]:
    """Send requests, one after the other, through one adapter."""

    async def send() -> list[ScimResponse]:
        authenticator = BearerAuthenticator(token, url)
        connection = HttpConnection(url, authenticator, user_agent="scimsync/test")
        async with aclosing(open_adapter(connection, rate)) as adapter:
            return [await adapter.send(request) for request in requests]

    return asyncio.run(send())
