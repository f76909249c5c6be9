"""A SCIM server and what a probe of it needs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scimsync.probe.run import Only, ProbeOptions, probe
from scimsync.probe.sequences import SEQUENCES
from scimsync.probe.server import Origin
from scimsync.probe.values import ProbeReport
from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.connection_options import ConnectionOptions
from tests.servers.scim2 import running_scim2_server

RUN = "0a1b2c3d4e"


@pytest.fixture(scope="session")
def scim2_server() -> Iterator[tuple[str, str]]:
    with running_scim2_server() as server:
        yield server


@pytest.fixture
def origin(scim2_server: tuple[str, str]) -> Origin:
    """An empty store of a real server."""
    base, token = scim2_server
    return origin_of(f"{base}/{secrets.token_hex(8)}/v2", token)


def origin_of(url: str, token: str) -> Origin:
    return Origin(url, BearerAuthenticator(token, url), ConnectionOptions(timeout=5))


@pytest.fixture
def options_of(tmp_path: Path) -> Callable[..., ProbeOptions]:
    """Options of a probe as all providers, in a folder of the test."""

    def options(
        *providers: str, only: Only | None = None, keep: bool = False, run: str = RUN
    ) -> ProbeOptions:
        return ProbeOptions(
            providers or tuple(SEQUENCES),
            tmp_path / "ledgers",
            run,
            only,
            keep,
            now=lambda: datetime(2026, 11, 29, 12, tzinfo=UTC),
        )

    return options


def probed(origin: Origin, options: ProbeOptions) -> ProbeReport:
    return asyncio.run(probe(origin, options))
