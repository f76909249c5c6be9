"""Reads all resources of an endpoint page by page, from service providers that count each in their
own way.

RFC 7644 section 3.4.2.4. What is known of the ways: fewer resources than `count`, a `totalResults`
that is too small or too large, a `startIndex` that is ignored, the last page or the first over and
over again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.scim.attributes import read, resource_id
from scimsync.scim.errors import ScimError
from scimsync.scim.messages import ScimRequest, Sender


class ListingError(ScimError):
    """A service provider's list has no end, or no resources where it should."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some resources, `total_results` as this answer gives it (None where it does not), the index
    of the first, from 1."""

    resources: tuple[dict[str, Any], ...]
    total_results: int | None
    start_index: int


async def list_resources(
    client: Sender,
    path: str,
    *,
    filter: str | None = None,  # noqa: A002 (the protocol's name)
    count: int = 100,
    attributes: Sequence[str] | None = None,
) -> AsyncIterator[Page]:
    """Every resource at `path`, none twice in a row of pages; `count` is how many to ask for at a
    time.

    The first page comes before the second is asked for: its `total_results` lets the caller decide
    to stop there. The pages together may hold fewer resources than `total_results` where the
    service provider hides some. Raises ListingError where a page repeats before all resources came,
    and what `client.send` raises.
    """
    start, taken = 1, 0
    first: set[str] = set()
    previous: set[str] = set()
    while True:
        page = await fetch_page(
            client, path, filter=filter, start_index=start, count=count, attributes=attributes
        )
        names = [_name(resource) for resource in page.resources]
        new = [
            one
            for one, name in zip(page.resources, names, strict=True)
            if name not in previous and name not in first
        ]
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
        yield Page(tuple(new), total, start)
        if total is not None and taken >= total and (len(names) < count or taken == total > count):
            # a total of one full page may be the size of the page; a total that is exceeded is
            # wrong
            return
        first = first or set(names)
        previous = set(names)
        start += len(names)


async def fetch_page(
    client: Sender,
    path: str,
    *,
    filter: str | None = None,  # noqa: A002 (the protocol's name)
    start_index: int = 1,
    count: int = 100,
    attributes: Sequence[str] | None = None,
) -> Page:
    """One page. Raises ListingError where the answer is no list of resources, and what
    `client.send` raises."""
    query = [("filter", filter)] if filter is not None else []
    query += [("startIndex", str(start_index)), ("count", str(count))]
    if attributes:
        query.append(("attributes", ",".join(attributes)))
    answer = await client.send(ScimRequest("GET", path, query=tuple(query)))
    body = answer.body or {}
    resources, total = read(body, "Resources"), _count(read(body, "totalResults"))
    if resources is None and total is not None:
        resources = []  # may be left out where there are none (RFC 7644 section 3.4.2)
    if not isinstance(resources, list) or not all(isinstance(one, dict) for one in resources):
        raise ListingError(f"{path}: the answer holds no list of resources")
    return Page(tuple(resources), total, start_index)


def _count(value: Any) -> int | None:
    text = str(value)
    return int(text) if not isinstance(value, bool) and text.isdecimal() else None


def _name(resource: dict[str, Any]) -> str:
    """What tells this resource from others: its id, else all that it holds."""
    return resource_id(resource) or orjson.dumps(resource, option=orjson.OPT_SORT_KEYS).decode()
