"""All resources of one kind at a target, and whether the list is shown to be whole."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from scimsync.model.ids import fold_value
from scimsync.scim.discovery import discover_capabilities
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError, Page, identity_of, list_resources
from scimsync.scim.messages import Query, Sender
from scimsync.scim.resources import project
from scimsync.targets.evidence import Purpose, Verdict, verdict


class ResourceList:
    """Resources in a temporary file, indexed by their values at `paths`.

    `problem` says why the list is not shown to be whole, and is None if it is: each page gave the
    same total, and as many different resources came.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._connection = sqlite3.connect("")  # a private file that SQLite removes
        self._connection.execute("CREATE TABLE resource (id PRIMARY KEY, json)")
        self._connection.execute("CREATE TABLE held (path, value, id)")
        self.problem: str | None = None

    def add(self, resources: Iterable[dict[str, Any]]) -> None:
        """Add resources. One with an id that is there already replaces the former."""
        named = [(identity_of(resource), resource) for resource in resources]
        self._connection.executemany(
            "INSERT OR REPLACE INTO resource VALUES (?, ?)",
            [(name, orjson.dumps(resource)) for name, resource in named],
        )
        self._connection.executemany(
            "INSERT INTO held VALUES (?, ?, ?)",
            [
                (path, value, name)
                for name, resource in named
                for path in self._paths
                if (value := folded_value(resource, path)) is not None
            ],
        )

    def index(self) -> None:
        """Prepare for `find`, once everything is added."""
        self._connection.execute("CREATE INDEX by_value ON held (path, value)")

    def find(self, path: str, value: Any, most: int) -> tuple[dict[str, Any], ...]:
        """Return up to `most` resources that hold `value` at `path`."""
        rows = self._connection.execute(
            "SELECT DISTINCT resource.id, json FROM held JOIN resource ON resource.id = held.id"
            " WHERE path = ? AND value = ? LIMIT ?",
            (path, fold(path, value), most),
        )
        return tuple(orjson.loads(row[1]) for row in rows)

    def get(self, remote_id: str) -> dict[str, Any] | None:
        """Return the resource with this id, or None."""
        rows = self._connection.execute("SELECT json FROM resource WHERE id = ?", (remote_id,))
        row = rows.fetchone()
        return None if row is None else orjson.loads(row[0])

    def __len__(self) -> int:
        (number,) = self._connection.execute("SELECT count(*) FROM resource").fetchone()
        return int(number)

    def __contains__(self, remote_id: object) -> bool:
        rows = self._connection.execute("SELECT 1 FROM resource WHERE id = ?", (remote_id,))
        return rows.fetchone() is not None

    def close(self) -> None:
        """Remove the temporary file."""
        self._connection.close()


async def read_whole_list(
    sender: Sender,
    endpoint: str,
    page_query: Callable[[int, int], Query],
    page_size: int,
    paths: Iterable[str],
    most_pages: int | None,
) -> ResourceList | None:
    """Read all resources at `endpoint`, or return None where that takes more than `most_pages`.

    The total in the first page decides. If the target refuses the page size, use the largest one
    that it declares. Raise RequestError for what concerns more than this list: no connection, a
    refused token.
    """
    pages = partial(list_resources, sender, endpoint, page_query)
    try:
        return await _collect(pages(count=page_size), endpoint, paths, most_pages)
    except ErrorResponse as error:
        if verdict(error, Purpose.SEARCH) not in (Verdict.REFUSED, Verdict.SHAPE):
            raise
        most = (await discover_capabilities(sender)).max_results
        if most is None or most >= page_size:
            raise
    return await _collect(pages(count=most), endpoint, paths, most_pages)


async def _collect(
    pages: AsyncIterator[Page], endpoint: str, paths: Iterable[str], most_pages: int | None
) -> ResourceList | None:
    resource_list: ResourceList | None = None
    totals: set[int | None] = set()
    problem = None
    try:
        async for page in pages:
            totals.add(page.total_results)
            if resource_list is None:
                size = max(len(page.resources), 1)
                total = page.total_results
                if most_pages is not None and (total is None or total / size > most_pages):
                    return None
                resource_list = ResourceList(paths)
            resource_list.add(page.resources)
    except ErrorResponse as error:
        if resource_list is None or verdict(error, Purpose.SEARCH) is Verdict.TOKEN:
            raise
        problem = f"the list is incomplete: {error}"
    except ListingError as error:
        problem = str(error)
    resource_list = resource_list or ResourceList(paths)
    resource_list.index()
    resource_list.problem = problem or _why_not_whole(endpoint, totals, len(resource_list))
    return resource_list


def _why_not_whole(endpoint: str, totals: set[int | None], came: int) -> str | None:
    if len(totals) != 1:
        return f"{endpoint}: the list changed while it was read"
    (total,) = totals
    if total is None:
        return f"{endpoint}: the list gives no totalResults"
    return None if came >= total else f"{endpoint}: only {came} of {total} resources came"


def fold(path: str, value: Any) -> str | None:
    """Return a value in the form used for comparison: see `fold_value`."""
    return fold_value(path, value)


def folded_value(resource: Mapping[str, Any], path: str) -> str | None:
    """Return what a resource holds at `path`, in the form used for comparison."""
    return fold(path, project(resource, (path,)).get(path))
