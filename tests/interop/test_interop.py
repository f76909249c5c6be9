"""Every scenario at every server, with a configuration that says nothing about the server.

`make test` runs some servers, without the scenarios that take long; `make interop` runs all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.known import KNOWN
from tests.interop.scenarios import LARGE, SCENARIOS
from tests.interop.servers import PACKAGES, PRODUCTS, Product, Running, Server
from tests.interop.site import Dishonest, Site, Unmet
from tests.office import Office, Pauses

ALL = os.environ.get("SCIMSYNC_INTEROP") == "all"
CELLS = [
    pytest.param(product, name, id=f"{product.name}-{name.replace(' ', '-')}")
    for product in PRODUCTS
    if product.always or ALL
    for name in SCENARIOS
    if ALL or name not in LARGE
    if name != "cursor" or product.with_cursors is not None
]


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[[Running], Server]]:
    """Starts servers; each one runs until the last test of this process has ended."""
    started: dict[Running, Server] = {}
    with ExitStack() as stack:

        def start(running: Running) -> Server:
            if running not in started:
                started[running] = stack.enter_context(running())
            return started[running]

        yield start


@pytest.mark.parametrize(("product", "name"), CELLS)
def test_a_scenario_at_a_server(
    product: Product,
    name: str,
    start: Callable[[Running], Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pauses: Pauses,
) -> None:
    server = start((product.with_cursors if name == "cursor" else None) or product.running)
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    url = server.new_store()
    site = Site(Office(tmp_path, url, server.token, time=pauses.source), server, url)
    site.configure()
    known = KNOWN.get((product.name, name))
    if known is None:
        SCENARIOS[name](site)
        return
    with pytest.raises(Dishonest if known.silent else Unmet):
        SCENARIOS[name](site)


def test_no_lock_file_names_a_registry() -> None:
    """Whoever installs the packages has a registry of their own."""
    for lock in PACKAGES.glob("*/package-lock.json"):
        assert "resolved" not in lock.read_text("utf-8"), lock
