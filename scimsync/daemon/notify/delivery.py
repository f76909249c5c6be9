"""Deliver the contents of the outbox: to all receivers in parallel, to each one in order.

A notification may arrive twice, with the same id, if the process ends between the response and the
record of it. One process at a time delivers to a receiver; it holds a lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.daemon.channels.channel import (
    TIMEOUT_S,
    Channel,
    DeliveryFailed,
    run_in_thread,
)
from scimsync.daemon.notify.alerting import Notification
from scimsync.daemon.notify.receivers import open_channel
from scimsync.errors import LeaseHeld
from scimsync.formatting import plural
from scimsync.model.backoff import delivery_pause
from scimsync.state import alerts, leases
from scimsync.state.alerts import OutboxItem
from scimsync.state.store import Store

LONGEST_PAUSE = timedelta(hours=6)
DISCARD_AFTER = timedelta(days=3)

_BATCH = 50
_LEAST_S = 0.5  # with less time left, no delivery starts

_LOG = logging.getLogger("scimsync")


def deliver(
    store: Store,
    config: Config,
    now: datetime,
    *,
    clock: Callable[[], datetime],
    budget_s: float = 15.0,
) -> int:
    """Deliver what is due at `now`, for `budget_s` seconds at most; return how many arrived.

    A receiver that fails is logged and retried later, and delays no other. Do not call this in a
    thread that runs an event loop. Raise StateError, but nothing because of a receiver.
    """
    with store.read() as connection:
        due = alerts.due_receivers(connection, now)
    if unknown := [name for name in due if name not in config.notify.to]:
        with store.write() as connection:
            for name in unknown:
                alerts.clear_outbox(connection, name)
    known = [name for name in due if name in config.notify.to]
    if not known:
        return 0
    return asyncio.run(_deliver_all(store, config, known, clock, budget_s))


def next_delivery(store: Store) -> datetime | None:
    """Return when the next notification is due, or None. Raise StateError."""
    with store.read() as connection:
        return alerts.next_delivery(connection)


async def _deliver_all(
    store: Store,
    config: Config,
    names: Sequence[str],
    clock: Callable[[], datetime],
    budget_s: float,
) -> int:
    ends_at = asyncio.get_running_loop().time() + budget_s
    deliveries = [
        _Delivery(store, name, partial(open_channel, config, name), clock, ends_at)
        for name in names
    ]
    await asyncio.gather(*(one.run() for one in deliveries))
    return sum(one.arrived for one in deliveries)


@dataclass(slots=True)
class _Delivery:
    """Delivers to one receiver until it fails or `ends_at` comes (in the event loop's clock)."""

    store: Store
    name: str
    open: Callable[[], Channel]
    clock: Callable[[], datetime]
    ends_at: float
    channel: Channel | None = None
    arrived: int = 0
    tried: set[str] = field(default_factory=set)

    async def run(self) -> None:
        try:
            with self._lease() as release:
                while notices := self._next_batch(release):
                    for notice in notices:
                        if self._left_s() < _LEAST_S:
                            break
                        if not await self._deliver(notice, release):
                            return
        except LeaseHeld:
            _LOG.debug("notify.to.%s: another process is delivering", self.name)
        finally:
            if self.channel is not None:
                await self.channel.aclose()

    async def _deliver(self, notice: OutboxItem, release: Callable[[Connection], None]) -> bool:
        """Try once; return whether the receiver may get the next notification."""
        self.tried.add(notice.id)
        try:
            async with asyncio.timeout(min(self._left_s(), TIMEOUT_S)):
                if self.channel is None:
                    self.channel = await run_in_thread(self.open)
                notification = Notification.from_json(notice.body)
                await self.channel.send(notice.id, notification, self.clock())
        except Exception as error:  # a receiver must not affect anything else
            failure = _failure(error)
            self._record_failure(notice, failure, release)
            return failure.of_message
        with self.store.write() as connection:
            alerts.remove_from_outbox(connection, notice.id)
        self.arrived += 1
        return True

    def _next_batch(self, release: Callable[[Connection], None]) -> list[OutboxItem]:
        """Return the notifications that were not tried yet.

        If there are none, release the lease in the same transaction, so that any later writer of a
        notification can deliver it.
        """
        with self.store.write() as connection:
            waiting: list[OutboxItem] = []
            if self._left_s() >= _LEAST_S:
                first = alerts.outbox_of(connection, self.name, _BATCH + len(self.tried))
                waiting = [one for one in first if one.id not in self.tried]
            if not waiting:
                release(connection)
        return waiting

    def _record_failure(
        self, notice: OutboxItem, failure: DeliveryFailed, release: Callable[[Connection], None]
    ) -> None:
        """Postpone one notification, or all of the receiver."""
        now = self.clock()
        asked_s = failure.retry_after_s
        until = now + delivery_pause(notice.attempts + 1, LONGEST_PAUSE, asked_s)
        only = notice.id if failure.of_message else None
        with self.store.write() as connection:
            alerts.postpone(connection, self.name, until, failure.why, only=only)
            lost = alerts.discard_old(connection, self.name, now - DISCARD_AFTER)
            if not failure.of_message:
                release(connection)
        _LOG.warning("notify.to.%s: delivery failed: %s [SYNC-0820]", self.name, failure.why)
        if lost:
            what, days = plural(lost, "notification"), DISCARD_AFTER.days
            _LOG.warning(
                "notify.to.%s: discarded %s after %d days [SYNC-0821]", self.name, what, days
            )

    def _left_s(self) -> float:
        return self.ends_at - asyncio.get_running_loop().time()

    @contextmanager
    def _lease(self) -> Iterator[Callable[[Connection], None]]:
        """Hold the lease on this receiver; yield the function that releases it in a transaction.

        Raise LeaseHeld if another process holds it.
        """
        with self.store.write() as connection:
            token = leases.take(
                connection, [f"receiver {self.name}"], leases.holder_name(), self.clock()
            )

        def release(connection: Connection) -> None:
            leases.release(connection, token, self.clock())

        try:
            yield release
        except BaseException:
            with self.store.write() as connection:
                release(connection)
            raise


def _failure(error: Exception) -> DeliveryFailed:
    if isinstance(error, DeliveryFailed):
        return error
    if isinstance(error, TimeoutError):
        return DeliveryFailed("no response in time")
    return DeliveryFailed(f"unexpected error: {type(error).__name__}")
