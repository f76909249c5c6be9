"""Search resources by filter, and distinguish finding nothing from proving nothing.

Service providers answer to filters that they do not support in many ways: with errors, with an
empty list, with all resources. See `evidence`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scimsync.model.ids import Kind, Value
from scimsync.scim.attributes import read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.grammar import FilterError
from scimsync.scim.listing import MAX_IDLE_PAGES, ListingError, next_cursor, resources_in
from scimsync.scim.messages import ScimRequest
from scimsync.scim.paging import without
from scimsync.scim.resources import value_at
from scimsync.targets.evidence import Answer, Purpose, Verdict, answer_of, verdict
from scimsync.targets.resource_list import fold, folded_value
from scimsync.targets.resource_reader import ResourceReader
from scimsync.targets.visibility import EVERYTHING, Visibility
from scimsync.transport.request_errors import InvalidRequest, RequestError

MAX_MATCHES = 5
"""The number of resources that are read for one value. Two are already ambiguous."""

_REFUSALS = 2
"""After this number of filters on one attribute that proved nothing, no more are tried. A single
failure may be due to its value."""

_SAMPLE = 10
"""The number of resources read to show that a filter finds what exists."""

_ABSENT_VALUE = "scimsync-searches-for-no-one"
"""A value that no resource has."""

_OF_THE_TARGET = (Verdict.TOKEN, Verdict.RATE_LIMIT, Verdict.DOWN)
"""Verdicts on a filter that concern more than the filter."""


class SearchUndecided(ListingError):
    """The answers to a search prove neither that the resource exists nor that it does not."""


class _NotFound(SearchUndecided):
    """A filter was answered with 404."""


class FilterSearch:
    """Searches of resources of one kind at one target, by filters.

    A target that declares that it has no filters is not asked to filter.
    `unusable` maps the attributes whose filters proved nothing, in earlier runs too, to the reason;
    the search adds to it. `absent_in_sample` are attributes that none of the first resources in the
    list holds, and `no_list` is the 404 with which the target answered to the list itself.
    `visibility` says whether that list can be trusted.
    """

    def __init__(
        self,
        reader: ResourceReader,
        kind: Kind,
        unusable: Mapping[str, str] | None,
        visibility: Visibility = EVERYTHING,
    ) -> None:
        self._reader = reader
        self._kind = kind
        self._visibility = visibility
        self._tries_anyway = False
        self._answered: set[str] = set()
        self._shown: set[str] = set()
        self._sends_404: dict[str, bool] = {}
        self._refusals: Counter[str] = Counter()
        self.unusable = dict(unusable or {})
        self.absent_in_sample: set[str] = set()
        self.no_list: ErrorResponse | None = None

    async def _check_filter(self, path: str, value: Any) -> None:
        """Raise SearchUndecided if a filter on `path` is known to prove nothing."""
        if path in self.unusable:
            raise SearchUndecided(f"the filter on {path} does not work: {self.unusable[path]}")
        needed = self._visibility.filter_needs.get(path)
        if needed is not None and needed not in str(value):
            raise SearchUndecided(f"the filter on {path} finds no values without {needed}")
        if await self._has_no_filters():
            raise SearchUndecided("the target declares that it does not support filters")

    async def find(
        self, path: str, value: Any, *, proving: bool = False
    ) -> tuple[dict[str, Any], ...]:
        """Return the resources that hold a value. Raise SearchUndecided if nothing is proven.

        `proving`: the value is one that exists.
        """
        await self._check_filter(path, value)
        try:
            request = self._reader.search_request(self._kind, path, value, MAX_MATCHES)
        except FilterError as error:
            raise InvalidRequest(str(error)) from error
        try:
            resources = await self._answer_to_filter(request, path, value)
        except _NotFound as error:
            if proving or not await self._is_empty_list(path):
                raise SearchUndecided(str(error)) from error
            return ()
        except SearchUndecided as error:
            self._refusals[path] += 1
            if path not in self._answered and self._refusals[path] >= _REFUSALS:
                self.unusable[path] = str(error)
            raise
        self._answered.add(path)
        if resources:
            self._shown.add(path)
        elif self._tries_anyway and not proving and not await self.works(path):
            raise SearchUndecided(f"{request}: finds nothing, and no filters are declared")
        return resources

    async def _answer_to_filter(
        self, request: ScimRequest, path: str, value: Any
    ) -> tuple[dict[str, Any], ...]:
        try:
            body = await self._first_results(request)
        except ErrorResponse as error:
            if verdict(error, Purpose.SEARCH) in _OF_THE_TARGET and not await self._lists(error):
                raise
            if answer_of(error) is Answer.NOT_FOUND:
                raise _NotFound(str(error)) from error
            raise SearchUndecided(str(error)) from error
        listed, total = resources_in(body), read(body, "totalResults")
        if listed is None or (not listed and str(total) not in ("0", "None")):
            raise SearchUndecided(f"{request}: {Answer.SHORT_LIST}")
        fitting = tuple(
            resource
            for resource in listed
            if isinstance(resource, dict) and folded_value(resource, path) == fold(path, value)
        )
        if listed and not fitting:
            raise SearchUndecided(f"{request}: {Answer.FILTER_IGNORED}")
        return fitting

    async def _first_results(self, request: ScimRequest) -> Mapping[str, Any]:
        """Return the first page with results, or the last page if there are none (RFC 9865)."""
        for _ in range(MAX_IDLE_PAGES):
            body = (await self._reader.send(request)).body or {}
            cursor = next_cursor(body)
            if cursor is None or read(body, "Resources"):
                return body
            query = without(without(request.query, "startIndex"), "cursor")
            request = replace(request, query=(*query, ("cursor", cursor)))
        raise SearchUndecided(f"{request}: {MAX_IDLE_PAGES} pages in a row are empty")

    async def works(self, path: str, *, sample_again: bool = True) -> bool:
        """Return whether the filter on `path` is shown to find a resource that exists.

        Without `sample_again`, the first resources are not read again where none holds `path`.
        """
        if path in self._shown:
            return True
        if path in self.absent_in_sample and not sample_again:
            return False
        return await self._shows_others(path)

    async def first_resources(self, count: int) -> Sequence[dict[str, Any]]:
        """Return the first resources of the list. A 404 concerns all that is searched for."""
        try:
            page = await self._reader.first_page(self._kind, count)
        except ErrorResponse as error:
            if answer_of(error) is Answer.NOT_FOUND:
                self.no_list = error
            raise
        return page.resources

    async def _is_empty_list(self, path: str) -> bool:
        """Return whether the target sends 404 instead of an empty list, as some do.

        It does so if it finds a value that exists, and answers with 404 to one that does not.
        """
        if path not in self._sends_404:
            shows = await self.works(path)
            self._sends_404[path] = shows and await self._sends_404_for_nothing(path)
        return self._sends_404[path]

    async def _sends_404_for_nothing(self, path: str) -> bool:
        request = self._reader.search_request(self._kind, path, _ABSENT_VALUE, MAX_MATCHES)
        try:
            await self._answer_to_filter(request, path, _ABSENT_VALUE)
        except _NotFound:
            return True
        except SearchUndecided:
            pass
        return False

    async def _lists(self, error: ErrorResponse) -> bool:
        """Return whether a filter alone failed with a server error: the list can be read."""
        if answer_of(error) is not Answer.SERVER_ERROR:
            return False
        try:
            await self.first_resources(1)
        except RequestError:
            return False
        return True

    async def try_despite_declaration(self) -> bool:
        """Send filters to a target that declares to have none, as its lists prove nothing.

        Return False if they are sent anyway. That a filter finds nothing then counts only if it is
        shown to find others.
        """
        if not await self._has_no_filters():
            return False
        self._tries_anyway = True
        return True

    async def _has_no_filters(self) -> bool:
        """Return whether the target declares that, and shows its resources in lists instead."""
        if self._tries_anyway or self._visibility.lists_lie:
            return False
        return (await self._reader.capabilities()).filter is False

    async def _shows_others(self, path: str) -> bool:
        """Return whether the filter on `path` finds a resource that exists."""
        if path in self.unusable or await self._has_no_filters():
            return False
        values = [value for value in await self._sample(path) if isinstance(value, str) and value]
        # a known resource may be gone now, but a listed one is not
        for value in values if self._visibility.lists_lie else values[:1]:
            try:
                if await self.find(path, value, proving=True):
                    return True
            except SearchUndecided:
                return False
        if not values:
            self.absent_in_sample.add(path)
        return False

    async def _sample(self, path: str) -> Sequence[Value]:
        """Return the values at `path` of some resources that exist."""
        if self._visibility.lists_lie:
            return [document.get(path) for document in self._visibility.samples()]
        return [value_at(resource, path) for resource in await self.first_resources(_SAMPLE)]
