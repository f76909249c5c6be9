"""A plan of given operations, instead of those that the planner would make.

Any part of the program may make one: a revert does, from the journal. `run.push` takes it as
`Options(given=…)` and treats it like any other plan: the starting point of the operations is
checked first, then the guards; it is accepted, journalled, and executed. Cursors stay where they
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import Operation, OperationStatus
from scimsync.model.pins import Pin, PinnedMember


@dataclass(frozen=True, slots=True)
class GivenTarget:
    """The operations for one target.

    Those that are `failed` say what could not be planned, and why: they are shown and journalled.
    The `before` of each change is its starting point: the target must show it, and the link must
    contain it, unless the operation has its own `base`.

    `pins` are stored when the plan is accepted, and the pins of `unpinned` are dropped.
    `pinned_members` are kept in or out of their groups. `member_ids` are the ids of the resources
    that are added to groups or removed from them, as far as they are known.
    """

    operations: tuple[Operation, ...] = ()
    pins: tuple[Pin, ...] = ()
    unpinned: tuple[tuple[Kind, Key], ...] = ()
    pinned_members: tuple[PinnedMember, ...] = ()
    member_ids: Mapping[tuple[Kind, Key], RemoteId] = field(default_factory=dict)

    @property
    def planned(self) -> tuple[Operation, ...]:
        """The operations that are to be sent."""
        return tuple(one for one in self.operations if one.status is OperationStatus.PLANNED)


@dataclass(frozen=True, slots=True)
class GivenPlan:
    """Given operations by target. `command` is the name of their run in the journal."""

    command: str
    targets: Mapping[str, GivenTarget]

    def of(self, target: str) -> GivenTarget:
        """Return the plan given for a target, nothing for others."""
        return self.targets.get(target, _NOTHING)

    @property
    def users(self) -> frozenset[Key]:
        """The users of all operations."""
        return frozenset(
            operation.key
            for target in self.targets.values()
            for operation in target.planned
            if operation.kind is Kind.USER
        )


_NOTHING = GivenTarget()
