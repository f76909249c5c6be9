"""The outcome of a run, and of each target in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scimsync.errors import SOURCE_ERRORS, GuardStop, Interrupted, ScimsyncError, combined_exit_code
from scimsync.model.links import AccessToRemove, Waiting
from scimsync.model.operations import Action, OperationFilter, OperationStatus
from scimsync.model.records import Problem
from scimsync.plan import Plan, Violation
from scimsync.state import operation_journal, overview
from scimsync.state.store import Store

FIRST_FAILURES = 3
"""The number of refused operations that a push shows. The journal has them all."""

FIRST_LEAVERS = 10
"""The number of leavers who may still have access that a push names. `status` has them all."""


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """The outcome of a push at one target.

    `counts` are applied operations by action, `failed` the number of failed ones, `requests` the
    number of requests of all kinds. `refused` are the first operations that failed after the plan
    was made, as `create 00123: why`. `operations` counts the whole journal by action and status.
    `access_to_remove` are the leavers who may still have access, after this run and earlier ones,
    and `waiting` the users and groups that failed in earlier runs and were not tried in this one.
    """

    counts: Mapping[str, int]
    failed: int
    requests: int
    seconds: float
    error: ScimsyncError | None = None
    refused: tuple[str, ...] = ()
    operations: Mapping[tuple[str, str], int] = field(default_factory=dict)
    access_to_remove: AccessToRemove = field(default_factory=AccessToRemove)
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def is_unsettled(self) -> bool:
        """Whether an operation failed, in this run or earlier, or a leaver may have access."""
        return bool(self.failed or self.access_to_remove.count or self.waiting.count)

    @property
    def blocked(self) -> bool:
        """Whether a guard, a source or a secret is why nothing was sent."""
        return isinstance(self.error, SOURCE_ERRORS)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The outcome of a push.

    `outcome` is `done`, `failed` (a target, or operations of this run or of earlier ones that still
    wait for another try), `interrupted` (by a signal) or `stopped` (by a guard, at least one
    target, because of `violations`). `sources` are those that were read.
    """

    run: int
    outcome: str
    targets: Mapping[str, TargetOutcome]
    problems: tuple[Problem, ...]
    violations: tuple[Violation, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def guard(self) -> str | None:
        """Why a guard stopped targets: a message for each reason, with remarks below it."""
        return "\n".join(map(str, self.violations)) or None

    @property
    def guard_brief(self) -> str | None:
        """The same without the keys of users."""
        return "\n".join(violation.nameless for violation in self.violations) or None

    @property
    def exit_code(self) -> int:
        """The exit code of `push` (docs/reference/exit-codes.md)."""
        codes = [
            target.error.exit_code for target in self.targets.values() if target.error is not None
        ]
        if self.violations:
            codes.append(GuardStop.exit_code)
        if self.problems or any(target.is_unsettled for target in self.targets.values()):
            codes.append(4)
        return combined_exit_code(codes)


def run_outcome(
    run: int, targets: Mapping[str, TargetOutcome], plan: Plan, sources: Iterable[str]
) -> RunOutcome:
    """Return the outcome of a run that read `sources` and made `plan`."""
    outcome = "done"
    if plan.problems or any(target.is_unsettled or target.error for target in targets.values()):
        outcome = "failed"
    if plan.violations:
        outcome = "stopped"
    if any(isinstance(target.error, Interrupted) for target in targets.values()):
        outcome = "interrupted"
    return RunOutcome(run, outcome, targets, plan.problems, plan.violations, tuple(sources))


def target_outcome(
    store: Store,
    run: int,
    now: datetime,
    name: str,
    requests: int,
    seconds: float,
    error: ScimsyncError | None,
    reported: Collection[int] = (),
) -> TargetOutcome:
    """Return the outcome of `run` at a target, from the journal.

    `reported` are the operations that the plan reports as problems.
    """
    operations = OperationFilter(run=run, target=name)
    with store.read() as connection:
        waiting = overview.waiting_from_earlier(connection, name, run, now)
        access_to_remove = overview.access_to_remove(connection, name, FIRST_LEAVERS)
        counted = operation_journal.count(connection, operations)
        failed = sum(
            number for (_, status), number in counted.items() if status is OperationStatus.FAILED
        )
        refused: tuple[str, ...] = ()
        if failed > len(reported):
            where = replace(operations, statuses=(OperationStatus.FAILED,))
            most = FIRST_FAILURES + len(reported)
            found = operation_journal.find(connection, where, limit=most)
            refused = tuple(
                f"{operation.action} {operation.key}: {operation.detail}"
                for operation in found
                if operation.id not in reported
            )[:FIRST_FAILURES]
    applied = {
        action: number
        for (action, status), number in counted.items()
        if status is OperationStatus.APPLIED
    }
    return TargetOutcome(
        counts={action.value: applied[action] for action in Action if applied.get(action)},
        failed=failed,
        requests=requests,
        seconds=seconds,
        error=error,
        refused=refused,
        operations={(action, status.value): number for (action, status), number in counted.items()},
        access_to_remove=access_to_remove,
        waiting=waiting,
    )


def target_document(outcome: TargetOutcome) -> dict[str, Any]:
    """Return a target's part of `push --json`."""
    return {
        "counts": dict(outcome.counts),
        "failed": outcome.failed,
        "may_have_access": outcome.access_to_remove.count,
        "waiting": outcome.waiting.count,
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        "error": None if outcome.error is None else outcome.error.message,
    }
