"""A run asks the state whether it still holds its leases once the last renewal is too old."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from scimsync.run.lease_keeper import LeaseKeeper
from scimsync.state import leases
from scimsync.state.leases import LEASE_TIME
from scimsync.state.store import Store, scratch_store
from tests.office import MONDAY

HALF_S = LEASE_TIME.total_seconds() / 2


@dataclass
class Clocks:
    """`passed` seconds of both clocks; `wrong` is by how much somebody set the clock of the day."""

    passed: float = 0.0
    wrong: timedelta = timedelta()

    def steady(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return MONDAY + timedelta(seconds=self.passed) + self.wrong


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(scratch_store()) as opened:
        yield opened


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def keeper(store: Store, clocks: Clocks) -> LeaseKeeper:
    with store.write() as connection:
        token = leases.take(connection, ["target wiki"], "this process 1 x", MONDAY)
    return LeaseKeeper(store, token, clocks.now, clocks.steady, renew_every_s=0.01)


def somebody_takes_it(store: Store) -> None:
    with store.write() as connection:
        leases.take(connection, ["target wiki"], "another process 1 y", MONDAY + LEASE_TIME)


@pytest.mark.parametrize(
    ("seconds", "set_by", "fresh"),
    [
        (0, 0, True),
        (HALF_S - 1, 0, True),
        # the process was suspended
        (HALF_S, 0, False),
        # the clock was slewed, or set
        (1, 4, True),
        (1, 6, False),
        (1, -6, False),
    ],
)
def test_a_renewal_counts_for_half_the_time_of_a_lease(
    keeper: LeaseKeeper, clocks: Clocks, seconds: float, set_by: int, fresh: bool
) -> None:
    clocks.passed, clocks.wrong = seconds, timedelta(seconds=set_by)

    assert keeper.is_fresh is fresh


def test_a_fresh_run_does_not_ask(keeper: LeaseKeeper, store: Store) -> None:
    somebody_takes_it(store)

    assert asyncio.run(keeper.holds())


@pytest.mark.parametrize("taken", [False, True])
def test_a_run_that_slept_asks(
    keeper: LeaseKeeper, store: Store, clocks: Clocks, taken: bool
) -> None:
    if taken:
        somebody_takes_it(store)
    clocks.passed = 2 * HALF_S + 1

    assert asyncio.run(keeper.holds()) is not taken
    assert keeper.is_fresh is not taken


def test_a_run_is_told_that_it_lost_its_leases(keeper: LeaseKeeper, store: Store) -> None:
    async def run() -> None:
        lost = asyncio.Event()
        async with keeper.renewing(lost.set):
            somebody_takes_it(store)
            await asyncio.wait_for(lost.wait(), 30)

    asyncio.run(run())
