"""Decide how fast to send: at the configured rate, and slower if the server responds with 429.

Servers count requests in a token bucket: a number at once, and a number per second. A 429 shows
that the bucket is empty. The requests accepted between two such moments, divided by the time
between them, are the rate of the bucket, and longer counts are more precise. So an unknown limit is
found after two 429 responses and then used fully, without hitting it all the time. RFC 6585 section
4 leaves the way of counting to the server. Counters that are reset each minute look the same from
here.

This module has no clock and does not sleep: `now` is in seconds of any steady clock.
"""

from __future__ import annotations

from collections import deque

FIRST_WINDOW = 2
"""The number of requests that may be in flight to an unknown server."""

RESPONSES_PER_STEP = 12
"""After this number of responses without a 429, one more request may be in flight."""

BURST = 1.5
"""Requests that may be sent at once at a configured rate, since sleeps are not exact to the
millisecond."""

BURST_S = 0.02
"""The same in seconds of the rate, which allows more at high rates."""

HOLD_S = (3.0, 60.0)
"""Bounds of the seconds for which a learned rate is kept before a higher one is tried. Within them,
it is kept for as long as it was measured."""

GROWTH = 0.01
"""The share by which the rate grows each second after that."""

GUESS = (10.0, 40.0)
"""Bounds (requests per second) of the rate that is assumed after the first 429, before any
measurement."""

MAX_MISFITS = 4
"""After this number of measurements that fit no limit, 429 responses count as a fault that does not
depend on the rate."""

IGNORE_S = 30.0
"""Seconds for which 429 responses do not lower the rate after that."""

_MIN_MEASURED = 50
"""Accepted requests that a measurement needs before a 429 causes no pause of its own."""


class RateLimiter:
    """The rate of requests to one server.

    `configured` is the highest rate that the configuration allows (requests per second), and
    `learned` the rate that an earlier run measured. The attribute `learned` holds the rate that
    this run measured, None without a limit; `refusals` counts 429 responses.
    """

    def __init__(
        self, configured: float | None = None, *, concurrency: int = 8, learned: float | None = None
    ) -> None:
        self._configured = configured
        self._concurrency = concurrency
        self._window = FIRST_WINDOW
        self._responses = 0  # since the last 429
        self.learned = (
            learned
            if learned is not None and (configured is None or learned < configured)
            else None
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
        # what 429 responses show: when the server's bucket was last empty, how often it was empty,
        # and the requests and seconds of the current measurement
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
        """The number of requests that may be in flight."""
        return min(self._window, self._concurrency)

    def rate(self, now: float) -> float | None:
        """Return the highest rate in requests per second, or None for no limit."""
        if self.learned is None:
            return self._configured
        rate = self.learned * (1 + 0.5 / max(self._counted, 25))
        began_at = now if self._began_at is None else self._began_at
        since = now - max(self._empty_at, self._paused_until, began_at)
        if self._times_empty == 1:  # a guess until the next 429 makes it a measurement
            rate = self.learned * 2 ** min(max(since, 0.0), 20.0)
        elif since > (hold := min(max(self._counted / self.learned, HOLD_S[0]), HOLD_S[1])):
            rate *= (1 + GROWTH) ** min(since - hold, 2000.0)
        return rate if self._configured is None else min(rate, self._configured)

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent, 0 for now."""
        if now < self._paused_until:
            return self._paused_until - now
        rate = self.rate(now)
        if rate is None:
            return 0.0
        self._fill(now, rate)
        return max(0.0, 1.0 - self._level) / rate

    def take(self, now: float) -> None:
        """Count a request that is sent."""
        if self._began_at is None:
            self._began_at = now
        if self.rate(now) is not None:
            self._level -= 1.0

    def accepted(self, now: float, sent_at: float) -> None:
        """Count a response other than 429 to a request that was sent at `sent_at`."""
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

        `retry_after` is the pause that the response requests, in seconds.
        """
        self.refusals += 1
        self._refusals_in_a_row += 1
        self._responses = 0
        if sent_at < self._empty_at or now < self._ignored_until:
            return  # it was in flight when the last 429 arrived
        needed = min(2, self._concurrency)
        if self._times_empty == 0 and not retry_after and self._refusals_in_a_row < needed:
            return  # a single 429 is not a limit yet
        self._learn(now)
        self._empty_at = now
        self._window = max(FIRST_WINDOW, self._window // 2)
        self._level, self._filled_at = 0.0, now
        self._since_empty, self._paused_since_empty = 0, 0.0
        if not retry_after and self._counted < _MIN_MEASURED and self.learned is not None:
            self.pause(now, 0.5)

    def pause(self, now: float, seconds: float) -> None:
        """Send nothing for `seconds`, because a limit of the whole server was hit."""
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

        The requests accepted since it was last empty equal its refill.
        """
        self._times_empty += 1
        if self._times_empty == 1 or self._empty_at == float("-inf"):
            self._guess(now)
            return
        first = self._times_empty == 2
        rate = self.rate(now) or 0.0
        seconds = self._filling_s(now)
        measured = self._since_empty / seconds
        if first:  # the guess may have been far too low, so that the bucket was full
            measured = max(measured, len(self._last_second) - max(self._capacity or 0.0, 2.0))
        if first or not 0.8 * rate <= measured <= 1.25 * rate:  # a different limit
            self._misfits += not first or measured < 0.5 * rate
            self._counted, self._counted_s = 0, 0.0
        elif self._since_empty < self._counted / 8:  # a well-known limit is hit rarely
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
        """Guess the rate from the first 429 of this run.

        The requests accepted at once are the capacity of the bucket, and the only hint at its rate.
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
        """Return the seconds for which the bucket was filled since it was last empty.

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
