"""Find resources that already exist at a target, to adopt them instead of creating them twice.

A few resources are looked up by filter, each by the attributes of `match` in their order. If
reading the whole list takes fewer requests, or filters prove nothing, the list is read once and
kept in a private temporary file. That nothing was found counts only where the search could have
found something: see `evidence`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, RemoteId
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.targets.evidence import (
    IdOfAnother,
    Purpose,
    UnprovenResponse,
    Verdict,
    verdict,
)
from scimsync.targets.filter_search import MAX_MATCHES, FilterSearch, SearchUndecided
from scimsync.targets.found_again import unless_another_group, unless_another_user
from scimsync.targets.resource_list import ResourceList, read_whole_list
from scimsync.targets.resource_reader import ResourceReader
from scimsync.targets.shared_look_up import SharedLookUp
from scimsync.targets.shown_resources import belongs_to_another, check_read
from scimsync.targets.visibility import EVERYTHING, Visibility
from scimsync.transport.request_errors import InvalidRequest

_MAX_LOOK_UPS = 3
"""The number of resources that are looked up by filter whatever the size of the list."""


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The resources that hold one user's or group's value of the attribute `by`."""

    by: str
    resources: tuple[dict[str, Any], ...]


class Matcher:
    """A search for resources of one kind at one target.

    `match` are attribute paths, tried in their order until one finds a resource. `expected` returns
    the number of resources to look up in all, which decides between filters and reading the list.
    `known` returns the number of resources that are linked. `unusable` maps the attributes whose
    filters proved nothing in earlier runs to the reason. `visibility` says what lists show, and
    `capabilities` returns what the target declares: it may have no filters, or small pages.
    `put_members` returns the members that scimsync put in a group, or wants there.
    """

    def __init__(
        self,
        reader: ResourceReader,
        kind: Kind,
        match: Sequence[str],
        expected: Callable[[], int],
        *,
        known: Callable[[], int] = lambda: 0,
        unusable: Mapping[str, str] | None = None,
        visibility: Visibility = EVERYTHING,
        put_members: Callable[[RemoteId], Collection[RemoteId]] = lambda _: (),
    ) -> None:
        self._reader = reader
        self._kind = kind
        self._match = tuple(match)
        self._expected = expected
        self._known = known
        self._list: ResourceList | None = None
        self._shared = SharedLookUp(self._read_list_for_many, self._in_list)
        self._decided = False
        self._outdated = False
        self._read_after_conflict = False
        self._visibility = visibility
        self._put_members = put_members
        self._filters = FilterSearch(reader, kind, unusable, visibility)

    @property
    def unusable(self) -> Mapping[str, str]:
        """The attributes whose filters proved nothing, in earlier runs too, and why."""
        return self._filters.unusable

    def forget(self, expected: int) -> None:
        """Drop the list that was read, because it may be out of date.

        At most `expected` resources will be looked up from now on.
        """
        self._drop_list()
        self._expected = lambda: expected
        self._decided = False

    async def find(
        self, wanted: Mapping[Key, Document], *, proving: bool = False
    ) -> tuple[dict[Key, MatchResult], dict[Key, str]]:
        """Return the matches of each document, and why some could not be searched for.

        With `proving`, that nothing is found counts only if the search is shown to find others.
        Raise RequestError for errors that concern more than one resource: no connection, a refused
        token, no list of users. A target without groups may well have users.
        """
        matches: dict[Key, MatchResult] = {}
        refused: dict[Key, str] = {}
        if wanted and not self._decided:
            try:
                await self._read_list_if_cheaper()
            except ErrorResponse as error:
                if not self._concerns_these_alone(error):
                    raise
                return matches, dict.fromkeys(wanted, str(error))
        for key, document in wanted.items():
            try:
                match = await self._find(document, proving=proving)
            except (ErrorResponse, InvalidRequest, ListingError) as error:
                if verdict(error, Purpose.SEARCH) is Verdict.TOKEN or (
                    error is self._filters.no_list and not self._concerns_these_alone(error)
                ):
                    raise
                refused[key] = str(error)
            else:
                if match is not None:
                    matches[key] = match
        return matches, refused

    def _concerns_these_alone(self, error: ErrorResponse) -> bool:
        """Return whether a target that refuses the list may work for resources of another kind."""
        return self._kind is Kind.GROUP and verdict(error, Purpose.SEARCH) is not Verdict.TOKEN

    async def look_up(
        self, document: Document, *, fresh: bool = False, proving: bool = False
    ) -> MatchResult | None:
        """Return the resources that match one document now, or None if there are none.

        With `fresh`, a list that was read earlier proves nothing. With `proving`, that nothing is
        found counts only if the search is shown to find others. Raise SearchUndecided if neither is
        proven, and the errors of the sender.
        """
        if fresh and self._kind is Kind.USER:  # lists of groups may hide members
            found = await self._shared.look_up(document)
            if found is not None:
                return found[0]
        decided, problems = False, []
        for path, value in self._values(document):
            try:
                resources = await self._filters.find(path, value)
            except SearchUndecided as error:
                problems.append(str(error))
                continue
            if resources:
                return MatchResult(path, resources)
            decided = True
        is_unfound = decided or not problems
        if is_unfound and not proving:
            return None
        if fresh:
            self._drop_list()
        if is_unfound:
            return await self._find_hidden(document)
        return await self._look_up_in_list(document, problems)

    async def find_holder(self, document: Document) -> MatchResult | None:
        """Return the resources that match a document after the target said that one exists.

        If no filter finds any, the whole list decides: some filters compare more exactly than the
        target does when it creates a resource. A list that was read before the first such conflict
        may not show the resource yet, and is read again, once. Raise as `look_up` does.
        """
        was_read = self._list is not None
        match = await self.look_up(document)
        if match is None and self._visibility.sees_only_own:
            product, noun = self._visibility.product, self._kind.noun
            raise SearchUndecided(f"{product} shows no {noun}s that others created")
        unfound = ["no filter finds it"]
        match = match or await self._look_up_in_list(document, unfound)
        if match is None and was_read and not self._read_after_conflict:
            self._drop_list()
            match = await self._look_up_in_list(document, unfound)
        self._read_after_conflict = True
        return match

    async def _look_up_in_list(
        self, document: Document, problems: Sequence[str]
    ) -> MatchResult | None:
        """Return the resources in the whole list that match, or None if there are none.

        `problems` say why filters proved nothing. Raise SearchUndecided if the list is not whole.
        """
        whole_list = await self._whole_list()
        match = self._in_list(whole_list, document)
        if match is None and whole_list.problem is not None:
            if await self._filters.try_despite_declaration():
                return await self.look_up(document)
            raise SearchUndecided("; ".join([*problems, whole_list.problem]))
        return match

    async def find_again(self, remote_id: RemoteId, document: Document) -> MatchResult | None:
        """Return the resources that match after one was not found by its id; None if it is gone.

        That it is gone is proven only by a search that finds others. Raise SearchUndecided if
        nothing is proven.
        """
        match = await self.look_up(document)
        if match is not None:
            return match
        paths = [path for path, _ in self._values(document)]
        if not paths and self._visibility.lists_lie:
            paths = list(self._match)  # it was deleted, and only its id is known
        if self._outdated:
            self._drop_list()
        if self._list is None:
            for path in paths:
                if await self._filters.works(path):
                    return None
        whole_list = await self._proven_list()
        if remote_id in whole_list:
            raise SearchUndecided(f"the list still has the resource {remote_id}")
        return None

    async def _find_hidden(self, document: Document) -> MatchResult | None:
        """Return the match that a search did not find, or None if there is none.

        That is proven if the filters on all attributes of other resources demonstrably work, or by
        the whole list. Where lists do not show the resources, and none is known yet, a filter that
        finds nothing is all the proof there can be. Raise SearchUndecided if nothing is proven.
        """
        if self._visibility.lists_lie and not self._visibility.samples():
            return None
        if self._list is None:
            paths = [path for path, _ in self._values(document)]
            proofs = [await self._filters.works(path, sample_again=False) for path in paths]
            if any(proofs) and all(
                proof or path in self._filters.absent_in_sample
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

    async def read(self, remote_id: RemoteId, *, members: bool = False) -> dict[str, Any] | None:
        """Return a resource, or None for a 404. Raise RequestError.

        A group has its members only with `members`.
        """
        request = self._reader.read_request(self._kind, remote_id, members=members)
        try:
            response = await self._reader.send(request)
        except ErrorResponse as error:
            if verdict(error, Purpose.READ) is Verdict.MISSING:
                return None
            raise
        try:
            check_read(request, response, remote_id)
        except UnprovenResponse as error:
            raise SearchUndecided(str(error)) from error
        return response.body

    async def is_member(self, group: RemoteId, member: RemoteId) -> bool | None:
        """Return whether a group has a member; see `ResourceReader.is_member`."""
        return await self._reader.is_member(group, member)

    async def with_members(self, resource: dict[str, Any]) -> dict[str, Any] | None:
        """Return a group that a search found, as it is now, with its members; None for a 404.

        Searches leave members out. Raise RequestError.
        """
        remote_id = resource_id(resource)
        if self._kind is not Kind.GROUP or remote_id is None or read(resource, "members"):
            return resource
        return await self.read(RemoteId(remote_id), members=True)

    async def locate(
        self, remote_id: RemoteId, document: Document, *, members: bool = False
    ) -> dict[str, Any] | None:
        """Return a resource, under a new id if it has one now, or None if it is gone.

        What has nothing in common with it but the name is another one; see `found_again`. A group
        has its members only with `members`. Raise SearchUndecided if neither is proven, IdOfAnother
        if the id was given to someone else, and the errors of the sender.
        """
        resource = await self.read(remote_id, members=members)
        whose = belongs_to_another(resource, [document], self._kind)
        if whose is not None:
            raise IdOfAnother(f"the id {remote_id} belongs to {whose} now", before_write=True)
        if resource is not None:
            return resource
        match = await self.find_again(remote_id, document)
        if match is None:
            return None
        if (number := len(match.resources)) > 1:
            raise SearchUndecided(f"{remote_id} is not found, and {number} match by {match.by}")
        if resource_id(match.resources[0]) == remote_id:
            raise SearchUndecided(f"{remote_id} is not found by its id, but by {match.by}")
        if self._kind is Kind.USER:
            return await unless_another_user(self, match.resources[0], document)
        if match.by == UNIQUE_ATTRIBUTE[Kind.GROUP]:
            put_members = self._put_members(remote_id)
            return await unless_another_group(self, match.resources[0], document, put_members)
        return await self.with_members(match.resources[0]) if members else match.resources[0]

    async def preload(self, expected: int) -> None:
        """Read the whole list, if that takes fewer requests than reading `expected` resources."""
        if self._visibility.lists_lie:
            return
        with suppress(ErrorResponse, ListingError):
            self._list = await self._read_list(expected)
            self._decided = self._list is not None

    async def read_list(self) -> ResourceList:
        """Read the whole list, however long it is, and match in it from now on.

        Raise SearchUndecided where lists do not show the resources, and the errors of the sender.
        """
        self._decided = True
        return await self._whole_list()

    def listed(self, remote_id: RemoteId) -> dict[str, Any] | None:
        """Return a resource as the list shows it that was read in this run, or None."""
        return None if self._list is None else self._list.get(remote_id)

    async def probe(self) -> None:
        """Request any one resource. Raise RequestError if the target does not respond either."""
        await self._filters.first_resources(1)

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

    async def _find(self, document: Document, *, proving: bool) -> MatchResult | None:
        if proving and self._outdated:
            self._drop_list()
        match = None if self._list is None else self._in_list(self._list, document)
        if match is None and (self._list is None or self._list.problem is not None):
            match = await self.look_up(document)
        return await self._find_hidden(document) if match is None and proving else match

    def _in_list(self, resource_list: ResourceList, document: Document) -> MatchResult | None:
        for path, value in self._values(document):
            resources = resource_list.find(path, value, MAX_MATCHES)
            if resources:
                return MatchResult(path, resources)
        return None

    def _values(self, document: Document) -> Iterator[tuple[str, Any]]:
        """Yield the attributes to match by, and their values."""
        for path in self._match:
            value = document.get(path)
            if value is not None and not isinstance(value, (dict, list)):
                yield path, value

    async def _read_list_if_cheaper(self) -> None:
        """Read the whole list if that takes fewer requests than the look-ups.

        The total in the first page decides.
        """
        self._decided = True
        self._list = await self._read_list_for_many(self._expected())

    async def _read_list_for_many(self, look_ups: int) -> ResourceList | None:
        """Return the whole list, or None if it takes fewer requests to look up `look_ups`."""
        if look_ups <= _MAX_LOOK_UPS or self._visibility.lists_lie:
            return None
        return await self._read_list(look_ups)

    async def _whole_list(self) -> ResourceList:
        if self._visibility.lists_lie:
            product, noun = self._visibility.product, self._kind.noun
            raise SearchUndecided(f"the lists of {product} do not show its {noun}s")
        if self._list is None:
            read_list = await self._read_list(None)
            self._drop_list()  # of a search that ran at the same time
            self._list = read_list
        assert self._list is not None  # noqa: S101 - without a limit there is always a list
        return self._list

    async def _read_list(self, most_pages: int | None) -> ResourceList | None:
        return await read_whole_list(self._reader, self._kind, self._match, most_pages)
