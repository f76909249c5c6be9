"""Everything of a run up to its first write request: sources are read, targets planned, guards
asked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from scimsync.desired.groups import name_of
from scimsync.errors import ConfigError, GuardStop, ScimsyncError, TargetUnavailable
from scimsync.execute.books import Books, Now
from scimsync.execute.concurrency import gather_or_raise
from scimsync.execute.known import KnownLinks, Memberships
from scimsync.execute.unexpected import report_unexpected
from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.links import LinkStatus
from scimsync.model.operations import (
    OPEN_STATUSES,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.model.records import Problem
from scimsync.model.targets import GroupTable, TargetState
from scimsync.plan.guard import (
    Allowance,
    Refusal,
    Tally,
    check_members,
    check_removals,
    check_updates,
    counted_for,
)
from scimsync.run.compile import CompiledConfig, CompiledTarget
from scimsync.run.group_planner import NO_RULE, GroupPlanner
from scimsync.run.membership_planner import MemberPlanner
from scimsync.run.saved import SavedPlan, moved_on
from scimsync.run.user_planner import Planner
from scimsync.snapshot.ingest import Ingested, Shrinking, ingest
from scimsync.state import holds, journal, links, records, targets
from scimsync.state.store import Store
from scimsync.targets.connection import TargetConnection, TargetStopped
from scimsync.targets.matching import Matcher
from scimsync.targets.quarantine import is_suspect, learned_rate, quarantine_error
from scimsync.targets.sender import LazySender
from scimsync.transport.observer import Observer, ignore
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.request_errors import RequestError

_FIRST_NAMES = 5
_LOG = logging.getLogger("scimsync")


class Report(Protocol):
    """Told how far a run is: `name` of the target (or source), what is being done, by how much it
    went on, of how much."""

    def __call__(self, name: str, what: str, number: int, total: int | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """How a target is talked to: its channel, and what makes a matcher of a kind, by attributes,
    for so many at most."""

    channel: TargetConnection
    matcher: Callable[[Kind, Sequence[str], int], Matcher]


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the sources came to. `refusals` say why nothing may be sent."""

    sources: Mapping[str, Ingested]
    refusals: Sequence[Refusal] = ()

    @property
    def problems(self) -> list[Problem]:
        return [problem for source in self.sources.values() for problem in source.problems]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `keys` restricts a run to these people (their cursor stays);
    `offline` asks no target; `saved` is the plan that is to be carried out, and no other; without
    `read` the sources are left alone; `insistent` tries targets in quarantine too: a person has
    named them."""

    keys: tuple[Key, ...] = ()
    offline: bool = False
    allowance: Allowance = field(default_factory=Allowance)
    saved: SavedPlan | None = None
    read: bool = True
    insistent: bool = False


@dataclass(slots=True)
class PlannedTarget:
    """A target with its plan in the journal. `error` is why it could not be planned; `state` is
    where it stands then."""

    setup: CompiledTarget
    channel: TargetConnection
    matcher: Matcher
    group_matchers: Mapping[str, Matcher]
    users: Planner
    groups: GroupPlanner
    members: MemberPlanner
    memberships: Memberships
    error: ScimsyncError | None = None
    state: TargetState | None = None

    def accept(self, connection: Connection) -> None:
        """The plan counts from now on, and what is planned again in this run counts at once."""
        self.memberships.accept()
        self.users.settled.accept(connection)
        self.groups.settled.accept(connection)

    async def plan_again(
        self, users: list[Key], groups: list[Key], only: frozenset[Key] | None
    ) -> None:
        """Plans some once more within the same run, except groups that failed in it. Raises
        RequestError from matching."""
        self.users.touched.clear()
        self.matcher.forget(len(users))
        await self.users.plan(users, everybody=only is None)
        keys = self.groups.without_paused(self.users.touched | set(groups))
        for matcher in self.group_matchers.values():
            matcher.forget(len(keys))
        await self.groups.plan_keys(keys, only_new=only is not None)
        self.members.plan(only)


@dataclass(slots=True)
class Prepared:
    """The outcome of preparing: plans in the journal of `books`, or `refusals`, which say why
    nothing may be sent."""

    setup: CompiledConfig
    books: Books
    now: Now
    targets: dict[str, PlannedTarget]
    problems: list[Problem]
    refusals: Sequence[Refusal] = ()

    @property
    def guard(self) -> str | None:
        """Why nothing may be sent, a line each."""
        return "\n".join(map(str, self.refusals)) or None


def read_sources(
    setup: CompiledConfig,
    store: Store,
    overlay: Store | None,
    now: Now,
    allowance: Allowance,
    report: Report,
) -> Reading:
    """Brings all snapshots up to date, or lays what is new over them. Raises SourceUnavailable,
    SourceFormatError."""
    done: dict[str, Ingested] = {}
    refusals: list[Refusal] = []
    for name, source in setup.sources.items():
        shrinking = Shrinking(setup.config.guard.min_records, allowance.records)
        report(name, "reading", 0)
        try:
            done[name] = ingest(
                store, source.spec, source.used, source.index, shrinking, now.time, overlay
            )
        except GuardStop as stop:
            refusals.append(Refusal(str(stop)))
        except ScimsyncError as error:
            error.source = name
            raise
        else:
            report(name, "reading", done[name].records)
    return Reading(done, refusals)


@asynccontextmanager
async def connected(
    setup: CompiledConfig,
    options: Options,
    links: Store,
    now: Now,
    may_send: Callable[[], Awaitable[bool]] | None = None,
    observe: Observer = ignore,
) -> AsyncIterator[Mapping[str, Way]]:
    """A channel and a maker of matchers for each target; connections end with the block. Raises
    ConfigError for secrets."""
    async with AsyncExitStack() as stack:
        ways: dict[str, Way] = {}
        for name, target in setup.targets.items():
            client = LazySender(
                setup.config, name, target.concurrency, read_secrets=not options.offline
            )
            stack.push_async_callback(client.aclose)
            with links.read() as connection:
                known = targets.get_target(connection, name)
            pace = RateLimiter(
                target.rate, concurrency=target.concurrency, learned=learned_rate(known, now.time)
            )
            channel = TargetConnection(
                name,
                client,
                pace=pace,
                probing=is_suspect(known),
                may_send=may_send,
                observe=observe,
            )
            ways[name] = Way(channel, partial(_matcher, stack, channel, target))
        yield ways


def _matcher(
    stack: AsyncExitStack,
    channel: TargetConnection,
    target: CompiledTarget,
    kind: Kind,
    match: Sequence[str],
    expected: int,
) -> Matcher:
    matcher = Matcher(channel, target.dialect, kind, match, target.profile.page_size, expected)
    stack.callback(matcher.close)
    return matcher


async def prepare(
    setup: CompiledConfig,
    books: Books,
    ways: Mapping[str, Way],
    options: Options,
    now: Now,
    reading: Reading,
    report: Report,
) -> Prepared:
    """Plans all targets side by side into the journal of `books`, then asks the guards."""
    prepared = Prepared(setup, books, now, {}, reading.problems)
    _check_keys(setup, books, options)

    async def one(name: str) -> None:
        target = setup.targets[name]
        prepared.targets[name] = await _plan_target(
            target, books, ways[name], options, now, reading, report
        )

    await gather_or_raise([one(name) for name in setup.targets])
    prepared.targets = {name: prepared.targets[name] for name in setup.targets}
    prepared.refusals = _ask_guards(setup, books, prepared.targets, options.allowance)
    if (
        options.saved is not None
        and (why := moved_on(options.saved, books, tuple(setup.targets))) is not None
    ):
        prepared.refusals = [Refusal(why)]
    return prepared


def _check_keys(setup: CompiledConfig, books: Books, options: Options) -> None:
    """Raises ConfigError for a key that nobody has: a typing error is not nothing to do."""
    sources = [name for target in setup.targets.values() for name in target.sources]
    known = books.view.get(sources, list(options.keys)) if options.keys else {}
    for key in options.keys:
        if key not in known:
            with books.links.read() as connection:
                if not links.known_key(connection, key):
                    raise ConfigError(
                        f"nobody with the key {key} is known: no record, no account",
                        hint="keys are those of the source's key column",
                        brief="nobody with this key is known: no record, no account",
                    )


async def _plan_target(
    target: CompiledTarget,
    books: Books,
    way: Way,
    options: Options,
    now: Now,
    reading: Reading,
    report: Report,
) -> PlannedTarget:
    digest = target.digest(now.today)
    with books.links.read() as connection:
        known = targets.get_target(connection, target.name)
        head = records.head_seq(connection, target.all_sources)
        cursor = known.cursor if known.digest == digest else Seq(0)
        expected = len(options.keys) or _may_need_look_up(
            connection, target, cursor, books, reading
        )
        groups_known = links.count_links(connection, target.name, Kind.GROUP)
    planned = _planned_target(
        target, books, way, expected, groups_known, known.group_tables, options, now
    )
    if (
        not options.insistent
        and known.digest == digest
        and (why := quarantine_error(known, now.time)) is not None
    ):
        planned.error = why
        return planned
    only = frozenset(options.keys) if options.keys else None
    changed = known.digest != digest
    another = changed and not _is_older(target, known.digest, now)
    # it may ask for columns that were never read: all that waits for a push that reads
    if another and not options.read:
        with books.links.read() as connection:
            only = frozenset(holds.held(connection, options.keys))
        if not only:
            if options.keys:
                _LOG.warning(
                    "%s: sync.toml was not pushed yet as it is now; what it says comes with the"
                    " next push",
                    target.name,
                )
            return planned
    configured_anew = another and known.digest is not None
    # whom no source of the target has any more is found nowhere else; a bad row may be anybody's of
    # them
    uncertain = configured_anew and any(
        problem.source in target.sources for problem in reading.problems
    )
    keys = (
        (key for key in sorted(only))
        if only is not None
        else books.view.keys_to_plan(
            target.name,
            target.sources,
            cursor,
            now.time,
            everybody=configured_anew and not uncertain,
        )
    )
    try:
        if only is None and changed:
            planned.groups.begin()
        with closing(keys):  # a target that fails in the middle leaves no query open
            await planned.users.plan(
                keys, lambda number: report(target.name, "planning", number), everybody=only is None
            )
        if only is None:
            await planned.users.plan_referrers()
            await planned.groups.plan(planned.users.touched, cursor, everything=changed)
            planned.state = replace(
                known,
                digest=known.digest if uncertain else digest,
                cursor=head,
                url=target.config.url,
                group_tables={**known.group_tables, **target.group_tables},
            )
        else:
            await planned.groups.plan_keys(sorted(planned.users.touched), only_new=True)
        planned.members.plan(only)
    except TargetStopped:
        planned.error = way.channel.stopped
    except RequestError as error:
        brief = f"{target.name}: {error.brief}"
        planned.error = TargetUnavailable(
            f"{target.name}: {error}", hint="nothing was sent to it", brief=brief
        )
    except Exception as error:
        planned.error = report_unexpected(target.name, error)
    if way.channel.stopped is not None:
        planned.error = way.channel.stopped
    return planned


def _is_older(target: CompiledTarget, digest: str | None, now: Now) -> bool:
    """Whether nothing but the day, which expressions may ask for, has changed since a target was
    planned with `digest`."""
    return any(digest == target.digest(now.today - timedelta(days=days)) for days in range(1, 60))


def _planned_target(
    target: CompiledTarget,
    books: Books,
    way: Way,
    expected: int,
    groups_known: int,
    before: Mapping[str, GroupTable],
    options: Options,
    now: Now,
) -> PlannedTarget:
    matcher = way.matcher(Kind.USER, target.config.match, expected)
    # the first push may meet any number of groups; later ones meet few that are new
    group_matchers = {
        name: way.matcher(Kind.GROUP, rule.match, 3 if groups_known else 10_000)
        for name, rule in target.groups.items()
    }
    if groups_known:
        group_matchers[NO_RULE] = way.matcher(Kind.GROUP, ("externalId", "displayName"), 3)
    known = KnownLinks(books, target.name, now)
    memberships = Memberships(books, target.name)
    users = Planner(
        books,
        target.program,
        target.policy,
        target.sources,
        target.dialect,
        None if options.offline else matcher,
        now,
        target.person_rules,
        known,
        memberships,
        has_groups=bool(target.groups or groups_known),
    )
    groups = GroupPlanner(
        books,
        target.groups,
        target.policy,
        target.dialect,
        None if options.offline else group_matchers,
        known,
        memberships,
        users.absent,
        before,
        now,
    )
    members = MemberPlanner(
        books,
        target.name,
        target.dialect,
        known,
        memberships,
        target.profile.members_per_patch,
        now,
    )
    return PlannedTarget(
        target, way.channel, matcher, group_matchers, users, groups, members, memberships
    )


def _may_need_look_up(
    connection: Connection, target: CompiledTarget, cursor: Seq, books: Books, reading: Reading
) -> int:
    """How many people may have to be looked up, at most: those who changed, and those without an
    account."""
    read = [reading.sources[name] for name in target.sources if name in reading.sources]
    changed = records.count_changed(connection, target.sources, cursor)
    if not books.stores:
        changed += sum(source.new + source.changed for source in read)
    most = changed + links.count_with_status(connection, target.name, LinkStatus.PENDING)
    if not most:
        return 0
    linked = links.count_with_status(
        connection, target.name, LinkStatus.ACTIVE, LinkStatus.INACTIVE
    )
    return min(max(sum(source.records for source in read) - linked, 0), most)


def _ask_guards(
    setup: CompiledConfig, books: Books, planned: Mapping[str, PlannedTarget], allowance: Allowance
) -> list[Refusal]:
    limits = setup.config.guard
    said: list[Refusal] = []
    with books.links.read() as connection:
        by_name = list(holds.all_holds(connection))
    for name in setup.targets:
        with books.links.read() as connection:
            known = targets.get_target(connection, name)
            if (
                other := _another_service(connection, setup.targets[name], known, allowance)
            ) is not None:
                said.append(Refusal(other))
        for limit, check, most, allowed in (
            ("max_removals", check_removals, limits.max_removals, allowance.removals),
            ("max_updates", check_updates, limits.max_updates, allowance.updates),
        ):
            counted = OperationFilter(
                run=books.run,
                target=name,
                kind=Kind.USER,
                exclude_keys=by_name,  # an order by name is nobody's accident
                actions=counted_for(limit),
                statuses=OPEN_STATUSES,
            )
            with books.journal.read() as connection:
                number = sum(journal.count(connection, counted).values())
                first = [
                    entry.key for entry in journal.find(connection, counted, limit=_FIRST_NAMES)
                ]
            if not number:
                continue
            with books.links.read() as connection:
                accounts = links.count_with_status(connection, name, LinkStatus.ACTIVE)
            why = check(Tally(name, accounts, number, first), most, allowed)
            if why is not None:
                said.append(why)
        for one in planned[name].members.shrinking:
            tally = Tally(f"{name}: group {one.group}", one.members, one.removed, one.first)
            why = check_members(tally, limits.max_removals, allowance.removals)
            if why is not None:
                said.append(why)
    return said


def _another_service(
    connection: Connection, target: CompiledTarget, known: TargetState, allowance: Allowance
) -> str | None:
    """Links say nothing about the accounts of another service; nobody would get one there."""
    if allowance.new_url or known.url in (None, target.config.url):
        return None
    accounts = links.count_with_status(
        connection, target.name, LinkStatus.ACTIVE, LinkStatus.INACTIVE
    )
    if not accounts:
        return None
    return (
        f"{target.name}: the {accounts} accounts that are known are those of {known.url}, "
        f"and the url is {target.config.url} now. Another service needs a target of another name; "
        "the same one at a new address: scimsync push --allow-new-url"
    )


def problems_of_plan(books: Books, prepared: Prepared) -> list[Problem]:
    """People and groups that could not be planned, as problems of their sources."""
    problems: list[Problem] = []
    for name, target in prepared.targets.items():
        failed = OperationFilter(run=books.run, target=name, statuses=(OperationStatus.FAILED,))
        with books.journal.read() as connection:
            problems.extend(
                Problem(
                    _source_of(books, target.setup, entry),
                    None,
                    entry.key,
                    f"{name}: {entry.detail}",
                )
                for entry in journal.find(connection, failed)
            )
    return problems


def _source_of(books: Books, target: CompiledTarget, entry: JournaledOperation) -> str:
    """The source whose record an operation comes from."""
    if entry.kind is Kind.GROUP:
        rule = target.groups.get(name_of(entry.key))
        return target.sources[0] if rule is None or rule.source is None else rule.source
    record = books.view.get(target.sources, [entry.key]).get(entry.key)
    return target.sources[0] if record is None else record.source
