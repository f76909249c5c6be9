"""Figures for Prometheus: counters of this process, gauges out of the state, and both as text or as
a file for node_exporter.

The names are a contract with dashboards and alert rules. No label and no value comes from people's
records.
"""

from __future__ import annotations

from scimsync.daemon.metrics.exposition import exposition
from scimsync.daemon.metrics.figures import Figures
from scimsync.daemon.metrics.standing import standing
from scimsync.daemon.metrics.textfile import check_textfile, write_textfile

__all__ = ["Figures", "check_textfile", "exposition", "standing", "write_textfile"]
