"""The way out to one target: rate, pauses, retries, and the point at which nothing more is sent.

Every request of a run goes through the target's `Channel`. It retries what may be sent again (RFC 7644 section 3.12, RFC 6585
section 4); a POST without an answer is not, since its account may exist: `Unanswered` says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scimsync.errors import LeaseHeld, ScimsyncError, TargetUnavailable
from scimsync.scim.errors import ErrorKind, ScimError, ScimProtocolError, TransportFailure, UnexpectedAnswer
from scimsync.scim.messages import Answer, Request, Sender

_LOG = logging.getLogger("scimsync")

MAX_PAUSE_S = 300.0
"""The longest that a Retry-After is obeyed within a run; what waits longer is tried by a later run."""


class Unanswered(ScimError):
    """A POST may or may not have had its effect; `cause` is what came instead of an answer."""

    def __init__(self, cause: ScimError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Stopped(ScimsyncError):
    """Nothing more is sent to this target in this run; the operation at hand was not sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often one request is tried, how long in all (seconds), and the longest random wait between two tries (seconds)."""

    attempts: int = 5
    total_s: float = 180.0
    longest_wait_s: float = 20.0


class Channel:
    """Sends requests to one target, at most `rate` a second. `sleep` and `clock` (seconds) are the run's.

    `requests` counts what was sent; `stopped` is why nothing more will be.
    """

    def __init__(
        self,
        target: str,
        client: Sender,
        *,
        rate: float | None = None,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._client = client
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._patience = patience or Patience()
        self._sleep = sleep
        self._clock = clock
        self._next_turn = 0.0
        self._ended = asyncio.Event()
        self.requests = 0
        self.stopped: ScimsyncError | None = None

    async def send(self, request: Request) -> Answer:
        """Sends `request`, again where that is safe and may help.

        Raises `Unanswered`, the errors of `ScimClient.send` once tries are used up, and `Stopped` where the target no longer
        is to be talked to: the token was refused, no connection could be made, or the lease went to another run.
        """
        try:
            return await self._once(request)
        except ScimError as error:
            if not _worth_another_try(error):
                raise
            return await self._again(request, error)

    async def _again(self, request: Request, first: ScimError) -> Answer:
        """Further tries, after the first has failed."""
        from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_after_delay, stop_any
        from tenacity.wait import wait_random_exponential

        failed = [first]

        async def attempt() -> Answer:
            if failed:
                raise failed.pop()
            return await self._once(request)

        backoff = wait_random_exponential(multiplier=0.5, max=self._patience.longest_wait_s)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            if isinstance(error, ScimProtocolError) and error.retry_after is not None:
                self._pause(error.retry_after)  # the turn waits for it
                return 0.0
            return backoff(state)

        retrying = AsyncRetrying(
            retry=retry_if_exception(_worth_another_try),
            stop=stop_any(stop_after_attempt(self._patience.attempts), stop_after_delay(self._patience.total_s)),
            wait=wait,
            sleep=self._rest,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except TransportFailure as error:
            if not error.may_have_had_effect:
                self.stop(TargetUnavailable(f"{self._target}: {error}", hint="nothing more was sent to it"))
            raise

    def stop(self, why: ScimsyncError) -> None:
        """From now on `send` raises `Stopped`, also where it waits for its turn."""
        if self.stopped is None:
            self.stopped = why
            self._ended.set()

    def lost_lease(self) -> None:
        """Another run took this target over."""
        self.stop(LeaseHeld(f"{self._target}: the lease went to another run", hint="nothing more was sent to it"))

    async def _once(self, request: Request) -> Answer:
        await self._turn()
        if self.stopped is not None:
            raise Stopped(self.stopped.message)
        self.requests += 1
        if not _LOG.isEnabledFor(logging.DEBUG):
            return await self._sent(request)
        try:
            answer = await self._sent(request)
        except ScimError as error:
            _LOG.debug("%s: %s", self._target, error)
            raise
        _LOG.debug("%s: %s %s: %s", self._target, request.method, request.target, answer.status)
        return answer

    async def _sent(self, request: Request) -> Answer:
        """Sends `request` once, and says of a POST whether it may have had its effect."""
        try:
            return await self._client.send(request)
        except ScimProtocolError as error:
            if error.kind is ErrorKind.UNAUTHORISED:
                self.stop(TargetUnavailable(f"{self._target}: {error}", hint="look at the target's token and what it may do"))
            if request.method == "POST" and error.kind is ErrorKind.SERVER and error.status != 503:
                raise Unanswered(error) from error
            raise
        except TransportFailure as error:
            if request.method == "POST" and error.may_have_had_effect:
                raise Unanswered(error) from error
            raise
        except UnexpectedAnswer as error:
            if request.method == "POST" and error.status < 300:
                raise Unanswered(error) from error
            raise

    async def _turn(self) -> None:
        """Waits until the rate and the pauses that the target asked for allow another request."""
        now = self._clock()
        turn = max(self._next_turn, now)
        self._next_turn = turn + self._interval
        if turn > now:
            await self._rest(turn - now)

    async def _rest(self, seconds: float) -> None:
        """Sleeps, but not beyond the end of this channel."""
        ways = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._ended.wait())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()

    def _pause(self, seconds: float) -> None:
        """Nothing is sent for `seconds`, by nobody: the limit that was hit is the whole target's."""
        _LOG.info("%s: asks for a pause of %.0f s", self._target, min(seconds, MAX_PAUSE_S))
        self._next_turn = max(self._next_turn, self._clock() + min(seconds, MAX_PAUSE_S))


def _worth_another_try(error: BaseException) -> bool:
    """429, 503 and what breaks on the way may pass (RFC 7644 section 3.12); the same request is refused again otherwise."""
    if isinstance(error, ScimProtocolError):
        return error.kind in (ErrorKind.TOO_MANY, ErrorKind.SERVER)
    return isinstance(error, TransportFailure)
