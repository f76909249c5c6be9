"""Finds accounts that exist already at a target, so that they are adopted and not made twice.

A few people are looked up by filter, each by the attributes of `match` in order. Where reading the
whole list takes fewer requests, the list is read once and kept in a private temporary file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.model.accounts import Account
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    RemoteId,
)
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.dialects import Dialect
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.listing import list_resources
from scimsync.scim.messages import Sender
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import project

_LOOK_UPS_BEFORE_LISTING = 3
_MOST_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The accounts that hold one person's value of the attribute `by`, as the target gave them."""

    by: str
    resources: tuple[dict[str, Any], ...]


class Matcher:
    """Finds accounts of one kind at one target.

    `match` are attribute paths, tried in order; the first that finds anything decides. `expected`
    is how many people may have to be looked up in all: it decides between filters and reading the
    list.
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
        self._list: sqlite3.Connection | None = None
        self._decided = False

    def forget(self, expected: int) -> None:
        """What was read may be out of date: whoever is looked up from now on, at most `expected`,
        is asked for anew."""
        self.close()
        self._list = None
        self._expected = lambda: expected
        self._decided = False

    async def find(self, wanted: Mapping[Key, Document]) -> tuple[dict[Key, Found], dict[Key, str]]:
        """Key -> accounts that match its document, and key -> why the target refused to look for
        them.

        Raises RequestError for what is not one person's: no connection, a refused token.
        """
        if wanted and not self._decided:
            await self._read_list_if_cheaper()
        found: dict[Key, Found] = {}
        refused: dict[Key, str] = {}
        for key, document in wanted.items():
            try:
                one = (
                    self._listed(document)
                    if self._list is not None
                    else await self.look_up(document)
                )
            except ErrorResponse as error:
                if error.kind is ErrorKind.UNAUTHORISED:
                    raise
                refused[key] = str(error)
                continue
            if one is not None:
                found[key] = one
        return found, refused

    async def look_up(self, document: Document) -> Found | None:
        """The accounts that match one document, asked for now. Raises RequestError."""
        for path, value in self._values(document):
            resources = await self._filtered(path, value)
            if resources:
                return Found(path, resources)
        return None

    async def read_account(self, remote_id: RemoteId) -> dict[str, Any] | None:
        """The resource with this id; None where it is gone. Raises RequestError."""
        try:
            answer = await self._sender.send(self._dialect.read(self._kind, remote_id))
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        return answer.body or {}

    async def answers(self) -> None:
        """Ask for any one resource. Raises RequestError where the target does not answer that
        either."""
        async for _ in list_resources(
            self._sender, RESOURCE_TYPES[self._kind].endpoint, self._dialect.page, count=1
        ):
            return

    def close(self) -> None:
        if self._list is not None:
            self._list.close()

    def _values(self, document: Document) -> list[tuple[str, Any]]:
        held = ((path, document.get(path)) for path in self._match)
        return [
            (path, value)
            for path, value in held
            if value is not None and not isinstance(value, (dict, list))
        ]

    async def _filtered(self, path: str, value: Any) -> tuple[dict[str, Any], ...]:
        try:
            answer = await self._sender.send(
                self._dialect.match(self._kind, path, value, _MOST_MATCHES)
            )
        except ErrorResponse as error:
            if error.kind is ErrorKind.NOT_FOUND:  # some say so instead of an empty list
                return ()
            raise
        resources = read(answer.body or {}, "Resources")
        held = (
            [one for one in resources if isinstance(one, dict)]
            if isinstance(resources, list)
            else []
        )
        return tuple(one for one in held if fold(path, read_value(one, path)) == fold(path, value))

    async def _read_list_if_cheaper(self) -> None:
        """Asks for the first page; its total says whether the rest costs less than looking people
        up."""
        self._decided = True
        expected = self._expected()
        if expected <= _LOOK_UPS_BEFORE_LISTING:
            return
        pages = list_resources(
            self._sender,
            RESOURCE_TYPES[self._kind].endpoint,
            self._dialect.page,
            count=self._page_size,
        )
        listed: sqlite3.Connection | None = None
        async for page in pages:
            if listed is None:
                size = max(len(page.resources), 1)
                if page.total_results is None or page.total_results / size > expected:
                    return
                listed = sqlite3.connect("")  # a private file that SQLite removes
                listed.execute("CREATE TABLE account (path, value, resource)")
            listed.executemany("INSERT INTO account VALUES (?, ?, ?)", self._rows(page.resources))
        if listed is not None:
            listed.execute("CREATE INDEX by_value ON account (path, value)")
            self._list = listed

    def _rows(self, resources: Sequence[dict[str, Any]]) -> list[tuple[str, str, bytes]]:
        rows = []
        for resource in resources:
            text = orjson.dumps(resource)
            for path in self._match:
                value = fold(path, read_value(resource, path))
                if value is not None:
                    rows.append((path, value, text))
        return rows

    def _listed(self, document: Document) -> Found | None:
        assert self._list is not None  # noqa: S101 - find() looked
        for path, value in self._values(document):
            rows = self._list.execute(
                "SELECT resource FROM account WHERE path = ? AND value = ? LIMIT ?",
                (path, fold(path, value), _MOST_MATCHES),
            )
            resources = tuple(orjson.loads(row[0]) for row in rows)
            if resources:
                return Found(path, resources)
        return None


class AccountFinder:
    """Finds accounts for the planner. `matcher_of` returns the matcher for a key."""

    def __init__(self, matcher_of: Callable[[Key], Matcher]) -> None:
        self._matcher_of = matcher_of

    async def find(
        self, wanted: Mapping[Key, Document], paths: Mapping[Key, Sequence[str]]
    ) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
        """Return the accounts that match each document, and why some could not be looked up.

        `paths` are the managed paths of each key. Raises ScimError for what concerns more than one
        resource.
        """
        by_matcher: dict[int, tuple[Matcher, dict[Key, Document]]] = {}
        for key, document in wanted.items():
            matcher = self._matcher_of(key)
            by_matcher.setdefault(id(matcher), (matcher, {}))[1][key] = document
        accounts: dict[Key, tuple[Account, ...]] = {}
        refused: dict[Key, str] = {}
        for matcher, documents in by_matcher.values():
            found, why = await matcher.find(documents)
            refused |= why
            for key, one in found.items():
                accounts[key] = tuple(
                    to_account(one.by, resource, paths[key], None) for resource in one.resources
                )
        return accounts, refused


def to_account(
    found_by: str, resource: Mapping[str, Any], paths: Sequence[str], owner: Key | None
) -> Account:
    """What planning needs to know of an account that was found. `paths` are the managed ones."""
    active = read(resource, "active")
    meta = read(resource, "meta")
    members = read(resource, "members")
    values = [read(one, "value") for one in members or () if isinstance(one, dict)]
    return Account(
        remote_id=RemoteId(resource_id(resource) or ""),
        document=project(resource, paths),
        found_by=found_by,
        active=active if isinstance(active, bool) else None,
        etag=str(read(meta, "version"))
        if isinstance(meta, dict) and read(meta, "version")
        else None,
        owner=owner,
        members=tuple(RemoteId(str(value)) for value in values if value is not None),
    )


def read_value(resource: Mapping[str, Any], path: str) -> Any:
    """What a resource holds at one path; None where it is absent."""
    return project(resource, (path,)).get(path)


def fold(path: str, value: Any) -> str | None:
    """How values are compared when matching: externalId and id to the letter, others without regard
    to case (RFC 7643)."""
    if value is None:
        return None
    return str(value) if path.lower() in ("externalid", "id") else str(value).casefold()
