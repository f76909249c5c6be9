"""Release requests one by one, as fast as a rate limiter allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from scimsync.transport.quota import Quota
from scimsync.transport.rate_limiter import RateLimiter


class Throttle:
    """A queue for the tasks that send requests to one server.

    `sleep` and `clock` are in seconds. Once `is_closed` returns True, no task starts to wait, but a
    `sleep` under way still runs to its end.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        *,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        is_closed: Callable[[], bool],
    ) -> None:
        self._limiter = limiter
        self._sleep = sleep
        self._clock = clock
        self._is_closed = is_closed
        self._queue = asyncio.Lock()
        self._in_flight = 0
        self._released = asyncio.Event()

    async def wait(self, quotas: Sequence[Quota] = ()) -> None:
        """Wait until the server may be sent another request, which counts in `quotas`.

        The rate, the requests in flight, the pauses that the server requested, and the quotas
        decide. One task waits, and the others queue behind it.
        """
        async with self._queue:
            while not self._is_closed():
                if self._in_flight >= self._limiter.window:
                    self._released.clear()
                    await self._released.wait()
                elif (seconds := self._wait(quotas)) > 0:
                    await self._sleep(seconds)
                else:
                    break
            now = self._clock()
            self._limiter.take(now)
            for quota in quotas:
                quota.take(now)

    def _wait(self, quotas: Sequence[Quota]) -> float:
        now = self._clock()
        return max([self._limiter.wait(now), *(quota.wait(now) for quota in quotas)])

    def sending(self) -> None:
        """Count a request in flight."""
        self._in_flight += 1

    def received(self) -> None:
        """Count the end of a request."""
        self._in_flight -= 1
        self._released.set()
