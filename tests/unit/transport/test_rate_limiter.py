"""A limit that nobody has written down is found by few answers 429 and then used to the full.

A token bucket and the requests on their way are simulated event by event: no clock, no waiting.
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
    """A strict token bucket: `rate` tokens a second flow in, `capacity` are held at most; `noise`
    refuses by chance."""

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
    """`used` is the share of what the bucket would have given in the same time, `refused` that of
    429 among answers."""

    seconds: float
    used: float
    refused: float
    rate: float | None


def send(
    number: int,
    bucket: Bucket,
    pace: RateLimiter,
    *,
    retry_after: float | None,
    concurrency: int = 8,
    seed: int = 1,
) -> Result:
    """Sends until `number` requests were taken."""
    chance, ticket, rate, capacity = random.Random(seed), count(), bucket.rate, bucket.capacity
    now, todo, done, refused = 100.0, number, 0, 0
    bucket.at = began = now
    on_their_way: list[tuple[float, int, bool, float]] = []
    later: list[float] = []
    while done < number:
        free = todo > 0 and len(on_their_way) < min(pace.window, concurrency)
        if free and pace.wait(now) <= 1e-9:
            pace.take(now)
            todo -= 1
            latency = chance.uniform(0.001, 0.004)
            heapq.heappush(
                on_their_way,
                (now + latency, next(ticket), bucket.takes(now + latency / 2, chance), now),
            )
            continue
        moments = [on_their_way[0][0]] if on_their_way else []
        moments += [later[0]] if later else []
        moments += [now + max(pace.wait(now), 1e-6) + chance.uniform(0, 0.001)] if free else []
        now = min(moments)
        while later and later[0] <= now:
            heapq.heappop(later)
            todo += 1
        while on_their_way and on_their_way[0][0] <= now:
            _, _, taken, sent_at = heapq.heappop(on_their_way)
            if taken:
                pace.accepted(now, sent_at)
                done += 1
                continue
            refused += 1
            pace.refused(now, sent_at, retry_after)
            if retry_after:
                pace.pause(now, retry_after)
            heapq.heappush(later, now if retry_after else now + chance.uniform(0, 0.5))
    seconds = now - began
    return Result(
        seconds,
        number / min(number, capacity + rate * seconds),
        refused / (number + refused),
        pace.rate(now),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("retry_after", [1.0, None], ids=["Retry-After", "without"])
def test_a_thousand_requests_under_a_limit_that_nobody_told(
    seed: int, retry_after: float | None
) -> None:
    result = send(1000, Bucket(25, 25), RateLimiter(), retry_after=retry_after, seed=seed)

    assert 1000 / (25 * result.seconds) >= 0.98
    assert result.refused <= 0.01


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("capacity", [2, 3, 5, 25, 100])
def test_a_limit_that_is_told_is_used_to_the_full_and_never_hit(seed: int, capacity: int) -> None:
    result = send(1000, Bucket(25, capacity), RateLimiter(25), retry_after=1.0, seed=seed)

    assert 1000 / (25 * result.seconds) >= 0.98
    assert result.refused == 0


@pytest.mark.parametrize(
    ("rate", "capacity"), [(25, 10), (25, 50), (25, 100), (5, 5), (100, 100), (250, 250)]
)
def test_other_limits_are_found_too(rate: float, capacity: float) -> None:
    result = send(2000, Bucket(rate, capacity), RateLimiter(), retry_after=None)

    assert result.used >= 0.8
    assert result.refused <= 0.02
    assert result.rate == pytest.approx(rate, rel=0.2)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_a_429_that_comes_by_chance_does_not_slow_a_push_down_for_good(
    noise: float, concurrency: int
) -> None:
    never = Bucket(1e9, 1e9, noise)

    result = send(
        1000, never, RateLimiter(concurrency=concurrency), retry_after=None, concurrency=concurrency
    )

    assert result.seconds < 400


def test_a_rate_that_an_earlier_run_found_is_where_the_next_begins() -> None:
    first = RateLimiter()
    send(1000, Bucket(25, 25), first, retry_after=1.0)

    result = send(500, Bucket(25, 25), RateLimiter(learned=first.learned), retry_after=1.0)

    assert first.learned == pytest.approx(25, rel=0.03)
    assert result.refused <= 0.01


def test_what_sync_toml_allows_is_never_exceeded() -> None:
    pace = RateLimiter(10)

    result = send(200, Bucket(1000, 1000), pace, retry_after=None)

    assert result.seconds >= 19.5
