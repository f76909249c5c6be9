"""Send SCIM requests over an HTTP connection: media type, JSON bodies, SCIM errors."""

from __future__ import annotations

from typing import Any, Final

import orjson

from scimsync.jsontext import received_json, received_object
from scimsync.scim.error_body import error_status, error_texts
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.http import HttpConnection, HttpResponse
from scimsync.transport.request_errors import InvalidRequest

MEDIA_TYPE: Final = "application/scim+json"  # RFC 7644 section 3.1
_BARE_LISTS: Final = ("/Schemas", "/ResourceTypes", "/Roles", "/Entitlements")
"""Endpoints at which some service providers return a bare array."""

_ACCEPT: Final = {"Accept": f"{MEDIA_TYPE}, application/json"}


class ScimClient:
    """A client that sends each request once, over `connection`.

    It closes the connection when it is closed itself.
    """

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request` once.

        Raise ErrorResponse for an error status, InvalidResponse for a response that is not SCIM,
        NoResponse if no complete response arrived, and InvalidRequest for a request that cannot be
        encoded.
        """
        headers, content = dict(_ACCEPT), None
        if request.body is not None:
            try:
                content = orjson.dumps(request.body)
            except TypeError as error:
                raise InvalidRequest(
                    f"{request}: the body cannot be written as JSON: {error}"
                ) from error
            headers["Content-Type"] = MEDIA_TYPE
        if request.if_match is not None:
            headers["If-Match"] = request.if_match
        response = await self._connection.send(
            request.method, request.target, headers=headers, content=content
        )
        body = received_object(response.content)
        if body is None and request.path in _BARE_LISTS:
            body = _listed(response.content)
        if body is None and response.content.strip():
            if response.status < 400:
                raise self._connection.invalid(response, "the response is not a JSON object")
            if response.status == 404:  # may come from a router in front of the service
                is_page = response.content.lstrip()[:1] == b"<"
                problem = "this is a web page, not SCIM" if is_page else "there is no SCIM here"
                raise self._connection.invalid(response, problem)
        status = error_status(response.status, body)
        if status is not None:
            raise self._error(response, status, body or {})
        return ScimResponse(
            response.status,
            body,
            response.headers.get("ETag"),
            response.headers.get("Location"),
            response.retry_after,
            response.headers.get("Date"),
            transaction=self._transaction(response),
        )

    def _transaction(self, response: HttpResponse) -> str | None:
        """Return the header Set-Txn as messages may show it."""
        transaction = response.headers.get("Set-Txn")
        return None if transaction is None else self._connection.redacted(transaction, 100)

    def _error(self, response: HttpResponse, status: int, body: dict[str, Any]) -> ErrorResponse:
        """Return the error in an error response (RFC 7644 section 3.12).

        `status` differs from that of `response` where an error came with a status of success. If
        the body is not a SCIM error, the result holds an excerpt of it.
        """
        scim_type, detail = error_texts(body, self._connection.redacted)
        return ErrorResponse(
            status,
            scim_type=scim_type,
            detail=detail,
            excerpt="" if detail is not None else self._connection.excerpt(response.content),
            retry_after=response.retry_after,
            request=response.request,
            limited=response.limited,
            with_success=response.status < 400,
        )


def _listed(content: bytes) -> dict[str, Any] | None:
    """Return a bare JSON array as the list that it should be (RFC 7644 section 4)."""
    body = received_json(content)
    return {"Resources": body} if isinstance(body, list) else None
