"""Make the plan of a run: plan all targets concurrently, then apply the guards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from scimsync.desired.groups import name_of
from scimsync.errors import ConfigError
from scimsync.execute.concurrency import gather_or_raise
from scimsync.model.ids import Kind
from scimsync.model.operations import JournaledOperation
from scimsync.model.records import Problem
from scimsync.plan import Plan, Violation, guard
from scimsync.plan.saved import why_outdated
from scimsync.run.compile import CompiledTarget
from scimsync.run.context import Context
from scimsync.run.reading import Reading
from scimsync.run.target_run import TargetRun
from scimsync.snapshot.view import SnapshotView
from scimsync.state import links


async def make_plan(context: Context, targets: Mapping[str, TargetRun], reading: Reading) -> Plan:
    """Plan all targets, and check the plan.

    Raise ConfigError for an unknown key in the options.
    """
    options = context.options
    _check_keys(context)
    await gather_or_raise([target.make_plan(context, reading) for target in targets.values()])
    plans = {name: target.plan(context.store) for name, target in targets.items()}
    plan = Plan(plans, reading.problems)
    violations = guard.check(plan, context.compiled.config.guard.limits, options.allowance)
    if options.saved is not None and (why := why_outdated(options.saved, plan)) is not None:
        violations = [Violation(why, "SYNC-0507", hint="to plan again: scimsync plan --out FILE")]
    problems = (*plan.problems, *_problems(targets, context.records))
    return replace(plan, problems=problems, violations=tuple(violations))


def _check_keys(context: Context) -> None:
    """Raise ConfigError for a key without record and account: it is a typo."""
    keys = context.options.keys
    if not keys:
        return
    targets = context.compiled.targets.values()
    sources = [name for target in targets for name in target.sources]
    known = context.records.get(sources, list(keys))
    for key in keys:
        if key in known:
            continue
        with context.store.read() as connection:
            if not links.is_known_key(connection, key):
                raise ConfigError(
                    f'unknown key "{key}": no source record and no linked account',
                    hint="keys are values of the source's key column",
                    brief="unknown key: no source record and no linked account",
                    code="SYNC-0350",
                )


def _problems(targets: Mapping[str, TargetRun], view: SnapshotView) -> Iterator[Problem]:
    """Return users and groups that could not be planned, as problems of their sources."""
    for name, target in targets.items():
        for operation in target.state.failed_operations():
            source = _source_of(target.compiled, view, operation)
            yield Problem(source, None, operation.key, f"{name}: {operation.detail}")


def _source_of(target: CompiledTarget, view: SnapshotView, operation: JournaledOperation) -> str:
    """Return the source whose record an operation comes from."""
    if operation.kind is Kind.GROUP:
        rule = target.groups.get(name_of(operation.key))
        return target.sources[0] if rule is None or rule.source is None else rule.source
    record = view.get(target.sources, [operation.key]).get(operation.key)
    return target.sources[0] if record is None else record.source
