"""The connection to one target: rate limit, retries, and the end of sending.

Every request of a run goes through the target's `TargetConnection`. It retries requests that are
safe to repeat (RFC 7644 section 3.12, RFC 6585 section 4). It does not retry a POST without a
response, as its resource may exist, and raises `OutcomeUnknown`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from scimsync.errors import LeaseHeld, ScimsyncError, TargetUnavailable
from scimsync.model.clock import ClockDoubt, doubt_of_date
from scimsync.scim.bulk import ENDPOINT as BULK
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse, Sender
from scimsync.scim.profiles.rates import RequestRate
from scimsync.targets.busy_time import BusyTime
from scimsync.targets.collector import Collector
from scimsync.targets.evidence import (
    Answer,
    OutcomeUnknown,
    Purpose,
    Verdict,
    answer_of,
    leaves_outcome_unknown,
    may_be_due_to_records,
    may_have_had_effect,
    may_retry,
    message_code,
    purpose_of,
    shows_no_service,
    verdict,
)
from scimsync.targets.product_limits import ProductLimits
from scimsync.targets.request_log import RequestLog
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.request_errors import (
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)
from scimsync.transport.retry_policy import RetryPolicy, TimeSource
from scimsync.transport.throttle import Throttle

_LOG = logging.getLogger("scimsync")

MAX_PAUSE_S = 300.0
"""The longest Retry-After in seconds that a run obeys. A longer one is left to a later run."""

MAX_FAILURES = 5
"""After this number of requests in a row that failed with all their retries, one request for the
list shows whether the target is down. If it does not respond, the run sends nothing more to it."""

MAX_FORBIDDEN = 5
"""After this number of different resources in a row that were refused with 403, the token is
refused, and no longer the single resources."""

MAX_FAILED_CREATIONS = 50
"""After this number of creations in a row that failed while other requests succeed, the run starts
no more creations."""

_SERVICE_CHECK = ScimRequest("GET", "/Users", query=(("count", "1"),))


class TargetStopped(ScimsyncError):
    """The run sends nothing more to this target. The current request was not sent."""


class TargetConnection:
    """A sender of requests to one target, no faster than the rate limiter allows.

    With `probing`, the target was down in the last run: the first request is sent alone and once,
    and others follow only after a response. `may_send` is awaited before each request and returns
    whether this run still holds its lease. `observe` is called after each request. `now` returns
    aware times. `rates` are limits of the product by class of request.

    `limits` are those of the product. `requests` counts the requests sent, and `responses` those
    with a response of a SCIM service. `stopped` is why nothing more is sent. `collector`, if any,
    sends several requests in one.
    """

    def __init__(
        self,
        target: str,
        client: Sender,
        *,
        rate_limiter: RateLimiter | None = None,
        retry_policy: RetryPolicy | None = None,
        probing: bool = False,
        may_send: Callable[[], Awaitable[bool]] | None = None,
        observe: Observer = ignore,
        time: TimeSource | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rates: Sequence[RequestRate] = (),
    ) -> None:
        self._target = target
        self._client = client
        self.rate_limiter = rate_limiter or RateLimiter()
        self._retry_policy = retry_policy or RetryPolicy()
        self._probing = probing
        self._may_send = may_send
        self._log = RequestLog(target, observe)
        self.time = time or TimeSource()
        self._now = now
        self.limits = ProductLimits(target, rates, self.time.clock)
        self._dated: tuple[str | None, datetime] | None = None
        self._throttle = Throttle(
            self.rate_limiter,
            sleep=self.sleep,
            clock=self.time.clock,
            is_closed=lambda: self.stopped is not None,
        )
        self._retry_time = replace(self.time, sleep=self.sleep)
        self._busy_time = BusyTime(self.time.clock)
        self._probe = asyncio.Lock()
        self._failures = 0
        self._forbidden = 0
        self._service_check = asyncio.Lock()
        self._failed_creations = 0
        self._stop_requested = asyncio.Event()
        self.requests = 0
        self.responses = 0
        self.stopped: ScimsyncError | None = None
        self.collector: Collector | None = None

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request`, with retries where they are safe and may help.

        Raise OutcomeUnknown, or the errors of `ScimClient.send` once the retries are used up. Raise
        TargetStopped if nothing more is sent to the target: it refused the token, no connection
        could be made, or another run holds the lease.
        """
        with self._busy_time.waiting():
            if self.collector is not None:
                return await self.collector.send(request)
            return await self.send_alone(request)

    async def ask(self, request: ScimRequest) -> ScimResponse:
        """Send `request` once; its errors show nothing about the target.

        The target may refuse the request or lack the feature, and nothing depends on it. Raise as
        `send` does.
        """
        with self._busy_time.waiting():
            return await self._send_once(request, learns=False)

    @property
    def is_probing(self) -> bool:
        """Whether the next request is the one that shows whether the target works again."""
        return self._probing

    @property
    def waited_s(self) -> float:
        """The seconds for which requests have waited for their turn and for responses so far."""
        return self._busy_time.seconds

    async def send_alone(self, request: ScimRequest) -> ScimResponse:
        """Do what `send` does, in a separate request."""
        if self._probing:
            async with self._probe:
                if self._probing:
                    return await self._send_probe(request)
        earlier_errors: list[RequestError] = []

        async def attempt() -> ScimResponse:
            try:
                return await self._send_once(request)
            except RequestError as error:
                if earlier_errors:
                    error.in_doubt = may_have_had_effect(earlier_errors[-1])
                earlier_errors.append(error)
                raise

        try:
            return await self._retry_policy.run(
                attempt,
                may_retry=lambda error: may_retry(error, request),
                waits=lambda error: not _asks_for_pause(error),
                time=self._retry_time,
            )
        except RequestError as error:
            if isinstance(error, NoResponse) and not error.may_have_had_effect:
                self._give_up("", error)
            if request.path != BULK:  # its requests are sent alone then, and count
                await self._count_failure(error)
            raise

    async def clock_doubt(self) -> ClockDoubt | None:
        """Return why the clock of this machine may be wrong, by the Date of the last response.

        If there was no response yet, request one.
        """
        if self._dated is None:
            try:
                await self.send(_SERVICE_CHECK)
            except RequestError as error:
                return ClockDoubt(f"its clock cannot be read: {error}", is_wrong=False)
        return self.known_clock_doubt

    @property
    def known_clock_doubt(self) -> ClockDoubt | None:
        """The same, as far as it is known without a request."""
        if self._dated is None:
            return None
        date, received_at = self._dated
        return doubt_of_date(self.time.date(date), received_at)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not longer than until the connection is stopped."""
        waits = [
            asyncio.ensure_future(self.time.sleep(seconds)),
            asyncio.ensure_future(self._stop_requested.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @property
    def may_create(self) -> bool:
        """Whether this run may still send creations."""
        return self._failed_creations < MAX_FAILED_CREATIONS

    def creation_failed(self, error: OutcomeUnknown) -> None:
        """Count a creation that failed in every attempt and look-up.

        After many in a row, `may_create` is False.
        """
        self._failed_creations += 1
        if self._failed_creations == MAX_FAILED_CREATIONS:
            _LOG.warning(
                "%s: %d creations in a row failed, the last: %s [SYNC-0406]",
                self._target,
                self._failed_creations,
                error.brief,
            )

    def stop(self, why: ScimsyncError) -> None:
        """Send nothing more: `send` raises TargetStopped, even if it is waiting."""
        if self.stopped is None:
            self.stopped = why
            self._stop_requested.set()

    def lost_lease(self) -> None:
        """Send nothing more, as another run took over this target."""
        self.stop(
            LeaseHeld(
                f"{self._target}: the lease went to another run",
                hint="nothing more was sent to it",
                code="SYNC-0702",
            )
        )

    async def _send_probe(self, request: ScimRequest) -> ScimResponse:
        """Send the single request that shows whether a target works again."""
        try:
            response = await self._send_once(request)
        except RequestError as error:
            if shows_no_service(error):
                self._give_up("still down", error, hint="only this one request was sent to it")
            else:
                self._probing = False
            raise
        self._probing = False
        return response

    async def _send_once(self, request: ScimRequest, *, learns: bool = True) -> ScimResponse:
        await self._throttle.wait(self.limits.quotas_of(request))
        if self._may_send is not None and not await self._may_send():
            self.lost_lease()
        if self.stopped is not None:
            raise TargetStopped(self.stopped.message, code=self.stopped.code)
        self.requests += 1
        self._throttle.sending()
        sent_at = self.time.clock()
        try:
            response = await self._client.send(request)
        except RequestError as error:
            self._log.sent(request, error, self.time.clock() - sent_at)
            if learns:
                self._learn(request, error, sent_at)
            if leaves_outcome_unknown(error, request):
                raise OutcomeUnknown(error) from error
            raise
        finally:
            self._throttle.received()
        received_at = self.time.clock()
        self.rate_limiter.accepted(received_at, sent_at)
        self._failures = 0
        self.responses += 1
        self._dated = response.date, self._now()
        self._log.sent(request, response, received_at - sent_at)
        if request.path == BULK:
            return replace(response, seconds=received_at - sent_at)
        self._note_success(request)
        return response

    def note_result(self, request: ScimRequest, result: ScimResponse | ErrorResponse) -> None:
        """Learn from the result of a request that was sent in a bulk."""
        self._log.show(request, result)
        if isinstance(result, ScimResponse):
            self._note_success(request)
        else:
            self._learn_about_token(request, result)

    def _note_success(self, request: ScimRequest) -> None:
        if purpose_of(request) is not Purpose.SEARCH:
            self._forbidden = 0
        if purpose_of(request) is Purpose.CREATE:
            self._failed_creations = 0

    def _learn(self, request: ScimRequest, error: RequestError, sent_at: float) -> None:
        """Update what is known about the target from an error.

        The error shows its rate limit, whether it accepts the token, and whether it works at all.
        """
        if isinstance(error, TokenRefused):
            self._give_up("", error, hint="check the target's auth")
        if not isinstance(error, ErrorResponse):
            return
        now = self.time.clock()
        if answer_of(error) is Answer.LIMIT:
            self.rate_limiter.refused(now, sent_at, error.retry_after)
        else:
            self.rate_limiter.accepted(now, sent_at)
        if self._learn_about_token(request, error):
            return
        if not shows_no_service(error):
            self._failures = 0
            self.responses += 1
        elif error.retry_after is not None:  # the whole target's limit was hit
            seconds = min(error.retry_after, MAX_PAUSE_S)
            _LOG.info("%s: requests a pause of %.0f s", self._target, seconds)
            self.rate_limiter.pause(now, seconds)

    def _learn_about_token(self, request: ScimRequest, error: ErrorResponse) -> bool:
        """Give up if the target refuses the token. Return whether it does."""
        refuses = verdict(error, purpose_of(request)) is Verdict.TOKEN
        if refuses or (request.path != BULK and self._is_forbidden_throughout(error)):
            self._give_up("", error, hint="check the target's token and its permissions")
            return True
        return False

    def _is_forbidden_throughout(self, error: ErrorResponse) -> bool:
        """Return whether so many resources in a row were forbidden that the token must be wrong."""
        if answer_of(error) is Answer.FORBIDDEN:
            self._forbidden += 1
        return self._forbidden >= MAX_FORBIDDEN

    async def _count_failure(self, error: RequestError) -> None:
        """Count a failed request. After several in a row, ask whether the target is down."""
        if isinstance(error, OutcomeUnknown) and not isinstance(error.cause, InvalidResponse):
            return  # it was sent only once; the look-up that follows counts
        if not shows_no_service(error):
            return
        self._failures += 1
        if self._failures < MAX_FAILURES:
            return
        async with self._service_check:
            if self._failures >= MAX_FAILURES and self.stopped is None:
                await self._check_service(error)

    async def _check_service(self, error: RequestError) -> None:
        """Give up unless the target still responds to a request for its list."""
        failures = self._failures
        if may_be_due_to_records(error):
            try:
                await self._send_once(_SERVICE_CHECK)
            except RequestError:
                pass
            else:
                return
        self._give_up(f"{failures} requests in a row failed, the last", error)

    def _give_up(
        self, problem: str, error: RequestError, hint: str = "nothing more was sent to it"
    ) -> None:
        """Send nothing more in this run, because of `error`."""
        start = f"{self._target}: {problem}: " if problem else f"{self._target}: "
        self.stop(
            TargetUnavailable(
                f"{start}{error}",
                hint=hint,
                brief=f"{start}{error.brief}",
                code=message_code(error),
            )
        )


def _asks_for_pause(error: BaseException) -> bool:
    """Return whether the target requested a pause, which the throttle applies to all requests."""
    return isinstance(error, ErrorResponse) and bool(error.retry_after)
