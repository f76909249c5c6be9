"""Find resources that already exist at a target, to adopt them instead of creating them twice.

A few resources are looked up by filter, each by the attributes of `match` in their order. If
reading the whole list takes fewer requests, or filters prove nothing, the list is read once and
kept in a private temporary file. That nothing was found counts only where the search could have
found something: see `evidence`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from scimsync.model.accounts import IDENTITY, Account
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.scim.attributes import read, resource_id, short_text, usable_id
from scimsync.scim.dialects import Dialect
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.grammar import FilterError
from scimsync.scim.listing import ListingError, fetch_page
from scimsync.scim.messages import ScimRequest, Sender
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import project
from scimsync.targets.evidence import (
    Answer,
    Purpose,
    UnprovenResponse,
    Verdict,
    active_of,
    answer_of,
    check_read,
    held_document,
    verdict,
)
from scimsync.targets.resource_list import ResourceList, fold, folded_value, read_whole_list
from scimsync.transport.request_errors import InvalidRequest, RequestError

_MAX_LOOK_UPS = 3
"""The number of resources that are looked up by filter whatever the size of the list."""

_MAX_MATCHES = 5
"""The number of resources that are read for one value. Two are already ambiguous."""

_REFUSALS = 2
"""After this number of filters on one attribute that proved nothing, none is tried any more. One
alone may be due to its value."""

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


@dataclass(frozen=True, slots=True)
class Match:
    """The resources that hold one user's or group's value of the attribute `by`."""

    by: str
    resources: tuple[dict[str, Any], ...]


class Matcher:
    """A search for resources of one kind at one target.

    `match` are attribute paths, tried in their order until one finds a resource. `expected` returns
    the number of resources to look up in all, which decides between filters and reading the list.
    `known` returns the number of resources that are linked. `unusable` maps the attributes whose
    filters proved nothing, in earlier runs too, to the reason; the search adds to it.
    """

    def __init__(
        self,
        sender: Sender,
        dialect: Dialect,
        kind: Kind,
        match: Sequence[str],
        page_size: int,
        expected: Callable[[], int],
        *,
        known: Callable[[], int] = lambda: 0,
        unusable: Mapping[str, str] | None = None,
    ) -> None:
        self._sender = sender
        self._dialect = dialect
        self._kind = kind
        self._match = tuple(match)
        self._page_size = page_size
        self._expected = expected
        self._known = known
        self._list: ResourceList | None = None
        self._decided = False
        self._outdated = False
        self._answered: set[str] = set()
        self._shown: set[str] = set()
        self._not_in_sample: set[str] = set()
        self._sends_404: dict[str, bool] = {}
        self._refusals: Counter[str] = Counter()
        self._no_list: ErrorResponse | None = None
        self.unusable = dict(unusable or {})

    def forget(self, expected: int) -> None:
        """Drop the list that was read, because it may be out of date.

        At most `expected` resources will be looked up from now on.
        """
        self._drop_list()
        self._expected = lambda: expected
        self._decided = False

    async def find(
        self, wanted: Mapping[Key, Document], *, proving: bool = False
    ) -> tuple[dict[Key, Match], dict[Key, str]]:
        """Return the matches of each document, and why some could not be searched for.

        With `proving`, that nothing is found counts only if the search is shown to find others.
        Raise RequestError for errors that concern more than one resource: no connection, a refused
        token.
        """
        if wanted and not self._decided:
            await self._read_list_if_cheaper()
        matches: dict[Key, Match] = {}
        refused: dict[Key, str] = {}
        for key, document in wanted.items():
            try:
                match = await self._find(document)
                if match is None and proving:
                    match = await self._find_hidden(document)
            except (ErrorResponse, InvalidRequest, ListingError) as error:
                if verdict(error, Purpose.SEARCH) is Verdict.TOKEN or error is self._no_list:
                    raise
                refused[key] = str(error)
            else:
                if match is not None:
                    matches[key] = match
        return matches, refused

    async def look_up(self, document: Document, *, fresh: bool = False) -> Match | None:
        """Return the resources that match one document now, or None if there are none.

        With `fresh`, a list that was read earlier proves nothing. Raise SearchUndecided if neither
        is proven, and the errors of the sender.
        """
        decided, problems = False, []
        for path, value in self._values(document):
            try:
                resources = await self._filter(path, value)
            except SearchUndecided as error:
                problems.append(str(error))
                continue
            if resources:
                return Match(path, resources)
            decided = True
        if decided or not problems:
            return None
        if fresh:
            self._drop_list()
        return await self._look_up_in_list(document, problems)

    async def find_holder(self, document: Document) -> Match | None:
        """Return the resources that match a document after the target said that one exists.

        If no filter finds any, the whole list decides: some filters compare more exactly than the
        target does when it creates a resource. Raise as `look_up` does.
        """
        match = await self.look_up(document)
        return match or await self._look_up_in_list(document, ["no filter finds it"])

    async def _look_up_in_list(self, document: Document, problems: Sequence[str]) -> Match | None:
        """Return the resources in the whole list that match, or None if there are none.

        `problems` say why filters proved nothing. Raise SearchUndecided if the list is not whole.
        """
        whole_list = await self._whole_list()
        match = self._in_list(whole_list, document)
        if match is None and whole_list.problem is not None:
            raise SearchUndecided("; ".join([*problems, whole_list.problem]))
        return match

    async def find_again(self, remote_id: RemoteId, document: Document) -> Match | None:
        """Return the resources that match after one was not found by its id; None if it is gone.

        That it is gone is proven only by a search that finds others. Raise SearchUndecided if
        nothing is proven.
        """
        match = await self.look_up(document)
        if match is not None:
            return match
        values = list(self._values(document))
        if self._outdated:
            self._drop_list()
        if self._list is None:
            for path, _ in values:
                if path in self._shown or await self._shows_others(path):
                    return None
        whole_list = await self._proven_list()
        if remote_id in whole_list:
            raise SearchUndecided(f"the list has the resource {remote_id} nevertheless")
        return None

    async def _find_hidden(self, document: Document) -> Match | None:
        """Return the match that a search did not find, or None if there is none.

        That is proven if the filters on all attributes that others hold are shown to work, or by
        the whole list. Raise SearchUndecided if nothing is proven.
        """
        if self._list is None:
            paths = [path for path, _ in self._values(document)]
            proofs = [
                path in self._shown
                or (path not in self._not_in_sample and await self._shows_others(path))
                for path in paths
            ]
            if any(proofs) and all(
                proof or path in self._not_in_sample
                for path, proof in zip(paths, proofs, strict=True)
            ):
                return None
        return self._in_list(await self._proven_list(), document)

    async def _proven_list(self) -> ResourceList:
        """Return the whole list. Raise SearchUndecided if it does not prove who is missing."""
        whole_list = await self._whole_list()
        if whole_list.problem is not None:
            raise SearchUndecided(whole_list.problem)
        if not len(whole_list) and (known := self._known()) > 1:
            raise SearchUndecided(f"the list is empty, although {known} are known")
        return whole_list

    async def read(self, remote_id: RemoteId) -> dict[str, Any] | None:
        """Return a resource, or None for a 404. Raise RequestError."""
        request = self._dialect.read(self._kind, remote_id)
        try:
            response = await self._sender.send(request)
        except ErrorResponse as error:
            if verdict(error, Purpose.READ) is Verdict.MISSING:
                return None
            raise
        try:
            check_read(request, response, remote_id)
        except UnprovenResponse as error:
            raise SearchUndecided(str(error)) from error
        return response.body

    async def locate(self, remote_id: RemoteId, document: Document) -> dict[str, Any] | None:
        """Return a resource, under a new id if it has one now, or None if it is gone.

        Raise SearchUndecided if neither is proven, and the errors of the sender.
        """
        resource = await self.read(remote_id)
        if resource is not None:
            return resource
        match = await self.find_again(remote_id, document)
        if match is None:
            return None
        if len(match.resources) > 1:
            raise SearchUndecided(
                f"{remote_id} is not found, and {len(match.resources)} match by {match.by}"
            )
        if resource_id(match.resources[0]) == remote_id:
            raise SearchUndecided(f"{remote_id} is not found by its id, but by {match.by}")
        return match.resources[0]

    async def preload(self, expected: int) -> None:
        """Read the whole list, if that takes fewer requests than reading `expected` resources."""
        with suppress(ErrorResponse, ListingError):
            self._list = await self._read_list(expected)
            self._decided = self._list is not None

    def listed(self, remote_id: RemoteId) -> dict[str, Any] | None:
        """Return a resource as the list shows it that was read in this run, or None."""
        return None if self._list is None else self._list.get(remote_id)

    async def probe(self) -> None:
        """Request any one resource. Raise RequestError if the target does not respond either."""
        await self._page(1)

    def outdate(self) -> None:
        """Note that a resource was created, which a list that was read before does not show."""
        self._outdated = True

    def _drop_list(self) -> None:
        self.close()
        self._list, self._outdated = None, False

    def close(self) -> None:
        """Remove the temporary file."""
        if self._list is not None:
            self._list.close()

    async def _find(self, document: Document) -> Match | None:
        if self._list is None:
            return await self.look_up(document)
        match = self._in_list(self._list, document)
        if match is not None or self._list.problem is None:
            return match
        return await self.look_up(document)

    def _in_list(self, resource_list: ResourceList, document: Document) -> Match | None:
        for path, value in self._values(document):
            resources = resource_list.find(path, value, _MAX_MATCHES)
            if resources:
                return Match(path, resources)
        return None

    def _values(self, document: Document) -> Iterator[tuple[str, Any]]:
        """Yield the attributes to match by, and their values."""
        for path in self._match:
            value = document.get(path)
            if value is not None and not isinstance(value, (dict, list)):
                yield path, value

    async def _filter(
        self, path: str, value: Any, *, proving: bool = False
    ) -> tuple[dict[str, Any], ...]:
        """Return the resources that hold a value. Raise SearchUndecided if nothing is proven.

        `proving`: the value is one that exists.
        """
        if path in self.unusable:
            raise SearchUndecided(f"the filter on {path} does not work: {self.unusable[path]}")
        try:
            request = self._dialect.match(self._kind, path, value, _MAX_MATCHES)
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
        return resources

    async def _answer_to_filter(
        self, request: ScimRequest, path: str, value: Any
    ) -> tuple[dict[str, Any], ...]:
        try:
            response = await self._sender.send(request)
        except ErrorResponse as error:
            if verdict(error, Purpose.SEARCH) in _OF_THE_TARGET and not await self._lists(error):
                raise
            if answer_of(error) is Answer.NOT_FOUND:
                raise _NotFound(str(error)) from error
            raise SearchUndecided(str(error)) from error
        listed = read(response.body or {}, "Resources")
        total = read(response.body or {}, "totalResults")
        if not isinstance(listed, list):
            listed = [] if total is not None else None
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

    async def _is_empty_list(self, path: str) -> bool:
        """Return whether the target sends 404 instead of an empty list, as some do.

        It does so if it finds a value that exists, and answers with 404 to one that does not.
        """
        if path not in self._sends_404:
            shows = path in self._shown or await self._shows_others(path)
            self._sends_404[path] = shows and await self._sends_404_for_nothing(path)
        return self._sends_404[path]

    async def _sends_404_for_nothing(self, path: str) -> bool:
        request = self._dialect.match(self._kind, path, _ABSENT_VALUE, _MAX_MATCHES)
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
            await self._page(1)
        except RequestError:
            return False
        return True

    async def _shows_others(self, path: str) -> bool:
        """Return whether the filter on `path` finds a resource that exists."""
        if path in self.unusable:
            return False
        for resource in await self._page(_SAMPLE):
            value = project(resource, (path,)).get(path)
            if isinstance(value, str) and value:
                try:
                    return bool(await self._filter(path, value, proving=True))
                except SearchUndecided:
                    return False
        self._not_in_sample.add(path)
        return False

    async def _page(self, count: int) -> Sequence[dict[str, Any]]:
        """Return the first resources of the list. A 404 concerns all that is searched for."""
        endpoint = RESOURCE_TYPES[self._kind].endpoint
        try:
            page = await fetch_page(self._sender, endpoint, self._dialect.page(1, count))
        except ErrorResponse as error:
            if answer_of(error) is Answer.NOT_FOUND:
                self._no_list = error
            raise
        return page.resources

    async def _read_list_if_cheaper(self) -> None:
        """Read the whole list if that takes fewer requests than the look-ups.

        The total in the first page decides.
        """
        self._decided = True
        expected = self._expected()
        if expected > _MAX_LOOK_UPS:
            self._list = await self._read_list(expected)

    async def _whole_list(self) -> ResourceList:
        if self._list is None:
            read_list = await self._read_list(None)
            self._drop_list()  # of a search that ran at the same time
            self._list = read_list
        assert self._list is not None  # noqa: S101 - without a limit there is always a list
        return self._list

    async def _read_list(self, most_pages: int | None) -> ResourceList | None:
        endpoint = RESOURCE_TYPES[self._kind].endpoint
        return await read_whole_list(
            self._sender, endpoint, self._dialect.page, self._page_size, self._match, most_pages
        )


class AccountFinder:
    """The planner's search for accounts.

    `matcher_of` returns the matcher for a key, and `protect` the filter that keeps a resource out
    of reach, if any.
    """

    def __init__(
        self,
        matcher_of: Callable[[Key], Matcher],
        protect: Callable[[Mapping[str, Any]], str | None],
    ) -> None:
        self._matcher_of = matcher_of
        self._protect = protect

    async def find(
        self,
        wanted: Mapping[Key, Document],
        paths: Mapping[Key, Sequence[str]],
        *,
        proving: bool = False,
    ) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
        """Return the accounts that match each document, and why some could not be looked up.

        `paths` are the managed paths of each key. With `proving`, that nothing is found counts only
        if the search is shown to find others. Raise RequestError for errors that concern more than
        one resource.
        """
        by_matcher: dict[int, tuple[Matcher, dict[Key, Document]]] = {}
        for key, document in wanted.items():
            matcher = self._matcher_of(key)
            by_matcher.setdefault(id(matcher), (matcher, {}))[1][key] = document
        accounts: dict[Key, tuple[Account, ...]] = {}
        refused: dict[Key, str] = {}
        for matcher, documents in by_matcher.values():
            matches, refusals = await matcher.find(documents, proving=proving)
            refused |= refusals
            for key, match in matches.items():
                if any(resource_id(resource) is None for resource in match.resources):
                    refused[key] = f"what matches by {match.by} has no id that can be used"
                    continue
                accounts[key] = tuple(
                    replace(
                        to_account(match.by, resource, paths[key]),
                        protected_by=self._protect(resource),
                    )
                    for resource in match.resources
                )
        return accounts, refused


def to_account(found_by: str, resource: Mapping[str, Any], paths: Sequence[str]) -> Account:
    """Return a resource as an account, with its values at the managed `paths`."""
    meta = read(resource, "meta")
    version = read(meta, "version") if isinstance(meta, dict) else None
    members = read(resource, "members")
    values = [read(member, "value") for member in members or () if isinstance(member, dict)]
    return Account(
        remote_id=RemoteId(resource_id(resource) or ""),
        document=held_document(resource, paths),
        found_by=found_by,
        active=active_of(resource),
        identity=project(resource, IDENTITY),
        etag=short_text(version),
        members=tuple(RemoteId(value) for value in map(usable_id, values) if value is not None),
    )
