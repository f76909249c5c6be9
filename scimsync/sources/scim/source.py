"""The users or groups of a SCIM service provider as a source."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson

from scimsync.scim.attributes import read, resource_id
from scimsync.scim.client import ScimClient
from scimsync.scim.discovery import discover_capabilities
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.listing import ListingError, Page, list_resources
from scimsync.scim.messages import Query, ScimRequest, Sender, resource_path
from scimsync.scim.paging import ListPaging, declared_paging
from scimsync.sources.base import SourceSpec, missing_column
from scimsync.sources.remote import (
    ListFault,
    open_connection,
    read_again_after_fault,
    run_apart,
    spool_file,
)
from scimsync.sources.scim.read_sender import RetryingSender, unavailable
from scimsync.sources.scim.resource_records import (
    GROUP_COLUMNS,
    USER_COLUMNS,
    Memberships,
    members_in,
    row_of,
    user_row,
)
from scimsync.sources.scim.settings import ScimSettings
from scimsync.sources.spool import SpooledSource
from scimsync.sources.workspace import Workspace
from scimsync.transport.request_errors import RequestError
from scimsync.transport.retry_policy import TimeSource

Result = TypeVar("Result")

_CONCURRENCY = 8


class ScimSource(SpooledSource[ScimSettings]):
    """The list of `[sources.NAME]`; `time` is for tests."""

    def __init__(
        self, spec: SourceSpec[ScimSettings], workspace: Workspace, time: TimeSource | None = None
    ) -> None:
        settings = spec.settings
        host = settings.url.partition("://")[2]
        label = f"{host}/{settings.resource}"
        super().__init__(spec, workspace, label, selection=settings.filter)
        self._time = time

    def columns(self) -> list[str]:
        """Return what the resources have, and what the schema of their type has."""
        known = USER_COLUMNS if self.spec.settings.resource == "Users" else GROUP_COLUMNS
        return list(dict.fromkeys([*known, *super().columns()]))

    def write(self, path: Path) -> str:
        """Read the list, and once more if it was not complete; see `SpooledSource.write`."""

        async def work(sender: Sender) -> str:
            with spool_file(path) as stream:
                return await self._write(sender, stream)

        return run_apart(self._connected(work))

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records; groups come with the members that the list shows."""

        async def work(sender: Sender) -> list[Mapping[str, object]]:
            rows: list[Mapping[str, object]] = []
            row = user_row if self.spec.settings.resource == "Users" else row_of
            async for page in self._pages(sender):
                rows += [row(resource) for resource in page.resources]
                if len(rows) >= limit:
                    break
            return rows[:limit]

        return run_apart(self._connected(work))

    async def _connected(self, work: Callable[[Sender], Awaitable[Result]]) -> Result:
        name = self.spec.name
        client = ScimClient(open_connection(self.spec, self.spec.settings.url))
        sender = RetryingSender(client, self._time)
        try:
            return await read_again_after_fault(name, self.label, lambda: work(sender))
        except RequestError as error:
            raise unavailable(name, error) from error
        finally:
            await client.aclose()

    async def _pages(self, sender: Sender) -> AsyncIterator[Page]:
        """Yield the pages of the list that sync.toml describes."""
        settings = self.spec.settings
        more: list[tuple[str, str]] = []
        if settings.filter is not None:
            more.append(("filter", settings.filter))
        if settings.attributes is not None:
            more.append(("attributes", ",".join(dict.fromkeys(["id", *settings.attributes]))))
        async for page in self._pages_at(sender, f"/{settings.resource}", tuple(more)):
            yield page

    async def _pages_at(self, sender: Sender, path: str, more: Query) -> AsyncIterator[Page]:
        def query(start: int, count: int) -> Query:
            return (("startIndex", str(start)), ("count", str(count)), *more)

        wanted = ListPaging(count=self.spec.settings.page_size)
        paging = declared_paging(wanted, await discover_capabilities(sender))
        try:
            async for page in list_resources(sender, path, query, paging):
                yield page
        except ListingError as error:
            raise ListFault(str(error)) from error

    async def _write(self, sender: Sender, stream: BinaryIO) -> str:
        """Write the records of all resources, and return their digest."""
        settings = self.spec.settings
        spool, progress = _ResourceSpool(stream, settings.model_dump_json()), _Progress()
        groups: list[dict[str, Any]] = []
        async for page in self._pages(sender):
            if page.is_first:
                spool.restart()
                groups.clear()
            progress.note(page)
            new = spool.new(page.resources)
            if settings.resource == "Users":
                spool.write([user_row(resource) for resource in new])
            else:
                groups += new
        progress.check_whole(spool.number)
        if groups:
            names = None if settings.member_key == "id" else await self._names_of_users(sender)
            spool.write(await _with_members(sender, groups, names))
        return spool.digest

    async def _names_of_users(self, sender: Sender) -> dict[str, Any]:
        """Return the values of `member_key` of all users, by their ids.

        Raise SourceFormatError for a column that no user has: no group would have a member.
        """
        member_key = self.spec.settings.member_key
        names: dict[str, Any] = {}
        columns: dict[str, None] = {}
        progress = _Progress()
        async for page in self._pages_at(sender, "/Users", ()):
            progress.note(page)
            rows = list(map(row_of, page.resources))
            names |= {row["id"]: row.get(member_key) for row in rows}
            columns |= dict.fromkeys(column for row in rows for column in row)
        progress.check_whole(len(names))
        if names and member_key not in columns:
            raise missing_column(self.spec, "member_key", member_key, list(columns), "the users")
        return names


class _Progress:
    """What the pages of a list said about its size."""

    def __init__(self) -> None:
        self._totals: set[int | None] = set()
        self._ended = False

    def note(self, page: Page) -> None:
        """Note a page. A first one begins the list again."""
        if page.is_first:
            self._totals.clear()
        self._totals.add(page.total_results)
        self._ended = page.is_last

    def check_whole(self, came: int) -> None:
        """Raise ListFault unless as many resources were received as each page says there are."""
        if len(self._totals) > 1:
            raise ListFault("its totalResults changed while the list was read")
        total = next(iter(self._totals), None)
        if total is None and not self._ended:
            raise ListFault("the pages have no totalResults, which would show that none is missing")
        if total is not None and came < total:
            raise ListFault(f"{came} of {total} resources were received")


class _ResourceSpool:
    """The records that were written, and the content of each resource, by its id."""

    def __init__(self, stream: BinaryIO, settings: str) -> None:
        self._stream = stream
        self._settings = settings
        self.restart()

    def restart(self) -> None:
        """Forget everything that came."""
        self._stream.seek(0)
        self._stream.truncate()
        self._digest = hashlib.blake2b(self._settings.encode(), digest_size=20)
        self._seen: dict[str, int] = {}

    @property
    def number(self) -> int:
        """The number of different resources."""
        return len(self._seen)

    @property
    def digest(self) -> str:
        """The digest of the records and the settings."""
        return self._digest.hexdigest()

    def new(self, resources: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        """Return the resources that did not come yet.

        Raise ListFault for one without an id, or that came with other values.
        """
        found = []
        for resource in resources:
            name = resource_id(resource)
            if name is None:
                raise ListFault("a resource has no id")
            content = hash(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS))
            if name not in self._seen:
                self._seen[name] = content
                found.append(resource)
            elif self._seen[name] != content:
                raise ListFault("a resource was received twice with different values")
        return found

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Write records."""
        if rows:
            lines = b"\n".join([*map(orjson.dumps, rows), b""])
            self._digest.update(lines)
            self._stream.write(lines)


async def _with_members(
    sender: Sender, groups: list[dict[str, Any]], names: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the records of groups.

    A list may leave out `members` (RFC 7644 section 3.9), and groups that `filter` does not match
    or that only other groups contain: these are read one by one. `names` replaces the ids of users;
    a user without a name there is left out. A nested group that cannot be read is among the members
    under a key that no user has, so that nobody counts as removed because of it.
    """
    memberships = Memberships()
    free = asyncio.Semaphore(_CONCURRENCY)

    async def add(group: str, members: object) -> None:
        if members is None:
            async with free:
                members = await _read_members(sender, group)
        memberships.add(group, members_in(group, members))

    rows = [row_of(group) for group in groups]
    await asyncio.gather(
        *(add(row["id"], read(group, "members")) for row, group in zip(rows, groups, strict=True))
    )

    async def add_unlisted(group: str) -> None:
        try:
            await add(group, None)
        except ErrorResponse as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            memberships.add_unreadable(group)

    while unlisted := memberships.unlisted_groups():
        await asyncio.gather(*map(add_unlisted, unlisted))
    for row in rows:
        users, unreadable = memberships.within(row["id"])
        if names is not None:
            users = [names[user] for user in users if names.get(user)]
        row["members"] = [*users, *(f"(group {group})" for group in unreadable)]
        row["member_groups"] = memberships.groups_in(row["id"])
    return rows


async def _read_members(sender: Sender, group: str) -> object:
    """Return the attribute `members` of a group, which no list shows.

    Raise ListFault for an answer that is not this group: it may be the answer to something else, or
    an error.
    """
    request = ScimRequest("GET", resource_path("/Groups", group))
    response = await sender.send(request)
    if response.status != 200 or response.resource_id != group:
        raise ListFault(f"{request}: {response.status}, but the response is not this group")
    return read(response.body or {}, "members")
