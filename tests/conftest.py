"""Servers on loopback and a made-up company, for tests of the whole way from file to account."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fsync import skip_fsync
from tests.office import Office, Pauses
from tests.servers.faulty import FaultyServer, running_faulty_server
from tests.servers.mariadb import MariaDb, running_mariadb
from tests.servers.postgresql import Server, running_postgresql
from tests.servers.scim2 import running_scim2_server

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def durability() -> Iterator[None]:
    """Skip fsync: no test pulls the plug of the machine."""
    with skip_fsync():
        yield


@pytest.fixture(scope="session")
def real_server() -> Iterator[tuple[str, str]]:
    """URL and bearer token of a scim2-server for all tests of this process."""
    with running_scim2_server() as server:
        yield server


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """A server that fails when it is told to."""
    with running_faulty_server() as server:
        yield server


@pytest.fixture
def pauses() -> Pauses:
    """What retries would have waited, in seconds."""
    return Pauses()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server for all tests of this process."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """A MariaDB server for all tests of this process."""
    with running_mariadb() as server:
        yield server


@pytest.fixture
def state_kind() -> str:
    """The database of the state: `sqlite` or `postgresql`.

    Tests marked `both_databases` run with both, because what they show depends on the database.
    `SCIMSYNC_TEST_STATE=postgresql` runs all others with PostgreSQL.
    """
    return os.environ.get("SCIMSYNC_TEST_STATE", "sqlite")


@pytest.fixture
def new_state(
    state_kind: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[], str | None]]:
    """Makes an empty state; gives its URL, None for the default."""
    if state_kind == "sqlite":
        yield lambda: None
        return
    server: Server = request.getfixturevalue("postgresql")
    with server.states() as new:
        yield new


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked `both_databases` once for each database."""
    if metafunc.definition.get_closest_marker("both_databases") is not None:
        metafunc.parametrize("state_kind", ["sqlite", "postgresql"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of the file itself run on SQLite only."""
    out = [
        item
        for item in items
        if item.get_closest_marker("sqlite") is not None
        and (
            os.environ.get("SCIMSYNC_TEST_STATE") == "postgresql"
            or "postgresql" in item.name.partition("[")[2]
        )
    ]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The empty folder of a company, under a name that is the same in all tests of a process.

    So the engine of its state keeps the statements that it has compiled, as it does in a daemon.
    """
    name = tmp_path_factory.getbasetemp() / "company"
    name.symlink_to(tmp_path, target_is_directory=True)
    yield name
    name.unlink()


@pytest.fixture
def office(
    folder: Path,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    pauses: Pauses,
    new_state: Callable[[], str | None],
) -> Office:
    """A company whose wiki is the faulty server."""
    monkeypatch.setenv("WIKI_TOKEN", faulty.token)
    made = Office(folder, faulty.url, faulty.token, state=new_state(), time=pauses.source)
    made.configure()
    return made


@pytest.fixture
def real_office(
    folder: Path,
    real_server: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    pauses: Pauses,
    new_state: Callable[[], str | None],
) -> Office:
    """A company whose wiki is a scim2-server that nobody else uses."""
    url, token = real_server
    monkeypatch.setenv("WIKI_TOKEN", token)
    made = Office(
        folder, f"{url}/{secrets.token_hex(8)}/v2", token, state=new_state(), time=pauses.source
    )
    made.configure()
    return made
