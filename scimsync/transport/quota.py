"""A number of requests that a server takes in a period, such as 600 writes a minute.

Servers count in periods that start with the first request, with each minute, or that slide. Sending
no more than `limit` requests in any period of this length obeys all of them. Requests take longer
or shorter to arrive, so that a period is a bit longer here.
"""

from __future__ import annotations

from collections import deque

MARGIN = 0.1
"""The margin added to a period, as a share of it, but at most `MARGIN_S` seconds."""

MARGIN_S = 1.0


class Quota:
    """The requests of one class that were sent in the last `seconds`, at most `limit`.

    Like the rate limiter, it has no clock: `now` is in seconds of any steady clock.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds + min(MARGIN * seconds, MARGIN_S)
        self._sent: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Return the seconds until one more request may be sent, 0 for now."""
        if len(self._sent) < self._limit:
            return 0.0
        return max(0.0, self._sent[0] + self._seconds - now)

    def take(self, now: float) -> None:
        """Count a request that is sent."""
        self._sent.append(now)
        if len(self._sent) > self._limit:
            self._sent.popleft()
