"""End the pins of a revert by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from scimsync.config.models import Config
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.run.lease_keeper import changing_by_hand
from scimsync.state import pin_store
from scimsync.state.store import Store

_SOME = 500


def lift_pins(
    config: Config,
    store: Store,
    run: int,
    targets: Sequence[str],
    keys: Sequence[Key],
    clock: Callable[[], datetime],
) -> dict[str, list[tuple[Kind, Key]]]:
    """Drop the pins of the revert of `run`, of the users `keys` only if there are any.

    The next push plans them. Return them by target. Raise LeaseHeld while a run is active.
    """
    lifted: dict[str, list[tuple[Kind, Key]]] = {}
    with changing_by_hand(config, store, clock) as connection:
        for name in targets:
            found = [
                (pin.kind, pin.key)
                for pin in pin_store.undone_by(connection, name, run)
                if not keys or (pin.kind is Kind.USER and pin.key in keys)
            ]
            for kind in Kind:
                for some in batches((key for of, key in found if of is kind), _SOME):
                    pin_store.lift(connection, name, kind, some, clock())
            lifted[name] = found
    return lifted
