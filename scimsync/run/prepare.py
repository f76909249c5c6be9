"""Make the plan of a run: plan all targets concurrently, then stop those that guards forbid."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from scimsync.desired.groups import name_of
from scimsync.errors import GuardStop
from scimsync.execute.concurrency import gather_or_raise
from scimsync.formatting import plural
from scimsync.model.ids import Kind
from scimsync.model.operations import JournaledOperation
from scimsync.model.records import Problem
from scimsync.plan import Plan, TargetPlan, Violation, guard
from scimsync.plan.definition import NoOperations
from scimsync.plan.saved import SavedPlan, changed_settings, why_outdated
from scimsync.run.compiled import CompiledConfig, CompiledTarget, UnusableTarget
from scimsync.run.context import Context, PushContext
from scimsync.run.dropped_targets import HINT, dropped_targets
from scimsync.run.given_plan import outdated_names
from scimsync.run.key_decisions import decide_keys
from scimsync.run.known_keys import unknown_key
from scimsync.run.options import Options
from scimsync.run.populations import populations
from scimsync.run.reading import Reading
from scimsync.run.settings_digests import settings_digests
from scimsync.run.shared_resources import give_up_shared, warn_of_shared_urls
from scimsync.run.stopping import stop_of, stopped_by_sources, violation_of, with_stops
from scimsync.run.target_run import TargetRun
from scimsync.snapshot.view import SnapshotView
from scimsync.state import link_store

_LOG = logging.getLogger("scimsync")


async def make_plan(context: Context, targets: Mapping[str, TargetRun], reading: Reading) -> Plan:
    """Plan all targets, check the plans, and stop the targets that must not be pushed.

    Raise ConfigError for an unknown key in the options.
    """
    going = begin(context, targets, reading)
    await gather_or_raise([targets[name].make_plan(context) for name in going])
    plan = checked_plan(context, targets, reading)
    return whole_plan(context, targets, reading, [plan])


def begin(context: Context, targets: Mapping[str, TargetRun], reading: Reading) -> list[str]:
    """Stop the targets whose sources cannot be used, or all if a saved plan is for other settings.

    Decisions about keys that replace others are the same for all targets of one population.

    Return the names of the others. Raise ConfigError for an unknown key in the options.
    """
    compiled = context.compiled
    warn_of_shared_urls(compiled.config, compiled.targets)
    if isinstance(context, PushContext):
        _warn_of_dropped_targets(context)
    for violation in _with_stops(context, _other_settings(context)):
        for name, target in targets.items():
            target.block(stop_of(violation, name, compiled.sources_of_targets))
        return []
    if not (reading.refused or compiled.unusable):
        _check_keys(context)
    for name, why in stopped_by_sources(compiled.sources_of_targets, reading.refused).items():
        targets[name].block(why)
    going = [name for name, target in targets.items() if target.error is None]
    of_users = {name: each.source for name, each in compiled.config.targets.items()}
    for population in populations(going, of_users):
        decide_keys(context, [targets[name] for name in population], reading)
    return going


def _warn_of_dropped_targets(context: PushContext) -> None:
    with context.store.read() as connection:
        dropped = dropped_targets(connection, context.compiled.config)
    for one in dropped:
        _LOG.warning("%s: %s; %s [SYNC-0433]", one.name, one.text, HINT)


def checked_plan(
    context: Context,
    targets: Mapping[str, TargetRun],
    reading: Reading,
    waiting: Sequence[str] = (),
    earlier: Sequence[Violation] = (),
) -> Plan:
    """Check the plans of `targets`, and stop those that must not be pushed.

    `waiting` are targets whose plan is not made yet, and `earlier` the violations of targets that
    were planned before. The result has only the problems and violations of `targets`.
    """
    sources = context.compiled.sources_of_targets
    give_up_shared(context, targets)
    plan = Plan({name: target.plan(context.store) for name, target in targets.items()})
    violations = _with_stops(context, _violations(context, reading, plan, targets))
    for violation in (*_with_stops(context, reading.violations), *earlier, *violations):
        for name in violation.stops:
            if name in targets and targets[name].error is None:
                targets[name].block(stop_of(violation, name, sources))
    undecided = {*targets, *waiting}  # the others may have been pushed
    violations = [
        replace(one, stops=tuple(name for name in one.stops if name in undecided))
        for one in violations
    ]
    return replace(
        plan,
        problems=tuple(_problems(targets, context.records)),
        violations=tuple(violations),
    )


def whole_plan(
    context: Context, targets: Mapping[str, TargetRun], reading: Reading, parts: Sequence[Plan]
) -> Plan:
    """Return the plan of a run, given checked plans that have each target once."""
    plans = {name: plan for part in parts for name, plan in part.targets.items()}
    return Plan(
        _with_stopped(context, targets, Plan(plans)),
        (*reading.problems, *(problem for part in parts for problem in part.problems)),
        (
            *_left_out(context.compiled),
            *_with_stops(context, (*reading.violations, *_other_settings(context))),
            *(violation for part in parts for violation in part.violations),
        ),
    )


_PUSH = "scimsync push"
"""The command that the hints of guards name."""


def _with_stops(context: Context, violations: Iterable[Violation]) -> list[Violation]:
    """Return the violations with the targets that each of them stops, and the command to repeat."""
    command = f"scimsync {context.options.command}"
    named = (replace(one, hint=one.hint.replace(_PUSH, command)) for one in violations)
    found = with_stops(named, context.compiled.sources_of_targets)
    saved = context.options.saved
    if saved is None:
        return found
    # a saved plan is carried out as a whole or not at all
    return [replace(one, stops=tuple(context.compiled.targets)) for one in found]


def _violations(
    context: Context, reading: Reading, plan: Plan, targets: Mapping[str, TargetRun]
) -> list[Violation]:
    options = context.options
    violations = [*guard.check(plan, context.compiled.config.guard.limits, options.allowance)]
    if options.given is not None:
        return [*_outdated_operations(options, targets.values())] or violations
    if options.saved is None or reading.violations or _other_settings(context):
        return violations
    return [*_outdated(why_outdated(options.saved, plan), options.saved)] or violations


def _outdated_operations(options: Options, targets: Iterable[TargetRun]) -> Iterator[Violation]:
    """Yield the starting points of given operations that have changed since, target by target."""
    saved = options.saved
    again = options.command if saved is None else saved.again
    for target in targets:
        if target.outdated:
            what = (
                "its starting point has"
                if saved is None
                else f"the starting point of {saved.name} has"
            )
            yield Violation(
                f'"{target.name}": {what} changed since it was planned:'
                f" {plural(len(target.outdated), 'account or group', 'accounts and groups')}",
                "SYNC-0513",
                outdated_names(target.outdated, guard.FIRST_KEYS),
                f"plan again: scimsync {again}",
                target=target.name,
            )


def _other_settings(context: Context) -> list[Violation]:
    """Return a violation if a saved plan was made with other settings."""
    saved = context.options.saved
    if saved is None:
        return []
    settings = settings_digests(context.compiled.targets.values())
    return [*_outdated(changed_settings(saved, settings), saved)]


def _outdated(why: str | None, saved: SavedPlan) -> Iterator[Violation]:
    if why is not None:
        hint = f"plan again: scimsync {saved.again}"
        yield Violation(why, "SYNC-0507", hint=hint)


def _left_out(compiled: CompiledConfig) -> Iterator[Violation]:
    """Return the guards that stopped sources before the run began."""
    stops: dict[str | None, tuple[GuardStop, list[str]]] = {}
    for name, target in compiled.unusable.items():
        if isinstance(target.error, GuardStop):
            stops.setdefault(target.error.source, (target.error, []))[1].append(name)
    for stop, names in stops.values():
        yield replace(violation_of(stop), stops=tuple(names))


def _with_stopped(
    context: Context, targets: Mapping[str, TargetRun], plan: Plan
) -> dict[str, TargetPlan]:
    """Return the plans in the order of sync.toml, with those that are stopped and why."""
    plans: dict[str, TargetPlan] = {}
    for name in context.compiled.config.targets:
        if name in targets:
            own = plan.targets[name]
            blocked = targets[name].error if own.error is None else None
            plans[name] = replace(own, blocked=blocked)
        elif name in context.compiled.unusable:
            plans[name] = _no_plan(context.compiled.unusable[name])
    return plans


def _no_plan(left_out: UnusableTarget) -> TargetPlan:
    """Return the plan of a target that the run leaves out."""
    return TargetPlan(
        name=left_out.compiled.name,
        url=left_out.compiled.config.url,
        dialect_of=lambda: left_out.compiled.dialect,
        reader=NoOperations(),
        error=left_out.error,
    )


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
            if not link_store.is_known_key(connection, key):
                raise unknown_key(key)


def _problems(targets: Mapping[str, TargetRun], view: SnapshotView) -> Iterator[Problem]:
    """Return users and groups that could not be planned, as problems of their sources."""
    for name, target in targets.items():
        if target.waits_for_clock is not None:
            source = target.compiled.sources[0]
            yield Problem(source, None, None, f"{name}: {target.waits_for_clock}")
        for operation in target.state.failed_operations():
            target.reported.add(operation.id)
            source = _source_of(target.compiled, view, operation)
            yield Problem(source, None, operation.key, f"{name}: {operation.detail}")


def _source_of(target: CompiledTarget, view: SnapshotView, operation: JournaledOperation) -> str:
    """Return the source whose record an operation comes from."""
    if operation.kind is Kind.GROUP:
        rule = target.groups.get(name_of(operation.key))
        return target.sources[0] if rule is None or rule.source is None else rule.source
    record = view.get(target.sources, [operation.key]).get(operation.key)
    return target.sources[0] if record is None else record.source
