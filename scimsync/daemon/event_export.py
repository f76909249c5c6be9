"""The job that exports events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from scimsync.audit.events import export_events, next_export
from scimsync.config.models import Config
from scimsync.daemon.daemon_state import existing_state
from scimsync.daemon.scheduler import NOTIFY_EXECUTOR, JobScheduler
from scimsync.errors import StateError
from scimsync.state.store import Store

EVENTS = "events"
"""Id of the job."""

EXPORT_PAUSE = timedelta(seconds=5)
"""The pause after an export that delivered nothing."""


class EventExporter:
    """Exports waiting events, one batch at a time.

    `open_state` opens the state; `state_failed` is called if that fails.
    """

    def __init__(
        self,
        scheduler: JobScheduler,
        open_state: Callable[[], AbstractContextManager[Store]],
        state_failed: Callable[[StateError], None],
    ) -> None:
        self._scheduler = scheduler
        self._open_state = open_state
        self._state_failed = state_failed

    def schedule(self, config: Config, pause: timedelta = timedelta()) -> None:
        """Schedule the export of waiting events, at the earliest after `pause`."""
        if config.audit.events is None:
            self._scheduler.cancel(EVENTS)
            return
        now = self._scheduler.now()
        try:
            with self._open_state() as store:
                at = next_export(store, config, now)
        except StateError as error:
            self._state_failed(error)
            return
        if at is not None:
            self._scheduler.run_at(
                max(at, now + pause),
                EVENTS,
                _export,
                config,
                self._scheduler.now,
                executor=NOTIFY_EXECUTOR,
            )

    def exported(self, config: Config, number: int) -> None:
        """Schedule the next export after one that delivered `number` tokens."""
        # another process exports, or time was too short
        self.schedule(config, timedelta() if number else EXPORT_PAUSE)


def _export(config: Config, clock: Callable[[], datetime]) -> int:
    with existing_state(config) as store:
        return export_events(store, config, clock(), clock=clock)
