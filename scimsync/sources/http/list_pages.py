"""Which page of a list comes next, where the list ends, and whether it is complete.

A list that repeats a page, ends before its total, or changes between two pages is unreadable and
never shorter: people who are missing from it would lose their accounts.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, quote, urljoin

import orjson

from scimsync.sources.http.calls import Call, Paging
from scimsync.sources.http.jmespath_expressions import ExpressionError, compiled
from scimsync.sources.http.received_records import ReceivedRecords
from scimsync.sources.remote import ListFault

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"[^"]*"|[^",;]*))?)*)')
_PARAMETER = re.compile(r'([^\s=;,]+)\s*=\s*(?:"([^"]*)"|([^",;]*))')
_MAX_EMPTY_PAGES = 100
"""The number of pages in a row without a record that may have a next page."""


class BadPage(Exception):
    """A response that does not match the source's description. Reading it again does not help."""


class EndOfList(Exception):
    """A status that means that the list ended with the page before."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The request for one page: path and query as sent, headers, and the JSON body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A response with its parsed body; the names of `headers` are in lower case.

    `columns` are the names in the first line of a CSV.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class _Parts:
    params: dict[str, Any]
    headers: dict[str, str]
    body: Any

    def put(self, place: str, value: Any) -> None:
        kind, _, path = place.partition(".")
        if kind == "query":
            self.params[path] = value
        elif kind == "header":
            self.headers[path] = str(value)
        else:
            *above, last = path.split(".")
            at = self.body
            for name in above:
                at = at.setdefault(name, {})
            at[last] = value


@dataclass(slots=True)
class Pages:
    """The pages of one list: `first` and `after` give the requests for them.

    `path` is percent-encoded and may have a query; `origin` is scheme, host and port. `extra` are
    values by their place in the request. The statuses `absent` mean that there is no list.
    `records` are all that came, whether or not `where` keeps them. Each CSV has to have the columns
    of the first one, and one of the columns `needed`, if these are known.
    """

    call: Call
    origin: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    absent: Sequence[int] = ()
    records: ReceivedRecords = field(default_factory=ReceivedRecords)
    needed: Sequence[str] = ()
    total: int | None = None
    _columns: tuple[str, ...] = ()
    _last: PageRequest | None = None
    _number: int = 0
    _of_link: Mapping[str, Any] | None = None
    _used: set[str] = field(default_factory=set)
    _firsts: set[bytes] = field(default_factory=set)
    _empty: int = 0

    def first(self) -> PageRequest:
        """Return the request for the first page."""
        self._last = self._request(self._start(), first=True)
        return self._last

    def at(self, url: str) -> PageRequest:
        """Return the request for a URL that a response named. Raise BadPage for another host.

        The list begins there: later pages use its path and query instead of those of the call.
        """
        self._last = self._request(self._start(), first=True)
        self._last = self._linked(url)
        self.path, _, query = self._last.target.partition("?")
        self._of_link = {
            name: values[0] if len(values) == 1 else values
            for name, values in parse_qs(query, keep_blank_values=True).items()
        }
        number = self._of_link.get((self._paging.place or "").removeprefix("query."))
        if isinstance(number, str) and number.isdecimal():
            self._number = int(number)
        return self._last

    @property
    def received(self) -> int:
        """The number of different records so far."""
        return self.records.number

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise BadPage for a CSV with other columns, as a line of text seems to have."""
        if self.needed and not set(self.needed) & set(columns):
            raise BadPage(f"the CSV has no column {self.needed[0]}")
        if self._columns and columns != self._columns:
            raise BadPage("a page of the CSV has other columns than the first one")
        self._columns = columns

    def total_in(self, response: PageResponse) -> int | None:
        """Return the number of records that a response names, or None."""
        where = self._paging.total
        if where is None:
            return None
        name = where.removeprefix("header.")
        if name != where:
            value: Any = response.headers.get(name.lower())
        else:
            value = _evaluated(where, response.body)
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return int(value) if is_number else None

    def names_next(self, response: PageResponse) -> bool:
        """Return whether the body of a response has a token or URL of the next page."""
        paging = self._paging
        if paging.kind not in ("body_token", "body_url", "body_relative_url"):
            return False
        return _evaluated(paging.out, response.body) not in (None, "", [], {})

    def _start(self) -> int | str | None:
        """Return the value that requests the first page; numbered pages begin with it."""
        start = self._paging.start
        if self._paging.kind not in ("page", "offset"):
            return start
        self._number = int(self._paging.kind == "page") if start is None else int(start)
        return self._number

    def ends_with(self, status: int) -> bool:
        """Return whether a status means that the list has ended, or that there is none."""
        if not self.received and status in self.absent:
            return True
        return self.received > 0 and f"status:{status}" in self._paging.ends

    @property
    def ends_with_no_content(self) -> bool:
        """Whether status 204 on the first page is an empty list."""
        return not self.received and "status:204" in self._paging.ends

    def after(self, response: PageResponse, records: Sequence[Any]) -> PageRequest | None:
        """Return the request for the page after a response, or None at the end of the list.

        Raise ListFault for a list that repeats or lacks something, and BadPage for a response that
        lacks what `paging` requires.
        """
        number = len(records)
        self._check_repeated(records)
        self._note_total(response)
        upcoming = self._next(response, records)
        if upcoming is None:
            self.check_total()
            return None
        self._empty = 0 if number else self._empty + 1
        if self._empty >= _MAX_EMPTY_PAGES:
            raise ListFault(f"{self._empty} pages in a row without a record have a next page")
        self._last = upcoming
        return upcoming

    @property
    def _paging(self) -> Paging:
        return self.call.paging

    def _next(self, response: PageResponse, records: Sequence[Any]) -> PageRequest | None:
        paging, number = self._paging, len(records)
        if paging.kind == "none":
            return None
        if self._is_end(number):
            return None
        if paging.kind == "page":
            self._number += 1
            return self._request(self._number)
        if paging.kind == "offset":
            grows = number
            if paging.step == "size" and paging.size is not None:
                grows = paging.size.number
            if not grows:
                raise ListFault("a page without records is not the end, and names no next page")
            self._number += grows
            return self._request(self._number)
        token = self._token(response, records)
        if token is None:
            return None
        if token in self._used:
            raise ListFault("the list does not end: it repeats the token or address of a page")
        self._used.add(token)
        if paging.kind in ("body_url", "body_relative_url", "link_header"):
            return self._linked(token)
        return self._request(token)

    def _says_end(self, value: Any) -> bool:
        """Return whether a value says that there is no next token."""
        ends = self._paging.ends
        return (
            (value is None and "absent" in ends)
            or (value == "" and "empty_string" in ends)
            or (value in (0, "0") and value is not False and "zero" in ends)
        )

    def _is_end(self, number: int) -> bool:
        """Return whether a page of `number` records is the last one, as `end` says."""
        ends, size = self._paging.ends, self._paging.size
        return (
            ("empty_page" in ends and not number)
            or ("short_page" in ends and size is not None and number < size.number)
            or ("total" in ends and self.total is not None and self.received >= self.total)
        )

    def _token(self, response: PageResponse, records: Sequence[Any]) -> str | None:
        """Return the token or URL of the next page, or None if the end looks like this."""
        paging = self._paging
        match paging.kind:
            case "link_header":
                value: Any = next_link(response.headers.get("link", ""), paging.out or "next")
            case "header_token":
                value = response.headers.get((paging.out or "").lower())
            case "last_id":
                if not records:
                    raise ListFault("a page without records is not the end of the list")
                value = _evaluated(paging.out, records[-1])
                if value in (None, ""):
                    raise BadPage(f"the last record has nothing at {paging.out}")
            case _:
                value = _evaluated(paging.out, response.body)
        if self._says_end(value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            what = "nothing" if value in (None, "") else f"no token but {type(value).__name__}"
            raise ListFault(f"the response has {what} at {paging.out}, which is not the end")
        return str(value)

    def _linked(self, link: str) -> PageRequest:
        """Return the request for a URL in a response. Raise BadPage if it leaves the origin."""
        last = self._last
        assert last is not None  # noqa: S101 - a response has a request
        url = urljoin(self.origin + last.target, link)
        rest = url.removeprefix(self.origin)
        if rest == url or not rest.startswith(("/", "?")):
            raise BadPage("the next page is at another origin, which gets no request")
        return replace(last, target=rest.partition("#")[0])

    def _request(self, value: Any, *, first: bool = False) -> PageRequest:
        call, paging, of_link = self.call, self._paging, self._of_link
        params = {**call.params, **self.params} if of_link is None else dict(of_link)
        parts = _Parts(params, dict(self.headers), copy.deepcopy(call.body or {}))
        for place, needed in self.extra.items():
            if of_link is None or not place.startswith("query."):
                parts.put(place, needed)
        if paging.size is not None:
            parts.put(paging.size.place, paging.size.number)
        if value is not None and paging.place is not None:
            parts.put(paging.place, value)
        if not first:
            for name in paging.first_only:
                parts.params.pop(name, None)
        has_body = call.method == "POST"
        return PageRequest(
            call.method,
            with_query(self.path, parts.params),
            parts.headers,
            parts.body if has_body else None,
        )

    def _note_total(self, response: PageResponse) -> None:
        where = self._paging.total
        if where is None:
            return
        total = self.total_in(response)
        if total is None:
            if self.total is None and not self._paging.total_may_be_missing:
                raise BadPage(f"the response has no number at {where}")
            return  # some APIs count on the first page only
        if self.total is not None and total != self.total:
            raise ListFault(
                f"its total changed from {self.total} to {total} while the list was read"
            )
        self.total = total

    def _check_repeated(self, records: Sequence[Any]) -> None:
        """Note the records of a page.

        Raise ListFault if the page begins like another one or, for pages by number or offset, has
        any record of an earlier page: the list moved, and another record may be missing.
        """
        if self._paging.kind != "none" and records:
            first = orjson.dumps(records[0], option=orjson.OPT_SORT_KEYS)
            if first in self._firsts:
                raise ListFault("the list repeats a page")
            self._firsts.add(first)
        if self.records.add_page(records) and self._paging.by_index:
            raise ListFault("a record was received twice: the list changed while it was read")

    def check_total(self) -> None:
        """Raise ListFault if other than the total number of different records were received."""
        if self.total is not None and self.received != self.total:
            again = f", and {self.records.repeated} repeatedly" if self.records.repeated else ""
            raise ListFault(f"{self.received} of {self.total} records were received{again}")


def with_query(path: str, params: Mapping[str, Any]) -> str:
    """Return a path with a query of `params`, percent-encoded; a list repeats its name."""
    pairs = []
    for name, value in params.items():
        values = value if isinstance(value, list) else [value]
        pairs += [f"{quote(name, safe='$[]')}={quote(_text(item), safe='')}" for item in values]
    if not pairs:
        return path
    return f"{path}{'&' if '?' in path else '?'}{'&'.join(pairs)}"


def next_link(header: str, relation: str) -> str | None:
    """Return the target of a Link header with a relation (RFC 8288), or None."""
    for target, parameters in _LINK.findall(header):
        for name, in_quotes, bare in _PARAMETER.findall(parameters):
            if name.lower() == "rel" and relation.lower() in (in_quotes or bare).lower().split():
                return str(target)
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _evaluated(expression: str | None, value: Any) -> Any:
    try:
        return compiled(expression or "@")(value)
    except ExpressionError as error:
        raise BadPage(str(error)) from None
