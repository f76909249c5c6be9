"""Read the pages of a list in order, each one while the one before is processed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.calls import Join, ListCall
from scimsync.sources.http.jmespath_expressions import (
    ExpressionError,
    compiled,
    is_null_at,
    is_true,
)
from scimsync.sources.http.list_pages import BadPage, EndOfList, PageRequest, PageResponse, Pages
from scimsync.sources.http.response_columns import Columns
from scimsync.sources.remote import ListFault

_WITH_CONTENT = (200, 203)

_OF_A_LIST = ("kind", "etag", "@odata.context")
"""The members of an object that show that it is a list, as in Google's APIs and in OData."""

_STEPS_TO_SEND = 5
"""The number of steps of the event loop that send the request for the next page, so that the server
prepares it while this page is processed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an API is: its origin, the path of the list, and the path that others are below."""

    origin: str
    path: str
    base: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One page of a list: the whole response, and the records in it."""

    response: PageResponse
    records: list[Any]


async def read_pages(
    client: ApiClient, pages: Pages, request: PageRequest | None = None
) -> AsyncIterator[RecordPage]:
    """Yield each page, from `request` or the first one; the next page is requested meanwhile.

    Raise ListFault, BadPage and SourceUnavailable as `ListReader.read` does.
    """
    task = _fetch(client, request or pages.first(), pages)
    try:
        while True:
            try:
                response = await task
            except EndOfList:
                pages.check_total()
                return
            records = records_in(pages, response)
            upcoming = pages.after(response, records)
            if upcoming is not None:
                task = _fetch(client, upcoming, pages)
                for _ in range(_STEPS_TO_SEND):
                    await asyncio.sleep(0)
            yield RecordPage(response, records)
            if upcoming is None:
                return
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


def _fetch(client: ApiClient, request: PageRequest, pages: Pages) -> asyncio.Task[PageResponse]:
    return asyncio.ensure_future(client.fetch(request, pages.call, ends_with=pages.ends_with))


def asked_fields(call: ListCall, columns: Columns, more: list[str] | None = None) -> dict[str, Any]:
    """Return the parameters that request the fields of `columns` and `more`, by their place."""
    fields, names = call.fields, columns.fields()
    if fields is None or names is None:
        return {}
    names = list(dict.fromkeys([*names, *(more or ())]))
    return {fields.place: fields.join.join(names) if fields.join else names}


def records_in(pages: Pages, response: PageResponse) -> list[Any]:
    """Return the records in a response. Raise BadPage if there is no list of them.

    An empty response in the middle of a list does not end it.
    """
    call, body, status = pages.call, response.body, response.status
    if status == 204 and pages.ends_with_no_content:
        return []
    if status not in _WITH_CONTENT:
        raise BadPage(f"status {status} is not a list")
    if call.format == "csv":
        pages.check_columns(response.columns)
        return body if isinstance(body, list) else []
    if call.truncated is not None and is_true(evaluated(compiled(call.truncated), body)):
        raise ListFault(f"the server truncated the list ({call.truncated})")
    found = evaluated(compiled(call.records), body)
    if found is None and call.absent_is_empty and isinstance(body, dict):
        if not _is_empty_page(pages, response):
            raise BadPage(f"a response without {call.records} does not show that it is empty")
        return []
    if not isinstance(found, list):
        raise BadPage(f"the response has no list at {call.records}")
    if not set(map(type, found)) <= {dict}:
        raise BadPage(f"a record at {call.records} is not an object")
    return found


def object_in(call: Join, response: PageResponse) -> dict[str, Any] | None:
    """Return the object in a response, or None where a plain path leads to null.

    Raise BadPage if there is neither: an object that is empty or reports an error shows no value.
    """
    body, where = response.body, call.records
    if response.status not in _WITH_CONTENT:
        raise BadPage(f"status {response.status} is not an object")
    if isinstance(body, dict) and (not body or _reports_error(body)):
        what = "reports an error" if body else "is empty"
        raise BadPage(f"the response of {call.path} {what}")
    found = evaluated(compiled(where), body)
    if found is None and is_null_at(where, body):
        return None
    if not isinstance(found, dict):
        raise BadPage(f"the response of {call.path} has no object at {where}")
    return found


def _is_empty_page(pages: Pages, response: PageResponse) -> bool:
    """Return whether an object without the list has what only an object with a list has."""
    body = response.body
    if _reports_error(body):
        return False
    if pages.total_in(response) is not None or pages.names_next(response):
        return True
    return any(isinstance(value := body.get(name), str) and value for name in _OF_A_LIST)


def _reports_error(body: Mapping[str, Any]) -> bool:
    return bool(body.get("error") or body.get("errors"))


def evaluated(read: Callable[[Any], Any], value: Any) -> Any:
    """Return the result of an expression. Raise BadPage if it cannot be evaluated."""
    try:
        return read(value)
    except ExpressionError as error:
        raise BadPage(str(error)) from None
