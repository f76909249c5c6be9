"""What the daemon asks the state between two pushes: how targets stand, and whether sources are
what they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.model.operations import OPEN_STATUSES, OperationFilter
from scimsync.model.targets import TargetState
from scimsync.run.compile import file_spec
from scimsync.snapshot import looks_unchanged
from scimsync.sources import FileSpec, touched_since
from scimsync.state import due, journal, records, targets
from scimsync.state.records import SourceState
from scimsync.state.store import Store

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """One target: what is known of it, when its next work without a source is due, and whether
    there is something that no run has come to the end of: operations without an outcome, records
    that it was not planned for."""

    known: TargetState
    due_at: datetime | None
    unfinished: bool


def standings(
    store: Store,
    config: Config,
    sources: Mapping[str, Sequence[str]],
    after: Mapping[str, datetime],
) -> dict[str, Standing]:
    """How the targets stand; `sources` are theirs. What was due at `after` (per target) has been
    tried, and does not count.

    Raises StateError.
    """
    with store.read() as connection:
        return {
            name: _standing(connection, name, sources[name], after.get(name))
            for name in config.targets
        }


def _standing(
    connection: Connection, name: str, sources: Sequence[str], after: datetime | None
) -> Standing:
    known = targets.get_target(connection, name)
    left = journal.has_any(connection, OperationFilter(target=name, statuses=OPEN_STATUSES))
    behind = known.digest is not None and known.cursor < records.head_seq(connection, sources)
    return Standing(known, due.next_due(connection, name, after or _LONG_AGO), left or behind)


def unchanged_sources(store: Store, config: Config) -> dict[str, bool]:
    """Source -> whether its files look as they did when they were last read, and nobody has touched
    them since. Raises StateError."""
    with store.read() as connection:
        known = {name: records.get_source(connection, name) for name in config.sources}
    return {name: _is_unchanged(file_spec(config, name), source) for name, source in known.items()}


def _is_unchanged(spec: FileSpec, known: SourceState) -> bool:
    if known.ingested_at is None or touched_since(spec, known.ingested_at):
        return False
    return looks_unchanged(spec, known.digest)
