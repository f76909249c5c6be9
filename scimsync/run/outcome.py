"""The outcome of a run, and of each target in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scimsync.errors import Interrupted, ScimsyncError
from scimsync.model.operations import Action, OperationFilter, OperationStatus
from scimsync.model.records import Problem
from scimsync.plan import Plan, Violation
from scimsync.state import journal
from scimsync.state.store import Store

FIRST_FAILURES = 3
"""The number of refused operations that a push shows. The journal has them all."""


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """The outcome of a push at one target.

    `counts` are applied operations by action, `failed` the number of failed ones, `requests` the
    number of requests of all kinds. `refused` are the first operations that failed when they were
    sent, as `create 00123: why`. `operations` counts the whole journal by action and status.
    """

    counts: Mapping[str, int]
    failed: int
    requests: int
    seconds: float
    error: ScimsyncError | None = None
    refused: tuple[str, ...] = ()
    operations: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The outcome of a push.

    `outcome` is `done`, `failed` (some operations, or a target), `interrupted` (by a signal) or
    `stopped` (by a guard, because of `violations`).
    """

    run: int
    outcome: str
    targets: Mapping[str, TargetOutcome]
    problems: tuple[Problem, ...]
    violations: tuple[Violation, ...] = ()

    @property
    def guard(self) -> str | None:
        """Why nothing was sent: a message for each reason, with remarks below it."""
        return "\n".join(map(str, self.violations)) or None

    @property
    def guard_brief(self) -> str | None:
        """The same without the keys of users."""
        return "\n".join(violation.nameless for violation in self.violations) or None

    @property
    def exit_code(self) -> int:
        """The exit code of `push` (docs/reference/exit-codes.md)."""
        if self.violations:
            return 3
        errors = [
            target.error.exit_code for target in self.targets.values() if target.error is not None
        ]
        signals = [code for code in errors if code > 128]
        if errors:
            return (signals or errors)[0]
        return 4 if self.problems or any(target.failed for target in self.targets.values()) else 0


def run_outcome(run: int, targets: Mapping[str, TargetOutcome], plan: Plan) -> RunOutcome:
    """Return the outcome of a run that made `plan`."""
    if plan.violations:
        return RunOutcome(run, "stopped", targets, plan.problems, plan.violations)
    outcome = "done"
    if plan.problems or any(target.failed or target.error for target in targets.values()):
        outcome = "failed"
    if any(isinstance(target.error, Interrupted) for target in targets.values()):
        outcome = "interrupted"
    return RunOutcome(run, outcome, targets, plan.problems)


def target_outcome(
    store: Store, run: int, name: str, requests: int, seconds: float, error: ScimsyncError | None
) -> TargetOutcome:
    """Return the outcome of `run` at a target, from the journal."""
    operations = OperationFilter(run=run, target=name)
    with store.read() as connection:
        counted = journal.count(connection, operations)
        failed = sum(
            number for (_, status), number in counted.items() if status is OperationStatus.FAILED
        )
        refused: tuple[str, ...] = ()
        if failed:
            sent = replace(operations, statuses=(OperationStatus.FAILED,), was_sent=True)
            failures = journal.find(connection, sent, limit=FIRST_FAILURES)
            refused = tuple(
                f"{operation.action} {operation.key}: {operation.detail}" for operation in failures
            )
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
    )


def target_document(outcome: TargetOutcome) -> dict[str, Any]:
    """Return a target's part of `push --json`."""
    return {
        "counts": dict(outcome.counts),
        "failed": outcome.failed,
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        "error": None if outcome.error is None else outcome.error.message,
    }
