"""Brings messages to their receivers: side by side, each in its order, within a bounded time. What
fails is tried again later.

A message may arrive twice where a process ends between an answer and its being noted; the id is the
same then. One process at a time delivers to a receiver: it holds a lease.
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
from scimsync.daemon.notify.model import Message
from scimsync.daemon.notify.way import Undeliverable, Way, in_thread
from scimsync.daemon.notify.ways import TIMEOUT_S, open_way
from scimsync.errors import LeaseHeld
from scimsync.state import leases, troubles
from scimsync.state.store import Store
from scimsync.state.troubles import Notice

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
GIVEN_UP_AFTER = timedelta(days=3)

_AT_ONCE = 50
_LEAST_S = 0.5  # with less time left nothing is begun

_LOG = logging.getLogger("scimsync")


def deliver(
    store: Store,
    config: Config,
    now: datetime,
    *,
    clock: Callable[[], datetime],
    budget_s: float = 15.0,
) -> int:
    """Sends what is due at `now`, for `budget_s` seconds at most, and says how many messages
    arrived.

    A receiver that cannot be reached is logged and tried again later, and holds up no other. Not to
    be called in a thread that runs an event loop. Raises StateError, and nothing for the fault of a
    receiver.
    """
    with store.read() as connection:
        due = troubles.due_receivers(connection, now)
    if unknown := [name for name in due if name not in config.notify.to]:
        with store.write() as connection:
            for name in unknown:
                troubles.delete_notices(connection, name)
    known = [name for name in due if name in config.notify.to]
    return asyncio.run(_deliver(store, config, known, clock, budget_s)) if known else 0


def next_delivery(store: Store) -> datetime | None:
    """When the next message is due; None where none is on its way. Raises StateError."""
    with store.read() as connection:
        return troubles.next_try(connection)


def pause_after(attempts: int) -> timedelta:
    """How long a receiver that failed so often is left alone: 1 minute, 2, 4, … up to 6 hours."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


async def _deliver(
    store: Store,
    config: Config,
    names: Sequence[str],
    clock: Callable[[], datetime],
    budget_s: float,
) -> int:
    ends_at = asyncio.get_running_loop().time() + budget_s
    rounds = [_Round(store, config, name, clock, ends_at) for name in names]
    await asyncio.gather(*(one.run() for one in rounds))
    return sum(one.arrived for one in rounds)


@dataclass(slots=True)
class _Round:
    """One receiver is told what waits for it, until it fails or `ends_at` (of the event loop's
    clock) comes."""

    store: Store
    config: Config
    name: str
    clock: Callable[[], datetime]
    ends_at: float
    arrived: int = 0
    tried: set[str] = field(default_factory=set)

    async def run(self) -> None:
        try:
            with self._lease() as release:
                await self._tell(release)
        except LeaseHeld:
            _LOG.debug("notify.to.%s: another process delivers", self.name)

    async def _tell(self, release: Callable[[Connection], None]) -> None:
        way: Way | None = None
        try:
            while notices := self._waiting(release):
                for notice in notices:
                    if self._left() < _LEAST_S:
                        break
                    self.tried.add(notice.id)
                    try:
                        async with asyncio.timeout(min(self._left(), TIMEOUT_S)):
                            if way is None:
                                way = await in_thread(partial(open_way, self.config, self.name))
                            await way.send(notice.id, Message.read(notice.body), self.clock())
                    except TimeoutError:
                        self._failed(notice, Undeliverable("no answer in time"), release)
                        return
                    except Undeliverable as error:
                        self._failed(notice, error, release)
                        if not error.of_message:
                            return
                    except (
                        Exception
                    ) as error:  # whatever a receiver makes of its message is not the run's trouble
                        self._failed(
                            notice,
                            Undeliverable(f"an error that nobody foresaw: {type(error).__name__}"),
                            release,
                        )
                        return
                    else:
                        with self.store.write() as connection:
                            troubles.delete_notice(connection, notice.id)
                        self.arrived += 1
        finally:
            if way is not None:
                await way.aclose()

    def _waiting(self, release: Callable[[Connection], None]) -> list[Notice]:
        """What was not tried yet. Where that is nothing the lease ends in the same transaction:
        whoever writes a message after it can deliver it."""
        with self.store.write() as connection:
            found = troubles.notices_of(connection, self.name, _AT_ONCE + len(self.tried))
            waiting = (
                [one for one in found if one.id not in self.tried]
                if self._left() >= _LEAST_S
                else []
            )
            if not waiting:
                release(connection)
        return waiting

    def _failed(
        self, notice: Notice, error: Undeliverable, release: Callable[[Connection], None]
    ) -> None:
        """Notes a failure: of one message, or of the receiver, and then for all that waits for
        it."""
        now = self.clock()
        wait = min(timedelta(seconds=error.retry_after_s or 0), LONGEST_PAUSE)
        until = now + max(pause_after(notice.attempts + 1), wait)
        with self.store.write() as connection:
            troubles.put_off(
                connection,
                self.name,
                until,
                error.why,
                only=notice.id if error.of_message else None,
            )
            lost = troubles.give_up(connection, self.name, now - GIVEN_UP_AFTER)
            if not error.of_message:
                release(connection)
        _LOG.warning("notify.to.%s: not told: %s", self.name, error.why)
        if lost:
            what = "1 message was" if lost == 1 else f"{lost} messages were"
            _LOG.warning(
                "notify.to.%s: %s not taken for %d days and given up",
                self.name,
                what,
                GIVEN_UP_AFTER.days,
            )

    def _left(self) -> float:
        return self.ends_at - asyncio.get_running_loop().time()

    @contextmanager
    def _lease(self) -> Iterator[Callable[[Connection], None]]:
        """Holds the lease on this receiver; gives what ends it within a transaction. Raises
        LeaseHeld."""
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
