"""Read the resources of one target, in the form that it accepts.

All reads go through the target's `ResourceReader`. It learns from refusals, for the rest of the
run.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Final

from scimsync.jsontext import json_text
from scimsync.model.ids import Kind
from scimsync.model.service_provider import Capabilities
from scimsync.scim.attributes import resource_id
from scimsync.scim.dialects import Dialect
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import Page, fetch_page, list_resources
from scimsync.scim.messages import Query, ScimRequest, ScimResponse, Sender
from scimsync.scim.paging import (
    ListPaging,
    PagingMethod,
    declared_paging,
    query_by_cursor,
    without,
)
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.search_request import search_by_post
from scimsync.transport.request_errors import InvalidResponse

_LONGEST_TARGET: Final = 1_900
"""The longest path and query, in characters, that are sent in a URL. Some proxies refuse URLs of
more than 2,000, of which the base URL takes its part."""

_EXCLUDED: Final = "excludedAttributes"
_WITHOUT_MEMBERS: Final = (_EXCLUDED, "members")

_REFUSED_PARAMETER: Final = (400, 501)
_NO_SEARCH_BY_POST: Final = (403, 404, 405, 501)
_URL_TOO_LONG: Final = 414


CapabilitiesReader = Callable[[], Awaitable[Capabilities]]
"""Returns what a target declares that it can do, after reading it where that is due."""


def known_capabilities(capabilities: Capabilities) -> CapabilitiesReader:
    """Return a reader that reads nothing, because the capabilities are known."""

    async def known() -> Capabilities:
        return capabilities

    return known


class ResourceReader:
    """The reads of one target.

    `paging` is how its lists are paged, as far as that is known for the product. Without
    `capabilities`, its declarations are unknown. `member_filter` is the filter that finds a group
    by one of its members (see `Profile.member_filter`).
    """

    def __init__(
        self,
        sender: Sender,
        dialect: Dialect,
        paging: ListPaging,
        capabilities: CapabilitiesReader | None = None,
        *,
        member_filter: str | None = None,
    ) -> None:
        self._sender = sender
        self._dialect = dialect
        self._paging = paging
        self._member_filter = member_filter
        self._finds_members = False
        self.capabilities = capabilities or known_capabilities(Capabilities())
        self._takes_exclusions = True
        self._takes_search_by_post = True

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send a read. Raise RequestError."""
        if not self._takes_exclusions:
            request = _without(request, _EXCLUDED)
        try:
            return await self._send_paged(request)
        except ErrorResponse as error:
            plain = _without(request, _EXCLUDED)
            if error.status not in _REFUSED_PARAMETER or plain == request:
                raise
        response = await self._send_paged(plain)
        self._takes_exclusions = False
        return response

    def read_request(self, kind: Kind, remote_id: str, *, members: bool) -> ScimRequest:
        """Return the request that reads a resource, a group without members unless requested."""
        request = self._dialect.read(kind, remote_id)
        return request if members else self._without_members(request, kind)

    def search_request(self, kind: Kind, path: str, value: Any, count: int) -> ScimRequest:
        """Return the request that finds resources by a value, groups without their members.

        Raise FilterError for a value that no filter can hold.
        """
        return self._without_members(self._dialect.match(kind, path, value, count), kind)

    async def first_page(self, kind: Kind, count: int) -> Page:
        """Return the first resources of a list, groups without their members."""
        paging = await self.paging()
        count = min(count, paging.count)
        query = self._page_query(kind, 1, count)
        if paging.method is PagingMethod.CURSOR:
            query = query_by_cursor(partial(self._page_query, kind), "", count)
        return await fetch_page(self, RESOURCE_TYPES[kind].endpoint, query)

    async def pages(self, kind: Kind, ahead: int = 0) -> AsyncGenerator[Page]:
        """Yield all resources of a kind, page by page, groups without their members.

        `ahead` is the number of pages that are requested early, as by `list_resources`. Raise as
        that does.
        """
        endpoint, paging = RESOURCE_TYPES[kind].endpoint, await self.paging()
        query = partial(self._page_query, kind)
        async with aclosing(list_resources(self, endpoint, query, paging, ahead=ahead)) as pages:
            async for page in pages:
                yield page

    @property
    def finds_members(self) -> bool:
        """Whether a filter is known that finds a group by one of its members."""
        return self._member_filter is not None

    async def is_member(self, group: str, member: str) -> bool | None:
        """Return whether a group has a member by a filter, or None if that proves nothing.

        That nothing is found counts only once the filter has found something. Raise RequestError.
        """
        if self._member_filter is None:
            return None
        text = self._member_filter.format(group=json_text(group), member=json_text(member))
        endpoint = RESOURCE_TYPES[Kind.GROUP].endpoint
        page = await fetch_page(self, endpoint, (("filter", text),))
        if any(resource_id(found) == group for found in page.resources):
            self._finds_members = True
            return True
        is_empty = not page.resources and not page.total_results and page.next_cursor is None
        return False if is_empty and self._finds_members else None

    async def paging(self) -> ListPaging:
        """Return how lists are paged."""
        return declared_paging(self._paging, await self.capabilities())

    def _page_query(self, kind: Kind, start: int, count: int) -> Query:
        query = self._dialect.page(start, count)
        return (*query, _WITHOUT_MEMBERS) if kind is Kind.GROUP else query

    def _without_members(self, request: ScimRequest, kind: Kind) -> ScimRequest:
        if kind is not Kind.GROUP:
            return request
        return replace(request, query=(*request.query, _WITHOUT_MEMBERS))

    async def _send_paged(self, request: ScimRequest) -> ScimResponse:
        """Send a read without `startIndex` to a target that pages by cursors."""
        plain = _without(request, "startIndex")
        if plain != request and (await self.paging()).method is PagingMethod.CURSOR:
            request = plain
        return await self._send_fitting(request)

    async def _send_fitting(self, request: ScimRequest) -> ScimResponse:
        """Send a search whose URL is too long as POST, if the target takes that."""
        if len(request.target) > _LONGEST_TARGET:
            response = await self._send_as_post(request)
            if response is not None:
                return response
        try:
            return await self._sender.send(request)
        except ErrorResponse as error:
            if error.status != _URL_TOO_LONG:
                raise
            response = await self._send_as_post(request)
            if response is None:
                raise
            return response

    async def _send_as_post(self, request: ScimRequest) -> ScimResponse | None:
        """Return the response to a search by POST, or None if the target does not take it."""
        is_list = request.path.count("/") == 1
        if not is_list or not self._takes_search_by_post:
            return None
        try:
            return await self._sender.send(search_by_post(request))
        except (ErrorResponse, InvalidResponse) as error:
            if error.status not in _NO_SEARCH_BY_POST:
                raise
            self._takes_search_by_post = False
            return None


def _without(request: ScimRequest, name: str) -> ScimRequest:
    return replace(request, query=without(request.query, name))
