"""Find resources that already exist at a target, to adopt them instead of creating them twice.

A few resources are looked up by filter, each by the attributes of `match` in their order. If
reading the whole list takes fewer requests, it is read once and kept in a private temporary file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.model.accounts import Account
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.scim.attributes import read, resource_id, short_text, usable_id
from scimsync.scim.dialects import Dialect
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.grammar import FilterError
from scimsync.scim.listing import Page, list_resources
from scimsync.scim.messages import Sender
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import project
from scimsync.transport.request_errors import InvalidRequest

_MAX_LOOK_UPS = 3
"""The number of resources that are looked up by filter whatever the size of the list."""

_MAX_MATCHES = 5
"""The number of resources that are read for one value. Two are already ambiguous."""


@dataclass(frozen=True, slots=True)
class Match:
    """The resources that hold one user's or group's value of the attribute `by`."""

    by: str
    resources: tuple[dict[str, Any], ...]


class Matcher:
    """A search for resources of one kind at one target.

    `match` are attribute paths, tried in their order until one finds a resource. `expected` returns
    the number of resources to look up in all, which decides between filters and reading the list.
    """

    def __init__(
        self,
        sender: Sender,
        dialect: Dialect,
        kind: Kind,
        match: Sequence[str],
        page_size: int,
        expected: Callable[[], int],
    ) -> None:
        self._sender = sender
        self._dialect = dialect
        self._kind = kind
        self._match = tuple(match)
        self._page_size = page_size
        self._expected = expected
        self._list: _ResourceList | None = None
        self._decided = False

    def forget(self, expected: int) -> None:
        """Drop the list that was read, because it may be out of date.

        At most `expected` resources will be looked up from now on.
        """
        self.close()
        self._list = None
        self._expected = lambda: expected
        self._decided = False

    async def find(self, wanted: Mapping[Key, Document]) -> tuple[dict[Key, Match], dict[Key, str]]:
        """Return the matches of each document, and why the target refused some look-ups.

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
            except (ErrorResponse, InvalidRequest) as error:
                if isinstance(error, ErrorResponse) and error.kind is ErrorKind.UNAUTHORISED:
                    raise
                refused[key] = str(error)
            else:
                if match is not None:
                    matches[key] = match
        return matches, refused

    async def look_up(self, document: Document) -> Match | None:
        """Return the resources that match one document now, by filter. Raise RequestError."""
        for path, value in self._values(document):
            resources = await self._filter(path, value)
            if resources:
                return Match(path, resources)
        return None

    async def read(self, remote_id: RemoteId) -> dict[str, Any] | None:
        """Return a resource, or None if it no longer exists. Raise RequestError."""
        try:
            response = await self._sender.send(self._dialect.read(self._kind, remote_id))
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        return response.body or {}

    async def probe(self) -> None:
        """Request any one resource. Raise RequestError if the target does not respond either."""
        async for _ in self._pages(1):
            return

    def close(self) -> None:
        """Remove the temporary file."""
        if self._list is not None:
            self._list.close()

    async def _find(self, document: Document) -> Match | None:
        if self._list is None:
            return await self.look_up(document)
        for path, value in self._values(document):
            resources = self._list.find(path, value)
            if resources:
                return Match(path, resources)
        return None

    def _values(self, document: Document) -> Iterator[tuple[str, Any]]:
        """Yield the attributes to match by, and their values."""
        for path in self._match:
            value = document.get(path)
            if value is not None and not isinstance(value, (dict, list)):
                yield path, value

    async def _filter(self, path: str, value: Any) -> tuple[dict[str, Any], ...]:
        try:
            request = self._dialect.match(self._kind, path, value, _MAX_MATCHES)
        except FilterError as error:
            raise InvalidRequest(str(error)) from error
        try:
            response = await self._sender.send(request)
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:  # some servers send it instead of an empty list
                return ()
            raise
        resources = read(response.body or {}, "Resources")
        return tuple(
            resource
            for resource in (resources if isinstance(resources, list) else ())
            if isinstance(resource, dict) and _folded_value(resource, path) == fold(path, value)
        )

    async def _read_list_if_cheaper(self) -> None:
        """Read the whole list if that takes fewer requests than the look-ups.

        The total in the first page decides.
        """
        self._decided = True
        expected = self._expected()
        if expected <= _MAX_LOOK_UPS:
            return
        resource_list: _ResourceList | None = None
        async for page in self._pages(self._page_size):
            if resource_list is None:
                size = max(len(page.resources), 1)
                if page.total_results is None or page.total_results / size > expected:
                    return
                resource_list = _ResourceList(self._match)
            resource_list.add(page.resources)
        if resource_list is not None:
            resource_list.index()
        self._list = resource_list

    def _pages(self, count: int) -> AsyncIterator[Page]:
        endpoint = RESOURCE_TYPES[self._kind].endpoint
        return list_resources(self._sender, endpoint, self._dialect.page, count=count)


class AccountFinder:
    """The planner's search for accounts. `matcher_of` returns the matcher for a key."""

    def __init__(self, matcher_of: Callable[[Key], Matcher]) -> None:
        self._matcher_of = matcher_of

    async def find(
        self, wanted: Mapping[Key, Document], paths: Mapping[Key, Sequence[str]]
    ) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
        """Return the accounts that match each document, and why some could not be looked up.

        `paths` are the managed paths of each key. Raise RequestError for errors that concern more
        than one resource.
        """
        by_matcher: dict[int, tuple[Matcher, dict[Key, Document]]] = {}
        for key, document in wanted.items():
            matcher = self._matcher_of(key)
            by_matcher.setdefault(id(matcher), (matcher, {}))[1][key] = document
        accounts: dict[Key, tuple[Account, ...]] = {}
        refused: dict[Key, str] = {}
        for matcher, documents in by_matcher.values():
            matches, refusals = await matcher.find(documents)
            refused |= refusals
            for key, match in matches.items():
                if any(resource_id(resource) is None for resource in match.resources):
                    refused[key] = f"what matches by {match.by} has no id that can be used"
                    continue
                accounts[key] = tuple(
                    to_account(match.by, resource, paths[key]) for resource in match.resources
                )
        return accounts, refused


class _ResourceList:
    """All resources of a kind in a temporary file, indexed by their values at `paths`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._connection = sqlite3.connect("")  # a private file that SQLite removes
        self._connection.execute("CREATE TABLE resource (path, value, json)")

    def add(self, resources: Iterable[dict[str, Any]]) -> None:
        rows = [
            (path, value, orjson.dumps(resource))
            for resource in resources
            for path in self._paths
            if (value := _folded_value(resource, path)) is not None
        ]
        self._connection.executemany("INSERT INTO resource VALUES (?, ?, ?)", rows)

    def index(self) -> None:
        self._connection.execute("CREATE INDEX by_value ON resource (path, value)")

    def find(self, path: str, value: Any) -> tuple[dict[str, Any], ...]:
        rows = self._connection.execute(
            "SELECT json FROM resource WHERE path = ? AND value = ? LIMIT ?",
            (path, fold(path, value), _MAX_MATCHES),
        )
        return tuple(orjson.loads(row[0]) for row in rows)

    def close(self) -> None:
        self._connection.close()


def to_account(found_by: str, resource: Mapping[str, Any], paths: Sequence[str]) -> Account:
    """Return a resource as an account, with its values at the managed `paths`."""
    active = read(resource, "active")
    meta = read(resource, "meta")
    version = read(meta, "version") if isinstance(meta, dict) else None
    members = read(resource, "members")
    values = [read(member, "value") for member in members or () if isinstance(member, dict)]
    return Account(
        remote_id=RemoteId(resource_id(resource) or ""),
        document=project(resource, paths),
        found_by=found_by,
        active=active if isinstance(active, bool) else None,
        etag=short_text(version),
        members=tuple(RemoteId(value) for value in map(usable_id, values) if value is not None),
    )


def fold(path: str, value: Any) -> str | None:
    """Return a value in the form used for comparison.

    Case matters for `externalId` and `id` only (RFC 7643 sections 2.2 and 3.1).
    """
    if value is None:
        return None
    return str(value) if path.lower() in ("externalid", "id") else str(value).casefold()


def _folded_value(resource: Mapping[str, Any], path: str) -> str | None:
    return fold(path, project(resource, (path,)).get(path))
