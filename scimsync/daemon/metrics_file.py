"""The metrics file of a command: its own counters, and values from the state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from scimsync.config.models import Config
from scimsync.daemon.metrics import PushMetrics, journal_totals, state_gauges, write_textfile
from scimsync.run.compile import source_spec
from scimsync.sources import changed_at
from scimsync.state.store import Store


def write_metrics(
    file: Path,
    metrics: PushMetrics,
    config: Config,
    store: Store,
    now: datetime,
    changed: Mapping[str, datetime] | None = None,
) -> None:
    """Write `metrics`, the totals of the journal, and the gauges of the state.

    `changed` are the times at which the sources changed, if they are known already. Raise
    ConfigError if the file cannot be written, and StateError.
    """
    times = source_changes(config) if changed is None else changed
    metrics.add_collector(lambda: journal_totals(config, store))
    metrics.add_collector(lambda: state_gauges(config, store, now, times))
    write_textfile(file, metrics)


def source_changes(config: Config) -> dict[str, datetime]:
    """Return when the files of sources last changed, of those that have any."""
    return {
        name: at
        for name in config.sources
        if (at := changed_at(source_spec(config, name))) is not None
    }
