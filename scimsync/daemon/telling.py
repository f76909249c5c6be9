"""The keepers of the daemon are told what needs them: beside everything else, so that nobody who
listens badly holds it up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from scimsync.config.models import Config
from scimsync.config.schedule import first_after
from scimsync.daemon.jobs import where
from scimsync.daemon.notify import Finding, deliver, next_delivery, note, note_summary
from scimsync.daemon.saying import say_changes
from scimsync.daemon.state import same_state
from scimsync.errors import StateError
from scimsync.state import marks
from scimsync.state.store import Store

_LOG = logging.getLogger("scimsync")

PAUSE = timedelta(seconds=5)
"""How long nothing is delivered after nothing could be."""

AGAIN_AFTER = timedelta(minutes=1)
"""When a summary is tried again that could not be written down."""


class Keepers:
    """`opened` opens the state, `failed` is told where it cannot be used; messages go out in
    `executor`, which wakes the loop."""

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[Store]],
        failed: Callable[[StateError], None],
        executor: Executor,
        wake: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._opened = opened
        self._failed = failed
        self._executor = executor
        self._wake = wake
        self._clock = clock
        self._delivering: Future[int] | None = None
        self._deliver_at: datetime | None = None
        self._summary_at: datetime | None = None

    def begin(self, config: Config, store: Store, now: datetime) -> None:
        """After a start, or with another sync.toml. Raises StateError."""
        self._deliver_at = next_delivery(store)
        self._plan_summary(config, store, now)

    def note(
        self, config: Config, find: Callable[[Store], Sequence[Finding]], now: datetime
    ) -> None:
        """Remembers what `find` finds, and puts messages about what is new in it on their way."""
        try:
            with self._opened() as store:
                say_changes(note(store, config, find(store), now))
                self._deliver_at = next_delivery(store)
        except StateError as error:
            self._failed(error)

    def turn(self, config: Config, now: datetime) -> None:
        """Sends what is due, one batch at a time."""
        if self._delivering is not None:
            if not self._delivering.done():
                return
            if (error := self._delivering.exception()) is not None:
                _LOG.error(
                    "messages could not be delivered: %s\n%s", type(error).__name__, where(error)
                )
            arrived = 0 if error is not None else self._delivering.result()
            self._delivering = None
            self.note(config, lambda _: [], now)
            # another process delivers, or the time was not enough
            if not arrived and self._deliver_at is not None:
                self._deliver_at = max(self._deliver_at, now + PAUSE)
        if self._summary_at is not None and self._summary_at <= now:
            self._sum_up(config, now)
        if self._deliver_at is not None and self._deliver_at <= now:
            self._delivering = self._executor.submit(_deliver, config, self._clock)
            self._delivering.add_done_callback(lambda _: self._wake())

    def next_time(self) -> datetime | None:
        """When something is to be told next."""
        deliver_at = self._deliver_at if self._delivering is None else None
        return min((at for at in (deliver_at, self._summary_at) if at is not None), default=None)

    def _plan_summary(self, config: Config, store: Store, now: datetime) -> None:
        self._summary_at = None
        if config.notify.summary is None:
            return
        with store.write() as connection:
            if (last := marks.get_mark(connection, marks.SUMMARY)) is None:
                marks.put_mark(connection, marks.SUMMARY, now)
        self._summary_at = first_after(
            config.notify.summary, min(last or now, now), config.schedule.zone
        )

    def _sum_up(self, config: Config, now: datetime) -> None:
        try:
            with self._opened() as store:
                with store.read() as connection:
                    since = marks.get_mark(connection, marks.SUMMARY) or now
                note_summary(store, config, since, now)
                with store.write() as connection:
                    marks.put_mark(connection, marks.SUMMARY, now)
                self.begin(config, store, now)
        except StateError as error:
            self._summary_at = now + AGAIN_AFTER
            self._failed(error)


def _deliver(config: Config, clock: Callable[[], datetime]) -> int:
    with same_state(config) as store:
        return deliver(store, config, clock(), clock=clock)
