"""What the daemon asks the state between two pushes: how targets stand, and whether sources are what they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from scimsync.config.models import Config
from scimsync.execute.settings import file_spec
from scimsync.snapshot import looks_unchanged
from scimsync.state import due, records, targets, work
from scimsync.state.store import Store
from scimsync.state.tables import operation
from scimsync.state.targets import TargetState

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """One target: what is known of it, when its next work without a source is due, and whether a run has left operations without
    an outcome behind."""

    known: TargetState
    due_at: datetime | None
    unfinished: bool


def standings(store: Store, config: Config, after: Mapping[str, datetime]) -> dict[str, Standing]:
    """How the targets stand. What was due at `after` (per target) has been tried, and does not count. Raises StateError."""
    with store.read() as connection:
        return {name: _standing(connection, name, after.get(name)) for name in config.targets}


def _standing(connection: Connection, name: str, after: datetime | None) -> Standing:
    known = targets.get_target(connection, name)
    open_ones = connection.scalar(select(func.count()).select_from(operation).where(work.left_over(name))) or 0
    return Standing(known, due.next_due(connection, name, after or _LONG_AGO), open_ones > 0)


def unchanged_sources(store: Store, config: Config) -> dict[str, bool]:
    """Source -> whether its files look as they did when they were last read. Raises StateError."""
    with store.read() as connection:
        digests = {name: records.get_source(connection, name).digest for name in config.sources}
    return {name: looks_unchanged(file_spec(config, name), digest) for name, digest in digests.items()}
