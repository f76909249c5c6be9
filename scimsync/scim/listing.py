"""Read all resources of an endpoint, page by page (RFC 7644 section 3.4.2.4).

Service providers count in their own ways. Known ones: fewer resources than `count`, a
`totalResults` that is too small or too large, a `startIndex` that is ignored, the first or the last
page over and over again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.scim.attributes import read, resource_id
from scimsync.scim.messages import Query, ScimRequest, Sender
from scimsync.transport.request_errors import RequestError


class ListingError(RequestError):
    """A list has no end, or a response is not a list."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some resources, and `totalResults` of their response (None where it has none)."""

    resources: tuple[dict[str, Any], ...]
    total_results: int | None


async def list_resources(
    sender: Sender, path: str, page_query: Callable[[int, int], Query], *, count: int = 100
) -> AsyncIterator[Page]:
    """Yield all resources at `path`, without those of the first and the previous page that come
    again.

    `page_query` gives the paging parameters for a start index and `count`, the number of resources
    to ask for at a time (see `Dialect.page`). A page is yielded before the next is requested, so
    that the caller may stop there. All pages together may hold fewer resources than
    `total_results`, as some service providers hide resources. Raises ListingError where a page
    repeats before all resources came, and the errors of `sender`.
    """
    start, taken = 1, 0
    first: set[str] = set()
    previous: set[str] = set()
    while True:
        page = await fetch_page(sender, path, page_query(start, count))
        names = [_identity(resource) for resource in page.resources]
        seen = previous | first
        named = zip(page.resources, names, strict=True)
        new = [resource for resource, name in named if name not in seen]
        taken += len(new)
        total = page.total_results
        if not new:
            if names and total is not None and taken < total:
                raise ListingError(
                    f"{path}: startIndex={start} brought the same resources again, {taken} of"
                    f" {total} came"
                )
            if start == 1:
                yield page
            return
        yield Page(tuple(new), total)
        # a total of one full page may be the size of the page; a total that is exceeded is wrong
        if total is not None and taken >= total and (len(names) < count or taken == total > count):
            return
        first = first or set(names)
        previous = set(names)
        start += len(names)


async def fetch_page(sender: Sender, path: str, query: Query) -> Page:
    """Return one page. Raises ListingError where the response is not a list of resources, and the
    errors of `sender`."""
    response = await sender.send(ScimRequest("GET", path, query=query))
    body = response.body or {}
    resources, total = read(body, "Resources"), _count(read(body, "totalResults"))
    if resources is None and total is not None:
        resources = []  # may be left out where there are none (RFC 7644 section 3.4.2)
    if not isinstance(resources, list) or not all(isinstance(one, dict) for one in resources):
        raise ListingError(f"{path}: the response holds no list of resources")
    return Page(tuple(resources), total)


def _count(value: Any) -> int | None:
    text = str(value)
    return int(text) if not isinstance(value, bool) and text.isdecimal() else None


def _identity(resource: dict[str, Any]) -> str:
    """Return what distinguishes a resource: its id, else its whole content."""
    return resource_id(resource) or orjson.dumps(resource, option=orjson.OPT_SORT_KEYS).decode()
