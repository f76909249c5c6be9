"""Call a JSON API, and report its errors like those of a SCIM service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Query
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.request_errors import InvalidRequest
from scimsync.transport.throttle import Throttle

if TYPE_CHECKING:  # httpx2 is slow to import
    from scimsync.transport.http import HttpConnection, HttpResponse


@dataclass(frozen=True, slots=True)
class ApiError:
    """What the body of an error response says.

    `detail` is for people. `status` replaces that of the response, if the API uses it for something
    else than SCIM does. `limited` says that a rate limit is used up.
    """

    detail: str
    status: int | None = None
    limited: bool = False


class JsonApi:
    """An API below the base URL of `connection`.

    It gets at most `rate` requests per second, because one SCIM request may take several.
    `error_in` returns what the JSON of an error response says, or None if it is not one of this
    API. `product` names the API in messages. `date` is the Date header of the last response.
    """

    def __init__(
        self,
        connection: HttpConnection,
        product: str,
        error_in: Callable[[int, Any], ApiError | None],
        rate: float | None = None,
    ) -> None:
        self._connection = connection
        self._product = product
        self._error_in = error_in
        self._throttle = Throttle(
            RateLimiter(rate),
            sleep=asyncio.sleep,
            clock=time.monotonic,
            is_closed=lambda: False,
        )
        self.date: str | None = None

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Query = (),
        *,
        is_expected: Callable[[Any], bool] | None = None,
    ) -> Any:
        """Send one request, and return the JSON in its response, or None without a body.

        `path` is percent-encoded. `is_expected` says whether JSON is of this API. Raise
        ErrorResponse for an error of the API, InvalidResponse for a response that is not JSON or
        not of this API, and the errors of `HttpConnection.send`.
        """
        headers, content = {"Accept": "application/json"}, None
        if body is not None:
            try:
                content = orjson.dumps(body)
            except TypeError as error:
                raise InvalidRequest(
                    f"{method} {path}: the body cannot be written as JSON: {error}"
                ) from error
            headers["Content-Type"] = "application/json"
        target = path
        if query:
            target += "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
        await self._throttle.wait()
        response = await self._connection.send(method, target, headers=headers, content=content)
        self.date = response.headers.get("Date")
        value = self._value(response)
        is_empty = not response.content.strip()
        if is_expected is not None and (is_empty or not is_expected(value)):
            raise self._connection.invalid(response, f"there is no API of {self._product} here")
        return value

    def _value(self, response: HttpResponse) -> Any:
        try:
            value = orjson.loads(response.content) if response.content.strip() else None
        except orjson.JSONDecodeError:
            if response.status < 400:
                raise self._connection.invalid(response, "the response is not JSON") from None
            value = None
        if response.status < 400:
            return value
        said = self._error_in(response.status, value)
        if response.status == 404 and said is None:  # may come from a router in front of the API
            raise self._connection.invalid(response, f"there is no API of {self._product} here")
        raise ErrorResponse(
            response.status if said is None or said.status is None else said.status,
            detail=None if said is None else self._connection.redacted(said.detail),
            excerpt="" if said is not None else self._connection.excerpt(response.content),
            retry_after=response.retry_after,
            request=response.request,
            limited=response.limited or (said is not None and said.limited),
        )


def segment(text: str) -> str:
    """Return one part of a path, percent-encoded."""
    if text.strip() in ("", ".", ".."):
        raise InvalidRequest(f"{text!r} cannot be a part of a URL")
    return quote(text, safe="")
