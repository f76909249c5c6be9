"""Each lease has at most one holder, and its number grows with each holder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from scimsync.errors import LeaseHeld
from scimsync.state import leases
from scimsync.state.leases import LEASE_TIME
from scimsync.state.store import open_state
from tests.office import MONDAY

SECOND = timedelta(seconds=1)
HR, WIKI, CHAT = "source hr", "target wiki", "target chat"
ELSEWHERE = "elsewhere process 1 0123"


@pytest.fixture(params=["sqlite", "postgresql"])
def state_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def connection(tmp_path: Path, new_state: Callable[[], str | None]) -> Iterator[Connection]:
    url = (new_state() or "sqlite:///scimsync.db").replace("postgresql:", "postgresql+psycopg:")
    with (
        closing(open_state(url, tmp_path, create=True)) as store,
        store.write() as opened,
    ):
        yield opened


def test_a_lease_that_is_held_cannot_be_taken(connection: Connection) -> None:
    leases.take(connection, [HR, WIKI], ELSEWHERE, MONDAY)

    with pytest.raises(LeaseHeld) as held:
        leases.take(connection, [CHAT, WIKI], "another", MONDAY + LEASE_TIME - SECOND)

    assert "target wiki" in held.value.message
    assert "elsewhere process 1" in held.value.message
    assert "expires in 1 s" in str(held.value)
    # all or none
    assert [lease.name for lease in leases.held(connection, MONDAY)] == [HR, WIKI]


def test_an_expired_lease_goes_to_the_next_holder(connection: Connection) -> None:
    old = leases.take(connection, [HR, WIKI], ELSEWHERE, MONDAY)
    new = leases.take(connection, [WIKI], "another", MONDAY + LEASE_TIME)

    assert new.fence > old.fence
    assert not leases.renew(connection, old, MONDAY + LEASE_TIME)
    assert leases.renew(connection, old.only(HR), MONDAY + LEASE_TIME)
    assert leases.renew(connection, new, MONDAY + LEASE_TIME)


def test_a_lease_is_renewed(connection: Connection) -> None:
    token = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)
    assert leases.renew(connection, token, MONDAY + SECOND)

    with pytest.raises(LeaseHeld):
        leases.take(connection, [WIKI], "another", MONDAY + LEASE_TIME)


def test_an_expired_lease_without_another_holder_is_renewed(connection: Connection) -> None:
    token = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)

    assert leases.renew(connection, token, MONDAY + timedelta(days=400))


def test_a_released_lease_is_free(connection: Connection) -> None:
    token = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)
    leases.release(connection, token, MONDAY)

    assert leases.held(connection, MONDAY) == []
    assert not leases.renew(connection, token, MONDAY)
    assert leases.take(connection, [WIKI], "another", MONDAY).fence > token.fence


def test_a_lease_released_by_a_clock_that_is_ahead_is_free(connection: Connection) -> None:
    token = leases.take(connection, [WIKI], ELSEWHERE, MONDAY + LEASE_TIME)
    leases.release(connection, token, MONDAY + LEASE_TIME)

    leases.take(connection, [WIKI], "another", MONDAY)


def test_a_holder_that_takes_a_lease_again_has_a_new_token(connection: Connection) -> None:
    old = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)
    leases.release(connection, old, MONDAY)
    new = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)

    assert not leases.renew(connection, old, MONDAY)
    assert leases.renew(connection, new, MONDAY)


def test_the_old_holder_cannot_release_the_lease_of_the_new_one(connection: Connection) -> None:
    old = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)
    new = leases.take(connection, [WIKI], "another", MONDAY + LEASE_TIME)
    leases.release(connection, old, MONDAY + LEASE_TIME)

    assert leases.renew(connection, new, MONDAY + LEASE_TIME)


def test_a_number_of_another_history_proves_nothing(connection: Connection) -> None:
    """A state that was restored from a backup gives numbers a second time."""
    token = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)
    leases.release(connection, token, MONDAY)
    leases.take(connection, [WIKI], "another", MONDAY)
    number = leases.take(connection, [HR], ELSEWHERE, MONDAY).fence
    stale = leases.FencingToken((WIKI,), ELSEWHERE, 2)

    assert number == 1
    assert not leases.renew(connection, stale, MONDAY)


def test_a_write_without_the_lease_is_refused(connection: Connection) -> None:
    token = leases.take(connection, [WIKI], ELSEWHERE, MONDAY)
    leases.require(connection, token, MONDAY)
    leases.take(connection, [WIKI], "another", MONDAY + LEASE_TIME)

    with pytest.raises(LeaseHeld, match="went to another run"):
        leases.require(connection, token, MONDAY)


def test_only_leases_of_sources_and_targets_show_a_run(connection: Connection) -> None:
    leases.take(connection, [WIKI, "receiver ops"], ELSEWHERE, MONDAY)

    assert [lease.name for lease in leases.held(connection, MONDAY)] == [WIKI]
    assert leases.held(connection, MONDAY + LEASE_TIME) == []


def test_the_lease_of_a_process_that_died_here_is_free(connection: Connection) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    dead = leases.holder_name().replace(f"process {os.getpid()} ", f"process {child.pid} ")
    leases.take(connection, [WIKI], dead, MONDAY)

    assert leases.held(connection, MONDAY) == []
    leases.take(connection, [WIKI], "another", MONDAY)


def test_the_lease_of_a_live_process_is_held(connection: Connection) -> None:
    leases.take(connection, [WIKI], leases.holder_name(), MONDAY)

    with pytest.raises(LeaseHeld):
        leases.take(connection, [WIKI], leases.holder_name(), MONDAY)
