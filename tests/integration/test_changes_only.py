"""Pushes from a source that reads only what changed: they do what pushes from the whole list do."""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from scimsync.sources.kept_read import kept_read_path
from scimsync.state.store import Store
from tests.delta_histories import live_a_day
from tests.office import Office
from tests.preset_cases import CASES
from tests.servers.faulty import FaultyServer
from tests.servers.vendors.entra import Entra
from tests.sources_company import Company, company

(CASE,) = (case for case in CASES if case.name == "entra")
DELTA = 'delta = true\nwhole_every = "3d"'
USER = 'userName = "user_name"\nexternalId = "id"\ntitle = "department"\nactive = true'
GUARD = 'max_removals = 100\nmax_updates = 100\nmax_identity_changes = 100\nmin_records = "0%"'


class World:
    """A tenant, and a company that provisions its active users."""

    def __init__(self, office: Office, server: Entra, target: FaultyServer) -> None:
        self.office = office
        self.server = server
        self.target = target
        self.configure()

    def configure(self, more: str = DELTA, guard: str = GUARD) -> None:
        """Write sync.toml."""
        self.office.configure(
            source=f"[sources.staff]{CASE.source(self.server, more=more)}",
            target='source = "staff"\nscope = "active"',
            user=USER,
            guard=guard,
        )

    @property
    def kept(self) -> Path:
        """The file of the kept read."""
        return kept_read_path(self.office.folder, "staff")

    def live(self, chance: random.Random) -> None:
        """Change users, and let a few hours pass."""
        live_a_day(self.server.delta, company(30, 0).by_key(), chance)
        self.become()
        self.office.now += timedelta(hours=chance.choice([1, 10, 30]))

    def become(self) -> None:
        """List the users that the changes led to."""
        self.server.change_to(Company(tuple(self.server.delta.people.values()), ()))

    def edit(self, place: int, **changes: Any) -> None:
        """Change one user."""
        people = list(self.server.company.people)
        people[place] = replace(people[place], **changes)
        self.server.change_to(Company(tuple(people), ()))

    def remove(self, number: int) -> None:
        """Delete the first users."""
        self.server.change_to(Company(self.server.company.people[number:], ()))

    def is_right(self) -> bool:
        """Return whether the accounts are those of the active users."""
        users = {
            person.email: (person.key, person.department)
            for person in self.server.company.people
            if person.active
        }
        accounts = {
            one["userName"]: (one["externalId"], one.get("title"))
            for one in self.target.users.values()
            if one["active"]
        }
        return accounts == users

    def asked_for_everything(self) -> bool:
        """Return whether the tenant was asked for all users since this was last called."""
        asked = [request for request in self.server.seen if request.path.startswith("/v1.0/users")]
        self.server.seen.clear()
        return any(not {"$deltatoken", "$skiptoken"} & set(one.query) for one in asked)


@pytest.fixture
def world(office: Office, faulty: FaultyServer) -> Iterator[World]:
    server = Entra(company(30, 0))
    server.page_limit = 12
    with server.running():
        yield World(office, server, faulty)
    assert server.broken == []


@pytest.mark.parametrize("seed", range(6))
def test_the_plan_is_that_of_the_whole_list(world: World, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        world.live(chance)
        world.configure("")
        whole = world.office.plan()
        world.configure()

        assert world.office.plan() == whole

        world.office.push()
        assert world.is_right()


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("seed", range(4))
def test_pushes_that_are_killed_converge(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    original = Store.write
    world.office.push()
    for _ in range(6):
        world.live(chance)
        left = chance.randrange(12)

        @contextmanager
        def write(store: Store) -> Iterator[Connection]:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            with original(store) as connection:
                yield connection

        with monkeypatch.context() as patched:
            patched.setattr(Store, "write", write)
            with suppress(Killed):
                world.office.push()
        gc.collect()  # what the dead push left behind is nobody's warning
        world.office.now += timedelta(hours=1)

    world.office.push()

    assert world.is_right()


@pytest.mark.parametrize("restored", ["state", "kept read"])
def test_an_older_state_or_kept_read_does_no_harm(world: World, restored: str) -> None:
    if world.office.state is not None and restored == "state":
        pytest.skip("a state on a server is no file")
    world.office.push()
    folder = world.office.folder
    file = world.kept if restored == "kept read" else folder / "scimsync.db"
    copy = folder / "copy"
    shutil.copy(file, copy)
    world.edit(1, department="Legal")
    world.remove(1)
    world.office.push(later=timedelta(hours=1))
    shutil.copy(copy, file)
    world.edit(5, department="Finance")

    world.office.push(later=timedelta(hours=1), refresh=restored == "state")

    assert world.is_right()


def test_a_guard_that_stops_the_source_leads_to_a_read_of_everything(world: World) -> None:
    world.configure(guard='min_records = "90%"')
    world.office.push()
    people = world.server.company.people
    world.remove(5)
    assert world.kept.exists()

    world.office.now += timedelta(hours=1)

    assert world.office.run("push").code == 3
    assert not world.kept.exists()
    world.server.change_to(Company(people, ()))
    world.office.push(later=timedelta(hours=1))
    assert world.is_right()


def test_a_plan_that_a_guard_stops_keeps_the_file(world: World) -> None:
    world.configure(guard='min_records = "90%"')
    world.office.push()
    before = world.kept.read_bytes()
    world.remove(5)
    world.office.now += timedelta(hours=1)

    world.office.run("plan")

    assert world.kept.read_bytes() == before


def test_a_refresh_reads_everything(world: World) -> None:
    world.office.push()
    assert world.asked_for_everything()
    world.office.push(later=timedelta(hours=1))
    assert not world.asked_for_everything()

    world.office.push(later=timedelta(hours=1), refresh=True)

    assert world.asked_for_everything()


def test_the_file_goes_with_the_option(world: World) -> None:
    world.office.push()
    assert world.kept.exists()
    world.configure("")

    world.office.plan()
    assert world.kept.exists()
    world.office.push(later=timedelta(hours=1))

    assert not world.kept.exists()


def test_a_file_that_others_can_read_is_reported(world: World) -> None:
    world.office.push()
    world.kept.chmod(0o644)

    assert world.kept.name in world.office.run("check").out
