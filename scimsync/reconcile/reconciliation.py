"""`reconcile`: read targets back, and find how they differ from what they acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace

from scimsync.errors import ScimsyncError, TargetUnavailable, combined_exit_code, innermost
from scimsync.execute.unexpected import report_unexpected
from scimsync.model.ids import Kind
from scimsync.reconcile.account_comparison import AccountComparison, Progress
from scimsync.reconcile.drift_findings import FindingLog, TargetFindings
from scimsync.reconcile.group_comparison import GroupComparison
from scimsync.reconcile.opened import OpenedTarget, ReadSettings, open_target
from scimsync.reconcile.read_back import ReadBack
from scimsync.run.compiled import CompiledTarget
from scimsync.run.options import Report
from scimsync.sources.workspace import new_private_bytes
from scimsync.targets.connection import TargetConnection
from scimsync.targets.evidence import message_code
from scimsync.transport.request_errors import RequestError


@dataclass(frozen=True, slots=True)
class Findings:
    """What a reconciliation found, by target."""

    targets: Mapping[str, TargetFindings]

    @property
    def drifts(self) -> int:
        """The number of findings at all targets."""
        return sum(len(target.log) for target in self.targets.values())

    @property
    def exit_code(self) -> int:
        """1 where something could not be compared, else 0."""
        return combined_exit_code(target.exit_code for target in self.targets.values())

    @property
    def is_complete(self) -> bool:
        """Whether everything was compared at all targets."""
        return all(target.is_complete for target in self.targets.values())


@contextmanager
def reconcile(settings: ReadSettings, report: Report) -> Iterator[Findings]:
    """Read all targets of `settings` back and yield the findings, which are kept until the end.

    Only reads are sent, and nothing is stored; `record_findings` stores the number of findings. No
    lease is taken, so a push may run at the same time.
    """
    with ExitStack() as stack:
        logs: dict[str, tuple[ReadBack, FindingLog]] = {}
        for name in settings.compiled.targets:
            read_back = stack.enter_context(ReadBack())
            file = read_back.new_file()
            logs[name] = read_back, FindingLog(file, stack.enter_context(new_private_bytes(file)))

        async def run() -> Findings:
            targets, connections = settings.compiled.targets.values(), _Connections()
            cancellation = settings.cancellation
            with nullcontext() if cancellation is None else cancellation.calling(connections.stop):
                found = await asyncio.gather(
                    *(
                        _reconcile_target(settings, one, *logs[one.name], report, connections)
                        for one in targets
                    )
                )
            return Findings({one.name: one for one in found})

        yield asyncio.run(run())


class _Connections:
    """The connections of the targets that are read. Once stopped, none of them sends anything."""

    def __init__(self) -> None:
        self._open: list[TargetConnection] = []
        self._why: ScimsyncError | None = None

    def add(self, connection: TargetConnection) -> None:
        """Stop this connection too when the others are stopped, or were before."""
        self._open.append(connection)
        if self._why is not None:
            connection.stop(self._why)

    def stop(self, why: ScimsyncError) -> None:
        """Send nothing more to any target."""
        self._why = why
        for connection in self._open:
            connection.stop(why)


async def _reconcile_target(
    settings: ReadSettings,
    target: CompiledTarget,
    read_back: ReadBack,
    log: FindingLog,
    report: Report,
    connections: _Connections,
) -> TargetFindings:
    """Return the findings at one target, or why it could not be read."""
    name, began = target.name, time.monotonic()

    def progress(what: str, number: int, total: int | None) -> None:
        report(name, what, number, total)

    async with open_target(settings, target) as opened:
        connections.add(opened.connection)
        found = TargetFindings(name, log, read_back)
        try:
            found = await _compare(settings, opened, read_back, log, progress)
        except Exception as error:
            found = replace(found, error=_explained(opened, error))
        return replace(found, requests=opened.connection.requests, seconds=time.monotonic() - began)


async def _compare(
    settings: ReadSettings,
    opened: OpenedTarget,
    read_back: ReadBack,
    log: FindingLog,
    progress: Progress,
) -> TargetFindings:
    accounts = AccountComparison(opened, settings.store, log, read_back)
    await accounts.run(progress)
    groups = GroupComparison(opened, settings.store, log, accounts.gone)
    await groups.run(progress)
    return TargetFindings(
        opened.name,
        log,
        read_back,
        users=accounts.compared,
        groups=groups.compared,
        problem=read_back.problems.get(Kind.USER),
        notes=(*accounts.notes, *groups.notes),
    )


def _explained(opened: OpenedTarget, error: Exception) -> ScimsyncError:
    """Return why a target could not be read. Raise errors that do not concern the target."""
    if opened.connection.stopped is not None:
        return opened.connection.stopped
    cause = innermost(error)
    if isinstance(cause, RequestError):
        return TargetUnavailable(
            f"{opened.name}: {cause}",
            hint="no comparison was completed",
            brief=f"{opened.name}: {cause.brief}",
            code=message_code(cause),
        )
    if isinstance(cause, ScimsyncError):
        raise cause
    return report_unexpected(opened.name, cause)
