"""What the state knows of sources, targets, and runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from scimsync.cli.ui.exposed_files import exposed_files
from scimsync.cli.ui.session import sources_of
from scimsync.config.models import Config
from scimsync.errors import ScimsyncError
from scimsync.model.echoes import EchoCount
from scimsync.model.ids import Key, Kind
from scimsync.model.links import AccessToRemove, LinkStatus
from scimsync.model.operations import Run
from scimsync.model.target_memory import TargetState
from scimsync.plan import Now
from scimsync.plan.shown_plan import NameReader, Names
from scimsync.run.compile import compile_config
from scimsync.run.compiled import CompiledTarget
from scimsync.run.display_names import display_names
from scimsync.run.dropped_targets import DroppedTarget, dropped_targets
from scimsync.run.reading import fill_tables
from scimsync.snapshot.view import SnapshotView
from scimsync.state import (
    absent_users,
    alerts,
    holds,
    leases,
    overview,
    pending_events,
    pin_store,
    reconciliations,
    record_rows,
    run_rows,
    target_states,
)
from scimsync.state.alerts import FiringAlert
from scimsync.state.leases import Lease
from scimsync.state.overview import FailingLinks
from scimsync.state.pending_events import WaitingEvents
from scimsync.state.pin_store import PinSummary
from scimsync.state.reconciliations import Reconciliation
from scimsync.state.record_rows import SourceState
from scimsync.state.store import Store

_RUNS_SHOWN = 5
_FAILING_SHOWN = 3
_PINNED_SHOWN = 10
_LEAVERS_SHOWN = 100

HELD_SHOWN = 10
"""The number of users deprovisioned by hand that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What the state knows of a target.

    `behind` are the records that changed since the last push planned it. `reconfigured` is whether
    its part of sync.toml has changed since then, so that all records are compared again; None where
    that is not known. `reconciled` is the last reconciliation. `names` are those of users who fail,
    may still have access, or are pinned.
    """

    name: str
    url: str
    pushed: bool
    behind: int
    reconfigured: bool | None
    links: Mapping[tuple[Kind, LinkStatus], int]
    failing: FailingLinks
    access_to_remove: AccessToRemove
    echoes: Sequence[EchoCount]
    protected: Mapping[Key, str]
    pinned: PinSummary
    reconciled: Reconciliation | None
    known: TargetState
    names: Names


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` shows.

    `state_label` is None before the first push. `error` is why sources or mappings cannot be used
    now. `holds` are the keys that are deprovisioned by hand, and since when; `held_names` are
    the names of the first. `alerts` are those that the receivers of `[notify]` got and that are not
    resolved. `events` are those that wait for a destination of `[audit.events]`. `exposed` are the
    files of the state that other users may read. `dropped` are the targets that sync.toml no
    longer has.
    """

    now: datetime
    state_label: str | None
    sources: Sequence[SourceState]
    targets: Sequence[TargetStatus]
    leases: Sequence[Lease]
    runs: Sequence[Run]
    error: ScimsyncError | None
    holds: Mapping[Key, datetime]
    held_names: Names
    alerts: Sequence[FiringAlert]
    events: Sequence[WaitingEvents]
    exposed: Sequence[Path]
    dropped: Sequence[DroppedTarget]


def read_status(config: Config, names: Sequence[str], store: Store, now: Now) -> Status:
    """Read the state of the targets called `names` and of their sources."""
    failure: ScimsyncError | None = None
    compiled: Mapping[str, CompiledTarget] = {}
    try:
        setup = compile_config(config, names, secrets=False)
        compiled = setup.targets
        failure = next((one.error for one in setup.unusable.values()), None)
    except ScimsyncError as error:
        failure = error
    fill_tables(config, SnapshotView(store), config.table_values)
    reader = None
    try:
        reader = display_names(config, store)
    except ScimsyncError as error:
        failure = error
    with store.read() as connection:
        held = holds.all_holds(connection)
        return Status(
            now=now.time,
            state_label=None if store.is_scratch else store.label,
            sources=[
                record_rows.get_source(connection, name) for name in sources_of(config, names)
            ],
            targets=[
                _read_target(connection, config, name, compiled.get(name), reader, now)
                for name in names
            ],
            leases=leases.held(connection, now.time),
            runs=run_rows.last(connection, _RUNS_SHOWN),
            error=failure,
            holds=held,
            held_names={}
            if reader is None
            else reader.names_anywhere(config.targets, [*held][:HELD_SHOWN]),
            alerts=alerts.firing_alerts(connection),
            events=pending_events.waiting(connection) if config.audit.events is not None else (),
            exposed=exposed_files(config),
            dropped=dropped_targets(connection, config),
        )


def _read_target(
    connection: Connection,
    config: Config,
    name: str,
    compiled: CompiledTarget | None,
    reader: NameReader | None,
    now: Now,
) -> TargetStatus:
    known = target_states.get_target(connection, name)
    pushed = known.digest is not None
    reconfigured = None
    if compiled is not None and pushed:
        reconfigured = known.digest != compiled.digest(now.today)
    failing = overview.failing_links(connection, name, _FAILING_SHOWN)
    leavers = overview.access_to_remove(connection, name, _LEAVERS_SHOWN)
    pinned = pin_store.pinned(connection, name, _PINNED_SHOWN)
    listed = [
        *(one.key for one in failing.first if one.kind is Kind.USER),
        *(key for key, _ in leavers.first),
        *(pin.key for pin in pinned.first if pin.kind is Kind.USER),
    ]
    return TargetStatus(
        name=name,
        url=config.targets[name].url,
        pushed=pushed,
        behind=record_rows.count_changed(connection, sources_of(config, [name]), known.cursor),
        reconfigured=reconfigured,
        links=overview.count_by_status(connection, name),
        failing=failing,
        access_to_remove=leavers,
        echoes=overview.echo_counts(connection, name),
        protected=absent_users.protected(connection, name, config.targets[name].source),
        pinned=pinned,
        reconciled=reconciliations.last_reconciliations(connection, [name]).get(name),
        known=known,
        names={} if reader is None else reader.names(name, listed),
    )
