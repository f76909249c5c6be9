"""Export Prometheus metrics.

They consist of counters of this process, gauges read from the state, and the textfile for
node_exporter. Metric names and labels are a contract with dashboards and alert rules
(docs/reference/metrics.md). No label and no value contains personal data.
"""

from __future__ import annotations

from scimsync.daemon.metrics.counters import DaemonMetrics, PushMetrics
from scimsync.daemon.metrics.gauges import journal_totals, next_run_gauge, state_gauges
from scimsync.daemon.metrics.textfile import check_textfile, write_textfile

__all__ = [
    "DaemonMetrics",
    "PushMetrics",
    "check_textfile",
    "journal_totals",
    "next_run_gauge",
    "state_gauges",
    "write_textfile",
]
