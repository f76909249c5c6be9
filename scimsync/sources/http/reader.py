"""Read a whole list from an HTTP API, with its joins, and show that it is complete."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import orjson

from scimsync.formatting import plural
from scimsync.sources.http.calls import Call, Join, ListCall, ListRead, Probe
from scimsync.sources.http.client import ApiClient
from scimsync.sources.http.columns import Columns, kept
from scimsync.sources.http.expressions import ExpressionError, compiled, is_true
from scimsync.sources.http.paging import BadPage, EndOfList, PageRequest, PageResponse, Pages
from scimsync.sources.remote import ListFault

DEFAULT_CONCURRENCY = 4

_WITH_CONTENT = (200, 203)

_STEPS_TO_SEND = 5
"""The steps of the event loop after which the request for the next page is on its way, so that the
server prepares it while this page is worked on."""

_HOLE = re.compile(r"\{([^{}]+)\}")

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an API is: its origin, the path of the list, and the path that others are below."""

    origin: str
    path: str
    base: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


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
        self._write = write
        self._concurrency = concurrency or DEFAULT_CONCURRENCY
        self._seen: dict[str, int] = {}
        self._filled = {name: 0 for name, facts in columns.facts.items() if facts.filled}
        self._rows = 0
        self._received = 0
        self._others: dict[str, dict[Any, list[Any]]] = {}

    async def read(self) -> None:
        """Read all records.

        Raise ListFault if they are not all or changed meanwhile, BadPage for a response that is not
        what the settings say, and SourceUnavailable.
        """
        joins = self._columns.joins()
        for join in joins:
            if join.on is not None:
                self._others[join.into] = await self._other_list(join)
        for read in self._call.reads or [ListRead()]:
            await self._read_one(read, joins)
        for probe in self._call.probes:
            await self._check_probe(probe)
        self._check_filled()

    async def first(self, limit: int) -> list[dict[str, Any]]:
        """Return at most `limit` rows, without reading more pages than these need.

        Raise as `read` does.
        """
        place = self._place
        pages = Pages(self._call, place.origin, place.path, place.headers, self._columns.params())
        rows: list[dict[str, Any]] = []
        async for records in self._pages(pages):
            wanted = kept(self._call.where, records)[: limit - len(rows)]
            rows += self._columns.rows(wanted)
            if len(rows) >= limit:
                break
        return rows

    async def _read_one(self, read: ListRead, joins: Sequence[Join]) -> None:
        params = {**self._columns.params(), **read.params}
        fields, names = self._call.fields, self._columns.fields()
        extra: dict[str, Any] = {}
        if fields is not None and names is not None:
            extra[fields.place] = fields.join.join(names) if fields.join else names
        place = self._place
        pages = Pages(self._call, place.origin, place.path, place.headers, params, extra)
        before = set(self._seen)
        by_index = self._call.paging.by_index
        check = self._call.paging.kind != "none" or len(self._call.reads) > 1
        async for records in self._pages(pages):
            self._received += len(records)
            wanted = kept(self._call.where, records)
            if withheld := self._columns.hidden(wanted):
                raise self._client.failure(
                    None,
                    f"the credentials do not see {', '.join(sorted(withheld))}",
                    hint="grant access to these fields, or do not use their columns",
                    code="SYNC-0269",
                )
            if joins:
                wanted = await self._joined(wanted, joins)
            rows = self._columns.rows(wanted)
            self._note_filled(rows)
            lines = [orjson.dumps(row) for row in rows]
            if check:
                lines = self._new(rows, lines, before if by_index else None)
            self._rows += len(lines)
            if lines:
                lines.append(b"")
                self._write(b"\n".join(lines))

    async def _pages(self, pages: Pages) -> AsyncIterator[list[Any]]:
        """Yield the records of each page; the next page is requested meanwhile."""
        request = pages.first()
        task = self._fetch(request, pages)
        try:
            while True:
                try:
                    response = await task
                except EndOfList:
                    pages.check_total()
                    return
                records = _records(pages, response)
                upcoming = pages.after(response, records)
                if upcoming is not None:
                    task = self._fetch(upcoming, pages)
                    for _ in range(_STEPS_TO_SEND):
                        await asyncio.sleep(0)
                yield records
                if upcoming is None:
                    return
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    def _fetch(self, request: PageRequest, pages: Pages) -> asyncio.Task[Any]:
        call = self._client.fetch(request, pages.call, ends_with=pages.ends_with)
        return asyncio.ensure_future(call)

    def _new(
        self, rows: Sequence[Mapping[str, Any]], lines: Sequence[bytes], before: Any
    ) -> list[bytes]:
        """Return the lines of rows that did not come yet.

        `before` are the keys of earlier reads, if pages are counted: then a row that comes again
        shows that the list moved, and that another one may be missing. Raise ListFault.
        """
        seen = self._seen
        keys = [row.get(self._key) for row in rows]
        if set(map(type, keys)) == {str}:  # as nearly always, and without a step for each row
            page = dict(zip(map(str, keys), map(hash, lines), strict=True))
            if len(page) == len(keys) and "" not in page and seen.keys().isdisjoint(page):
                seen.update(page)
                return list(lines)
        new = []
        for key, line in zip(keys, lines, strict=True):
            if key is None or key == "":
                new.append(line)
                continue
            name, content = str(key), hash(line)
            known = seen.get(name)
            if known is None:
                seen[name] = content
                new.append(line)
            elif before is not None and name not in before:
                raise ListFault("a record came twice: the list moved while it was read")
            elif known != content:
                raise ListFault("a record came twice with different values")
        return new

    async def _joined(self, records: Sequence[Any], joins: Sequence[Join]) -> list[Any]:
        """Return the records with the results of the joins."""
        found = [dict(record) for record in records]
        for join in joins:
            if join.on is not None:
                others, on = self._others[join.into], compiled(join.on)
                for record in found:
                    fitting = others.get(_hashable(_evaluated(on, record)), [])
                    record[join.into] = fitting if join.many else next(iter(fitting), None)
                continue
            results = await self._each(found, partial(self._of, join))
            for record, result in zip(found, results, strict=True):
                record[join.into] = result
        return found

    async def _of(self, join: Join, record: Mapping[str, Any]) -> Any:
        """Return what the call of a join brings for one record."""
        nothing: Any = None if join.one else []
        if join.when is not None and not is_true(_evaluated(compiled(join.when), record)):
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
            return _evaluated(compiled(join.records), response.body)
        return [each async for page in self._pages(pages) for each in kept(join.where, page)]

    async def _other_list(self, join: Join) -> dict[Any, list[Any]]:
        """Return the records of a second list by what `join.key` says."""
        place = self._place
        pages = Pages(join, place.origin, place.base + join.path, place.headers)
        key, found = compiled(join.key or "@"), dict[Any, list[Any]]()
        async for page in self._pages(pages):
            for record in kept(join.where, page):
                value = _hashable(_evaluated(key, record))
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

    async def _check_probe(self, probe: Probe) -> None:
        """Raise ListFault or SourceUnavailable if the credentials do not see the whole list."""
        place, call = self._place, Call(params=probe.params)
        pages = Pages(call, place.origin, place.base + probe.path, place.headers)
        request = pages.first()
        response = await self._client.fetch(request, call)
        expected = compiled(probe.expect or "@")
        if probe.expect is not None and not is_true(_evaluated(expected, response.body)):
            what = f"the response does not fulfil {probe.expect}"
            raise self._client.failure(request, what, hint=probe.hint, code="SYNC-0269")
        if probe.count is not None:
            count = _evaluated(compiled(probe.count), response.body)
            if isinstance(count, bool) or not isinstance(count, int | str):
                raise BadPage(f"{request} has no number at {probe.count}")
            try:
                number = int(count)
            except ValueError:
                raise BadPage(f"{request} has no number at {probe.count}") from None
            if self._received < number:
                what = f"{self._received} records came, and {request} counts {number}"
                raise ListFault(what, probe.hint)

    def _note_filled(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for name in self._filled:
            self._filled[name] += sum(row[name] not in (None, "", [], {}) for row in rows)

    def _check_filled(self) -> None:
        """Raise SourceUnavailable for a column that is empty where it should not be."""
        for name, number in self._filled.items():
            facts = self._columns.facts[name]
            if facts.filled is not None and number < (least := facts.filled.of(self._rows)):
                remedy = facts.hint or "check what the credentials may read"
                raise self._client.failure(
                    None,
                    f'column "{name}" has a value in {number:,} of'
                    f" {plural(self._rows, 'record')}, and at least {least:,} should have one",
                    hint=f"{remedy}; if no record has a value, do not use the column",
                    code="SYNC-0269",
                )


def _records(pages: Pages, response: PageResponse) -> list[Any]:
    """Return the records in a response. Raise BadPage if there is no list of them.

    An empty response in the middle of a list is no end.
    """
    call, body, status = pages.call, response.body, response.status
    if status == 204 and pages.ends_with_no_content:
        return []
    if status not in _WITH_CONTENT:
        raise BadPage(f"status {status} is no list")
    if call.format == "csv":
        return body if isinstance(body, list) else []
    if call.truncated is not None and is_true(_evaluated(compiled(call.truncated), body)):
        raise ListFault(f"the server cut the list ({call.truncated})")
    found = _evaluated(compiled(call.records), body)
    if found is None and call.absent_is_empty and isinstance(body, dict):
        if not body and pages.received:
            raise BadPage("a page after the first one is an empty object")
        return []
    if not isinstance(found, list):
        raise BadPage(f"the response has no list at {call.records}")
    if not set(map(type, found)) <= {dict}:
        raise BadPage(f"a record at {call.records} is not an object")
    return found


def _filled_in(expression: str, record: Mapping[str, Any]) -> str:
    value = _evaluated(compiled(expression), record)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadPage(f"a record has nothing at {expression}, which a call for it needs")
    return quote(str(value), safe="")


def _evaluated(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except ExpressionError as error:
        raise BadPage(str(error)) from None


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else orjson.dumps(value)
