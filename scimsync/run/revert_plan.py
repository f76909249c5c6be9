"""Plan the revert of a run: read the journal, the state and the target, and make its operations.

Nothing is sent or stored. `run.push` takes the result as given operations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from scimsync.errors import ConfigError, coded
from scimsync.execute.concurrency import gather_or_raise
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.model.memberships import Membership
from scimsync.model.operations import (
    Action,
    Operation,
    OperationFilter,
    OperationStatus,
)
from scimsync.plan import Now, Plan
from scimsync.plan.given_operations import GivenPlan, GivenTarget
from scimsync.plan.reversal import (
    CHANGED,
    Reversal,
    Surrounding,
    Undone,
    UndoneMembers,
    freed_names,
    undone,
    why_another,
)
from scimsync.run.asked import Asked, member_ids
from scimsync.run.compiled import CompiledConfig
from scimsync.run.context import Context
from scimsync.run.given_plan import StartingPoints
from scimsync.run.known_keys import check_keys
from scimsync.run.later_changes import (
    HAD_EFFECT,
    ChangedPath,
    later_changes,
    member_path,
    replaced_resources,
)
from scimsync.run.opened_targets import open_targets
from scimsync.run.options import Options, Report
from scimsync.run.prepare import make_plan
from scimsync.run.read_for_plan import with_current
from scimsync.run.reading import read_sources
from scimsync.run.target_run import TargetRun
from scimsync.state import operation_journal, run_rows
from scimsync.state.store import Store, scratch_store
from scimsync.targets.connection import TargetStopped
from scimsync.targets.evidence import IdOfAnother
from scimsync.transport.request_errors import RequestError
from scimsync.transport.retry_policy import TimeSource

_BATCH = 500

Member = tuple[Kind, Key]


@dataclass(frozen=True, slots=True)
class PlannedRevert:
    """The plan of a revert, and the operations to push.

    `unasked` are the users, by target, who are reactivated though the sources do not ask for their
    accounts: they are leavers, unless the sources are wrong.
    """

    plan: Plan
    given: GivenPlan
    unasked: Mapping[str, Sequence[Key]]


def revert_command(run: int) -> str:
    """Return the name of the revert of a run in the journal."""
    return f"revert {run}"


def targets_of(store: Store, run: int, names: Sequence[str]) -> list[str]:
    """Return those of the targets `names` at which a run may have had an effect.

    Raise ConfigError for a run that the journal does not have, or of a target not among `names`.
    """
    with store.read() as connection:
        if run_rows.get(connection, run) is None:
            raise ConfigError(
                f"there is no run {run} in the journal",
                hint="scimsync runs lists the runs",
                code="SYNC-0394",
            )
        used = operation_journal.targets_of(connection, run)
    return [name for name in names if name in used]


def check_keys_of_run(store: Store, run: int, keys: Sequence[Key]) -> None:
    """Raise ConfigError for a key without a record, an account, and an operation of the run."""
    with store.read() as connection:
        done = (
            operation_journal.find(connection, OperationFilter(run=run, keys=keys)) if keys else ()
        )
        of_run = {operation.key for operation in done}
        check_keys(connection, [key for key in keys if key not in of_run])


@contextmanager
def plan_revert(
    compiled: CompiledConfig,
    store: Store,
    run: int,
    options: Options,
    now: Now,
    report: Report,
    time: TimeSource | None = None,
) -> Iterator[PlannedRevert]:
    """Yield the plan that undoes a run, as far as that can be done.

    `options.keys` restrict it to these users and their memberships. Changes that are not reverted
    are among the problems of the plan. The plan is in a scratch journal until the block ends.
    """
    scratch = scratch_store()
    try:
        context = Context(
            compiled=compiled,
            store=store,
            options=replace(options, read=False, keys=()),
            now=now,
            report=report,
            overlay=scratch,
        )
        reading = read_sources(context)

        async def planned() -> PlannedRevert:
            async with open_targets(context, reading, time=time) as targets:
                at = await _given(context, targets, run, options)
                given = GivenPlan(revert_command(run), {name: one for name, (one, _) in at.items()})
                unasked = {name: keys for name, (_, keys) in at.items() if keys}
                with_given = replace(context, options=replace(context.options, given=given))
                made = await make_plan(with_given, targets, reading)
                return PlannedRevert(await with_current(with_given, targets, made), given, unasked)

        yield asyncio.run(planned())
    finally:
        scratch.close()


async def _given(
    context: Context, targets: Mapping[str, TargetRun], run: int, options: Options
) -> dict[str, tuple[GivenTarget, Sequence[Key]]]:
    only = frozenset(options.keys) if options.keys else None
    found: dict[str, tuple[GivenTarget, Sequence[Key]]] = {}

    async def plan(name: str, target: TargetRun) -> None:
        try:
            given = await _RevertAt(context, target, run, only).given()
            reactivated = [one.key for one in given.planned if one.action == Action.REACTIVATE]
            found[name] = given, Asked(target, run).without_account(reactivated)
        except IdOfAnother as error:
            target.error = error.at(name)
        except RequestError as error:
            target.error = target.unavailable(error, "nothing was sent to it")
        except TargetStopped as error:
            target.error = target.connection.stopped or error

    await gather_or_raise([plan(name, target) for name, target in targets.items()])
    return {name: found[name] for name in targets if name in found}


class _RevertAt:
    """The revert of a run at one target. `only` restricts it to these users."""

    def __init__(
        self, context: Context, target: TargetRun, run: int, only: frozenset[Key] | None
    ) -> None:
        self._context = context
        self._target = target
        self._run = run
        self._replaced: Mapping[Member, int] = {}
        self._reversal = Reversal(run, target.compiled.policy)
        with context.store.read() as connection:
            done = OperationFilter(run=run, target=target.name, statuses=HAD_EFFECT, was_sent=True)
            resources, self._groups = undone(operation_journal.find(connection, done))
        self._resources = {
            one: what
            for one, what in resources.items()
            if only is None or (what.kind is Kind.USER and what.key in only)
        }
        if only is not None:
            self._groups = {
                group: UndoneMembers(
                    {one: added for one, added in what.members.items() if one[1] in only},
                    what.remote_id,
                )
                for group, what in self._groups.items()
            }

    async def given(self) -> GivenTarget:
        """Return the operations and their pins. Raise RequestError and TargetStopped."""
        keys = sorted({key for _, key in self._resources} | self._groups.keys())
        later = later_changes(self._context.store, self._target.name, self._run, keys)
        members = {key for what in self._groups.values() for _, key in what.members}
        self._replaced = replaced_resources(
            self._context.store, self._target.name, self._run, sorted(members.union(keys))
        )
        made: list[Operation] = []
        for chunk in batches(self._resources.values(), _BATCH):
            made += self._undo_resources(chunk, later)
        made = self._without_taken_names(made)
        made += self._undo_memberships(made, later)
        planned = [one for one in made if one.status is OperationStatus.PLANNED]
        differing = await StartingPoints(self._context, self._target).of_each(planned)
        kept = [one for at, one in enumerate(planned) if at not in differing]
        refused = [one for one in made if one.status is not OperationStatus.PLANNED]
        refused += self._outdated(planned, differing)
        asked = Asked(self._target, self._run)
        pins, unpinned = asked.pins(kept)
        ids = member_ids(self._target.state, kept)
        return GivenTarget((*kept, *refused), pins, unpinned, asked.pinned_members(kept), ids)

    def _undo_memberships(
        self, of_resources: Sequence[Operation], later: Mapping[ChangedPath, int]
    ) -> list[Operation]:
        """Return the operations about members. A group is refused once, not for its members too."""
        named = {one.key for one in of_resources if one.kind is Kind.GROUP and _is_refused(one)}
        made: list[Operation] = []
        for group, what in self._groups.items():
            of_group = self._undo_members(group, what, later)
            if group not in named or not all(map(_is_refused, of_group)):
                made += of_group
        return made

    # Users and groups

    def _undo_resources(
        self, done: Sequence[Undone], later: Mapping[ChangedPath, int]
    ) -> Iterator[Operation]:
        links = self._links((one.kind, one.key) for one in done)
        held = self._target.state.held([one.key for one in done if one.kind is Kind.USER])
        for one in done:
            around = Surrounding(
                later={
                    path: later[where]
                    for path in one.changes
                    if (where := (one.kind, one.key, path)) in later
                },
                replaced=self._replaced.get(_id(one)),
                deprovisioned=one.kind is Kind.USER and one.key in held,
                others=self._other_members(one),
            )
            operation = self._reversal.operation(one, links.get(_id(one)), around)
            if operation is not None:
                yield operation

    def _other_members(self, done: Undone) -> list[Key]:
        """Return the members of a group that the run created and did not add them to."""
        if done.kind is Kind.USER or Action.CREATE not in done.actions:
            return []
        ours = self._groups.get(done.key, UndoneMembers()).members
        return [
            row.member
            for row in self._target.state.memberships_of_group(done.key)
            if (row.acknowledged or row.in_doubt) and not ours.get((row.member_kind, row.member))
        ]

    def _without_taken_names(self, operations: Sequence[Operation]) -> list[Operation]:
        """Refuse userNames that others now have; let users wait for names that become free."""
        names = {one.unique_name for one in operations if one.kind is Kind.USER} - {None}
        holders = self._target.state.name_holders(Kind.USER, sorted(filter(None, names)))
        freed = freed_names(operations)
        made: list[Operation] = []
        for one in operations:
            holder = holders.get(one.unique_name or "") if one.kind is Kind.USER else None
            if holder is None or holder.key == one.key:
                made.append(one)
            elif holder.unique_name == one.unique_name and one.unique_name in freed:
                made.append(replace(one, waits_for=holder.key))
            else:
                why = f"userName {one.unique_name} belongs to {holder.key} now"
                made.append(self._reversal.refusal(one.kind, one.key, coded(why, CHANGED)))
        return made

    # Members of groups

    def _outdated(
        self, planned: Sequence[Operation], differing: Mapping[int, str]
    ) -> list[Operation]:
        """Return the refusals of operations whose starting points changed, by their places."""
        return [
            self._reversal.refusal(planned[at].kind, planned[at].key, coded(why, CHANGED))
            for at, why in sorted(differing.items())
        ]

    def _undo_members(
        self, group: Key, what: UndoneMembers, later: Mapping[ChangedPath, int]
    ) -> list[Operation]:
        members = what.members
        if not members:
            return []
        link = self._links([(Kind.GROUP, group)]).get((Kind.GROUP, group))
        if link is None or not link.has_account:
            if all(members.values()):
                return []  # the member that the run added is gone
            gone = coded("the group is no longer there", CHANGED)
            return [self._reversal.refusal(Kind.GROUP, group, gone)]
        other = why_another(link, what.remote_id, self._replaced.get((Kind.GROUP, group)))
        if other is not None:
            return [self._reversal.refusal(Kind.GROUP, group, coded(other, CHANGED), link)]
        changed, refused = self._changed_members(group, members, later)
        compiled = self._target.compiled
        most, most_removed = compiled.members_per_request, compiled.removals_per_request
        made = self._reversal.members(group, link, changed, most, most_removed)
        return [*made, *self._member_refusals(group, link, refused)]

    def _changed_members(
        self,
        group: Key,
        members: Mapping[tuple[Kind, Key], bool],
        later: Mapping[ChangedPath, int],
    ) -> tuple[list[Membership], dict[str, list[Key]]]:
        """Return the memberships that are undone, and the members that are not, by the reason."""
        rows = {
            (row.member_kind, row.member): row
            for row in self._target.state.memberships_of_group(group)
        }
        changed: list[Membership] = []
        refused: dict[str, list[Key]] = {}
        accounts = self._accounts(one for one, added in members.items() if not added)
        held = self._target.state.held([key for kind, key in members if kind is Kind.USER])
        for (kind, key), added in members.items():
            row = rows.get((kind, key))
            if (row is not None and row.acknowledged) is not added:
                continue
            replaced = self._replaced.get((kind, key))
            why = _why_not_member(row, later.get(member_path(group, kind, key)), replaced)
            if not added:
                why = _why_not_added(kind, key, held, accounts) or why
            if why is None:
                changed.append(Membership(group, kind, key, wanted=not added, acknowledged=added))
            else:
                refused.setdefault(why, []).append(key)
        return changed, refused

    def _member_refusals(
        self, group: Key, link: Link, refused: Mapping[str, Sequence[Key]]
    ) -> list[Operation]:
        return [
            self._reversal.refusal(Kind.GROUP, group, coded(f"{_some(keys)}: {why}", CHANGED), link)
            for why, keys in refused.items()
        ]

    # What the state holds

    def _links(self, resources: Iterable[tuple[Kind, Key]]) -> dict[tuple[Kind, Key], Link]:
        wanted = list(resources)
        return {
            (kind, key): link
            for kind in Kind
            for some in batches((key for of, key in wanted if of is kind), _BATCH)
            for key, link in self._target.state.links(kind, some).items()
        }

    def _accounts(self, members: Iterable[Member]) -> set[Member]:
        return {one for one, link in self._links(members).items() if link.has_account}


def _why_not_added(
    kind: Kind, key: Key, held: Container[Key], accounts: Container[Member]
) -> str | None:
    if key in held:
        return "deprovisioned by hand"
    return None if (kind, key) in accounts else "no account to add to the group"


def _why_not_member(row: Membership | None, later: int | None, replaced: int | None) -> str | None:
    if row is not None and row.in_doubt:
        return "the outcome of the last request is not known yet: push first"
    if later is not None:
        return f"changed by run {later} since"
    return None if replaced is None else f"another account since run {replaced}"


def _is_refused(operation: Operation) -> bool:
    return operation.status is OperationStatus.FAILED


def _id(done: Undone) -> tuple[Kind, Key]:
    return done.kind, done.key


def _some(keys: Sequence[Key]) -> str:
    more = f" and {len(keys) - 3:,} more" if len(keys) > 3 else ""
    return f"{', '.join(keys[:3])}{more}"
