"""Read a whole list from an HTTP API, with its joins, and show that it is complete."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import orjson

from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.calls import Join, ListCall, ListRead
from scimsync.sources.http.jmespath_expressions import compiled, is_true, root_fields
from scimsync.sources.http.list_pages import BadPage, EndOfList, Pages
from scimsync.sources.http.list_rows import RowWriter, check_probe
from scimsync.sources.http.page_reader import Place, asked_fields, evaluated, object_in, read_pages
from scimsync.sources.http.received_records import ReceivedRecords, whole_record
from scimsync.sources.http.response_columns import Columns, kept

DEFAULT_CONCURRENCY = 4

_HOLE = re.compile(r"\{([^{}]+)\}")

Item = TypeVar("Item")
Result = TypeVar("Result")


class ListReader:
    """Reads one list once. `key` is the name of the key column.

    `write` gets the rows of a page as NDJSON, without those that came before.
    """

    def __init__(
        self,
        client: ApiClient,
        call: ListCall,
        place: Place,
        columns: Columns,
        key: str,
        write: Callable[[bytes], None],
        concurrency: int | None = None,
    ) -> None:
        self._client = client
        self._call = call
        self._place = place
        self._columns = columns
        self._key = key
        self._concurrency = concurrency or DEFAULT_CONCURRENCY
        self._rows = RowWriter(client, call, columns, key, write)
        self._others: dict[str, dict[Any, list[Any]]] = {}
        self._received: set[int] = set()

    async def read(self) -> None:
        """Read all records.

        Raise ListFault if they are not all or changed meanwhile, BadPage for a response that does
        not match the settings, and SourceUnavailable.
        """
        joins = self._columns.joins()
        for join in joins:
            if join.on is not None:
                self._others[join.into] = await self._other_list(join)
        for read in self._call.reads or [ListRead()]:
            await self._read_one(read, joins)
        for probe in self._call.probes:
            await check_probe(self._client, self._place, probe, len(self._received))
        self._rows.check_filled()

    async def first(self, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` rows, without reading more pages than these need.

        Raise as `read` does.
        """
        place = self._place
        pages = Pages(self._call, place.origin, place.path, place.headers, self._columns.params())
        rows: list[dict[str, Any]] = []
        async for page in read_pages(self._client, pages):
            wanted = kept(self._call.where, page.records)[: limit - len(rows)]
            rows += self._columns.rows(wanted)
            if len(rows) >= limit:
                break
        return rows

    async def _read_one(self, read: ListRead, joins: Sequence[Join]) -> None:
        params = {**self._columns.params(), **read.params}
        extra, place = asked_fields(self._call, self._columns), self._place
        repeats = self._call.paging.kind != "none" or len(self._call.reads) > 1
        identity = self._columns.value_of(self._key) if repeats else whole_record
        received = ReceivedRecords(identity, once=True)
        pages = Pages(
            self._call,
            place.origin,
            place.path,
            place.headers,
            params,
            extra,
            records=received,
            needed=self._columns.fields_of(self._key),
        )
        before = self._rows.keys if self._call.paging.by_index else None
        async for page in read_pages(self._client, pages):
            wanted = self._rows.wanted(page.records)
            if joins:
                wanted = await self._joined(wanted, joins)
            self._rows.put(wanted, repeats=repeats, before=before)
        if self._call.probes:
            self._received |= received.digests

    async def _joined(self, records: Sequence[Any], joins: Sequence[Join]) -> list[Any]:
        """Return the records with the results of the joins."""
        found = [dict(record) for record in records]
        for join in joins:
            if join.on is not None:
                others, on = self._others[join.into], compiled(join.on)
                for record in found:
                    fitting = others.get(_hashable(evaluated(on, record)), [])
                    record[join.into] = fitting if join.many else next(iter(fitting), None)
                continue
            results = await self._each(found, partial(self._of, join))
            for record, result in zip(found, results, strict=True):
                record[join.into] = result
        return found

    async def _of(self, join: Join, record: Mapping[str, Any]) -> Any:
        """Return the result of the call of a join for one record."""
        nothing: Any = None if join.one else []
        if join.when is not None and not is_true(evaluated(compiled(join.when), record)):
            return nothing
        path = _HOLE.sub(lambda hole: _filled_in(hole[1], record), join.path)
        pages = Pages(
            join,
            self._place.origin,
            self._place.base + path,
            self._place.headers,
            absent=join.absent,
        )
        if join.one:
            try:
                response = await self._client.fetch(
                    pages.first(), join, ends_with=lambda status: status in join.absent
                )
            except EndOfList:
                return nothing
            return object_in(join, response)
        return [
            each
            async for page in read_pages(self._client, pages)
            for each in kept(join.where, page.records)
        ]

    async def _other_list(self, join: Join) -> dict[Any, list[Any]]:
        """Return the records of a second list by the values of `join.key`."""
        place = self._place
        needed = root_fields(join.key or "@")
        pages = Pages(join, place.origin, place.base + join.path, place.headers, needed=needed)
        key, found = compiled(join.key or "@"), dict[Any, list[Any]]()
        async for page in read_pages(self._client, pages):
            for record in kept(join.where, page.records):
                value = _hashable(evaluated(key, record))
                if value is not None:
                    found.setdefault(value, []).append(record)
        if not join.many and (twice := [value for value, each in found.items() if len(each) > 1]):
            raise BadPage(
                f"{len(twice)} values of {join.key} occur in several records of {join.path}"
            )
        return found

    async def _each(
        self, items: Sequence[Item], work: Callable[[Item], Awaitable[Result]]
    ) -> list[Result]:
        """Return the results of `work` for all items, of which some are under way at once."""
        free = asyncio.Semaphore(self._concurrency)

        async def one(item: Item) -> Result:
            async with free:
                return await work(item)

        tasks = [asyncio.ensure_future(one(item)) for item in items]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


def _filled_in(expression: str, record: Mapping[str, Any]) -> str:
    value = evaluated(compiled(expression), record)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadPage(f"a record has nothing at {expression}, which a call for it needs")
    return quote(str(value), safe="")


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else orjson.dumps(value)
