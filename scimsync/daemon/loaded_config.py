"""The sync.toml in force, and what the daemon asks of its schedule."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scimsync.config.models import Config
from scimsync.config.schedule import Timings, first_after
from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.scheduler import ScheduleTrigger
from scimsync.run.compile import compile_config


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A sync.toml, the sources of each target, and the targets whose expressions use the date."""

    config: Config
    sources: Mapping[str, tuple[str, ...]]
    uses_today: frozenset[str]

    def missed(self, name: str, last_run: datetime | None, now: datetime) -> bool:
        """Return whether a scheduled push of a target passed since its last run.

        A target that was never pushed has missed nothing.
        """
        return self._missed(self._timings(name), last_run, now)

    def missed_reconcile(self, last: datetime | None, now: datetime) -> bool:
        """Return whether a scheduled reconciliation passed since the last one of a target.

        A target that was never reconciled has missed nothing.
        """
        return self._missed(self.config.schedule.reconcile, last, now)

    def _missed(self, timings: Timings, last_run: datetime | None, now: datetime) -> bool:
        schedule = self.config.schedule
        if last_run is None or last_run > now or not schedule.catch_up:
            return False
        first = first_after(timings, last_run, schedule.zone)
        return first is not None and first <= now

    def trigger(self, name: str, chance: random.Random) -> ScheduleTrigger:
        """Return the trigger of the scheduled pushes of a target."""
        schedule = self.config.schedule
        return ScheduleTrigger(self._timings(name), schedule.zone, schedule.jitter, chance)

    def reconcile_trigger(self, chance: random.Random) -> ScheduleTrigger:
        """Return the trigger of the scheduled reconciliations."""
        schedule = self.config.schedule
        return ScheduleTrigger(schedule.reconcile, schedule.zone, schedule.jitter, chance)

    def _timings(self, name: str) -> Timings:
        return self.config.schedule.targets.get(name, self.config.schedule.push)


def load_config(path: Path, dependencies: Dependencies) -> LoadedConfig:
    """Load sync.toml and compile its expressions, without its sources. Raise ConfigError."""
    config = dependencies.load(path)
    targets = compile_config(config, read=False, secrets=False).targets
    return LoadedConfig(
        config,
        {name: target.all_sources for name, target in targets.items()},
        frozenset(name for name, target in targets.items() if target.uses_today),
    )
