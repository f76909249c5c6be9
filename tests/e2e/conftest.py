"""Everything here runs with the state in SQLite and in PostgreSQL."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def state_kind(request: pytest.FixtureRequest) -> str:
    """Where the state lies."""
    kind: str = request.param
    return kind
