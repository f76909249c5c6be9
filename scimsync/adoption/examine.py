"""Make the report: read the lists of the targets, plan a push, and compare."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from scimsync.adoption.found import FoundResources
from scimsync.adoption.group_rows import GroupSurvey
from scimsync.adoption.report import AdoptionReport, Listing, TargetReport
from scimsync.adoption.row_files import GroupRows
from scimsync.adoption.suggestions import Facts, suggestions
from scimsync.adoption.user_rows import UserSurvey
from scimsync.execute.concurrency import gather_or_raise
from scimsync.model.ids import Kind
from scimsync.plan import Now, TargetPlan, guard
from scimsync.plan.guard import Allowance
from scimsync.run.compiled import CompiledConfig
from scimsync.run.context import Context
from scimsync.run.managed import NO_TABLE
from scimsync.run.opened_targets import open_targets
from scimsync.run.options import Options, Report
from scimsync.run.plan import scratch_context
from scimsync.run.prepare import make_plan
from scimsync.run.reading import Reading, read_sources
from scimsync.run.target_run import TargetRun
from scimsync.state.store import Store
from scimsync.targets.connection import TargetStopped
from scimsync.targets.matching import Matcher
from scimsync.targets.resource_list import ResourceList
from scimsync.transport.request_errors import RequestError
from scimsync.transport.retry_policy import TimeSource


def examine(
    compiled: CompiledConfig,
    store: Store,
    now: Now,
    report: Report,
    time: TimeSource | None = None,
) -> AdoptionReport:
    """Return what a first push would take over, create, and leave alone at each target.

    Send reads only, and store nothing. Each list of accounts is read once, page by page, into a
    private temporary file. Raise SourceUnavailable, SourceFormatError or ConfigError if they leave
    no target to plan.
    """
    with scratch_context(compiled, store, Options(insistent=True), now, report) as context:
        reading = read_sources(context)
        return asyncio.run(_examine(context, reading, time))


@dataclass(frozen=True, slots=True)
class _Read:
    """A list of one target, and why it is missing or proves nothing."""

    resources: ResourceList | None
    problem: str | None

    @property
    def listing(self) -> Listing:
        number = None if self.resources is None else len(self.resources)
        return Listing(number, self.problem)


_Lists = Mapping[Kind, _Read]


async def _examine(context: Context, reading: Reading, time: TimeSource | None) -> AdoptionReport:
    found = FoundResources(
        {name: target.policy for name, target in context.compiled.targets.items()}
    )
    async with open_targets(context, reading, time=time, note_found=found.note) as targets:
        lists: dict[str, _Lists] = {}

        async def read(name: str, target: TargetRun) -> None:
            context.report(name, "listing", 0)
            lists[name] = await _read_lists(target)
            context.report(name, "listing", lists[name][Kind.USER].listing.number or 0)

        usable = context.compiled.sources_of_targets
        refused = set(reading.refused)
        await gather_or_raise(
            [read(name, one) for name, one in targets.items() if not refused & {*usable[name]}]
        )
        plan = await make_plan(context, targets, reading)
        reports = [
            _target_report(context, targets.get(name), planned, lists.get(name, {}), found)
            for name, planned in plan.targets.items()
        ]
    return AdoptionReport(reports, reading.problems, plan.violations)


async def _read_lists(target: TargetRun) -> _Lists:
    lists = {Kind.USER: await _read(target.user_matcher)}
    matchers = [one for name, one in target.group_matchers.items() if name != NO_TABLE]
    if matchers and not target.leaves_out_groups:
        lists[Kind.GROUP] = await _read(matchers[0])
    return lists


async def _read(matcher: Matcher) -> _Read:
    """Read a list. The plan reports errors that concern more than the list."""
    try:
        resources = await matcher.read_list()
    except RequestError as error:
        return _Read(None, str(error))
    except TargetStopped as error:
        return _Read(None, error.message)
    return _Read(resources, resources.problem)


def _target_report(
    context: Context,
    target: TargetRun | None,
    planned: TargetPlan,
    lists: _Lists,
    found: FoundResources,
) -> TargetReport:
    error = planned.error
    if target is not None:
        error = error or target.late_error
    nothing = _Read(None, None)
    users, groups = lists.get(Kind.USER, nothing), lists.get(Kind.GROUP, nothing)
    if target is None or error is not None:
        return TargetReport(planned.name, planned.url, users.listing, groups.listing, error=error)
    context.report(planned.name, "comparing", 0)
    survey = UserSurvey(
        target,
        context.records,
        context.now,
        found.at(planned.name, Kind.USER),
        users.resources,
    )
    survey.take()
    of_groups = GroupSurvey(
        target,
        found.at(planned.name, Kind.GROUP),
        groups.resources,
        users.resources,
        survey.rows,
    )
    group_rows = GroupRows(of_groups.rows())
    facts = Facts(
        planned.name,
        survey.rows,
        group_rows,
        users.listing,
        _adoptions_allowed(context, planned),
        [str(one) for one in target.compiled.policy.protect],
        _hides(target),
        {name: rule.match for name, rule in target.compiled.groups.items()},
    )
    context.report(planned.name, "comparing", len(survey.rows))
    return TargetReport(
        planned.name,
        planned.url,
        users.listing,
        groups.listing,
        survey.rows,
        group_rows,
        survey.out_of_scope,
        suggestions(facts),
    )


def _adoptions_allowed(context: Context, plan: TargetPlan) -> int:
    """Return how many weak matches a push takes over without being asked."""
    limits = context.compiled.config.guard.limits
    return guard.adoptions_left(plan.adopted, 0, limits, Allowance())


def _hides(target: TargetRun) -> str | None:
    """Return why accounts may exist that the target does not show, or None."""
    product = target.compiled.policy.product.name
    if target.compiled.profile.sees_only_own:
        return f"{product} shows no accounts that others created"
    if target.compiled.profile.lists_lie:
        return f"the lists of {product} do not show its accounts"
    return None
