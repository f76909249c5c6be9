"""A real SCIM server for the tests of the protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.scim2 import running_scim2_server


@pytest.fixture(scope="session")
def scim2_server() -> Iterator[tuple[str, str]]:
    """Return URL and bearer token of a scim2-server; tenants are at URL/TENANT/v2."""
    with running_scim2_server() as server:
        yield server
