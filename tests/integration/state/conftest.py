"""The state is written as users have it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def durability() -> None:
    """Commits wait for the disk."""
