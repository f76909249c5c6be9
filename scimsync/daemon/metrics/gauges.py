"""Metrics that are read from the state: gauges, and totals counted from the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.config.targets import Target
from scimsync.daemon.metrics.counters import (
    CAUSES,
    FINAL_STATUSES,
    OPERATIONS_HELP,
    OUTCOMES,
    RUNS_HELP,
)
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Action, OperationFilter
from scimsync.model.target_memory import TargetState
from scimsync.registry import Registry, UnknownName
from scimsync.scim.profiles import PROFILES, Profile
from scimsync.state import (
    alerts,
    due,
    link_store,
    operation_journal,
    overview,
    pending_events,
    reconciliations,
    record_rows,
    run_rows,
    target_states,
)
from scimsync.state.store import Store
from scimsync.targets.quarantine import learned_rate

if TYPE_CHECKING:
    from prometheus_client import Metric

Value = float | datetime | None
"""A number, or a moment (exposed as Unix time in seconds); None has no sample."""


def gauge(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], Value]
) -> Metric:
    """Return a gauge; `values` maps label values to values."""
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items(), key=lambda item: item[0]):
        if value is not None:
            family.add_metric(key, value.timestamp() if isinstance(value, datetime) else value)
    return family


def next_run_gauge(next_runs: Mapping[str, datetime | None]) -> Metric:
    """Return the gauge of the next scheduled push of each target."""
    return _by_target(
        "scimsync_next_run_timestamp_seconds", "The next scheduled push of a target.", next_runs
    )


def state_gauges(
    config: Config,
    store: Store,
    now: datetime,
    changed_at: Mapping[str, datetime],
    profiles: Registry[Callable[[], Profile]] = PROFILES,
) -> list[Metric]:
    """Return the gauges of all configured targets and sources.

    `changed_at` maps a source to the time of the last change of its files. Takes about 0.1 s for
    each million links. Raise StateError.
    """
    with store.read() as connection:
        return [
            *_of_targets(connection, config, now, profiles),
            *_of_sources(connection, config, changed_at),
            *_of_alerts(connection),
            *_of_events(connection, config),
        ]


def journal_totals(config: Config, store: Store) -> Iterator[Metric]:
    """Return the totals of runs and operations, for a process that ends after one push.

    They cover the contents of the journal: `scimsync state prune` makes them smaller. Raise
    StateError.
    """
    from prometheus_client.core import CounterMetricFamily

    with store.read() as connection:
        counted_runs = run_rows.count(connection)
        operations = {
            name: operation_journal.count(connection, OperationFilter(target=name))
            for name in config.targets
        }
    runs: Counter[tuple[str, str]] = Counter()
    for (command, outcome), number in counted_runs.items():
        prefix = "daemon: "
        cause = command.removeprefix(prefix) if command.startswith(prefix) else "command"
        runs[cause, outcome] += number
    family = CounterMetricFamily("scimsync_runs", RUNS_HELP, labels=("cause", "outcome"))
    for cause in CAUSES:
        for outcome in OUTCOMES:
            family.add_metric((cause, outcome), runs[cause, outcome])
    yield family
    family = CounterMetricFamily(
        "scimsync_operations", OPERATIONS_HELP, labels=("target", "action", "outcome")
    )
    for name, counts in operations.items():
        for action in Action:
            for status in FINAL_STATUSES:
                number = counts.get((action.value, status), 0)
                family.add_metric((name, action.value, status.value), number)
    yield family


def _by_target(name: str, text: str, values: Mapping[str, Value]) -> Metric:
    return gauge(name, text, ("target",), {(target,): value for target, value in values.items()})


def _by_source(name: str, text: str, values: Mapping[str, Value]) -> Metric:
    return gauge(name, text, ("source",), {(source,): value for source, value in values.items()})


def _of_targets(
    connection: Connection,
    config: Config,
    now: datetime,
    profiles: Registry[Callable[[], Profile]],
) -> Iterator[Metric]:
    known = {name: target_states.get_target(connection, name) for name in config.targets}
    counted = {name: overview.count_by_status(connection, name) for name in known}
    yield gauge(
        "scimsync_accounts",
        "Accounts and groups at a target, as last known.",
        ("target", "kind", "status"),
        {
            (name, kind.value, status.value): counts.get((kind, status), 0)
            for name, counts in counted.items()
            for kind in Kind
            for status in LinkStatus
        },
    )
    yield _by_target(
        "scimsync_due",
        "Accounts and groups with a retry or deletion due now.",
        {name: due.count_due(connection, name, now) for name in known},
    )
    yield _by_target(
        "scimsync_failing",
        "Accounts and groups that wait for a retry after a failed operation.",
        {name: due.count_waiting(connection, name) for name in known},
    )
    yield _by_target(
        "scimsync_may_have_access",
        "Leavers who may still have access, because no response confirms its removal.",
        {name: link_store.count_with_access(connection, name) for name in known},
    )
    yield from _of_runs(connection, config, now, profiles, known)


def _of_runs(
    connection: Connection,
    config: Config,
    now: datetime,
    profiles: Registry[Callable[[], Profile]],
    known: Mapping[str, TargetState],
) -> Iterator[Metric]:
    """Yield the results of runs and reconciliations that are stored in the state."""
    yield _by_target(
        "scimsync_rate_limit",
        "Maximum requests per second sent to a target; absent if there is no limit.",
        {name: _rate(config.targets[name], profiles, state, now) for name, state in known.items()},
    )
    yield _by_target(
        "scimsync_quarantined",
        "Whether a target is in quarantine: it gave no usable response in several runs.",
        {name: float(state.quarantined_until is not None) for name, state in known.items()},
    )
    yield _by_target(
        "scimsync_target_failed_runs",
        "Consecutive runs in which a target gave no usable response.",
        {name: state.failures for name, state in known.items()},
    )
    yield _by_target(
        "scimsync_credentials_expire_timestamp_seconds",
        "The day on which the credentials of a target expire; absent if it is not known.",
        {name: _midnight(state.credentials_expire) for name, state in known.items()},
    )
    yield _by_target(
        "scimsync_last_run_timestamp_seconds",
        "When a run last read the sources for a target, whatever its outcome.",
        {name: state.ran_at for name, state in known.items()},
    )
    yield _by_target(
        "scimsync_last_good_run_timestamp_seconds",
        "When a run last completed without an error of the target.",
        {name: state.good_run_at for name, state in known.items()},
    )
    reconciled = reconciliations.last_reconciliations(connection, [*known])
    yield _by_target(
        "scimsync_drift_findings",
        "Findings of the last reconciliation of a target; absent before the first.",
        {name: last.findings for name, last in reconciled.items()},
    )
    yield _by_target(
        "scimsync_last_reconcile_timestamp_seconds",
        "When a target was last reconciled.",
        {name: last.at for name, last in reconciled.items()},
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _rate(
    target: Target,
    profiles: Registry[Callable[[], Profile]],
    known: TargetState,
    now: datetime,
) -> float | None:
    configured = target.rate
    if configured is None:
        with suppress(UnknownName):  # a run reports it in detail
            configured = profiles[target.profile]().rate
    rates = (configured, learned_rate(known, now))
    return min((rate for rate in rates if rate is not None), default=None)


def _of_sources(
    connection: Connection, config: Config, changed_at: Mapping[str, datetime]
) -> Iterator[Metric]:
    states = [record_rows.get_source(connection, name) for name in config.sources]
    # a source that was never read has no number of records, which is not the same as zero
    read = [state for state in states if state.ingested_at is not None]
    yield _by_source(
        "scimsync_source_records",
        "Records in a source when it was last read.",
        {state.name: state.records for state in read},
    )
    yield _by_source(
        "scimsync_source_problems",
        "Rows of a source that could not be used when it was last read.",
        {state.name: len(state.problems) for state in read},
    )
    yield _by_source(
        "scimsync_source_read_timestamp_seconds",
        "When a source was last read.",
        {state.name: state.ingested_at for state in read},
    )
    yield _by_source(
        "scimsync_source_changed_timestamp_seconds",
        "When the files of a source last changed.",
        {
            name: changed_at.get(name)
            for name in config.sources
            if name not in config.table_values  # they may stay as they are
        },
    )


def _of_alerts(connection: Connection) -> Iterator[Metric]:
    firing = Counter(alert.event for alert in alerts.firing_alerts(connection))
    yield gauge(
        "scimsync_troubles",
        "Alerts that fire.",
        ("event",),
        {(event.value,): firing[event.value] for event in Event if event is not Event.SUMMARY},
    )
    yield gauge(
        "scimsync_notices_waiting",
        "Notifications that have not been delivered yet.",
        (),
        {(): alerts.count_undelivered(connection)},
    )


def _of_events(connection: Connection, config: Config) -> Iterator[Metric]:
    if config.audit.events is None:
        return
    waiting = {one.destination: one.number for one in pending_events.waiting(connection)}
    yield gauge(
        "scimsync_events_waiting",
        "Events that have not been exported yet.",
        ("destination",),
        {(name,): waiting.get(name, 0) for name in config.audit.event_destinations},
    )
