"""Forget the learned shapes of requests: the next push learns them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from scimsync.config.models import Config
from scimsync.run.lease_keeper import changing_by_hand
from scimsync.state import target_states
from scimsync.state.store import Store


def forget_shapes(
    config: Config, store: Store, names: Sequence[str], clock: Callable[[], datetime]
) -> list[str]:
    """Forget the learned shapes of the targets called `names`; return which targets had any.

    Raise LeaseHeld while a run is active.
    """
    with changing_by_hand(config, store, clock) as connection:
        known = target_states.get_targets(connection, names)
        learned = [replace(one, shapes={}) for one in known.values() if one.shapes]
        target_states.put_targets(connection, learned)
        return [one.name for one in learned]
