"""A company at a real server, with everything that goes over the wire seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.office import Office
from tests.servers.wire import Wire, watched


@pytest.fixture
def wire(real_office: Office) -> Iterator[Wire]:
    """Stands between `real_office` and its server from now on."""
    with watched(real_office.url) as wire:
        real_office.url = wire.url
        real_office.configure()
        yield wire
