"""Decide how fast to send: at the configured rate, and slower where the server answers with 429.

Servers count requests in a token bucket: a number at once, and a number per second. A 429 shows
that the bucket is empty. The requests accepted between two such moments, divided by the time
between them, are the rate of the bucket, more precisely the longer the count goes on. So an unknown
limit is found after two 429 responses and then used fully, without hitting it all the time. RFC
6585 section 4 leaves it to the server how to count; counters that are reset each minute look the
same from here.

This module has no clock and does not sleep: `now` is in seconds of any steady clock.
"""

from __future__ import annotations

from collections import deque

FIRST_WINDOW = 2
"""Requests that may be in flight to a server of which nothing is known yet."""

RESPONSES_PER_STEP = 12
"""After so many responses without a 429, one more request may be in flight."""

BURST = 1.5
"""Requests that may go out at once at a given rate, as a process is not woken to the
millisecond."""

BURST_S = 0.02
"""The same in seconds, which is more at high rates."""

HOLD_S = (3.0, 60.0)
"""How long a learned rate is kept before a higher one is tried: as long as it was measured, within
these bounds."""

GROWTH = 0.01
"""The share by which the rate then grows each second."""

GUESS = (10.0, 40.0)
"""Bounds (requests per second) of the rate that is assumed after the first 429, before anything was
measured."""

MAX_MISFITS = 4
"""After so many measurements that fit no limit, 429 responses are taken for a fault that does not
depend on the rate."""

IGNORE_S = 30.0
"""How long 429 responses do not lower the rate then."""

_SURE = 50  # accepted requests that a measurement needs before a 429 causes no pause of its own


class RateLimiter:
    """The rate of requests to one server.

    `given` is the highest rate that the configuration allows (requests per second), `learned` the
    rate that an earlier run measured. The attribute `learned` holds what this run measured, None
    without a limit; `refusals` counts 429 responses.
    """

    def __init__(
        self, given: float | None = None, *, concurrency: int = 8, learned: float | None = None
    ) -> None:
        self._given = given
        self._concurrency = concurrency
        self._window = FIRST_WINDOW
        self._responses = 0  # since the last 429
        self.learned = (
            learned if learned is not None and (given is None or learned < given) else None
        )
        self.refusals = 0
        self._refusals_in_a_row = 0
        # the bucket from which requests are taken
        self._level = 0.0
        self._filled_at: float | None = None
        self._paused_until = float("-inf")
        # what was sent and accepted
        self._began_at: float | None = None
        self._last_second: deque[float] = deque()
        # what 429 responses show: when the server's bucket was last empty, how often it was, and
        # how many requests in how many seconds the current measurement counts
        self._empty_at = float("-inf")
        self._times_empty = 2 if self.learned is not None else 0
        self._counted = 0
        self._counted_s = 0.0
        self._since_empty = 0
        self._paused_since_empty = 0.0
        self._capacity: float | None = None
        self._misfits = 0
        self._ignored_until = float("-inf")

    @property
    def window(self) -> int:
        """How many requests may be in flight."""
        return min(self._window, self._concurrency)

    def rate(self, now: float) -> float | None:
        """Return the highest rate of requests per second; None for as fast as responses come."""
        if self.learned is None:
            return self._given
        rate = self.learned * (1 + 0.5 / max(self._counted, 25))
        began_at = now if self._began_at is None else self._began_at
        since = now - max(self._empty_at, self._paused_until, began_at)
        if self._times_empty == 1:  # a guess; only the next 429 makes it a measurement
            rate = self.learned * 2 ** min(max(since, 0.0), 20.0)
        elif since > (hold := min(max(self._counted / self.learned, HOLD_S[0]), HOLD_S[1])):
            rate *= (1 + GROWTH) ** min(since - hold, 2000.0)
        return rate if self._given is None else min(rate, self._given)

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may go out; 0 for now."""
        if now < self._paused_until:
            return self._paused_until - now
        rate = self.rate(now)
        if rate is None:
            return 0.0
        self._fill(now, rate)
        return max(0.0, 1.0 - self._level) / rate

    def take(self, now: float) -> None:
        """Count a request that goes out."""
        if self._began_at is None:
            self._began_at = now
        if self.rate(now) is not None:
            self._level -= 1.0

    def accepted(self, now: float, sent_at: float) -> None:
        """Count a response other than 429 to a request that went out at `sent_at`."""
        self._refusals_in_a_row = 0
        if sent_at >= self._empty_at:
            self._since_empty += 1
        self._last_second.append(now)
        while self._last_second[0] < now - 1.0:
            self._last_second.popleft()
        self._responses += 1
        if self._responses % RESPONSES_PER_STEP == 0:
            self._window = min(self._window + 1, self._concurrency)

    def refused(self, now: float, sent_at: float, retry_after: float | None) -> None:
        """Learn from a 429 response to a request that was sent at `sent_at`.

        `retry_after` is the pause that the response asks for, in seconds.
        """
        self.refusals += 1
        self._refusals_in_a_row += 1
        self._responses = 0
        if sent_at < self._empty_at or now < self._ignored_until:
            return  # it was in flight when the last one came
        enough = min(2, self._concurrency)
        if self._times_empty == 0 and not retry_after and self._refusals_in_a_row < enough:
            return  # one alone is not a limit yet
        self._learn(now)
        self._empty_at = now
        self._window = max(FIRST_WINDOW, self._window // 2)
        self._level, self._filled_at = 0.0, now
        self._since_empty, self._paused_since_empty = 0, 0.0
        if not retry_after and self._counted < _SURE and self.learned is not None:
            self.pause(now, 0.5)

    def pause(self, now: float, seconds: float) -> None:
        """Let nothing go out for `seconds`, because a limit of the whole server was hit."""
        until = max(self._paused_until, now + seconds)
        self._paused_since_empty += until - max(self._paused_until, now)
        self._paused_until = until

    def _fill(self, now: float, rate: float) -> None:
        if self._filled_at is None:
            self._level, self._filled_at = 1.0, now
        capacity = max(rate * BURST_S, BURST)
        if self.learned is not None:
            capacity = max(capacity, 2.0, 0.97 * (self._capacity or 0.0))
        self._level = min(self._level + (now - self._filled_at) * rate, capacity)
        self._filled_at = now

    def _learn(self, now: float) -> None:
        """Measure the rate of the server's bucket.

        What was accepted since it was last empty has flowed into it.
        """
        self._times_empty += 1
        if self._times_empty == 1 or self._empty_at == float("-inf"):
            self._guess(now)
            return
        first = self._times_empty == 2
        rate = self.rate(now) or 0.0
        seconds = self._filling_s(now)
        measured = self._since_empty / seconds
        if first:  # the guess may have been far too low, and the bucket full meanwhile
            measured = max(measured, len(self._last_second) - max(self._capacity or 0.0, 2.0))
        if first or not 0.8 * rate <= measured <= 1.25 * rate:  # another limit than was counted
            self._misfits += not first or measured < 0.5 * rate
            self._counted, self._counted_s = 0, 0.0
        elif self._since_empty < self._counted / 8:  # a limit that is known well is hit rarely
            self._misfits += 1
        else:
            self._misfits = 0
        self._counted += self._since_empty
        self._counted_s += seconds
        self.learned = max(
            self._counted / self._counted_s, measured if first else 0.0, 0.5 * rate, 0.1
        )
        if self._misfits >= MAX_MISFITS:
            self.learned, self._times_empty, self._misfits = None, 0, 0
            self._ignored_until = now + IGNORE_S

    def _guess(self, now: float) -> None:
        """Take the first 429 of this run as a measurement.

        What was accepted at once is the capacity of the bucket, and the only hint at its rate.
        """
        burst = float(len(self._last_second))
        if self.learned is None:
            self.learned = min(max(burst, GUESS[0]), GUESS[1])
            if self._began_at is not None and now - self._began_at < 1.0:
                self._capacity = burst
            self._times_empty = 1
        else:
            self._times_empty = 2
        self._counted, self._counted_s = 0, 0.0

    def _filling_s(self, now: float) -> float:
        """Return how many seconds the bucket was filled since it was last empty.

        It may have been full before the end of a pause.
        """
        seconds, capacity = max(now - self._empty_at, 1e-6), self._capacity
        active = seconds - self._paused_since_empty
        if (
            capacity is None
            or active < 0.2
            or self._since_empty * self._paused_since_empty / seconds <= 1.1 * capacity
        ):
            return seconds
        return self._since_empty * active / max(self._since_empty - capacity, 1.0)
