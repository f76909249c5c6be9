"""What the daemon reads from the state between two pushes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.model.operations import OPEN_STATUSES, OperationFilter
from scimsync.model.target_memory import TargetState
from scimsync.run.compile import source_spec
from scimsync.snapshot import looks_unchanged
from scimsync.state import (
    due,
    operation_journal,
    record_rows,
    target_states,
)
from scimsync.state.store import Store

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PendingWork:
    """The pending work at one target: its known state, and when a retry or deletion is due next.

    `unfinished`: a run was killed, so operations have no outcome, or records were not planned.
    """

    known: TargetState
    due_at: datetime | None
    unfinished: bool


def read_pending_work(
    store: Store,
    config: Config,
    sources: Mapping[str, Sequence[str]],
    after: Mapping[str, datetime],
) -> dict[str, PendingWork]:
    """Return what waits at each target; `sources` maps a target to its sources.

    Work that was due by `after` (target -> time) has been tried and does not count. Raise
    StateError.
    """
    with store.read() as connection:
        return {
            name: _pending(connection, name, sources[name], after.get(name, _LONG_AGO))
            for name in config.targets
        }


def unchanged_sources(store: Store, config: Config) -> dict[str, bool]:
    """Return for each source whether its files are those that were last read.

    Raise StateError.
    """
    with store.read() as connection:
        known = {name: record_rows.get_source(connection, name) for name in config.sources}
    return {
        name: looks_unchanged(source_spec(config, name), source.digest, source.ingested_at)
        for name, source in known.items()
    }


def _pending(
    connection: Connection, name: str, sources: Sequence[str], after: datetime
) -> PendingWork:
    known = target_states.get_target(connection, name)
    is_open = operation_journal.has_any(
        connection, OperationFilter(target=name, statuses=OPEN_STATUSES)
    )
    is_behind = known.digest is not None and known.cursor < record_rows.head_seq(
        connection, sources
    )
    return PendingWork(known, due.next_due(connection, name, after), is_open or is_behind)
