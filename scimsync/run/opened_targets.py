"""Open the targets of a run: connections, searches, planners, and the known facts about each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.execute.in_doubt import InDoubtReader
from scimsync.model.ids import Document, Key, Kind, Seq
from scimsync.model.links import LinkStatus
from scimsync.model.service_provider import Discovery
from scimsync.model.target_memory import TargetState
from scimsync.plan import TargetPlanner
from scimsync.plan.adoption import searched_by
from scimsync.plan.protection import protected_by
from scimsync.plan.target_reader import TargetReader
from scimsync.run.before_planning import PROOFS
from scimsync.run.compiled import CompiledTarget
from scimsync.run.context import Context, PushContext
from scimsync.run.managed import NO_TABLE, create_only, group_matcher, managed_paths
from scimsync.run.reading import Reading
from scimsync.run.target_run import MANY, TargetRun
from scimsync.scim.messages import ScimRequest
from scimsync.scim.paging import ListPaging
from scimsync.state import (
    discoveries,
    link_store,
    record_rows,
    target_states,
)
from scimsync.state.contents import get_contents
from scimsync.state.ingests import NewChanges
from scimsync.state.planning import LiveState
from scimsync.state.planning_overlay import OverlayState
from scimsync.state.sent_requests import sent_requests
from scimsync.state.store import Store
from scimsync.targets.account_finder import AccountFinder
from scimsync.targets.connection import TargetConnection
from scimsync.targets.discoverer import Discoverer
from scimsync.targets.learned_shapes import open_shapes
from scimsync.targets.matching import Matcher, MatchResult
from scimsync.targets.quarantine import (
    is_suspect,
    learned_rate,
    remembered_filters,
)
from scimsync.targets.resource_reader import ResourceReader
from scimsync.targets.sender import LazySender
from scimsync.targets.visibility import Visibility
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.retry_policy import TimeSource

NoteFound = Callable[[str, Kind, Mapping[Key, MatchResult]], None]
"""A listener that gets the name of a target, a kind, and what a search found, by key."""

_FEW = 3
"""The expected number of groups to look up once groups are linked."""


@asynccontextmanager
async def open_targets(
    context: Context,
    reading: Reading,
    may_send: Callable[[], Awaitable[bool]] | None = None,
    observe: Observer = ignore,
    time: TimeSource | None = None,
    note_found: NoteFound = lambda *_: None,
) -> AsyncIterator[Mapping[str, TargetRun]]:
    """Open all targets of a run, and close their connections at the end of the block.

    `may_send` is awaited before each request and returns whether this run still holds its leases.
    `note_found` is called with the results of each search for existing users or groups.
    """
    compiled, now = context.compiled, context.now
    async with AsyncExitStack() as stack:
        with context.store.read() as connection:
            known = target_states.get_targets(connection, list(compiled.targets))
        opened: dict[str, TargetRun] = {}
        for name, target in compiled.targets.items():
            sender = LazySender(
                compiled.config, name, compiled.authenticators.get(name), target.concurrency
            )
            stack.push_async_callback(sender.aclose)
            rate_limiter = RateLimiter(
                target.rate,
                concurrency=target.concurrency,
                learned=learned_rate(known[name], now.time),
            )
            target_connection = TargetConnection(
                name,
                sender,
                rate_limiter=rate_limiter,
                probing=is_suspect(known[name]),
                may_send=may_send,
                observe=observe,
                time=time,
                now=context.clock if isinstance(context, PushContext) else lambda: now.time,
                rates=target.rates,
            )
            if isinstance(context, PushContext) and target.rates:
                target_connection.limits.count_earlier(_sent_before(context, target))
            opened[name] = _open(
                context, target, target_connection, known[name], reading, note_found
            )
            stack.callback(_close_matchers, opened[name])
        yield opened


def _sent_before(context: PushContext, target: CompiledTarget) -> list[tuple[float, ScimRequest]]:
    """Return the requests of earlier runs that the limits of a product count, with their ages.

    Ages are in seconds.
    """
    now = context.clock()
    since = now - timedelta(seconds=max(rate.seconds for rate in target.rates))
    most = max(rate.limit for rate in target.rates)
    with context.store.read() as connection:
        found = sent_requests(connection, target.name, since, most)
    return [((now - at).total_seconds(), request) for at, request in found if at <= now]


def stop_targets(opened: Mapping[str, TargetRun], why: ScimsyncError) -> None:
    """Send nothing more to any target."""
    for target in opened.values():
        target.connection.stop(why)


def lose_targets(opened: Mapping[str, TargetRun]) -> None:
    """Send nothing more to any target, since another run took over."""
    for target in opened.values():
        target.connection.lost_lease()


def _open(
    context: Context,
    target: CompiledTarget,
    connection: TargetConnection,
    known: TargetState,
    reading: Reading,
    note_found: NoteFound,
) -> TargetRun:
    store, now, name = context.store, context.now, target.name
    with store.read() as database:
        contents = get_contents(database, name)
    has_links = contents.groups
    if isinstance(context, PushContext):
        changes = NewChanges(target.sources, known.cursor)
        destinations = context.compiled.config.audit.event_destinations
        state = LiveState(store, context.run, name, now.time, changes, contents, destinations)
    else:
        assert context.overlay is not None  # noqa: S101 - only a push has none
        state = OverlayState(store, context.overlay, name, now.time, contents)
    cursor = known.cursor if known.digest == target.digest(now.today) else Seq(0)

    discoverer = _discoverer(context, target, connection)
    profile = target.profile
    resources = ResourceReader(
        connection,
        target.dialect,
        ListPaging.of_product(profile.paging, profile.page_size),
        discoverer.capabilities,
        member_filter=profile.member_filter,
    )

    def matcher(kind: Kind, match: Sequence[str], expected: Callable[[], int]) -> Matcher:
        return Matcher(
            resources,
            kind,
            match,
            expected,
            known=lambda: state.count_accounts(kind),
            unusable=remembered_filters(known, kind, now.time),
            visibility=Visibility(
                target.policy.product.name,
                target.profile.lists_lie,
                target.profile.sees_only_own,
                target.profile.filter_needs if kind is Kind.USER else {},
                lambda: _known_documents(store, name, kind),
            ),
            put_members=state.put_members,
        )

    def expected_users() -> int:
        chosen = len(context.options.only or ())
        return chosen or _may_need_look_up(store, target, cursor, state, reading)

    users = matcher(Kind.USER, target.config.match, expected_users)
    # the first push may find any number of groups, later ones few that are new
    groups = {
        table: matcher(Kind.GROUP, searched_by(rule.match), lambda: _FEW if has_links else MANY)
        for table, rule in target.groups.items()
    }
    groups[NO_TABLE] = matcher(Kind.GROUP, ("externalId", "displayName"), lambda: _FEW)

    def reader(kind: Kind, matcher_of: Callable[[Key], Matcher]) -> TargetReader | None:
        if context.options.offline:
            return None

        def protect(resource: Mapping[str, Any]) -> str | None:
            return protected_by(target.policy, kind, resource)

        in_doubt = InDoubtReader(
            store,
            state,
            name,
            kind,
            matcher_of,
            lambda key: managed_paths(target, kind, key),
            lambda key: create_only(target, kind, key),
            protect,
            target.policy.product,
            members=context.options.refresh,
        )
        finder = AccountFinder(matcher_of, protect, partial(note_found, name, kind))
        return TargetReader(finder, in_doubt, connection.clock_doubt)

    # linked groups show that the product now has groups
    leaves_out_groups = target.profile.groups == "none" and bool(target.groups) and not has_links
    planner = TargetPlanner(
        target,
        state,
        context.records,
        now,
        reader(Kind.USER, lambda _: users),
        reader(Kind.GROUP, lambda key: group_matcher(groups, key)),
        known.group_tables,
        has_groups=has_links or (bool(target.groups) and not leaves_out_groups),
    )
    shapes = open_shapes(
        target.dialect,
        known,
        target.config.url,
        now.today,
        target.profile.shape,
        lambda: discoverer.known.capabilities,
    )
    return TargetRun(
        target,
        connection,
        users,
        groups,
        state,
        planner,
        known,
        discoverer,
        shapes,
        leaves_out_groups=leaves_out_groups,
    )


def _discoverer(
    context: Context, target: CompiledTarget, connection: TargetConnection
) -> Discoverer:
    """Return the discovery of a target. Only a push stores what it reads."""
    store, name, url = context.store, target.name, target.config.url

    def load() -> Discovery:
        with store.read() as database:
            return discoveries.get_discovery(database, name, url)

    def keep(discovery: Discovery) -> None:
        with store.write() as database:
            discoveries.put_discovery(database, name, url, discovery)

    now = context.now.time
    if isinstance(context, PushContext):
        return Discoverer(connection, load, now, keep)
    return Discoverer(connection, load, now)


def _known_documents(store: Store, target: str, kind: Kind) -> Sequence[Document]:
    """Return the documents of some active resources of a target, as far as known."""
    with store.read() as connection:
        return [
            link.document for link in link_store.first_resources(connection, target, kind, PROOFS)
        ]


def _close_matchers(target: TargetRun) -> None:
    for matcher in (target.user_matcher, *target.group_matchers.values()):
        matcher.close()


def _may_need_look_up(
    store: Store, target: CompiledTarget, cursor: Seq, state: LiveState, reading: Reading
) -> int:
    """Return the largest number of users that may have to be looked up.

    These are the changed users and those without an account.
    """
    read = [reading.sources[name] for name in target.sources if name in reading.sources]
    with store.read() as connection:
        changed = record_rows.count_changed(connection, target.sources, cursor)
        if isinstance(state, OverlayState):
            changed += sum(source.new + source.changed for source in read)
        known = link_store.count_by_status(connection, target.name)
    pending = known.get(LinkStatus.PENDING, 0)
    linked = known.get(LinkStatus.ACTIVE, 0) + known.get(LinkStatus.INACTIVE, 0)
    without_account = max(sum(source.records for source in read) - linked, 0)
    return min(without_account, changed + pending)
