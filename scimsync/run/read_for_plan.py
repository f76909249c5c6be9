"""Read the resources that the requests of a plan are shaped from, so that it shows all of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

import orjson

from scimsync.errors import coded
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.current_resource import may_hold, read_current
from scimsync.formatting import plural
from scimsync.model.ids import Key, RemoteId
from scimsync.model.operations import Operation
from scimsync.plan import Plan, TargetPlan
from scimsync.plan.current import CurrentResources, Resource
from scimsync.plan.requests import needs_current
from scimsync.run.context import Context
from scimsync.run.target_run import TargetRun
from scimsync.state.acknowledged_members import acknowledged_member_ids
from scimsync.targets.connection import TargetStopped
from scimsync.targets.evidence import IdOfAnother
from scimsync.transport.request_errors import RequestError

_MOST_BYTES = 64_000_000
"""The length of all that a plan keeps of one target."""


async def with_current(context: Context, targets: Mapping[str, TargetRun], plan: Plan) -> Plan:
    """Return a plan that shows the requests as they would be sent now.

    Read the resources that PUT and whole lists are shaped from, as many of each target as the
    options of the run say. A warning says how many were not read.
    """
    if not context.options.most_read:
        return plan
    shown = dict(plan.targets)

    async def read(name: str) -> None:
        shown[name] = await _with_current(context, targets[name], plan.targets[name])

    await gather_or_raise(
        [read(name) for name, one in shown.items() if name in targets and one.error is None]
    )
    return replace(plan, targets=shown)


async def _with_current(context: Context, target: TargetRun, plan: TargetPlan) -> TargetPlan:
    wanted = _resources(target, plan)
    if context.options.offline:
        current = CurrentResources(otherwise="the plan is made with --offline")
    else:
        reading = _Reading(context, target)
        await reading.read_all(dict(islice(wanted, context.options.most_read)))
        current = reading.current
    number = len(current.unread) + sum(1 for _ in wanted)
    if not number:
        return replace(plan, current=current)
    why = next(iter(current.unread.values()), current.otherwise)
    warning = coded(
        f"{plural(number, 'account or group', 'accounts and groups')} not read, since {why}; the"
        " plan shows only the values that change, and a push keeps all others",
        "SYNC-0445",
    )
    return replace(plan, current=current, warnings=(*plan.warnings, warning))


def _resources(target: TargetRun, plan: TargetPlan) -> Iterator[tuple[Resource, Operation]]:
    """Yield each existing resource that a request of a plan is shaped from, and its operation."""
    dialect, seen = target.dialect, set[Resource]()
    for operation in plan.operations():
        resource = (operation.kind, operation.key)
        if operation.remote_id is None or resource in seen:
            continue
        if needs_current(dialect, operation):
            seen.add(resource)
            yield resource, operation


class _Reading:
    """A read of some resources of one target, and its outcome."""

    def __init__(self, context: Context, target: TargetRun) -> None:
        self._context = context
        self._target = target
        self._size = 0
        self._read: dict[Resource, bytes] = {}
        self._unread: dict[Resource, str] = {}

    @property
    def current(self) -> CurrentResources:
        """What was read."""
        most = self._context.options.most_read
        return CurrentResources(
            self._read, self._unread, f"a plan reads no more than {most} of a target"
        )

    async def read_all(self, resources: Mapping[Resource, Operation]) -> None:
        """Read resources, several at a time."""
        context, name = self._context, self._target.name
        if resources:
            context.report(name, "reading", 0, len(resources))
        queue = iter(resources.values())

        async def worker() -> None:
            for operation in queue:
                await self._read_one(operation)
                context.report(name, "reading", 1)
                await asyncio.sleep(0)

        await gather_or_raise([worker() for _ in range(self._target.compiled.concurrency)])

    async def _read_one(self, operation: Operation) -> None:
        kind, key, remote_id = operation.kind, operation.key, operation.remote_id
        assert remote_id is not None  # noqa: S101 - it exists
        if self._size > _MOST_BYTES:
            self._unread[kind, key] = "the others are too large to be kept"
            return
        target = self._target
        link = target.state.links(kind, [key]).get(key)
        try:
            response = await read_current(
                target.connection,
                target.dialect,
                kind,
                remote_id,
                may_hold(operation, link),
                lambda: self._known_members(key),
            )
        except (RequestError, IdOfAnother) as error:
            self._unread[kind, key] = str(error)
        except TargetStopped as error:
            self._unread[kind, key] = error.message
        else:
            content = orjson.dumps(response.body)
            self._read[kind, key] = content
            self._size += len(content)

    def _known_members(self, group: Key) -> frozenset[RemoteId]:
        with self._context.store.read() as connection:
            return acknowledged_member_ids(connection, self._target.name, group)
