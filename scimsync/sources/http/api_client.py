"""Send the requests of an HTTP source: limits, errors, and retries as the API's facts say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from scimsync.errors import SourceUnavailable
from scimsync.formatting import one_line
from scimsync.sources.http.api import Api, ErrorMatch, LimitMatch, Match
from scimsync.sources.http.calls import Call
from scimsync.sources.http.csv_body import csv_body
from scimsync.sources.http.jmespath_expressions import ExpressionError, compiled, is_true
from scimsync.sources.http.list_pages import EndOfList, PageRequest, PageResponse
from scimsync.sources.remote import MAX_PAUSE_S, RETRIES, ListFault
from scimsync.transport.http import HttpConnection, HttpResponse
from scimsync.transport.quota import Quota
from scimsync.transport.request_errors import (
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)
from scimsync.transport.retry_policy import RetryPolicy, TimeSource

_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_PLAIN_LIMITS = [
    LimitMatch(status=[429], wait="retry_after"),
    LimitMatch(status=[503], header={"Retry-After": "*"}, wait="retry_after"),
]


class _Transient(Exception):
    """A response that another attempt may replace. `pause` is in seconds, None if unknown."""

    def __init__(self, what: str, pause: float | None, *, is_limit: bool) -> None:
        super().__init__(what)
        self.pause = pause
        self.is_limit = is_limit


class ApiClient:
    """A sender of requests to one API.

    `label` opens messages. `now` returns aware times. All requests are safe to repeat.
    """

    def __init__(
        self,
        connection: HttpConnection,
        api: Api,
        label: str,
        *,
        time: TimeSource | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        retries: RetryPolicy = RETRIES,
    ) -> None:
        self._connection = connection
        self._api = api
        self._label = label
        self._time = time or TimeSource()
        self._now = now
        self._retries = retries
        self._limits = [*api.limits, *_PLAIN_LIMITS]
        rate = api.rate
        self._quota = None if rate is None else Quota(rate.requests, rate.seconds)
        self._turn = asyncio.Lock()
        self._paused_until = 0.0

    async def fetch(
        self,
        request: PageRequest,
        call: Call,
        *,
        ends_with: Callable[[int], bool] = lambda _status: False,
    ) -> PageResponse:
        """Return the response with status 200 to 299, after retries where they may help.

        Raise SourceUnavailable, ListFault if the list has to be read from its beginning, BadPage
        for a body that cannot be read, and EndOfList for an error status of which `ends_with` is
        true.
        """

        failures: list[Exception] = []

        async def attempt() -> PageResponse:
            if failures:
                raise failures.pop()
            await self._wait()
            return self._checked(await self._send(request), request, call, ends_with)

        try:
            try:  # nearly all requests succeed at once, and a policy costs more than a page
                return await attempt()
            except (_Transient, NoResponse) as error:
                failures.append(error)
            return await self._retries.run(
                attempt,
                may_retry=_may_retry,
                waits=lambda error: not (isinstance(error, _Transient) and error.pause is not None),
                time=self._time,
            )
        except _Transient as error:
            hint = "wait until the limit resets, or lower `rate`" if error.is_limit else None
            raise self.failure(request, str(error), hint=hint) from None
        except TokenRefused as error:
            raise self.failure(request, str(error), code="SYNC-0266") from None
        except InvalidResponse as error:
            raise self.failure(request, str(error), brief=error.brief, code="SYNC-0268") from None
        except RequestError as error:
            raise self.failure(None, str(error), brief=error.brief) from None

    def failure(
        self,
        request: PageRequest | None,
        what: str,
        *,
        hint: str | None = None,
        brief: str | None = None,
        code: str = "SYNC-0265",
    ) -> SourceUnavailable:
        """Return the error for a request that failed."""
        start = f"{self._label}: " if request is None else f"{self._label}: {request}: "
        return SourceUnavailable(
            f"{start}{what}",
            code=code,
            hint=hint,
            brief=None if brief is None else f"{start}{brief}",
        )

    async def _wait(self) -> None:
        """Wait for a pause that the API requested, and for its rate."""
        async with self._turn:
            while True:
                now = self._time.clock()
                seconds = max(
                    self._paused_until - now, 0.0 if self._quota is None else self._quota.wait(now)
                )
                if seconds <= 0:
                    break
                await self._time.sleep(seconds)
            if self._quota is not None:
                self._quota.take(now)

    async def _send(self, request: PageRequest) -> HttpResponse:
        headers, content = dict(request.headers), None
        if request.body is not None:
            content = orjson.dumps(request.body)
            headers.setdefault("Content-Type", "application/json")
        return await self._connection.send(
            request.method, request.target, headers=headers, content=content
        )

    def _checked(
        self,
        response: HttpResponse,
        request: PageRequest,
        call: Call,
        ends_with: Callable[[int], bool],
    ) -> PageResponse:
        status = response.status
        if ends_with(status):
            raise EndOfList
        found, is_json = _page_of(response, call)
        for limit in self._limits:
            if _matches(limit, found):
                raise self._limited(limit, found, response)
        if status in call.refusals or any(_matches(match, found) for match in self._api.resync):
            raise ListFault(f"{request}: status {status} asks to read the list again")
        for match in self._api.errors:
            if _matches(match, found):
                raise self._declared(match, found, request)
        if status >= 400:
            raise self._refused(response, request)
        if not is_json:
            raise self._connection.invalid(response, "the response is not JSON")
        return found

    def _limited(self, limit: LimitMatch, found: PageResponse, response: HttpResponse) -> Exception:
        pause = self._pause(limit.wait, found, response)
        if pause is not None and pause > MAX_PAUSE_S:
            return self.failure(
                None,
                f"{response.request}: status {found.status}: the API requests a pause of"
                f" {pause:.0f} s",
                hint="the next run reads the source again",
            )
        if pause is not None:
            self._paused_until = max(self._paused_until, self._time.clock() + pause)
        return _Transient(
            f"status {found.status}: the limit of the API is used up", pause, is_limit=True
        )

    def _pause(self, wait: str, found: PageResponse, response: HttpResponse) -> float | None:
        """Return the seconds to wait; None if the response does not say."""
        kind, _, where = wait.partition(":")
        pause: float | None = None
        match kind:
            case "seconds":
                pause = float(where)
            case "reset_epoch":
                until = _float(found.headers.get(where.lower()))
                pause = None if until is None else until - self._server_time(found).timestamp()
            case "reset_date":
                date = self._time.date(found.headers.get(where.lower()))
                pause = None if date is None else (date - self._server_time(found)).total_seconds()
            case "body_seconds":
                pause = _float(_evaluated(where, found.body))
            case _:
                pass
        if pause is None and kind != "backoff":
            pause = response.retry_after
        return None if pause is None else max(0.0, pause)

    def _server_time(self, found: PageResponse) -> datetime:
        return self._time.date(found.headers.get("date")) or self._now()

    def _declared(
        self, match: ErrorMatch, found: PageResponse, request: PageRequest
    ) -> SourceUnavailable:
        said = None if match.text is None else _evaluated(match.text, found.body)
        text = (
            said if isinstance(said, str) else "" if said is None else orjson.dumps(said).decode()
        )
        explanation = f": {self._connection.redacted(text)}" if text else ""
        what = f"the API reports an error with status {found.status}"
        return self.failure(request, f"{what}{explanation}", hint=match.hint, brief=what)

    def _refused(self, response: HttpResponse, request: PageRequest) -> Exception:
        status = response.status
        excerpt = self._connection.excerpt(response.content)
        what, detail = f"status {status}", f": {one_line(excerpt, 300)}" if excerpt else ""
        if status in (401, 403):
            what = f"{what}: the credentials are refused"
            return self.failure(
                request,
                f"{what}{detail}",
                brief=what,
                hint="check auth and what its account may read",
                code="SYNC-0266",
            )
        if status in _TRANSIENT or status >= 500:
            pause = response.retry_after
            if pause is not None and pause <= MAX_PAUSE_S:
                self._paused_until = max(self._paused_until, self._time.clock() + pause)
                return _Transient(f"{what}{detail}", pause, is_limit=False)
            return _Transient(f"{what}{detail}", None, is_limit=False)
        return self.failure(request, f"{what}{detail}", brief=what)


def _page_of(response: HttpResponse, call: Call) -> tuple[PageResponse, bool]:
    """Return a response with its content, and whether that is readable: JSON, or CSV if wanted."""
    status = response.status
    headers = {name.lower(): value for name, value in response.headers.items()}
    if status in (204, 304):
        return PageResponse(status, headers, None), True
    if call.format == "csv" and status < 400:
        csv = csv_body(response.content)
        return PageResponse(status, headers, csv.rows, csv.names), True
    body, is_json = _json_body(response.content)
    return PageResponse(status, headers, body), is_json


def _json_body(content: bytes) -> tuple[Any, bool]:
    """Return the parsed body, and whether it could be parsed."""
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf")), True
    except orjson.JSONDecodeError:
        return None, False


def _may_retry(error: BaseException) -> bool:
    return isinstance(error, (_Transient, NoResponse))


def _matches(match: Match, found: PageResponse) -> bool:
    if match.status is not None and found.status not in match.status:
        return False
    if not all(_has_header(found.headers, name, value) for name, value in match.header.items()):
        return False
    return match.body is None or is_true(_evaluated(match.body, found.body))


def _has_header(headers: Mapping[str, str], name: str, value: str) -> bool:
    found = headers.get(name.lower())
    return found is not None and (value == "*" or found.strip() == value)


def _evaluated(expression: str, body: Any) -> Any:
    try:
        return compiled(expression)(body)
    except ExpressionError:  # the expression is for bodies of another form
        return None


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 1e12 else None
