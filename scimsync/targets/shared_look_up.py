"""Answer many look-ups that begin at the same time from one list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from typing import Generic, TypeVar

from scimsync.model.ids import Document
from scimsync.targets.resource_list import ResourceList
from scimsync.transport.request_errors import RequestError

Found = TypeVar("Found")


class SharedLookUp(Generic[Found]):
    """Look-ups in a list that is read after all of them have begun.

    After a lost response to a bulk request, many creations are looked up at once. `read` returns
    the whole list if that takes no more requests than the given number, or else None. `find`
    returns the match that the list has for a document, or None.
    """

    def __init__(
        self,
        read: Callable[[int], Awaitable[ResourceList | None]],
        find: Callable[[ResourceList, Document], Found | None],
    ) -> None:
        self._read = read
        self._find = find
        self._wanted: list[Document] = []
        self._reading: asyncio.Task[Sequence[Found | None] | None] | None = None

    async def look_up(self, document: Document) -> tuple[Found | None] | None:
        """Return the match that the list has for a document, in a tuple.

        Return None if filters take fewer requests, or if the list does not prove who is missing.
        """
        self._wanted.append(document)
        place = len(self._wanted) - 1
        if self._reading is None:
            self._reading = asyncio.create_task(self._look_up_all())
        found = await asyncio.shield(self._reading)
        return None if found is None else (found[place],)

    async def _look_up_all(self) -> Sequence[Found | None] | None:
        counted = 0
        while counted != len(self._wanted):  # until no task that can run adds another
            counted = len(self._wanted)
            await asyncio.sleep(0)
        wanted, self._wanted, self._reading = self._wanted, [], None
        try:
            whole_list = await self._read(len(wanted))
        except RequestError:
            return None
        if whole_list is None:
            return None
        with closing(whole_list):
            if whole_list.problem is not None or not len(whole_list):
                return None
            return [self._find(whole_list, document) for document in wanted]
