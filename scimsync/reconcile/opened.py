"""Open a target to read from it, without the plan of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scimsync.config.same_url import at_same_service
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.model.service_provider import Discovery
from scimsync.model.target_memory import TargetState
from scimsync.plan import Now
from scimsync.plan.adoption import searched_by
from scimsync.run.cancellation import Cancellation
from scimsync.run.compiled import CompiledConfig, CompiledTarget
from scimsync.run.managed import NO_TABLE, group_matcher
from scimsync.scim.paging import ListPaging
from scimsync.state import discoveries, known_resources, link_store, target_states
from scimsync.state.store import Store
from scimsync.targets.connection import TargetConnection
from scimsync.targets.discoverer import Discoverer
from scimsync.targets.matching import Matcher
from scimsync.targets.quarantine import is_suspect, learned_rate, remembered_filters
from scimsync.targets.resource_reader import ResourceReader
from scimsync.targets.sender import LazySender
from scimsync.targets.visibility import Visibility
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.retry_policy import TimeSource

_SAMPLES = 5
"""The number of known resources by which filters prove that they work."""


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """The settings shared by the reads of all targets: configuration, state, time, and observers.

    `cancellation` ends them from another thread.
    """

    compiled: CompiledConfig
    store: Store
    now: Now
    observe: Observer = ignore
    time: TimeSource | None = None
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True)
class OpenedTarget:
    """A target that is read: its connection, its lists, and how single resources are found.

    `others_at_service` are the other targets with its url and authentication.
    """

    compiled: CompiledTarget
    connection: TargetConnection
    reader: ResourceReader
    known: TargetState
    users: Matcher
    groups: dict[str, Matcher]
    others_at_service: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.compiled.name

    def matcher_of(self, kind: Kind, key: Key) -> Matcher:
        """Return the matcher that finds and reads a resource."""
        return self.users if kind is Kind.USER else group_matcher(self.groups, key)


@asynccontextmanager
async def open_target(
    settings: ReadSettings, target: CompiledTarget
) -> AsyncIterator[OpenedTarget]:
    """Open a target, and close its connection and its lists at the end of the block."""
    store, now, name = settings.store, settings.now.time, target.name
    with store.read() as database:
        known = target_states.get_targets(database, [name])[name]
    sender = LazySender(
        settings.compiled.config,
        name,
        settings.compiled.authenticators.get(name),
        target.concurrency,
    )
    limiter = RateLimiter(
        target.rate, concurrency=target.concurrency, learned=learned_rate(known, now)
    )
    connection = TargetConnection(
        name,
        sender,
        rate_limiter=limiter,
        probing=is_suspect(known),
        observe=settings.observe,
        time=settings.time,
        now=lambda: now,
        rates=target.rates,
    )
    opened = _opened(settings, target, connection, known)
    try:
        yield opened
    finally:
        for matcher in (opened.users, *opened.groups.values()):
            matcher.close()
        await sender.aclose()


def _opened(
    settings: ReadSettings,
    target: CompiledTarget,
    connection: TargetConnection,
    known: TargetState,
) -> OpenedTarget:
    store, now, name, profile = settings.store, settings.now.time, target.name, target.profile

    def load() -> Discovery:
        with store.read() as database:
            return discoveries.get_discovery(database, name, target.config.url)

    reader = ResourceReader(
        connection,
        target.dialect,
        ListPaging.of_product(profile.paging, profile.page_size),
        Discoverer(connection, load, now).capabilities,
        member_filter=profile.member_filter,
    )

    def samples(kind: Kind) -> list[Document]:
        with store.read() as database:
            some = link_store.first_resources(database, name, kind, _SAMPLES)
        return [link.document for link in some]

    def count(kind: Kind) -> int:
        with store.read() as database:
            return link_store.count_accounts(database, name, kind)

    def put_members(group_id: RemoteId) -> set[RemoteId]:
        with store.read() as database:
            group = link_store.owners(database, name, Kind.GROUP, [group_id]).get(group_id)
            if group is None:
                return set()
            return {one[2] for one in known_resources.members_with_ids(database, name, group)}

    def matcher(kind: Kind, match: Sequence[str]) -> Matcher:
        visibility = Visibility(
            target.policy.product.name,
            profile.lists_lie,
            profile.sees_only_own,
            profile.filter_needs if kind is Kind.USER else {},
            lambda: samples(kind),
        )
        return Matcher(
            reader,
            kind,
            match,
            lambda: 0,
            known=lambda: count(kind),
            unusable=remembered_filters(known, kind, now),
            visibility=visibility,
            put_members=put_members,
        )

    groups = {
        table: matcher(Kind.GROUP, searched_by(rule.match)) for table, rule in target.groups.items()
    }
    groups[NO_TABLE] = matcher(Kind.GROUP, ("externalId", "displayName"))
    users = matcher(Kind.USER, target.config.match)
    others = at_same_service(settings.compiled.config, name)
    return OpenedTarget(target, connection, reader, known, users, groups, others)
