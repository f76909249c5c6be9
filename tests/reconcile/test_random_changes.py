"""Changes that others made at real servers are found, all of them and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.scale import LONG
from tests.interop.servers import PRODUCTS, Product, Server
from tests.lifecycle.readback import differences
from tests.office import Office
from tests.reconcile.hands import GROUPS, Hands, all_held, found, staff

SERVERS = {product.name: product for product in PRODUCTS if product.always}
CHANGES = 200 if LONG else 60
SEEDS = range(5 if LONG else 1)
NO_GUARD = 'max_removals = 1000\nmax_updates = "100%"\nmax_adoptions = "100%"'


@contextmanager
def running(product: Product) -> Iterator[Server]:
    with product.running() as server:
        yield server


@pytest.fixture(params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(SERVERS[request.param]) as one:
        yield one


@pytest.mark.parametrize("seed", SEEDS)
def test_all_changes_by_hand_are_found_and_repaired_and_nothing_else(
    server: Server, seed: int, tmp_path: Path
) -> None:
    office = Office(tmp_path, server.new_store(), server.token)
    office.configure(more=GROUPS, guard=NO_GUARD, target='unmanaged = "deactivate"')
    people = staff(CHANGES * 2)
    office.hire(people)
    assert office.run("push").code == 0
    office.hire(people[: -CHANGES // 4])
    assert office.run("push").code == 0
    assert found(office.run("reconcile", "--json").document) == set()
    hands = Hands(office, random.Random(seed))
    before = all_held(hands)
    hands.change(CHANGES)
    removals = "--allow-removals=1000"

    ran = office.run("reconcile", "--json", "--exit-code")
    assert (ran.code, found(ran.document)) == (6, hands.expected), ran.err

    fixed = office.run("reconcile", "--fix", "--json", removals)

    assert fixed.code == 0, fixed.err
    assert found(fixed.document) == hands.expected
    held = all_held(hands)
    assert differences(held, before) == {}
    assert {str(one.key) for one in office.journal()} <= hands.concerned
    again = office.run("reconcile", "--json", "--exit-code")
    assert (again.code, found(again.document)) == (0, set()), again.err
    assert office.run("plan", "--exit-code").code == 0
