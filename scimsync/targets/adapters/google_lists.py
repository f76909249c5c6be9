"""Lists of the Directory API of Google Workspace: pages with tokens and no total."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Query
from scimsync.targets.adapters.api_attributes import Json
from scimsync.targets.adapters.json_api import JsonApi

_COUNTED_FROM = 100
"""A request for fewer resources is a sample, and not the start of a list to be counted."""


_CUSTOMER: Final[Query] = (("customer", "my_customer"),)


class TokenPages:
    """A list whose pages have tokens, and that can be read by a start index.

    `collection` names it in responses; `path` is where it is, and `query` what each request has.
    Its total is counted when it is read from the start, and all pages of one reading give the same
    total.
    """

    def __init__(
        self,
        api: JsonApi,
        collection: str,
        per_page: int,
        *,
        path: str | None = None,
        query: Query = _CUSTOMER,
    ) -> None:
        self._api = api
        self._collection = collection
        self._per_page = per_page
        self._path = path or f"/{collection}"
        self._query = query
        self._next: dict[tuple[int, int], tuple[str, int | None]] = {}

    async def page(self, start: int, count: int) -> tuple[list[Json], int | None]:
        """Return resources, and the number of all."""
        count = min(count, self._per_page)
        token, total = self._next.get((count, start), ("", None))
        if start > 1 and not token:
            return [], start - 1
        body = await self._get(count, token)
        found, token = _items(body, self._collection), body.get("nextPageToken") or ""
        reached = start - 1 + len(found)
        if not token:
            self._next.pop((count, reached + 1), None)  # of an earlier, longer list
            return found, reached
        if start == 1 and count >= _COUNTED_FROM:
            total = reached + await self._count(token)
        self._next[count, reached + 1] = (token, total)
        return found, total

    async def search(self, field: str, value: str) -> list[Json]:
        """Return the resources with a value."""
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        query = (("query", f"{field}='{escaped}'"),)
        return _items(await self._get(self._per_page, "", query), self._collection)

    async def all(self, token: str = "", more: Query = ()) -> AsyncIterator[list[Json]]:
        """Yield the pages from the one with this token on."""
        seen = {token}
        while True:
            body = await self._get(self._per_page, token, more)
            yield _items(body, self._collection)
            token = body.get("nextPageToken") or ""
            if not token:
                return
            if token in seen:
                raise ErrorResponse(500, detail=f"{self._path}: a page follows itself")
            seen.add(token)

    async def _count(self, token: str) -> int:
        """Return the number of resources from the page with this token on."""
        fields = (("fields", f"nextPageToken,{self._collection}(id)"),)
        return sum([len(page) async for page in self.all(token, fields)])

    async def _get(self, count: int, token: str, more: Query = ()) -> Json:
        query = (*self._query, ("maxResults", str(count)), *more)
        if token:
            query = (*query, ("pageToken", token))
        is_whole = "fields" not in dict(query)
        expected = self._is_list if is_whole else _is_object
        body: Json = await self._api.call("GET", self._path, query=query, is_expected=expected)
        return body

    def _is_list(self, body: Any) -> bool:
        """Return whether a body is a list of this API, which may lack the field of its items."""
        return isinstance(body, dict) and (
            body.get("kind") == f"admin#directory#{self._collection}"
            or isinstance(body.get(self._collection), list)
        )


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _items(body: Json, name: str) -> list[Json]:
    """Return the resources of a page. The field is missing if there are none."""
    found = body.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
