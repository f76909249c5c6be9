"""Requests that wait to be sent in a bulk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.request_errors import (
    RequestError,
)


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The request has to be sent again, alone or in another bulk. `after` is its result."""

    after: RequestError | None = None
    alone: bool = True


@dataclass(slots=True, eq=False)
class BulkItem:
    """A request that waits for its response, and its operation in a bulk.

    `reads` is the number of reads that had ended when it came.
    """

    bulk_id: str
    request: ScimRequest
    operation: dict[str, Any]
    size: int
    reads: int
    result: asyncio.Future[ScimResponse | SendAgain]


def succeed(item: BulkItem, result: ScimResponse | SendAgain) -> None:
    if not item.result.done():
        item.result.set_result(result)


def fail(item: BulkItem, error: Exception) -> None:
    if not item.result.done():
        item.result.set_exception(error)
