"""How fast a target is asked: the rate of sync.toml, and less where it answers 429.

Service providers count requests in a token bucket: so many at once, so many a second. A 429 says
that the bucket is empty. What was taken between two such moments, by the time between them, is the
rate, ever more exactly the longer it is counted. So a limit that nobody has written down is found
after two answers 429 and then used to the full, without hitting it all the time. RFC 6585 section 4
leaves to the server how it counts; counters that start anew each minute look the same from here.

No clock and no sleeping in here: `now` is seconds of any steady clock.
"""

from __future__ import annotations

from collections import deque

FIRST_WINDOW = 2
"""How many requests may be on their way to a target of which nothing is known yet."""

ANSWERS_PER_STEP = 12
"""After so many answers without a 429, one request more may be on its way."""

SLACK = 1.5
"""How many requests may go out at once at a rate that is given: a process is not woken to the
millisecond."""

SLACK_S = 0.02
"""The same in seconds, which is more at high rates."""

HOLD_S = (3.0, 60.0)
"""How long a rate that was found is kept before more is tried: as long as it took to find it,
within these bounds."""

GROWTH = 0.01
"""By how much more is tried each second then."""

GUESS = (10.0, 40.0)
"""The least and the highest rate (requests a second) that is assumed after the first 429, when
nothing was measured."""

MAX_STRIKES = 4
"""After so many measures that fit no limit, 429 is taken for a fault that has nothing to do with
the rate."""

DEAF_S = 30.0
"""How long 429 lowers nothing after that."""

_SURE = 50  # requests that a measure has to rest on before a 429 costs no pause of its own


class RateLimiter:
    """The rate of one target. `given` is the most that sync.toml or the profile allow (requests a
    second), `learned` what an earlier run has found. `rate` is in force now; None: as fast as
    answers come. `learned` says what this run has found."""

    def __init__(
        self, given: float | None = None, *, concurrency: int = 8, learned: float | None = None
    ) -> None:
        self._given = given
        self._concurrency = concurrency
        self._window = FIRST_WINDOW
        self._quiet = 0
        self.learned = (
            learned if learned is not None and (given is None or learned < given) else None
        )
        self.refusals = 0
        self._level = 0.0
        self._filled_at: float | None = None
        self._blocked_until = float("-inf")
        self._recent: deque[float] = deque()
        self._accepted = 0
        self._run_of_refusals = 0
        self._began: float | None = None
        # what 429s have taught: when the last was answered, since when and how much is counted
        self._event_at = float("-inf")
        self._events = 2 if self.learned is not None else 0
        self._counted = 0
        self._counted_s = 0.0
        self._in_window = 0
        self._window_paused = 0.0
        self._capacity: float | None = None
        self._strikes = 0
        self._deaf_until = float("-inf")

    @property
    def window(self) -> int:
        """How many requests may be on their way at once."""
        return min(self._window, self._concurrency)

    def rate(self, now: float) -> float | None:
        """Requests a second that are sent at most."""
        if self.learned is None:
            return self._given
        found = self.learned * (1 + 0.5 / max(self._counted, 25))
        since = now - max(
            self._event_at, self._blocked_until, now if self._began is None else self._began
        )
        if self._events == 1:
            # a guess; only the next 429 makes it a measure
            found = self.learned * 2 ** min(max(since, 0.0), 20.0)
        elif since > (hold := min(max(self._counted / self.learned, HOLD_S[0]), HOLD_S[1])):
            found *= (1 + GROWTH) ** min(since - hold, 2000.0)
        return found if self._given is None else min(found, self._given)

    def wait(self, now: float) -> float:
        """Seconds until the next request may go out; 0 for now."""
        if now < self._blocked_until:
            return self._blocked_until - now
        rate = self.rate(now)
        if rate is None:
            return 0.0
        self._fill(now, rate)
        return max(0.0, 1.0 - self._level) / rate

    def take(self, now: float) -> None:
        """A request goes out."""
        if self._began is None:
            self._began = now
        if self.rate(now) is not None:
            self._level -= 1.0

    def accepted(self, now: float, sent_at: float) -> None:
        """A request that went out at `sent_at` was answered, and not with 429."""
        self._accepted += 1
        self._run_of_refusals = 0
        if sent_at >= self._event_at:
            self._in_window += 1
        self._recent.append(now)
        while self._recent[0] < now - 1.0:
            self._recent.popleft()
        self._quiet += 1
        if self._quiet % ANSWERS_PER_STEP == 0:
            self._window = min(self._window + 1, self._concurrency)

    def refused(self, now: float, sent_at: float, retry_after: float | None) -> None:
        """A request that went out at `sent_at` was answered with 429; `retry_after` is the pause
        asked for, in seconds."""
        self.refusals += 1
        self._run_of_refusals += 1
        self._quiet = 0
        if sent_at < self._event_at or now < self._deaf_until:
            return  # it was on its way when the last one came
        if (
            self._events == 0
            and not retry_after
            and self._run_of_refusals < min(2, self._concurrency)
        ):
            return  # one alone is no limit yet
        self._learn(now)
        self._event_at = now
        self._window = max(FIRST_WINDOW, self._window // 2)
        self._level, self._filled_at = 0.0, now
        self._in_window, self._window_paused = 0, 0.0
        if not retry_after and self._counted < _SURE and self.learned is not None:
            self.pause(now, 0.5)

    def pause(self, now: float, seconds: float) -> None:
        """Nothing goes out for `seconds`: the limit that was hit is the whole target's."""
        until = max(self._blocked_until, now + seconds)
        added = until - max(self._blocked_until, now)
        self._blocked_until = until
        self._window_paused += added

    def _fill(self, now: float, rate: float) -> None:
        if self._filled_at is None:
            self._level, self._filled_at = 1.0, now
        most = max(rate * SLACK_S, SLACK)
        if self.learned is not None:
            most = max(most, 2.0, 0.97 * (self._capacity or 0.0))
        self._level = min(self._level + (now - self._filled_at) * rate, most)
        self._filled_at = now

    def _learn(self, now: float) -> None:
        """The bucket is empty: what was taken since it last was is what flows into it."""
        self._events += 1
        if self._events == 1 or self._event_at == float("-inf"):
            self._start(now)
            return
        rate = self.rate(now) or 0.0
        seconds = self._seconds(now)
        window = self._in_window / seconds
        # the guess may have been far too low, and the bucket run over meanwhile
        if self._events == 2:
            window = max(window, len(self._recent) - max(self._capacity or 0.0, 2.0))
        # another limit than the one that was counted
        if self._events == 2 or not 0.8 * rate <= window <= 1.25 * rate:
            self._strikes += self._events > 2 or window < 0.5 * rate
            self._counted, self._counted_s = 0, 0.0
        else:  # what is known ever better is met ever more seldom
            self._strikes = self._strikes + 1 if self._in_window < self._counted / 8 else 0
        self._counted += self._in_window
        self._counted_s += seconds
        self.learned = max(
            self._counted / self._counted_s, window if self._events == 2 else 0.0, 0.5 * rate, 0.1
        )
        if self._strikes >= MAX_STRIKES:
            self.learned, self._events, self._strikes, self._deaf_until = None, 0, 0, now + DEAF_S

    def _start(self, now: float) -> None:
        """The first 429 of this run: what was accepted at once is how much the bucket holds, and
        the only hint at its rate."""
        burst = float(len(self._recent))
        if self.learned is None:
            self.learned = min(max(burst, GUESS[0]), GUESS[1])
            if self._began is not None and now - self._began < 1.0:
                self._capacity = burst
            self._events = 1
        else:
            self._events = 2
        self._counted, self._counted_s = 0, 0.0

    def _seconds(self, now: float) -> float:
        """How long the bucket was filled since the last event: in a pause it may have been full
        before the end."""
        seconds, held = max(now - self._event_at, 1e-6), self._capacity
        active = seconds - self._window_paused
        if (
            held is None
            or active < 0.2
            or self._in_window * self._window_paused / seconds <= 1.1 * held
        ):
            return seconds
        return self._in_window * active / max(self._in_window - held, 1.0)
