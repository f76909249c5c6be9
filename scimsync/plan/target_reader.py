"""What a planner asks a target: which resources exist, what they hold, and the time there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scimsync.model.clock import ClockDoubt
from scimsync.plan.protocols import Finder, InDoubtResources


@dataclass(frozen=True, slots=True)
class TargetReader:
    """The means to find and read one kind of resource at a target. A plan without it is offline.

    `clock_doubt` compares the clock with that of the target. It sends a request only if the target
    has not responded in this run.
    """

    finder: Finder
    in_doubt: InDoubtResources
    clock_doubt: Callable[[], Awaitable[ClockDoubt | None]]
