"""The way out to one target: pace, pauses, retries, and the point at which nothing more is sent.

Every request of a run goes through the target's `Channel`. It retries what may be sent again (RFC
7644 section 3.12, RFC 6585 section 4); a POST without an answer is not, since its account may
exist: `OutcomeUnknown` says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scimsync.errors import LeaseHeld, ScimsyncError, TargetUnavailable
from scimsync.logcontext import PERSONAL
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse, Sender
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError

_LOG = logging.getLogger("scimsync")

MAX_PAUSE_S = 300.0
"""The longest that a Retry-After is obeyed within a run; what waits longer is tried by a later
run."""

MAX_FAILURES = 5
"""So many requests in a row that all their tries did not help, and the target is down: nothing more
is sent in this run."""

MAX_UNMADE = 50
"""So many creations in a row that came to nothing although all else is answered, and no more are
begun in this run."""


class OutcomeUnknown(RequestError):
    """A POST may or may not have had its effect; `cause` is what came instead of an answer."""

    def __init__(self, cause: RequestError) -> None:
        super().__init__(str(cause))
        self.cause = cause

    @property
    def brief(self) -> str:
        return self.cause.brief


class TargetStopped(ScimsyncError):
    """Nothing more is sent to this target in this run; the operation at hand was not sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often one request is tried, how long in all (seconds), and the longest random wait
    between two tries (seconds)."""

    attempts: int = 5
    total_s: float = 180.0
    longest_wait_s: float = 20.0


class TargetConnection:
    """Sends requests to one target, no faster than `pace`. `sleep` and `clock` (seconds) are the
    run's.

    With `probing` the first request goes alone and once, and only its answer lets others follow:
    the target was down when it was asked last. `may_send` is asked before each request whether this
    run still is the one at work; `observe` is told of each request. `requests` counts what was
    sent, `answers` what was answered by SCIM; `stopped` is why nothing more will be.
    """

    def __init__(
        self,
        target: str,
        client: Sender,
        *,
        pace: RateLimiter | None = None,
        patience: Patience | None = None,
        probing: bool = False,
        may_send: Callable[[], Awaitable[bool]] | None = None,
        observe: Observer = ignore,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._client = client
        self.pace = pace or RateLimiter()
        self._patience = patience or Patience()
        self._observe = observe
        self._sleep = sleep
        self._clock = clock
        self._gate = asyncio.Lock()
        self._in_flight = 0
        self._answered = asyncio.Event()
        self._probing = probing
        self._may_send = may_send
        self._probe = asyncio.Lock()
        self._failures = 0
        self._unmade = 0
        self._ended = asyncio.Event()
        self.requests = 0
        self.answers = 0
        self.stopped: ScimsyncError | None = None

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Sends `request`, again where that is safe and may help.

        Raises `OutcomeUnknown`, the errors of `ScimClient.send` once tries are used up, and
        `TargetStopped` where nothing more is sent to the target: the token was refused, no
        connection could be made, or another run holds the lease.
        """
        if self._probing:
            async with self._probe:
                if self._probing:
                    return await self._ask_first(request)
        try:
            return await self._once(request)
        except RequestError as error:
            if not _worth_another_try(error, request):
                self._judge(error)
                raise
            return await self._again(request, error)

    async def _ask_first(self, request: ScimRequest) -> ScimResponse:
        """Sends the one request that shows whether a target is back."""
        try:
            answer = await self._once(request)
        except RequestError as error:
            if _says_nothing_good(error):
                self._give_up("still down", error, hint="only this one request was sent to it")
                raise
            self._probing = False
            raise
        self._probing = False
        return answer

    def unmade(self, error: OutcomeUnknown) -> None:
        """A creation came to nothing, however often it was sent and looked for; many in a row, and
        no more are begun."""
        self._unmade += 1
        if self._unmade == MAX_UNMADE:
            _LOG.warning(
                "%s: %d creations in a row failed, the last: %s",
                self._target,
                self._unmade,
                error.brief,
            )

    @property
    def creates(self) -> bool:
        """Whether creations still have a chance in this run."""
        return self._unmade < MAX_UNMADE

    def _judge(self, error: RequestError) -> None:
        """One request came to nothing; several in a row, and it is the target that is in
        trouble."""
        if isinstance(error, OutcomeUnknown) and not isinstance(error.cause, InvalidResponse):
            return  # it was sent once only; what becomes of looking it up tells more
        if not _says_nothing_good(error):
            return
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self._give_up(f"{self._failures} requests in a row failed, the last", error)

    async def _again(self, request: ScimRequest, first: RequestError) -> ScimResponse:
        """Further tries, after the first has failed."""
        from tenacity import (
            AsyncRetrying,
            RetryCallState,
            retry_if_exception,
            stop_after_attempt,
            stop_after_delay,
            stop_any,
        )
        from tenacity.wait import wait_random_exponential

        failed: list[RequestError] = []

        async def attempt() -> ScimResponse:
            if not failed:
                failed.append(first)
                raise first
            try:
                return await self._once(request)
            except RequestError as error:
                error.in_doubt = may_have_had_effect(failed[-1])
                failed.append(error)
                raise

        backoff = wait_random_exponential(multiplier=0.5, max=self._patience.longest_wait_s)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            if isinstance(error, ErrorResponse) and error.retry_after:
                # the turn waits for it; a target that names no time is given some all the same
                return 0.0
            return backoff(state)

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: _worth_another_try(error, request)),
            stop=stop_any(
                stop_after_attempt(self._patience.attempts),
                stop_after_delay(self._patience.total_s),
            ),
            wait=wait,
            sleep=self.rest,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except NoResponse as error:
            if not error.may_have_had_effect:
                self._give_up("", error)
            self._judge(error)
            raise
        except RequestError as error:
            self._judge(error)
            raise

    def _give_up(
        self, what: str, error: RequestError, hint: str = "nothing more was sent to it"
    ) -> None:
        """The target is not to be used any more in this run, because of `error`."""
        start = f"{self._target}: {what}: " if what else f"{self._target}: "
        self.stop(TargetUnavailable(f"{start}{error}", hint=hint, brief=f"{start}{error.brief}"))

    def stop(self, why: ScimsyncError) -> None:
        """From now on `send` raises `TargetStopped`, also where it waits for its turn."""
        if self.stopped is None:
            self.stopped = why
            self._ended.set()

    def lost_lease(self) -> None:
        """Another run took this target over."""
        self.stop(
            LeaseHeld(
                f"{self._target}: the lease went to another run", hint="nothing more was sent to it"
            )
        )

    async def _once(self, request: ScimRequest) -> ScimResponse:
        await self._turn()
        if self._may_send is not None and not await self._may_send():
            self.lost_lease()
        if self.stopped is not None:
            raise TargetStopped(self.stopped.message)
        self.requests += 1
        self._in_flight += 1
        sent_at = self._clock()
        try:
            answer = await self._sent(request)
        except RequestError as error:
            self._tell(request, error, sent_at)
            self._learn(error, sent_at)
            raise
        finally:
            self._in_flight -= 1
            self._answered.set()
        self.pace.accepted(self._clock(), sent_at)
        self._failures = 0
        if request.method == "POST":
            self._unmade = 0
        self.answers += 1
        self._tell(request, answer, sent_at)
        return answer

    def _tell(
        self, request: ScimRequest, came: ScimResponse | RequestError, sent_at: float
    ) -> None:
        """Log and metrics of one request. Filters and the words of a target may name people."""
        cause = came.cause if isinstance(came, OutcomeUnknown) else came
        status = (
            cause.status
            if isinstance(cause, ScimResponse | ErrorResponse | InvalidResponse)
            else None
        )
        self._observe(self._target, request.method, status, self._clock() - sent_at)
        if not _LOG.isEnabledFor(logging.DEBUG):
            return
        said = f"{self._target}: {request.method} {request.path}"
        if isinstance(cause, ScimResponse):
            whole = brief = f"{said}: {status}"
            if request.target != request.path:
                whole, brief = (
                    f"{self._target}: {request.method} {request.target}: {status}",
                    f"{said}?…: {status}",
                )
        else:
            whole, brief = f"{self._target}: {cause}", f"{self._target}: {cause.brief}"
        _LOG.debug(whole if _LOG.isEnabledFor(PERSONAL) else brief)

    def _learn(self, error: RequestError, sent_at: float) -> None:
        """What an error says about the target's limits, and whether it is there at all."""
        cause = error.cause if isinstance(error, OutcomeUnknown) else error
        if not isinstance(cause, ErrorResponse):
            return
        now = self._clock()
        if cause.kind is ErrorKind.TOO_MANY:
            self.pace.refused(now, sent_at, cause.retry_after)
        else:
            self.pace.accepted(now, sent_at)
        if cause.kind not in (ErrorKind.TOO_MANY, ErrorKind.SERVER, ErrorKind.UNAUTHORISED):
            self._failures = 0
            self.answers += 1
        if cause.retry_after is not None and cause.kind in (ErrorKind.TOO_MANY, ErrorKind.SERVER):
            self._pause(cause.retry_after)

    async def _sent(self, request: ScimRequest) -> ScimResponse:
        """Sends `request` once, and says of a POST whether it may have had its effect."""
        try:
            return await self._client.send(request)
        except ErrorResponse as error:
            if error.kind is ErrorKind.UNAUTHORISED:
                self._give_up("", error, hint="look at the target's token and what it may do")
            if (
                request.method == "POST"
                and error.kind is ErrorKind.SERVER
                and not _is_put_off(error)
            ):
                raise OutcomeUnknown(error) from error
            raise
        except NoResponse as error:
            if request.method == "POST" and error.may_have_had_effect:
                raise OutcomeUnknown(error) from error
            raise
        except InvalidResponse as error:
            if request.method == "POST" and error.status < 300:
                raise OutcomeUnknown(error) from error
            raise

    async def _turn(self) -> None:
        """Waits until the rate and the pauses that the target asked for allow another request. One
        waits, the others queue."""
        async with self._gate:
            while self.stopped is None:
                if self._in_flight >= self.pace.window:
                    self._answered.clear()
                    await self._answered.wait()
                elif (seconds := self.pace.wait(self._clock())) > 0:
                    await self.rest(seconds)
                else:
                    break
            self.pace.take(self._clock())

    async def rest(self, seconds: float) -> None:
        """Sleeps, but not beyond the end of this channel."""
        ways = [
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self._ended.wait()),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()

    def _pause(self, seconds: float) -> None:
        """Nothing is sent for `seconds`, by nobody: the limit that was hit is the whole
        target's."""
        _LOG.info("%s: asks for a pause of %.0f s", self._target, min(seconds, MAX_PAUSE_S))
        self.pace.pause(self._clock(), min(seconds, MAX_PAUSE_S))


def _worth_another_try(error: BaseException, request: ScimRequest) -> bool:
    """429, 503 and what breaks on the way may pass (RFC 7644 section 3.12), and a read that was
    garbled may be asked for again; the same request is refused again otherwise."""
    if isinstance(error, InvalidResponse):
        return request.method == "GET" and error.status < 300
    return _may_pass(error)


def may_have_had_effect(error: RequestError) -> bool:
    """Whether a request that ended with `error` may have been carried out all the same, in its last
    try or in an earlier one."""
    if error.in_doubt or isinstance(error, OutcomeUnknown):
        return True
    if isinstance(error, ErrorResponse):
        return error.kind is ErrorKind.SERVER
    if isinstance(error, NoResponse):
        return error.may_have_had_effect
    return isinstance(error, InvalidResponse) and error.status < 300


def _is_put_off(error: ErrorResponse) -> bool:
    """Whether the service itself asks to come again later. A proxy before it also says 503 where it
    lost the answer."""
    return error.status == 503 and (
        error.retry_after is not None or error.detail is not None or error.scim_type is not None
    )


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, ErrorResponse):
        return error.kind in (ErrorKind.TOO_MANY, ErrorKind.SERVER)
    return isinstance(error, NoResponse)


def _says_nothing_good(error: RequestError) -> bool:
    """Whether an error is one of a target that is down or is no SCIM service; what a sound one says
    is an answer."""
    cause = error.cause if isinstance(error, OutcomeUnknown) else error
    return _may_pass(cause) or isinstance(cause, InvalidResponse)
