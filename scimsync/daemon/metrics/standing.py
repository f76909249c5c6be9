"""How things stand, as far as the state knows, as gauges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from scimsync.config.models import Config, Target
from scimsync.config.notifications import Event
from scimsync.daemon.metrics.gauges import Value, gauge
from scimsync.daemon.metrics.totals import Labels
from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.targets import TargetState
from scimsync.registry import UnknownName
from scimsync.scim.profiles import PROFILES
from scimsync.state import due, overview, records, targets, troubles
from scimsync.state.store import Store
from scimsync.targets.quarantine import learned_rate

if TYPE_CHECKING:
    from prometheus_client import Metric

_TARGET = ("target",)
_SOURCE = ("source",)


def standing(
    config: Config, store: Store, now: datetime, changed_at: Mapping[str, datetime]
) -> list[Metric]:
    """The gauges of all targets and sources of sync.toml; `changed_at`: source -> when its files
    last changed.

    Takes about 0.1 s for each million links. Raises `StateError`.
    """
    with store.read() as connection:
        return [
            *_targets(connection, config, now),
            *_sources(connection, config, changed_at),
            *_attention(connection),
        ]


def _targets(connection: Connection, config: Config, now: datetime) -> list[Metric]:
    known = {name: targets.get_target(connection, name) for name in config.targets}
    accounts: dict[Labels, Value] = {}
    for name in config.targets:
        links = overview.count_links(connection, name)
        for kind in Kind:
            for status in LinkStatus:
                accounts[name, kind.value, status.value] = links.get((kind, status), 0)

    def each(metric: str, text: str, values: Mapping[str, Value]) -> Metric:
        return gauge(metric, text, _TARGET, {(name,): value for name, value in values.items()})

    return [
        gauge(
            "scimsync_accounts",
            "Accounts and groups at a target, as last known.",
            ("target", "kind", "status"),
            accounts,
        ),
        each(
            "scimsync_due",
            "Accounts and groups whose next try or deletion is due now.",
            {name: due.count_due(connection, name, now) for name in known},
        ),
        each(
            "scimsync_failing",
            "Accounts and groups that failed last and wait for another try.",
            {name: due.count_waiting(connection, name) for name in known},
        ),
        each(
            "scimsync_rate_limit",
            "Requests a second that are sent to a target at most; absent where there is no limit.",
            {name: _rate(config.targets[name], state, now) for name, state in known.items()},
        ),
        each(
            "scimsync_quarantined",
            "Whether a target answered nothing of use in several runs and is left alone, until it"
            " answers again.",
            {name: float(state.quarantined_until is not None) for name, state in known.items()},
        ),
        each(
            "scimsync_target_failed_runs",
            "Runs in a row in which a target answered nothing of use.",
            {name: state.failures for name, state in known.items()},
        ),
        each(
            "scimsync_last_run_timestamp_seconds",
            "When a run last read the sources for a target, however it ended.",
            {name: state.ran_at for name, state in known.items()},
        ),
        each(
            "scimsync_last_good_run_timestamp_seconds",
            "When a run last came to its end without an error of the target.",
            {name: state.good_run_at for name, state in known.items()},
        ),
    ]


def _rate(target: Target, known: TargetState, now: datetime) -> float | None:
    rates = (
        target.rate if target.rate is not None else _rate_of_profile(target.profile),
        learned_rate(known, now),
    )
    return min((rate for rate in rates if rate is not None), default=None)


def _rate_of_profile(name: str) -> float | None:
    try:
        return PROFILES[name]().rate
    except UnknownName:  # a run says so, and more about it than a gauge can
        return None


def _sources(
    connection: Connection, config: Config, changed_at: Mapping[str, datetime]
) -> list[Metric]:
    """A source that was never read has no records, which is not the same as none."""
    states = [records.get_source(connection, name) for name in config.sources]
    read = [state for state in states if state.ingested_at is not None]
    return [
        gauge(
            "scimsync_source_records",
            "Records in a source when it was last read.",
            _SOURCE,
            {(state.name,): state.records for state in read},
        ),
        gauge(
            "scimsync_source_problems",
            "Rows of a source that could not be used when it was last read.",
            _SOURCE,
            {(state.name,): len(state.problems) for state in read},
        ),
        gauge(
            "scimsync_source_read_timestamp_seconds",
            "When a source was last read.",
            _SOURCE,
            {(state.name,): state.ingested_at for state in read},
        ),
        gauge(
            "scimsync_source_changed_timestamp_seconds",
            "When the files of a source last changed.",
            _SOURCE,
            {(name,): changed_at.get(name) for name in config.sources},
        ),
    ]


def _attention(connection: Connection) -> list[Metric]:
    """What needs a person, and what has not reached one yet."""
    opened = Counter(one.event for one in troubles.open_troubles(connection))
    return [
        gauge(
            "scimsync_troubles",
            "What needs a person and is not over yet.",
            ("event",),
            {(event.value,): opened[event.value] for event in Event if event is not Event.SUMMARY},
        ),
        gauge(
            "scimsync_notices_waiting",
            "Messages that have not reached their receiver yet.",
            (),
            {(): troubles.count_notices(connection)},
        ),
    ]
