"""All resources of one kind at a target, and whether the list is shown to be whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from scimsync.model.ids import Kind, fold_value
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError, Page, identity_of
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import value_at
from scimsync.targets.evidence import Purpose, Verdict, verdict
from scimsync.targets.resource_reader import ResourceReader


class ResourceList:
    """Resources in a temporary file, indexed by their values at `paths`.

    `problem` says why the list may be incomplete, and is None if it is: each page gave the same
    total, and as many different resources were received. A list without a total is whole if the
    target says that its last page is the last.
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

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield all resources in the order in which they came."""
        rows = self._connection.execute("SELECT json FROM resource ORDER BY rowid")
        yield from (orjson.loads(row[0]) for row in rows)

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
    reader: ResourceReader, kind: Kind, paths: Iterable[str], most_pages: int | None
) -> ResourceList | None:
    """Read all resources of a kind, or return None if that takes more than `most_pages`.

    The total in the first page decides. Where a target pages by cursors and gives no total, give up
    after that number of pages. Raise RequestError for errors that concern more than this list: no
    connection, a refused token.
    """
    collected: _Collected | None = None
    problem = None
    try:
        async for page in reader.pages(kind):
            if collected is None or page.is_first:
                collected = _begin(collected, paths)
            collected.add(page)
            if most_pages is not None and collected.takes_more_than(most_pages, page):
                collected.resources.close()
                return None
    except ErrorResponse as error:
        if collected is None or verdict(error, Purpose.SEARCH) is Verdict.TOKEN:
            raise
        problem = f"the list is incomplete: {error}"
    except ListingError as error:
        problem = str(error)
    collected = collected or _Collected(ResourceList(paths))
    collected.resources.index()
    collected.resources.problem = problem or collected.why_not_whole(RESOURCE_TYPES[kind].endpoint)
    return collected.resources


@dataclass(slots=True)
class _Collected:
    """The pages of a list that came so far.

    `totals` are those that the pages gave, `ended` whether the target said that no page follows.
    """

    resources: ResourceList
    totals: set[int | None] = field(default_factory=set)
    pages: int = 0
    ended: bool = False

    def add(self, page: Page) -> None:
        self.resources.add(page.resources)
        self.totals.add(page.total_results)
        self.pages += 1
        self.ended = page.is_last

    def takes_more_than(self, most_pages: int, page: Page) -> bool:
        """Return whether the list takes more pages, as far as `page`, the last one, shows."""
        if page.total_results is None and page.next_cursor is not None:
            return self.pages >= most_pages
        if not page.is_first or page.is_last:
            return False
        size = max(len(page.resources), 1)
        return page.total_results is None or page.total_results / size > most_pages

    def why_not_whole(self, endpoint: str) -> str | None:
        """Return why the list may be incomplete, or None if it is."""
        if len(self.totals) != 1:
            return f"{endpoint}: the list changed while it was read"
        (total,) = self.totals
        if total is None:
            return None if self.ended else f"{endpoint}: the list gives no totalResults"
        came = len(self.resources)
        return (
            None
            if came >= total
            else (f"{endpoint}: only {came} of {total} resources were received")
        )


def _begin(before: _Collected | None, paths: Iterable[str]) -> _Collected:
    """Return an empty list, to replace the one that starts again."""
    if before is not None:
        before.resources.close()
    return _Collected(ResourceList(paths))


def fold(path: str, value: Any) -> str | None:
    """Return a value in the form used for comparison: see `fold_value`."""
    return fold_value(path, value)


def folded_value(resource: Mapping[str, Any], path: str) -> str | None:
    """Return the value of a resource at `path`, in the form used for comparison."""
    return fold(path, value_at(resource, path))
