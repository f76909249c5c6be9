"""An unknown rate limit is found by few 429 responses, and then used fully.

A token bucket and the requests in flight are simulated event by event, without a clock.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from itertools import count

import pytest

from scimsync.transport.rate_limiter import RateLimiter


@dataclass
class Bucket:
    """A strict token bucket: it gets `rate` tokens per second and holds at most `capacity`. `noise`
    is the probability of a refusal without reason."""

    rate: float
    capacity: float
    noise: float = 0.0
    level: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.capacity

    def takes(self, now: float, chance: random.Random) -> bool:
        if now > self.at:
            self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
            self.at = now
        if chance.random() < self.noise or self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass(frozen=True)
class Result:
    """`used` is the share of the tokens that were available in this time, `refused` the share of
    429 among responses."""

    seconds: float
    used: float
    refused: float
    rate: float | None


def send(
    number: int,
    bucket: Bucket,
    limiter: RateLimiter,
    *,
    retry_after: float | None,
    concurrency: int = 8,
    seed: int = 1,
) -> Result:
    """Send until `number` requests were accepted."""
    chance, ticket, rate, capacity = random.Random(seed), count(), bucket.rate, bucket.capacity
    now, todo, done, refused = 100.0, number, 0, 0
    bucket.at = began = now
    in_flight: list[tuple[float, int, bool, float]] = []
    later: list[float] = []
    while done < number:
        free = todo > 0 and len(in_flight) < min(limiter.window, concurrency)
        if free and limiter.wait(now) <= 1e-9:
            limiter.take(now)
            todo -= 1
            latency = chance.uniform(0.001, 0.004)
            heapq.heappush(
                in_flight,
                (now + latency, next(ticket), bucket.takes(now + latency / 2, chance), now),
            )
            continue
        moments = [in_flight[0][0]] if in_flight else []
        moments += [later[0]] if later else []
        moments += [now + max(limiter.wait(now), 1e-6) + chance.uniform(0, 0.001)] if free else []
        now = min(moments)
        while later and later[0] <= now:
            heapq.heappop(later)
            todo += 1
        while in_flight and in_flight[0][0] <= now:
            _, _, taken, sent_at = heapq.heappop(in_flight)
            if taken:
                limiter.accepted(now, sent_at)
                done += 1
                continue
            refused += 1
            limiter.refused(now, sent_at, retry_after)
            if retry_after:
                limiter.pause(now, retry_after)
            heapq.heappush(later, now if retry_after else now + chance.uniform(0, 0.5))
    seconds = now - began
    return Result(
        seconds,
        number / min(number, capacity + rate * seconds),
        refused / (number + refused),
        limiter.rate(now),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("retry_after", [1.0, None], ids=["Retry-After", "without"])
def test_an_unknown_limit_is_found_and_used(seed: int, retry_after: float | None) -> None:
    result = send(1000, Bucket(25, 25), RateLimiter(), retry_after=retry_after, seed=seed)

    assert 1000 / (25 * result.seconds) >= 0.98
    assert result.refused <= 0.01


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("capacity", [2, 3, 5, 25, 100])
def test_a_known_limit_is_used_and_never_hit(seed: int, capacity: int) -> None:
    result = send(1000, Bucket(25, capacity), RateLimiter(25), retry_after=1.0, seed=seed)

    assert 1000 / (25 * result.seconds) >= 0.98
    assert result.refused == 0


@pytest.mark.parametrize(
    ("rate", "capacity"), [(25, 10), (25, 50), (25, 100), (5, 5), (100, 100), (250, 250)]
)
def test_limits_of_all_kinds_are_found(rate: float, capacity: float) -> None:
    result = send(2000, Bucket(rate, capacity), RateLimiter(), retry_after=None)

    assert result.used >= 0.8
    assert result.refused <= 0.02
    assert result.rate == pytest.approx(rate, rel=0.2)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_429_without_a_limit_does_not_slow_a_push_down_for_long(
    noise: float, concurrency: int
) -> None:
    never = Bucket(1e9, 1e9, noise)

    result = send(
        1000, never, RateLimiter(concurrency=concurrency), retry_after=None, concurrency=concurrency
    )

    assert result.seconds < 400


def test_a_run_starts_with_the_rate_that_an_earlier_one_learned() -> None:
    first = RateLimiter()
    send(1000, Bucket(25, 25), first, retry_after=1.0)

    result = send(500, Bucket(25, 25), RateLimiter(learned=first.learned), retry_after=1.0)

    assert first.learned == pytest.approx(25, rel=0.03)
    assert result.refused <= 0.01


def test_the_configured_rate_is_never_exceeded() -> None:
    limiter = RateLimiter(10)

    result = send(200, Bucket(1000, 1000), limiter, retry_after=None)

    assert result.seconds >= 19.5
