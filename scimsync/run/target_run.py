"""One target within a run: its connection, its plan, and its stored state."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

from scimsync.errors import ScimsyncError, TargetUnavailable, coded
from scimsync.execute.unexpected import report_unexpected
from scimsync.formatting import plural
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import Action
from scimsync.model.persons import can_compare
from scimsync.model.service_provider import Capabilities
from scimsync.model.target_memory import LearnedShape, TargetState, UnusableFilter
from scimsync.plan import Scope, TargetPlan, TargetPlanner
from scimsync.plan.definition import Tally
from scimsync.plan.document_diff import nameless_references, protected_accounts
from scimsync.plan.guard import FIRST_KEYS, REMOVALS
from scimsync.plan.identities import NOTHING_SUSPECTED, Identities, Suspicion
from scimsync.plan.product import (
    no_groups,
    pending_invitations,
    setting_warnings,
    unchangeable_attributes,
)
from scimsync.run.before_planning import begin_repair, prove_new_url, refresh
from scimsync.run.compiled import CompiledTarget
from scimsync.run.context import Context, PushContext
from scimsync.run.given_plan import take_given
from scimsync.run.managed import create_only, group_matcher
from scimsync.run.reading import Reading
from scimsync.run.scope import planned_scope, why_waiting
from scimsync.run.tallies import with_tallies
from scimsync.scim.dialects import Dialect
from scimsync.state import (
    link_changes,
)
from scimsync.state.planning import LiveState
from scimsync.state.store import Store
from scimsync.targets.connection import TargetConnection, TargetStopped
from scimsync.targets.discoverer import Discoverer
from scimsync.targets.evidence import IdOfAnother, message_code
from scimsync.targets.learned_shapes import LearnedShapes
from scimsync.targets.matching import Matcher
from scimsync.transport.request_errors import RequestError

_LOG = logging.getLogger("scimsync")


MANY = 10_000
"""The expected number of groups to look up where it may be any."""

_TAKING_ACCESS = (*REMOVALS, Action.REMOVE_MEMBERS)


@dataclass(slots=True)
class TargetRun:
    """One target in a run.

    `known` is the stored state of the target, and `next` the one to store once the plan is
    accepted. `discoverer` reads what the target declares about itself. `has_arrivals`: there may be
    users without an account. `waits_for_clock` is why the time decides about no user in this run.
    `scope` is what is planned, None for nothing, and `identities` what was decided about keys.
    `error` is why nothing is sent to the target, and `late_error` why only a part of the plan could
    be made, which is sent. `blocked`: a guard or a source is the reason, so the reads for this
    target have no effect. `outdated` says what given operations start from and what has changed
    since. `reported` are the operations that the plan reports as problems.
    """

    compiled: CompiledTarget
    connection: TargetConnection
    user_matcher: Matcher
    group_matchers: Mapping[str, Matcher]
    state: LiveState
    planner: TargetPlanner
    known: TargetState
    discoverer: Discoverer
    shapes: LearnedShapes | None = None
    has_arrivals: bool = False
    waits_for_clock: str | None = None
    leaves_out_groups: bool = False
    scope: Scope | None = None
    identities: Identities = NOTHING_SUSPECTED
    next: TargetState | None = None
    error: ScimsyncError | None = None
    late_error: ScimsyncError | None = None
    blocked: bool = False
    outdated: Sequence[str] = ()
    reported: set[int] = field(default_factory=set)

    def block(self, why: ScimsyncError) -> None:
        """Send nothing to this target, and leave its state as it was before the run."""
        self.error, self.blocked, self.next = why, True, None

    def fail_unexpectedly(self, error: Exception) -> None:
        """Send nothing to this target because of an unexpected error, and report it."""
        self.next, self.error = None, report_unexpected(self.name, error)

    @property
    def name(self) -> str:
        return self.compiled.name

    @property
    def is_at_new_url(self) -> bool:
        """Whether the links are of the target at another URL."""
        return self.known.url not in (None, self.compiled.config.url)

    @property
    def dialect(self) -> Dialect:
        """The dialect of the target, in the shapes that are known so far."""
        return self.compiled.dialect if self.shapes is None else self.shapes.dialect

    @property
    def learned_shapes(self) -> Mapping[str, LearnedShape]:
        """The known shapes of requests, for later runs."""
        return self.known.shapes if self.shapes is None else self.shapes.learned

    @property
    def capabilities(self) -> Capabilities:
        """What the target declares that it can do, as far as that is known."""
        return self.discoverer.known.capabilities

    def unusable_filters(self, today: date) -> dict[str, UnusableFilter]:
        """Return the filters that proved nothing, in this run or before, for later runs."""
        matchers = {
            Kind.USER: [self.user_matcher],
            Kind.GROUP: list(self.group_matchers.values()),
        }
        found = {
            f"{kind} {path}": UnusableFilter(why, today.isoformat())
            for kind, some in matchers.items()
            for matcher in some
            for path, why in matcher.unusable.items()
        }
        return {name: self.known.unusable_filters.get(name, now) for name, now in found.items()}

    def with_bulk(self, state: TargetState, now: datetime) -> TargetState:
        """Return a state with the findings of this run about bulk requests."""
        if self.connection.collector is None:
            return state
        why = self.connection.collector.unusable
        return replace(state, bulk_unusable=why, bulk_unusable_at=now if why else None)

    def matcher_of(self, kind: Kind, key: Key) -> Matcher:
        """Return the matcher that finds and reads a resource."""
        if kind is Kind.USER:
            return self.user_matcher
        return group_matcher(self.group_matchers, key)

    def create_only(self, kind: Kind, key: Key) -> frozenset[str]:
        """Return the paths of a resource that are sent at creation only."""
        return create_only(self.compiled, kind, key)

    def find_suspicions(self, context: Context, reading: Reading) -> list[Suspicion]:
        """Set the scope of this run, and return the arriving users who may be leavers.

        `has_arrivals` is about the state, which does not contain what a plan without storage has
        read.
        """
        planned = planned_scope(self.compiled, self.known, context, reading)
        self.scope, self.next, self.error = planned.scope, planned.next, planned.error
        self.has_arrivals, self.waits_for_clock = planned.has_arrivals, planned.waits_for_clock
        if self.scope is None or self.scope.repair is not None:
            return []
        if not self.has_arrivals and context.overlay is None:
            return []
        if context.options.given is not None:
            return []
        try:
            return list(self.planner.suspicions(self.scope))
        except Exception as error:
            self.fail_unexpectedly(error)
            return []

    @property
    def maps_names(self) -> bool:
        """Whether the mapping has names that distinguish people."""
        return can_compare(self.compiled.program.paths)

    async def make_plan(self, context: Context) -> None:
        """Write the plan of this target. Store an error that prevents it in `error`."""
        if self.scope is None or self.error is not None:
            return
        try:
            if self.is_at_new_url:
                await prove_new_url(context, self.compiled, self.user_matcher)
            await refresh(context, self.compiled, self.state, self.user_matcher)
            begin_repair(context, self.compiled, self.state)
            if self.scope.checks_clock:
                self.scope = await self._checked_by_clock(self.scope)
            await self._plan_or_take(context, self.scope)
            self._note_changes(self.scope)
            self._note_evaluation(self.scope, context.now.time)
            await self._discover_for_plan(context)
            self._report_unsearchable()
            if isinstance(context, PushContext):
                for why in self._remarks():
                    _LOG.warning("%s: %s", self.name, why)
        except TargetStopped:
            self.next = None
        except IdOfAnother as error:
            self.next, self.error = None, error.at(self.name)
            if isinstance(context, PushContext):
                self.state.before.clear()
                with context.store.write() as connection:
                    link_changes.detach(connection, self.name, context.now.time)
        except RequestError as error:
            self.next = None
            self.error = self.unavailable(error, "nothing was sent to it")
        except TargetUnavailable as error:
            self.next, self.error = None, error
        except Exception as error:
            self.fail_unexpectedly(error)
        self._note_search_error()
        if self.connection.stopped is not None:
            self.next, self.error = None, self.connection.stopped
        self._report_unconfirmed()

    async def _plan_or_take(self, context: Context, scope: Scope) -> None:
        given = context.options.given
        if given is None:
            progress = partial(context.report, self.name, "planning")
            await self.planner.plan(scope, progress, self.identities)
        else:
            self.outdated = await take_given(context, self, given.of(self.name))

    async def _checked_by_clock(self, scope: Scope) -> Scope:
        """Return the scope without users whose records did not change, if the clock is wrong."""
        doubt = await self.planner.check_clock()
        is_wider = scope.everybody or scope.refreshed or scope.only is not None
        if doubt is None or not doubt.is_wrong or self.next is None or scope.cursor or is_wider:
            return scope
        self.waits_for_clock = why_waiting(doubt)
        self.next = replace(self.next, digest=self.known.digest)
        return replace(scope, cursor=self.known.cursor, changed=False)

    def _note_changes(self, scope: Scope) -> None:
        """Remember when the time may change the results of expressions."""
        if self.next is None:
            return
        times = [self.planner.changes_at]
        if scope.cursor:  # the other records were evaluated by earlier runs
            times.append(self.known.changes_at)
        at = min((one for one in times if one is not None), default=None)
        self.next = replace(self.next, changes_at=at)

    def _note_evaluation(self, scope: Scope, now: datetime) -> None:
        """Remember for which time expressions were evaluated, so that a later clock is noticed."""
        if not self.compiled.depends_on_time:
            return
        known, doubt = self.known.evaluated_at, self.planner.clock_doubt
        everybody = self.next is not None and not scope.cursor
        is_right = doubt is None or not doubt.is_wrong
        at = now if known is None or (everybody and is_right) else max(known, now)
        self.next = replace(self.next or self.known, evaluated_at=at)

    async def _discover_for_plan(self, context: Context) -> None:
        """Read what the target declares, so that a plan shows the requests that a push sends."""
        if isinstance(context, PushContext) or context.options.offline:
            return
        if self.state.count_operations():
            await self.discoverer.discover()

    def _note_search_error(self) -> None:
        """Keep only operations that remove access if users without an account cannot be found."""
        error = self.planner.search_error
        if error is None or self.error is not None:
            return
        self.next = None  # those who were left out are planned by the next run
        counts = self.state.count_operations()
        if any(counts.get(action) for action in _TAKING_ACCESS):
            hint = "users without an account were not searched for; the next push does that"
            self.late_error = self.unavailable(error, hint)
        else:
            self.error = self.unavailable(error, "nothing was sent to it")

    def unavailable(self, error: RequestError, hint: str | None = None) -> TargetUnavailable:
        """Return the error of this target that a request led to."""
        return TargetUnavailable(
            f"{self.name}: {error}",
            hint=hint,
            brief=f"{self.name}: {error.brief}",
            code=message_code(error),
        )

    def _report_unconfirmed(self) -> None:
        """Say why deletions that are due wait for another run."""
        number, doubt = len(self.planner.unconfirmed), self.planner.clock_doubt
        if self.error is not None or not number:
            return
        why = "a second run, at least an hour later, confirms it"
        if doubt is not None:
            why = f"none is deleted in this run: {doubt.why}"
        _LOG.warning(
            "%s: %s due; %s [SYNC-0421]",
            self.name,
            plural(number, "deletion is", "deletions are"),
            why,
        )

    def _remarks(self) -> Iterator[str]:
        """Yield remarks on changes that the product does not allow."""
        product = self.compiled.policy.product.name
        if self.leaves_out_groups:
            yield no_groups(product, len(self.compiled.groups))
        for kind, found in zip(Kind, self.planner.unchangeable, strict=True):
            yield from unchangeable_attributes(product, kind, found)
        if self.planner.invited:
            yield pending_invitations(self.planner.invited)

    def _report_unsearchable(self) -> None:
        number = self.planner.unsearchable
        if number:
            _LOG.warning(
                "%s: %s cannot be looked up: their records have no value for %s [SYNC-0373]",
                self.name,
                plural(number, "user out of scope", "users out of scope"),
                " or ".join(self.compiled.config.match),
            )

    async def plan_again(
        self,
        users: Sequence[Key],
        groups: Sequence[Key],
        only: frozenset[Key] | None,
        now: datetime,
    ) -> None:
        """Plan some resources again within the same run. Raise RequestError, TargetStopped."""
        self.state.go_on(now)
        self.user_matcher.forget(len(users))
        for matcher in self.group_matchers.values():
            matcher.forget(MANY)
        await self.planner.plan_again(users, groups, only)

    def plan(self, store: Store) -> TargetPlan:
        """Return the plan of this target as a value."""
        url, known_url = self.compiled.config.url, self.known.url
        weak = self.planner.weak_adoptions
        plan = TargetPlan(
            name=self.name,
            url=url,
            dialect_of=lambda: self.dialect,
            reader=self.state,
            error=self.error,
            lost_members=tuple(self.planner.lost_members),
            weak_adoptions=Tally(len(weak), tuple(weak[:FIRST_KEYS])),
            identity_changes=self.planner.identity_changes,
            other_url=known_url if known_url not in (None, url) else None,
            warnings=(
                *(coded(*why) for why in setting_warnings(self.compiled.policy.product)),
                *self._remarks(),
                *protected_accounts(self.planner.protected),
                *(
                    nameless_references(
                        self.compiled.sources, path, *numbers, self.compiled.program.by(path)
                    )
                    for path, numbers in self.planner.nameless.items()
                ),
            ),
        )
        return with_tallies(plan, self.state, store)
