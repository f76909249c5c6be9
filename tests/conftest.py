"""Servers on loopback and a made-up company, for tests of the whole way from file to account."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.office import Office, Pauses, without_waiting
from tests.servers.faulty import FaultyServer, running_faulty_server
from tests.servers.scim2 import running_scim2_server


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
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """What retries would have waited, in seconds."""
    return without_waiting(monkeypatch)


@pytest.fixture
def office(tmp_path: Path, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, pauses: Pauses) -> Office:
    """A company whose wiki is the faulty server."""
    monkeypatch.setenv("WIKI_TOKEN", faulty.token)
    made = Office(tmp_path, faulty.url, faulty.token)
    made.configure()
    return made


@pytest.fixture
def real_office(tmp_path: Path, real_server: tuple[str, str], monkeypatch: pytest.MonkeyPatch, pauses: Pauses) -> Office:
    """A company whose wiki is a scim2-server that nobody else uses."""
    url, token = real_server
    monkeypatch.setenv("WIKI_TOKEN", token)
    made = Office(tmp_path, f"{url}/{secrets.token_hex(8)}/v2", token)
    made.configure()
    return made
