"""The jobs that alert receivers: the outbox and the summary."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from scimsync.config.models import Config
from scimsync.config.schedule import first_after
from scimsync.daemon.daemon_state import existing_state
from scimsync.daemon.log_lines import log_alerts
from scimsync.daemon.notify import (
    Finding,
    deliver,
    enqueue_summary,
    next_delivery,
    update_alerts,
)
from scimsync.daemon.scheduler import NOTIFY_EXECUTOR, JobScheduler, ScheduleTrigger
from scimsync.errors import StateError
from scimsync.state import alerts
from scimsync.state.store import Store

_LOG = logging.getLogger("scimsync")

OUTBOX, SUMMARY = "outbox", "summary"
"""Ids of jobs."""

DELIVERY_PAUSE = timedelta(seconds=5)
"""How long no delivery starts after one that delivered nothing."""

RETRY_AFTER = timedelta(minutes=1)
"""When a summary that could not be written to the outbox is tried again."""


class Notifier:
    """Updates alerts, and delivers the notifications in the outbox, one batch at a time.

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

    def start(self, config: Config, store: Store) -> None:
        """Add the jobs, after a start or with a new configuration. Raise StateError."""
        self._config = config
        self._schedule_outbox(store)
        self._scheduler.cancel(SUMMARY)
        if (timings := config.notify.summary) is None:
            return
        now, zone = self._scheduler.now(), config.schedule.zone
        with store.write() as connection:
            if (last := alerts.summarized_until(connection)) is None:
                alerts.put_summarized_until(connection, now)
        self._scheduler.add_job(
            self._send_summary,
            ScheduleTrigger(timings, zone),
            id=SUMMARY,
            next_run_time=first_after(timings, min(last or now, now), zone),
        )

    def update(self, find: Callable[[Store], Sequence[Finding]]) -> None:
        """Fire and resolve alerts by what `find` finds."""
        try:
            with self._open_state() as store:
                now = self._scheduler.now()
                log_alerts(update_alerts(store, self._config, find(store), now))
                self._schedule_outbox(store)
        except StateError as error:
            self._state_failed(error)

    def delivered(self, number: int) -> None:
        """Schedule the next delivery after one that delivered `number` notifications."""
        try:
            with self._open_state() as store:
                # another process is delivering, or time was too short
                self._schedule_outbox(store, timedelta() if number else DELIVERY_PAUSE)
        except StateError as error:
            self._state_failed(error)

    def _schedule_outbox(self, store: Store, pause: timedelta = timedelta()) -> None:
        if (at := next_delivery(store)) is not None:
            at = max(at, self._scheduler.now() + pause)
            self._scheduler.run_at(
                at, OUTBOX, _deliver, self._config, self._scheduler.now, executor=NOTIFY_EXECUTOR
            )

    def _send_summary(self) -> None:
        now = self._scheduler.now()
        try:
            with self._open_state() as store:
                with store.read() as connection:
                    since = alerts.summarized_until(connection) or now
                enqueue_summary(store, self._config, since, now)
                with store.write() as connection:
                    alerts.put_summarized_until(connection, now)
                self._schedule_outbox(store)
        except StateError as error:
            self._scheduler.modify_job(SUMMARY, next_run_time=now + RETRY_AFTER)
            self._state_failed(error)


def _deliver(config: Config, clock: Callable[[], datetime]) -> int:
    with existing_state(config) as store:
        return deliver(store, config, clock(), clock=clock)
