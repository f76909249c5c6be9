"""Retry requests that may succeed later, with waits in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TypeVar

from scimsync.transport.http_date import http_date

Result = TypeVar("Result")

_FIRST_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class TimeSource:
    """A sleep function, a steady clock (both in seconds), and random numbers between two bounds.

    `date` reads the Date header of a response. Tests pass their own.
    """

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = monotonic
    uniform: Callable[[float, float], float] = random.uniform
    date: Callable[[str | None], datetime | None] = http_date


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts at one request, and the seconds for them after its first failure.

    The waits between attempts are random ("full jitter"). The longest wait is half a second at
    first and doubles with each attempt, up to `longest_wait_s`.
    """

    attempts: int = 5
    total_s: float = 180.0
    longest_wait_s: float = 20.0

    async def run(
        self,
        attempt: Callable[[], Awaitable[Result]],
        *,
        may_retry: Callable[[BaseException], bool],
        waits: Callable[[BaseException], bool],
        time: TimeSource,
    ) -> Result:
        """Return the result of the first attempt that succeeds.

        `may_retry` returns whether another attempt may help after an error. The last error is
        raised. `waits` returns whether to wait after an error; otherwise `attempt` itself waits.
        """
        from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

        failed_at: list[float] = []

        def stop(state: RetryCallState) -> bool:
            failed_at.append(time.clock())
            return (
                state.attempt_number >= self.attempts
                or failed_at[-1] - failed_at[0] >= self.total_s
            )

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            if error is not None and not waits(error):
                return 0.0
            longest = _FIRST_WAIT_S * 2 ** (state.attempt_number - 1)
            return time.uniform(0.0, min(longest, self.longest_wait_s))

        retrying = AsyncRetrying(
            retry=retry_if_exception(may_retry),
            stop=stop,
            wait=wait,
            sleep=time.sleep,
            reraise=True,
        )
        return await retrying(attempt)
