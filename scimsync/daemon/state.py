"""The state that the daemon works with: the one that was there when it began, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scimsync.config.models import Config
from scimsync.errors import StateError
from scimsync.state.store import Store, open_state, shown_state


@contextmanager
def begun_state(config: Config) -> Iterator[Store]:
    """The state at the start, made or brought up to date where it has to be. Raises StateError."""
    store = open_state(config.state_url, config.base_dir, create=True)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def same_state(config: Config) -> Iterator[Store]:
    """The state later on. Raises StateError, also where it is gone: an empty one in its place would
    forget who has to go."""
    store = open_state(config.state_url, config.base_dir, create=False)
    try:
        if store.is_scratch:
            raise StateError(
                f"{shown_state(config.state_url)}: the state that was in use is gone",
                hint=(
                    "bring it back (is a disk not mounted?); to begin with an empty one, start the"
                    " daemon anew"
                ),
            )
        yield store
    finally:
        store.close()
