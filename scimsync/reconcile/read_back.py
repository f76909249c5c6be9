"""Read the resources of a target back, page by page, into a temporary DuckDB database.

Neither the list nor the resources are held in memory: each page goes to a private file, and DuckDB
loads that file once the list has ended. The next pages are requested while the last one is worked
on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

import orjson

from scimsync.model.ids import UNIQUE_ATTRIBUTE, Kind, fold_value
from scimsync.scim.attributes import MAX_NAME, read, resource_id, short_text
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.exact_values import exact_reader
from scimsync.scim.listing import ListingError, Page
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.sources.workspace import Workspace, new_private_bytes
from scimsync.targets.evidence import Purpose, Verdict, verdict
from scimsync.targets.resource_list import folded_value
from scimsync.targets.resource_reader import ResourceReader
from scimsync.targets.shown_resources import active_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_AHEAD: Final = 3
"""The most pages of a list that are requested at a time: enough to hide the time that a page takes,
and few enough to be little load for a target."""

_MEMORY_LIMIT: Final = "100MB"
_THREADS: Final = 1
"""Each thread that reads JSON needs 32 MB or more."""

_INSERT: Final = (
    "INSERT INTO resource SELECT ?, id, name, active, held FROM read_json(?,"
    " format = 'newline_delimited', maximum_object_size = ?,"
    " columns = {id: 'VARCHAR', name: 'VARCHAR', active: 'BOOLEAN', held: 'MAP(VARCHAR, VARCHAR)'})"
)
_REPEATED: Final = (
    "CREATE OR REPLACE TEMP TABLE repeated AS SELECT id, min(rowid) AS kept FROM resource"
    " WHERE kind = ? AND id IS NOT NULL GROUP BY id HAVING count(*) > 1"
)
_DELETE_REPEATED: Final = (
    "DELETE FROM resource USING repeated"
    " WHERE kind = ? AND resource.id = repeated.id AND resource.rowid <> repeated.kept"
)
_TABLE: Final = (
    "CREATE TABLE resource (kind VARCHAR, id VARCHAR, name VARCHAR, active BOOLEAN,"
    " held MAP(VARCHAR, VARCHAR))"
)
_LONGEST_LINE: Final = 1 << 20

Resource = dict[str, Any]


class PageReceiver(Protocol):
    """Processes the pages of a list in another thread, while the next page is requested."""

    def start(self) -> None:
        """Forget the pages so far: the list starts, or starts again."""
        ...

    def take(self, resources: Sequence[Resource]) -> None:
        """Work on the resources of one page."""
        ...


@dataclass(slots=True)
class _Pages:
    """The pages of a list so far: their totals, and whether the target said that it ended."""

    totals: set[int | None] = field(default_factory=set)
    is_last: bool = False

    def add(self, page: Page) -> None:
        self.totals.add(page.total_results)
        self.is_last = page.is_last

    def why_not_whole(self, kind: Kind, came: int) -> str | None:
        """Return why the list may be incomplete, given how many resources were received."""
        endpoint = RESOURCE_TYPES[kind].endpoint
        if len(self.totals) != 1:
            return f"{endpoint}: the list changed while it was read"
        (total,) = self.totals
        if total is None:
            return None if self.is_last else f"{endpoint}: the list gives no totalResults"
        if came == total:
            return None
        more = "only " if came < total else ""
        return f"{endpoint}: {more}{came:,} of {total:,} resources were received"


class ReadBack(Workspace):
    """The resources of one target in a private DuckDB database, removed by `close`.

    `connection` has the table `resource`: `kind` (`user` or `group`), `id` (text; NULL for a
    resource without one that can be used), `name` (userName or displayName as shown), `active`
    (NULL where it is not shown), and `held`, a map of the attribute paths that were asked for to
    the values there, in the form in which they are compared (`fold_value`).

    `problems` has, for each kind that was read, why its list may be incomplete, and None for a list
    that is: each page gave the same total, and as many resources were received.
    """

    def __init__(self) -> None:
        super().__init__(
            "read.duckdb",
            memory_limit=_MEMORY_LIMIT,
            threads=_THREADS,
            preserve_insertion_order=False,
        )
        self.problems: dict[Kind, str | None] = {}
        self._has_table = False

    @property
    def connection(self) -> DuckDBPyConnection:
        """The database with the table `resource`, opened at first use."""
        connection = super().connection
        if not self._has_table:
            connection.execute(_TABLE)
            self._has_table = True
        return connection

    def new_file(self) -> Path:
        """Return the path of a file in the private folder that does not exist yet."""
        return self.new(".ndjson")

    async def read(
        self,
        reader: ResourceReader,
        kind: Kind,
        paths: Sequence[str] = (),
        receiver: PageReceiver | None = None,
        progress: Callable[[int, int | None], None] = lambda _number, _total: None,
        *,
        concurrency: int = 1,
    ) -> None:
        """Read all resources of a kind, groups without members, and hand each page to `receiver`.

        `paths` are those of the column `held`. `progress` gets the number of resources of each
        page, and their total if the target says it. At most `concurrency` pages are requested at a
        time, and never more than `MOST_AHEAD`. Raise RequestError for errors that concern more than
        this list: no connection, a refused token.
        """
        file, pages, problem = self.new_file(), _Pages(), None
        began, most = False, min(concurrency, MOST_AHEAD)
        with new_private_bytes(file) as stream:
            spool = _PageSpool(stream, kind, tuple(paths), receiver)
            try:
                async with aclosing(_ahead(reader.pages(kind, most))) as ahead:
                    async for page in ahead:
                        if page.is_first or not began:
                            began, pages = True, _Pages()
                            spool.start()
                        pages.add(page)
                        await asyncio.to_thread(spool.take, page.resources)
                        progress(len(page.resources), page.total_results)
            except ErrorResponse as error:
                if not began or verdict(error, Purpose.SEARCH) is Verdict.TOKEN:
                    raise
                problem = f"the list is incomplete: {error}"
            except ListingError as error:
                problem = str(error)
        came = await asyncio.to_thread(self._load, kind, file)
        self.problems[kind] = problem or pages.why_not_whole(kind, came)

    def number(self, kind: Kind) -> int:
        """Return how many resources of a kind were read."""
        row = self.connection.execute(
            "SELECT count(*) FROM resource WHERE kind = ?", [str(kind)]
        ).fetchone()
        return int(row[0]) if row else 0

    def load(self, table: str, columns: Mapping[str, str], file: Path) -> None:
        """Load a file of JSON lines in the private folder into a new table, and remove it."""
        described = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
        names = ", ".join(columns)
        self.connection.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT {names} FROM read_json(?,"  # noqa: S608
            f" format = 'newline_delimited', columns = {{{described}}},"
            f" maximum_object_size = {_LONGEST_LINE})",
            [str(file)],
        )
        file.unlink()

    def _load(self, kind: Kind, file: Path) -> int:
        """Load the file of a list, each id once, and return the number of resources in it."""
        if file.stat().st_size:
            self.connection.execute(_INSERT, [str(kind), str(file), _LONGEST_LINE])
            # a window function over whole rows would need memory for all of them
            self.connection.execute(_REPEATED, [str(kind)])
            self.connection.execute(_DELETE_REPEATED, [str(kind)])
        file.unlink()
        return self.number(kind)


class _PageSpool:
    """Writes pages to a file, and hands them on."""

    def __init__(
        self,
        stream: BinaryIO,
        kind: Kind,
        paths: tuple[str, ...],
        receiver: PageReceiver | None,
    ) -> None:
        self._stream = stream
        self._name = UNIQUE_ATTRIBUTE[kind]
        self._paths = paths
        self._receiver = receiver

    def start(self) -> None:
        self._stream.seek(0)
        self._stream.truncate()
        if self._receiver is not None:
            self._receiver.start()

    def take(self, resources: Sequence[Resource]) -> None:
        self._stream.write(b"".join([self._line(resource) for resource in resources]))
        if self._receiver is not None:
            self._receiver.take(resources)

    def _line(self, resource: Resource) -> bytes:
        row = {
            "id": resource_id(resource),
            "name": short_text(read(resource, self._name)),
            "active": active_of(resource),
            "held": {path: self._value(resource, path) for path in self._paths},
        }
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)

    def _value(self, resource: Resource, path: str) -> str | None:
        """Return the value at `path`, folded; None also for one that is too long to be a name."""
        value = exact_reader(path)(resource)
        if type(value) is str and value:
            folded: str | None = fold_value(path, value)
        else:
            folded = folded_value(resource, path)
        return None if folded is not None and len(folded) > MAX_NAME else folded


async def _ahead(pages: AsyncGenerator[Page]) -> AsyncGenerator[Page]:
    """Yield pages, and request the next one before the last one is processed."""

    async def following() -> Page | None:
        return await anext(pages, None)

    upcoming = asyncio.ensure_future(following())
    try:
        while (page := await upcoming) is not None:
            upcoming = asyncio.ensure_future(following())
            yield page
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await pages.aclose()
