"""Makes gauges as prometheus-client knows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from scimsync.daemon.metrics.library import require
from scimsync.daemon.metrics.totals import Labels

if TYPE_CHECKING:
    from prometheus_client import Metric

Value = float | datetime | None


def gauge(name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, Value]) -> Metric:
    """A gauge: values of its labels -> its value. A moment stands as Unix time, in seconds; None
    has no sample."""
    require()
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for key in sorted(values):
        value = values[key]
        if value is not None:
            family.add_metric(key, value.timestamp() if isinstance(value, datetime) else value)
    return family
