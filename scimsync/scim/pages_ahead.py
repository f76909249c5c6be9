"""Request pages of a list by index before the pages in front of them have come.

Where the next pages start is a guess: that they are as long as the last one. Where a page turns out
to be shorter or longer, requests beyond it are dropped, and the right page is requested.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scimsync.scim.listing import Page

PageFetch = Callable[[int], Awaitable["Page"]]
"""Returns the page that starts at an index."""


class PagesAhead:
    """The pages of one list by their start index, of which up to `most` are requested early."""

    def __init__(self, fetch: PageFetch, most: int) -> None:
        self._fetch = fetch
        self._most = most
        self._requested: dict[int, asyncio.Future[Page]] = {}

    def request(self, start: int, length: int, total: int) -> None:
        """Request pages of `length` resources from `start` on, none that starts beyond `total`."""
        for first in islice(range(start, total + 1, length), self._most):
            if first not in self._requested:
                self._requested[first] = asyncio.ensure_future(self._fetch(first))

    async def page(self, start: int) -> Page:
        """Return the page that starts at `start`. Raise the errors of its request."""
        requested = self._requested.pop(start, None)
        if requested is not None:
            return await requested
        await self.drop()
        return await self._fetch(start)

    async def drop(self) -> None:
        """Cancel all requests whose page was not returned."""
        requested, self._requested = tuple(self._requested.values()), {}
        for future in requested:
            future.cancel()
        await asyncio.gather(*requested, return_exceptions=True)
