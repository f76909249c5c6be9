"""An office whose target stands behind a proxy that loses responses."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.execute.story import NO_GUARD, Proxied, Script
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import MANAGER, USER, Office
from tests.servers.proxy import running_proxy


@pytest.fixture
def script() -> Script:
    """What happens to answers that come through `proxied`."""
    return Script()


@pytest.fixture
def proxied(
    real_server: tuple[str, str],
    tmp_path: Path,
    new_state: Callable[[], str | None],
    script: Script,
) -> Iterator[Proxied]:
    """An office whose target, a tenant of a real server, stands behind a proxy."""
    url, token = real_server
    with running_proxy(url, script) as proxy:
        office = Office(
            tmp_path, f"{proxy.url}/{secrets.token_hex(8)}/v2", token, state=new_state()
        )
        office.configure(user=USER + MANAGER, guard=NO_GUARD, more=BY_DEPARTMENT)
        yield office, proxy
