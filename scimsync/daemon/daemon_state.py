"""Open the state database that the daemon started with, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scimsync.config.models import Config
from scimsync.errors import StateError
from scimsync.state.store import Store, open_state, shown_state


@contextmanager
def state_at_start(config: Config) -> Iterator[Store]:
    """Open the state; create or upgrade it if necessary. Raise StateError."""
    store = open_state(config.state_url, config.base_dir, create=True)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def existing_state(config: Config) -> Iterator[Store]:
    """Open the state again.

    Raise StateError, even if the database has disappeared: a new, empty one would forget which
    accounts to deactivate.
    """
    store = open_state(config.state_url, config.base_dir, create=False)
    try:
        if store.is_scratch:
            raise StateError(
                f"{shown_state(config.state_url)}: the state database has disappeared",
                hint=(
                    "restore it (is a disk not mounted?); to start with an empty state, restart the"
                    " daemon"
                ),
                code="SYNC-0805",
            )
        yield store
    finally:
        store.close()
