"""How things stand, as far as the state knows: `status` in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimsync.cli.targets import sources_of
from scimsync.config.models import Config
from scimsync.errors import ScimsyncError
from scimsync.execute.books import Now
from scimsync.model.ids import Key, Kind
from scimsync.model.links import LinkStatus
from scimsync.model.operations import Run
from scimsync.model.targets import TargetState
from scimsync.run.compile import CompiledTarget, compile_config
from scimsync.state import holds, journal, leases, overview, records, targets, troubles
from scimsync.state.leases import Lease
from scimsync.state.overview import Troubles
from scimsync.state.records import SourceState
from scimsync.state.store import Store, is_scratch
from scimsync.state.troubles import OpenTrouble

RUNS = 5
TROUBLES = 3


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """`pushed`: a push has planned it once. `behind`: records that changed since. `reconfigured`:
    sync.toml says something else than then, so that everybody is looked at again; None where that
    cannot be told."""

    name: str
    url: str
    pushed: bool
    behind: int
    reconfigured: bool | None
    links: Mapping[tuple[Kind, LinkStatus], int]
    troubles: Troubles
    known: TargetState


@dataclass(frozen=True, slots=True)
class Standing:
    """What `status` shows. `state_file` is None where nothing has been stored yet; `trouble` is why
    sources or mappings cannot be used at the moment; `holds` are who is to have no account whatever
    the source says -> since when; `told` is what the keepers were told of and what is not over."""

    now: datetime
    state_file: str | None
    sources: Sequence[SourceState]
    targets: Sequence[TargetStanding]
    leases: Sequence[Lease]
    runs: Sequence[Run]
    trouble: ScimsyncError | None
    holds: Mapping[Key, datetime]
    told: Sequence[OpenTrouble]


def look(config: Config, names: Sequence[str], store: Store, now: Now) -> Standing:
    """Looks at the state of the targets called `names` and their sources."""
    trouble: ScimsyncError | None = None
    setups: Mapping[str, CompiledTarget] = {}
    try:
        setups = compile_config(config, names).targets
    except ScimsyncError as error:
        trouble = error
    with store.read() as connection:
        return Standing(
            now=now.time,
            state_file=None if is_scratch(store) else store.label,
            sources=[records.get_source(connection, name) for name in sources_of(config, names)],
            targets=[_target(connection, config, name, setups.get(name), now) for name in names],
            leases=leases.held(connection, now.time),
            runs=journal.runs(connection, RUNS),
            trouble=trouble,
            holds=holds.all_holds(connection),
            told=troubles.open_troubles(connection),
        )


def _target(
    connection: Connection, config: Config, name: str, setup: CompiledTarget | None, now: Now
) -> TargetStanding:
    known = targets.get_target(connection, name)
    pushed = known.digest is not None
    return TargetStanding(
        name=name,
        url=config.targets[name].url,
        pushed=pushed,
        behind=records.count_changed(connection, sources_of(config, [name]), known.cursor),
        reconfigured=known.digest != setup.digest(now.today)
        if setup is not None and pushed
        else None,
        links=overview.count_links(connection, name),
        troubles=overview.troubles(connection, name, TROUBLES),
        known=known,
    )
