"""Acquire and renew the leases of a run, so that it sends nothing once another run replaced it.

A run renews its leases while it lasts. If the last renewal is too old, it renews them before each
request: the process was suspended, the machine slept, or the database did not respond. The same
happens if the clock was set, because other processes decide by the clock whether leases have
expired.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.errors import LeaseHeld, StateError
from scimsync.run.compiled import CompiledConfig
from scimsync.state import leases
from scimsync.state.store import Store

_LOG = logging.getLogger("scimsync")

RENEW_EVERY_S = 30.0

WAIT_S = 0.5
"""Seconds between two attempts to take the leases."""

STALE_AFTER_S = leases.LEASE_TIME.total_seconds() / 2

JUMP_S = 5.0
"""Clocks that diverge by more than this between two renewals were set, not slewed."""


def steady_clock() -> float:
    """Return seconds that count while the machine sleeps, and that cannot be set."""
    return (
        time.clock_gettime(time.CLOCK_BOOTTIME)
        if hasattr(time, "CLOCK_BOOTTIME")
        else time.monotonic()
    )


class LeaseKeeper:
    """The leases of a run, and their renewal.

    `clock` returns aware times, `steady` seconds of a clock that cannot be set.
    """

    def __init__(
        self,
        store: Store,
        token: leases.FencingToken,
        clock: Callable[[], datetime],
        steady: Callable[[], float] = steady_clock,
        renew_every_s: float = RENEW_EVERY_S,
    ) -> None:
        self._store = store
        self._token = token
        self._clock = clock
        self._steady = steady
        self._renew_every_s = renew_every_s
        self._renewed_at = self._steady()
        self._renewed_difference = self._difference()
        self._renewal = asyncio.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether the last renewal is so recent that no other run can hold the leases."""
        was_set = abs(self._difference() - self._renewed_difference) > JUMP_S
        return not was_set and self._steady() - self._renewed_at < STALE_AFTER_S

    def _difference(self) -> float:
        return self._clock().timestamp() - self._steady()

    async def holds(self) -> bool:
        """Return whether the run holds its leases. Renew them if that is uncertain."""
        if self.is_fresh:
            return True
        async with self._renewal:
            return self.is_fresh or await self.renew()

    async def renew(self) -> bool:
        """Renew the leases. Return False if another run took one of them."""
        asked_at, difference = self._steady(), self._difference()
        held = await asyncio.to_thread(self._renew)
        if held:
            self._renewed_at, self._renewed_difference = asked_at, difference
        return held

    @asynccontextmanager
    async def renewing(self, lost: Callable[[], None]) -> AsyncIterator[None]:
        """Renew the leases while the block runs. Call `lost` if another run takes one."""
        task = asyncio.create_task(self._keep_renewing(lost))
        try:
            yield
        finally:
            task.cancel()

    async def _keep_renewing(self, lost: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(self._renew_every_s)
            try:
                held = await self.renew()
            except StateError as error:
                _LOG.warning("cannot renew the leases, trying again: %s [SYNC-0705]", error.message)
                continue
            if not held:
                lost()
                return

    def _renew(self) -> bool:
        with self._store.write() as connection:
            return leases.renew(connection, self._token, self._clock())


@contextmanager
def take_leases(
    config: CompiledConfig | Config, store: Store, clock: Callable[[], datetime], *, wait: bool
) -> Iterator[tuple[leases.FencingToken, bool]]:
    """Hold the leases of all sources and targets of a run, or of sync.toml.

    Yield their token, and whether the run had to wait for them. Without `wait`, raise LeaseHeld
    instead of waiting.
    """
    names = [
        *(f"source {name}" for name in config.sources),
        *(f"target {name}" for name in config.targets),
    ]
    holder = leases.holder_name()
    waited = False
    while True:
        try:
            with store.write() as connection:
                token = leases.take(connection, names, holder, clock())
            break
        except LeaseHeld as held:
            if not wait:
                raise
            if not waited:
                _LOG.warning("%s; waiting for it", held.message)
            waited = True
            time.sleep(WAIT_S)
    try:
        yield token, waited
    finally:
        with store.write() as connection:
            leases.release(connection, token, clock())


@contextmanager
def changing_by_hand(
    config: Config, store: Store, clock: Callable[[], datetime]
) -> Iterator[Connection]:
    """Open the state for changes that no run may see half of.

    Raise LeaseHeld while a run is active.
    """
    with take_leases(config, store, clock, wait=False) as (token, _):
        fenced = store.fenced(lambda connection: leases.require(connection, token, clock()))
        with fenced.write() as connection:
            yield connection
