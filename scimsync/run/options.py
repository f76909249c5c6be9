"""The options of a run, and the interface for its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scimsync.model.ids import Key
from scimsync.model.repairs import Repair
from scimsync.plan import Allowance
from scimsync.plan.given_operations import GivenPlan
from scimsync.plan.saved import SavedPlan

MOST_READ = 500
"""The number of resources of one target that `plan` reads to show whole requests: 20 seconds at 25
requests a second."""

PATIENCE_S = 10.0
"""Leavers at the other targets lose their access well within half a minute."""


class Report(Protocol):
    """A callback for the progress of a run.

    `name` is a target or source, `what` the current work, `number` the number of items finished
    since the last call, and `total` the number of all items.
    """

    def __call__(self, name: str, what: str, number: int, total: int | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run.

    `keys` restricts it to these users, and leaves cursors where they are. `offline` sends no
    request. `saved` is the only plan that may be executed. The operations of `given` replace those
    that the planner would make. Without `read` the sources are not read. `insistent` also tries
    targets in quarantine, since a person named them. A target that has made planning wait for its
    responses for more than `patience_s` seconds no longer delays the others. `refresh` reads all
    known resources before planning. A plan that is only shown reads up to `most_read` resources of
    each target, if requests depend on their values. `repairs` restricts the run to the differences
    that were found at targets, by their names. `command` is the command that hints say to repeat,
    without `scimsync`.
    """

    keys: tuple[Key, ...] = ()
    offline: bool = False
    allowance: Allowance = field(default_factory=Allowance)
    saved: SavedPlan | None = None
    given: GivenPlan | None = None
    read: bool = True
    insistent: bool = False
    patience_s: float = PATIENCE_S
    refresh: bool = False
    most_read: int = 0
    repairs: Mapping[str, Repair] | None = None
    command: str = "push"

    @property
    def only(self) -> frozenset[Key] | None:
        """The users that the run is restricted to, None for all."""
        if self.given is not None:
            return self.given.users
        if self.repairs is not None:
            return frozenset[Key]().union(*(repair.keys for repair in self.repairs.values()))
        return frozenset(self.keys) if self.keys else None
