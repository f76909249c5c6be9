"""What only grows: the counters and histograms there are, and their values, which can be added up
over processes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

Labels = tuple[str, ...]
"""The values of a family's labels, in their order."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One family of counters; `name` is without `_total`."""

    name: str
    help: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """One family of histograms over seconds; `bounds` are the upper ends of its buckets but the
    last, which has none."""

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]


RUNS = Counter(
    "scimsync_runs", "Runs, by what started them and how they ended.", ("cause", "outcome")
)
OPERATIONS = Counter(
    "scimsync_operations",
    "Operations on accounts and groups, by what became of them.",
    ("target", "action", "outcome"),
)
REQUESTS = Counter(
    "scimsync_requests",
    "Requests sent to targets, by the HTTP status of the answer (none: no answer came).",
    ("target", "method", "status"),
)
RUN_SECONDS = Histogram(
    "scimsync_run_duration_seconds",
    "How long runs took.",
    ("cause",),
    (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600),
)
REQUEST_SECONDS = Histogram(
    "scimsync_request_duration_seconds",
    "How long targets took to answer a request.",
    ("target", "method"),
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

COUNTERS = (RUNS, OPERATIONS, REQUESTS)
HISTOGRAMS = (RUN_SECONDS, REQUEST_SECONDS)


@dataclass(frozen=True, slots=True)
class Spread:
    """The value of one histogram: how many fell into each bucket (not those below it too), and the
    sum of all."""

    buckets: tuple[float, ...]
    sum: float

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            tuple(map(sum, zip(self.buckets, other.buckets, strict=True))), self.sum + other.sum
        )


def spread_of(histogram: Histogram, value: float) -> Spread:
    """One observation."""
    place = bisect_left(histogram.bounds, value)
    return Spread(tuple(float(index == place) for index in range(len(histogram.bounds) + 1)), value)


@dataclass(frozen=True, slots=True)
class Totals:
    """Values of counters and histograms."""

    counts: Mapping[tuple[Counter, Labels], float] = field(default_factory=dict)
    spreads: Mapping[tuple[Histogram, Labels], Spread] = field(default_factory=dict)

    def __add__(self, other: Totals) -> Totals:
        counts, spreads = dict(self.counts), dict(self.spreads)
        for series, number in other.counts.items():
            counts[series] = counts.get(series, 0.0) + number
        for series_of_spread, spread in other.spreads.items():
            known = spreads.get(series_of_spread)
            spreads[series_of_spread] = spread if known is None else known + spread
        return Totals(counts, spreads)
