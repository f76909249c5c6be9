"""Plan and push all targets in waves, so that a slow target does not delay the others.

All targets are planned concurrently. Usually they form one wave: their plans are checked, accepted,
and executed together. If some targets wait for responses for too long, the others go first, and
each slow target follows when its plan is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from scimsync.config.same_url import at_same_service
from scimsync.execute.concurrency import gather_or_raise
from scimsync.plan import Plan
from scimsync.run.acceptance import accept
from scimsync.run.context import PushContext
from scimsync.run.execution import execute_plans
from scimsync.run.outcome import TargetOutcome
from scimsync.run.prepare import begin, checked_plan, whole_plan
from scimsync.run.reading import Reading
from scimsync.run.target_run import TargetRun


async def push_targets(
    context: PushContext, targets: Mapping[str, TargetRun], reading: Reading
) -> tuple[Plan, dict[str, TargetOutcome]]:
    """Plan all targets, and execute the plans that no guard forbids.

    Return the plan of the run and the outcome at each target. Raise ConfigError for an unknown key
    in the options.
    """
    waves = _Waves(context, targets, reading)
    await waves.run()
    plan = whole_plan(context, targets, reading, waves.plans)
    left_out = {
        name: TargetOutcome({}, 0, 0, 0.0, one.error)
        for name, one in plan.targets.items()
        if name not in targets
    }
    outcomes = left_out | waves.outcomes
    return plan, {name: outcomes[name] for name in plan.targets}


class _Waves:
    """The waves of a run: `plans` holds the checked plan of each, `outcomes` those of targets."""

    def __init__(
        self, context: PushContext, targets: Mapping[str, TargetRun], reading: Reading
    ) -> None:
        self._context = context
        self._targets = targets
        self._reading = reading
        config = context.compiled.config
        self._at_service = {name: at_same_service(config, name) for name in targets}
        self._planning: set[str] = set()
        self._ready: list[str] = []
        self._changed = asyncio.Event()
        self.plans: list[Plan] = []
        self.outcomes: dict[str, TargetOutcome] = {}

    async def run(self) -> None:
        going = begin(self._context, self._targets, self._reading)
        self._planning = set(going)
        self._ready = [name for name in self._targets if name not in going]
        await gather_or_raise([*(self._plan(name) for name in going), self._push_waves()])

    async def _plan(self, name: str) -> None:
        await self._targets[name].make_plan(self._context)
        self._planning.discard(name)
        self._ready.append(name)
        self._changed.set()

    async def _push_waves(self) -> None:
        async with asyncio.TaskGroup() as executing:
            while self._planning or self._ready:
                await self._wait_for_wave()
                going = self._going()
                wave = {name: one for name, one in self._targets.items() if name in going}
                self._ready = [name for name in self._ready if name not in going]
                self._check_and_accept(wave)
                executing.create_task(self._execute(wave))

    async def _wait_for_wave(self) -> None:
        """Return once each target is ready, or once some are and all others are slow."""
        while self._planning and not (self._going() and all(map(self._is_slow, self._planning))):
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._context.options.patience_s / 4):
                    await self._changed.wait()

    def _going(self) -> set[str]:
        """Return the targets that are ready, without those that wait for another at their service.

        The plans of targets at one service are compared: see `give_up_shared`.
        """
        return {name for name in self._ready if self._planning.isdisjoint(self._at_service[name])}

    def _is_slow(self, name: str) -> bool:
        options = self._context.options
        if (
            options.saved is not None or options.given is not None
        ):  # it is carried out as a whole or not at all
            return False
        return self._targets[name].connection.waited_s > options.patience_s

    def _check_and_accept(self, wave: Mapping[str, TargetRun]) -> None:
        earlier = [violation for plan in self.plans for violation in plan.violations]
        waiting = [*self._planning, *self._ready]
        plan = checked_plan(self._context, wave, self._reading, waiting, earlier)
        self.plans.append(plan)
        accept(self._context, self._targets, wave, waiting)

    async def _execute(self, wave: Mapping[str, TargetRun]) -> None:
        self.outcomes |= await execute_plans(self._context, wave)
