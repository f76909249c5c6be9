"""Figures in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from scimsync import __version__
from scimsync.daemon.metrics.figures import Figures, Plans
from scimsync.daemon.metrics.gauges import gauge
from scimsync.daemon.metrics.library import require
from scimsync.daemon.metrics.totals import COUNTERS, HISTOGRAMS, Counter, Histogram, Totals

if TYPE_CHECKING:
    from prometheus_client import Metric


def exposition(figures: Figures, gauges: Iterable[Metric], *, process: bool) -> bytes:
    """All of it; with `process` also memory, CPU and open files of this process. Raises ConfigError
    without prometheus-client."""
    return text_of(figures.totals(), figures.plans(), gauges, process=process)


def text_of(totals: Totals, plans: Plans, gauges: Iterable[Metric], *, process: bool) -> bytes:
    """The same of totals that are not only those of this process."""
    require()
    from prometheus_client import ProcessCollector, generate_latest

    families = [
        gauge("scimsync_build_info", "The version of scimsync.", ("version",), {(__version__,): 1}),
        *(_counter(totals, counter) for counter in COUNTERS),
        *(_histogram(totals, histogram) for histogram in HISTOGRAMS),
        *_daemon(plans),
        *gauges,
    ]
    if process:
        families += ProcessCollector(registry=None).collect()
    return generate_latest(_Given(families))


@dataclass(frozen=True, slots=True)
class _Given:
    """A collector of what is there already."""

    families: list[Metric]

    def collect(self) -> list[Metric]:
        return self.families


def _counter(totals: Totals, counter: Counter) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(counter.name, counter.help, labels=counter.labels)
    for labels in sorted(labels for one, labels in totals.counts if one == counter):
        family.add_metric(labels, totals.counts[counter, labels])
    return family


def _histogram(totals: Totals, histogram: Histogram) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(histogram.name, histogram.help, labels=histogram.labels)
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    for labels in sorted(labels for one, labels in totals.spreads if one == histogram):
        spread = totals.spreads[histogram, labels]
        family.add_metric(
            labels, list(zip(bounds, accumulate(spread.buckets), strict=True)), spread.sum
        )
    return family


def _daemon(plans: Plans) -> Iterator[Metric]:
    if plans.config_ok is not None:
        yield gauge(
            "scimsync_config_reload_successful",
            "Whether sync.toml could be used when it was last read.",
            (),
            {(): float(plans.config_ok)},
        )
        yield gauge(
            "scimsync_config_loaded_timestamp_seconds",
            "When the sync.toml that is in force was read.",
            (),
            {(): plans.config_loaded_at},
        )
    if plans.next_runs:
        yield gauge(
            "scimsync_next_run_timestamp_seconds",
            "When a target is pushed to next by its schedule.",
            ("target",),
            {(name,): moment for name, moment in plans.next_runs.items()},
        )
