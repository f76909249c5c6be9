"""Send the writes that are under way at the same time in one request (RFC 7644 section 3.7).

Each write gets the response, or the error, that it would have had in a request of its own. So
executor, journal and recovery do not know of bulks. A bulk without a response is not sent again:
its creations are in doubt, and its other requests, which are safe to repeat, go into another bulk.
An operation that was in two such bulks is sent alone. So are requests whose result allows another
attempt, such as 429, and all requests to a target that does not accept bulks.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from scimsync.scim.bulk import bulk_operation, bulk_request, bulk_results, can_be_in_bulk
from scimsync.scim.error_body import Redact
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.bulk_items import BulkItem, SendAgain, fail, succeed
from scimsync.targets.bulk_proof import read_back
from scimsync.targets.connection import TargetConnection
from scimsync.targets.evidence import (
    Answer,
    OutcomeUnknown,
    Purpose,
    Verdict,
    answer_of,
    leaves_outcome_unknown,
    may_have_had_effect,
    may_retry,
    purpose_of,
    verdict,
)
from scimsync.transport.request_errors import (
    InvalidRequest,
    InvalidResponse,
    NoResponse,
    RequestError,
)

_LOG = logging.getLogger("scimsync")

MAX_OPERATIONS: Final = 100
"""Operations in a bulk. More would save few requests, and a lost response puts all in doubt."""

MAX_PAYLOAD: Final = 1024 * 1024
"""Bytes in a bulk."""

FIRST_OPERATIONS: Final = 10
"""Operations in the first bulk, which shows how fast the target is. Later ones may hold more."""

LONGEST_S: Final = 3.0
"""Seconds that a bulk should take. A slow target gets smaller ones, so that none times out, and
little is still under way after a crash."""

LONGEST_WAIT_S: Final = 60.0
"""Seconds to wait, at most, for the end of a bulk with a lost response."""

MAX_UNDER_WAY: Final = 400
"""Operations that may be under way: after a crash, the next run has to look all of them up."""

MAX_REFUSALS: Final = 3
"""After this number of bulks in a row that were refused as a whole, no more are sent."""

MAX_LOSSES: Final = 2
"""After this number of lost bulks, a request is sent alone: it may be the reason."""

_ENVELOPE = 120
"""Bytes of a bulk beside its operations."""

_Result = ScimResponse | ErrorResponse

_UNSUPPORTED = (ErrorKind.NOT_FOUND, ErrorKind.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class BulkLimits:
    """The number of operations and of bytes that the target accepts in one bulk."""

    operations: int = MAX_OPERATIONS
    payload: int = MAX_PAYLOAD


class BulkSender:
    """A sender in front of a connection that sends concurrent writes together.

    Collected requests are sent once they fill a bulk, or once nothing else is under way that may
    add to them. At most `concurrency` requests are in flight. `unusable` is why later runs send no
    bulks either.
    """

    def __init__(
        self,
        target: str,
        connection: TargetConnection,
        concurrency: int,
        limits: BulkLimits,
        redact: Redact,
    ) -> None:
        self._target = target
        self._connection = connection
        self._concurrency = concurrency
        self._redact = redact
        self._most = min(limits.operations, MAX_OPERATIONS)
        self._payload = min(limits.payload, MAX_PAYLOAD)
        self._limit = min(self._most, FIRST_OPERATIONS)
        self._context = contextvars.copy_context()
        self._waiting: deque[BulkItem] = deque()
        self._seen = 0
        self._is_scheduled = False
        self._bulks: dict[asyncio.Task[None], Sequence[BulkItem]] = {}
        self._reads = 0
        self._reads_ended = 0
        self._last_id = 0
        self._is_proven = False
        self._is_read_back = False
        self._refusals = 0
        self._is_off = False
        self._losses: dict[int, tuple[ScimRequest, int]] = {}
        self.unusable: str | None = None

    @property
    def capacity(self) -> int | None:
        """The number of requests to have under way, or None if each is sent alone."""
        if self._is_off:
            return None
        return min(self._most * self._concurrency, MAX_UNDER_WAY)

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request`, in a bulk if it is a write; see `TargetConnection.send`."""
        if purpose_of(request) in (Purpose.READ, Purpose.SEARCH):
            return await self._read(request)
        in_doubt = False
        try:
            while (item := self._item(request)) is not None:
                result = await self._collect(item)
                if isinstance(result, ScimResponse):
                    self._losses.pop(id(request), None)
                    return result
                in_doubt |= result.after is not None and may_have_had_effect(result.after)
                if result.alone:
                    break
            return await self._connection.send_alone(request)
        except RequestError as error:
            error.in_doubt |= in_doubt
            raise

    async def _read(self, request: ScimRequest) -> ScimResponse:
        self._reads += 1
        try:
            return await self._connection.send_alone(request)
        finally:
            self._reads -= 1
            self._reads_ended += 1
            self._schedule()

    async def _collect(self, item: BulkItem) -> ScimResponse | SendAgain:
        self._waiting.append(item)
        self._schedule()
        try:
            return await item.result
        finally:
            if item.result.cancelled():
                self._forget(item)

    def _item(self, request: ScimRequest) -> BulkItem | None:
        """Return a request for a bulk, or None for one that is sent alone."""
        if self._is_off or not can_be_in_bulk(request) or self._is_suspect(request):
            return None
        self._last_id += 1
        operation = bulk_operation(request, f"{self._last_id}")
        try:
            size = len(orjson.dumps(operation)) + 1
        except TypeError:
            return None
        if size + _ENVELOPE > self._payload:
            return None
        result = asyncio.get_running_loop().create_future()
        bulk_id = operation["bulkId"]
        return BulkItem(bulk_id, request, operation, size, self._reads_ended, result)

    def _is_suspect(self, request: ScimRequest) -> bool:
        """Return whether bulks got lost because of a request, perhaps."""
        _, losses = self._losses.get(id(request), (request, 0))
        return losses >= MAX_LOSSES

    def _forget(self, item: BulkItem) -> None:
        """Drop a request whose sender was cancelled."""
        if item in self._waiting:
            self._waiting.remove(item)
        for bulk, items in self._bulks.items():
            if item in items and all(one.result.done() for one in items):
                bulk.cancel()

    # When to send

    def _schedule(self) -> None:
        """Send due requests once all tasks that can run have run: they may add requests."""
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            self._seen = 0
            asyncio.get_running_loop().call_soon(self._send_if_quiet)

    def _send_if_quiet(self) -> None:
        if self._seen != len(self._waiting):
            self._seen = len(self._waiting)
            asyncio.get_running_loop().call_soon(self._send_if_quiet)
            return
        self._is_scheduled = False
        self._send_due()

    def _send_due(self) -> None:
        while self._waiting and len(self._bulks) < self._window:
            items, is_full = self._next()
            if not is_full and self._may_grow(items[0]):
                return
            for _ in items:
                self._waiting.popleft()
            bulk = asyncio.get_running_loop().create_task(
                self._send_bulk(items), context=self._context
            )
            self._bulks[bulk] = items
            bulk.add_done_callback(self._ended)

    @property
    def _window(self) -> int:
        """The number of bulks that may be under way. The first one shows whether they work."""
        return self._connection.rate_limiter.window if self._is_proven else 1

    def _next(self) -> tuple[list[BulkItem], bool]:
        """Return the requests of the next bulk, and whether it has no room for more."""
        items: list[BulkItem] = []
        size = _ENVELOPE
        for item in self._waiting:
            size += item.size
            if items and (len(items) >= self._limit or size > self._payload):
                return items, True
            items.append(item)
        return items, len(items) >= self._limit

    def _may_grow(self, oldest: BulkItem) -> bool:
        """Return whether operations under way may soon add to the bulk of `oldest`.

        A read is often followed by a write. But a long series of reads does not delay a write.
        """
        reads = self._reads > 0 and self._reads_ended - oldest.reads < self._limit
        return bool(self._bulks) or reads

    def _ended(self, bulk: asyncio.Task[None]) -> None:
        del self._bulks[bulk]
        self._schedule()

    # One bulk

    async def _send_bulk(self, items: Sequence[BulkItem]) -> None:
        """Give each request a result: that of the bulk, or that it has to be sent alone."""
        items = [item for item in items if not item.result.done()]
        try:
            if len(items) > 1 and not self._is_off:
                await self._send_together(items)
        except asyncio.CancelledError:
            for item in items:
                item.result.cancel()
            raise
        except Exception as error:
            for item in items:
                fail(item, error)
        for item in items:
            if item not in self._waiting:
                succeed(item, SendAgain())

    async def _send_together(self, items: Sequence[BulkItem]) -> None:
        bulk = bulk_request([item.operation for item in items])
        sent_at = self._connection.time.clock()
        try:
            response = await self._connection.send_alone(bulk)
        except OutcomeUnknown as error:
            self._limit = max(2, min(self._limit, len(items) // 2))
            # the target may still be at it: it has had as much time as a slow one needs for half
            seconds = self._connection.time.clock() - sent_at
            await self._connection.sleep(min(seconds, LONGEST_WAIT_S))
            for item in items:
                self._conclude_unknown(item, error.cause)
        except RequestError as error:
            self._refused(items, error)
        else:
            sent = {item.bulk_id: item.request for item in items}
            results = bulk_results(sent, response, self._redact)
            if await self._are_mixed_up(items, results):
                self._turn_off("the results of a bulk request are those of others", for_good=True)
                results = {}
            self._take(items, results, response.seconds or 0.0)

    async def _are_mixed_up(
        self, items: Sequence[BulkItem], results: Mapping[str, _Result]
    ) -> bool:
        """Return whether results belong to other requests. The first creations show it."""
        if self._is_read_back:
            return False
        done = [
            (item.request, result)
            for item in items
            if isinstance(result := results.get(item.bulk_id), ScimResponse)
        ]
        proof = await read_back(self._connection, done)
        self._is_read_back = proof is True
        return proof is False

    def _take(
        self, items: Sequence[BulkItem], results: Mapping[str, _Result], seconds: float
    ) -> None:
        """Give each request its result. `seconds` is the time that the bulk took."""
        if results:
            self._is_proven, self._refusals = True, 0
            self._adapt(results, seconds)
        else:
            self._note_refusal("the response to a bulk request has no results")
        for item in items:
            result = results.get(item.bulk_id)
            if result is None:
                missing = f"{item.request}: no result in the response to the bulk request"
                error = NoResponse(missing, may_have_had_effect=True)
                self._conclude_unknown(item, error, MAX_LOSSES)
                continue
            self._connection.note_result(item.request, result)
            if isinstance(result, ScimResponse):
                succeed(item, result)
            elif leaves_outcome_unknown(result, item.request):
                self._conclude_unknown(item, result, MAX_LOSSES)
            elif may_retry(result, item.request):
                succeed(item, SendAgain(after=result))
            else:
                fail(item, result)

    def _conclude_unknown(self, item: BulkItem, error: RequestError, losses: int = 1) -> None:
        """Put a creation in doubt. Let any other request, which is safe to repeat, be sent again.

        `losses` is how many lost bulks this counts for.
        """
        request = item.request
        _, earlier = self._losses.get(id(request), (request, 0))
        self._losses[id(request)] = request, earlier + losses
        if request.method == "POST":
            fail(item, OutcomeUnknown(error))
        else:
            succeed(item, SendAgain(after=error, alone=False))

    def _adapt(self, results: Mapping[str, _Result], seconds: float) -> None:
        """Let the next bulks hold as many operations as the target carries out in time."""
        limited = sum(
            verdict(result, Purpose.CREATE) is Verdict.RATE_LIMIT for result in results.values()
        )
        if limited:  # it counts operations, not requests
            self._most = max(2, min(self._most, len(results) - limited))
        in_time = int(LONGEST_S * len(results) / seconds) if seconds else self._most
        self._limit = max(2, min(self._most, self._limit * 2, in_time))

    def _refused(self, items: Sequence[BulkItem], error: RequestError) -> None:
        """Handle a bulk that was refused as a whole, so that nothing of it was carried out."""
        proof = verdict(error, Purpose.CREATE)
        if answer_of(error) is Answer.TOO_LARGE or proof is Verdict.RATE_LIMIT:
            self._most = min(self._most, len(items) // 2)
            self._limit = min(self._limit, self._most)
            if proof is not Verdict.RATE_LIMIT:  # or else the requests show if the target is down
                self._waiting.extendleft(reversed([one for one in items if not one.result.done()]))
            if self._most < 2:
                self._turn_off(error.brief)
        elif isinstance(error, ErrorResponse) and error.kind in _UNSUPPORTED:
            self._turn_off(error.brief, for_good=True)
        elif proof is Verdict.TOKEN or not isinstance(
            error, ErrorResponse | InvalidResponse | InvalidRequest
        ):
            raise error
        else:
            self._note_refusal(error.brief)

    def _note_refusal(self, why: str) -> None:
        self._refusals += 1
        if self._refusals >= MAX_REFUSALS:
            self._turn_off(why, for_good=True)

    def _turn_off(self, why: str, *, for_good: bool = False) -> None:
        """Send all requests alone from now on, and in later runs too if `for_good`."""
        if self._is_off:
            return
        self._is_off = True
        self.unusable = why if for_good else None
        _LOG.warning("%s: requests are sent one by one: %s [SYNC-0410]", self._target, why)
        while self._waiting:
            succeed(self._waiting.popleft(), SendAgain())
