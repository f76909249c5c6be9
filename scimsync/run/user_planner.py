"""Plans one target: batch by batch from the snapshot through desired state, links and matching into
the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimsync.desired import DesireError, Program
from scimsync.desired.groups import GroupRule, groups_of, name_of
from scimsync.desired.values import Desired, Ref
from scimsync.errors import ScimsyncError
from scimsync.execute.books import BATCH, Books, Now, Settled, slices
from scimsync.execute.in_doubt import InDoubtReader
from scimsync.execute.known import KnownLinks, Memberships
from scimsync.model.backoff import is_waiting, retry_delay
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    RemoteId,
    fold_name,
)
from scimsync.model.links import Link, LinkStatus, Reference, failed_link
from scimsync.model.memberships import Membership
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    OPEN_STATUSES,
    Action,
    Operation,
    OperationFilter,
    OperationStatus,
)
from scimsync.plan import make_plan
from scimsync.plan.model import (
    Candidate,
    Holder,
    Plan,
    Policy,
    Surroundings,
)
from scimsync.plan.requests import with_request
from scimsync.plan.users import deletion_of
from scimsync.run.compile import create_only_paths
from scimsync.scim.attributes import resource_id
from scimsync.scim.dialects import Dialect
from scimsync.state import holds, journal, links
from scimsync.targets.matching import Found, Matcher, to_account

_LONGEST_CHAIN = 5000
"""Beyond so many people who take each other's userNames nobody looks ahead; the push finds out."""


@dataclass(slots=True)
class _Batch:
    """What was gathered about some people."""

    keys: list[Key]
    links: dict[Key, Link] = field(default_factory=dict)
    desired: dict[Key, Desired] = field(default_factory=dict)
    failures: dict[Key, str] = field(default_factory=dict)
    held: dict[Key, datetime] = field(default_factory=dict)
    groups: dict[Key, list[Key]] = field(default_factory=dict)
    read: dict[Key, dict[str, object] | None] = field(default_factory=dict)
    found: dict[Key, Found] = field(default_factory=dict)
    owners: dict[RemoteId, Key] = field(default_factory=dict)

    @property
    def found_ids(self) -> list[RemoteId]:
        """The ids of all accounts that matching found."""
        return [
            RemoteId(resource_id(one) or "")
            for found in self.found.values()
            for one in found.resources
        ]


class Planner:
    """Plans the users of one target. `matcher` is None for a plan that must not talk to the target.

    `rules` are those of groups whose members are told by people's own records; `touched` collects
    their groups; `settled` is what needs no request.
    """

    def __init__(
        self,
        books: Books,
        program: Program,
        policy: Policy,
        sources: Sequence[str],
        dialect: Dialect,
        matcher: Matcher | None,
        now: Now,
        rules: Mapping[str, GroupRule],
        known: KnownLinks,
        memberships: Memberships,
        *,
        has_groups: bool,
    ) -> None:
        self._books = books
        self._program = program
        self._policy = policy
        self._sources = tuple(sources)
        self._dialect = dialect
        self._matcher = matcher
        self._now = now
        self._rules = dict(rules)
        self._links = known
        self._memberships = memberships
        self._has_groups = has_groups
        self.settled = Settled(policy.target, Kind.USER)
        paths, sent_once = program.paths, create_only_paths(program)
        self._doubts = InDoubtReader(
            books,
            known,
            policy.target,
            Kind.USER,
            lambda _: matcher,
            lambda _: paths,
            lambda _: sent_once,
        )
        self.touched: set[Key] = set()

    async def plan(
        self,
        keys: Iterable[Key],
        progress: Callable[[int], None] | None = None,
        *,
        everybody: bool = True,
    ) -> None:
        """Writes the operations that `keys` (in order, each once) need into the journal. Where not
        `everybody` is planned that should be, nobody else is read. Raises RequestError from
        matching."""
        self._doubts.forget()
        if self._matcher is not None and everybody:
            await self._doubts.read_due()
        for batch in slices(iter(keys), BATCH):
            await self._plan_batch(batch)
            if progress is not None:
                progress(len(batch))
            await asyncio.sleep(0)  # leases are renewed meanwhile

    async def plan_referrers(self) -> None:
        """Plans those whose own record did not change, but who refer to somebody that gets or loses
        an account in this plan."""
        after = ""
        run, target = self._books.run, self._policy.target
        moving = OperationFilter(
            run=run,
            target=target,
            kind=Kind.USER,
            actions=(*ARRIVAL_ACTIONS, Action.DELETE),
            statuses=OPEN_STATUSES,
        )
        while True:
            with self._books.journal.read() as connection:
                some_moving = journal.keys_after(connection, moving, after, BATCH)
            if not some_moving:
                return
            after = some_moving[-1]
            with self._books.links.read() as connection:
                waiting = links.referrers(connection, target, some_moving)
            with self._books.journal.read() as connection:
                planned = journal.keys_of(
                    connection,
                    OperationFilter(run=run, target=target, kind=Kind.USER, keys=waiting),
                )
            for some in slices(iter(sorted(waiting - planned)), BATCH):
                await self._plan_batch(some)

    def absent(self, keys: Sequence[Key]) -> set[Key]:
        """Of people with an account, those who have left as this plan sees it: they come into no
        further groups."""
        linked = {
            key: link for key, link in self._links.get(Kind.USER, keys).items() if link.has_account
        }
        desired, failures = self._desire(list(linked))
        stay = {key for key, one in desired.items() if one.in_scope}
        stay |= {key for key in failures if linked[key].status is LinkStatus.ACTIVE}
        return linked.keys() - stay

    async def _plan_batch(self, keys: list[Key]) -> None:
        batch = self._gather(keys)
        await self._ask_target(batch)
        candidates = [self._candidate(batch, key) for key in keys]
        plan = make_plan(candidates, self._policy, self._surroundings(batch), self._now.time)
        self._write(batch, plan)
        if self._has_groups:
            self._note_groups(batch, plan)

    def _gather(self, keys: list[Key]) -> _Batch:
        batch = _Batch(keys)
        batch.links = self._links.get(Kind.USER, keys)
        batch.held = self._held(keys)
        batch.desired, batch.failures = self._desire(keys)
        for key, desired in batch.desired.items():
            if desired.in_scope and desired.extras:
                try:
                    batch.groups[key] = groups_of(desired, self._rules)
                except ScimsyncError as error:
                    batch.failures[key] = f"targets.{self._policy.target}.{error.message}"
        return batch

    def _desire(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        desired: dict[Key, Desired] = {}
        failures: dict[Key, str] = {}
        held = self._held(keys)
        for key, sources in self._books.view.doubles(self._sources, keys).items():
            if key in held:
                continue
            failures[key] = f"the sources {', '.join(sources)} each have a record with this key"
        for key, record in self._books.view.get(self._sources, keys).items():
            if record.removed or key in held or key in failures:
                continue
            try:
                desired[key] = self._program.desire(record, self._now.today)
            except DesireError as error:
                failures[key] = error.message.removeprefix(f"{key}: ")
        return desired, failures

    def _held(self, keys: Sequence[Key]) -> dict[Key, datetime]:
        with self._books.links.read() as connection:
            return holds.held(connection, keys)

    # Questions to the target

    async def _ask_target(self, batch: _Batch) -> None:
        if self._matcher is None:
            return
        await self._doubts.read(batch.links)
        for key in batch.keys:
            one, link = batch.desired.get(key), batch.links.get(key)
            stays = key in batch.failures or (
                one is not None and one.in_scope and one.document.get("active") is not False
            )
            if (why := self._doubts.failures.get(key)) is not None and (
                stays or link is None or not link.has_account
            ):
                batch.failures[key] = why  # who leaves is switched off whatever the account holds
        resources = self._doubts.resources
        batch.read = {key: resources[key] for key in batch.keys if key in resources}
        wanted = {
            key: self._match_values(one)
            for key, one in batch.desired.items()
            if self._wants_account(batch, key, one)
        }
        batch.found, refused = await self._matcher.find(wanted)
        batch.failures |= {
            key: f"the account cannot be looked for: {why}" for key, why in refused.items()
        }
        batch.owners = self._links.owners(Kind.USER, batch.found_ids)

    def _wants_account(self, batch: _Batch, key: Key, desired: Desired) -> bool:
        link = batch.links.get(key)
        gone = key in batch.read and batch.read[key] is None
        return (
            desired.in_scope
            and key not in batch.failures
            and (link is None or not link.has_account or gone)
        )

    def _match_values(self, desired: Desired) -> Document:
        return {**desired.once, **desired.document}

    # What planning is told

    def _candidate(self, batch: _Batch, key: Key) -> Candidate:
        link = batch.links.get(key)
        before = dict(link.document) if link is not None else {}
        read_again = key in batch.read
        resource = batch.read.get(key)
        if resource is not None and link is not None:
            wanted = batch.desired.get(key)
            before = dict(
                self._doubts.held(link, resource, () if wanted is None else wanted.document)
            )
        found = batch.found.get(key)
        accounts = (
            ()
            if found is None
            else tuple(
                to_account(
                    found.by,
                    one,
                    self._program.paths,
                    batch.owners.get(RemoteId(resource_id(one) or "")),
                )
                for one in found.resources
            )
        )
        return Candidate(
            key=key,
            desired=batch.desired.get(key),
            link=link,
            before=before,
            read_again=read_again,
            gone=read_again and resource is None,
            unseen=key in self._doubts.unseen,
            accounts=accounts,
            failure=batch.failures.get(key),
            held_since=batch.held.get(key),
        )

    def _surroundings(self, batch: _Batch) -> Surroundings:
        references = {
            Key(value.key)
            for one in batch.desired.values()
            for value in (*one.document.values(), *one.once.values())
            if isinstance(value, Ref)
        }
        names = {
            name
            for key, one in batch.desired.items()
            if (name := fold_name(one.document.get("userName")))
            and name != self._held_name(batch, key)
        }
        target = self._policy.target
        referred = self._links.get(Kind.USER, list(references))
        holding = self._links.holders(Kind.USER, list(names))
        with self._books.journal.read() as connection:
            claimed = (
                journal.claimed_names(connection, self._books.run, target, Kind.USER, list(names))
                if names
                else {}
            )
            planned = OperationFilter(
                run=self._books.run, target=target, kind=Kind.USER, statuses=OPEN_STATUSES
            )
            adopted = journal.adopted(connection, planned, batch.found_ids)
        going = self._going(referred)
        accounts = {
            key: link.remote_id
            for key, link in referred.items()
            if link.has_account and key not in going
        }
        return Surroundings(
            accounts={
                key: remote_id for key, remote_id in accounts.items() if remote_id is not None
            },
            coming=self._coming(references - accounts.keys() - going),
            holders=self._holders(holding),
            claimed=claimed,
            adopted=adopted,
        )

    def _held_name(self, batch: _Batch, key: Key) -> str | None:
        link = batch.links.get(key)
        return (
            fold_name(link.document.get("userName"))
            if link is not None and link.has_account
            else None
        )

    def _coming(self, keys: set[Key]) -> frozenset[Key]:
        """Of people without an account, those who are to get one."""
        if not keys or not self._policy.create:
            return frozenset()
        desired, _ = self._desire(list(keys))
        known = self._links.get(Kind.USER, list(keys))
        due = {
            key
            for key in desired
            if (link := known.get(key)) is None or not _waits(link, self._now.time)
        }
        return frozenset(key for key in due if desired[key].in_scope)

    def _going(self, known: Mapping[Key, Link]) -> set[Key]:
        """Of people with an account, those whose account this plan deletes."""
        deletable = self._deletable([link for link in known.values() if link.has_account])
        linked = {key: link for key, link in known.items() if key in deletable}
        if not linked:
            return set()
        desired, failures = self._desire(list(linked))
        return {
            key
            for key in linked
            if key not in failures and (key not in desired or not desired[key].in_scope)
        }

    def _deletable(self, some: Sequence[Link]) -> set[Key]:
        """Those whose account this plan deletes if they should have none."""
        if not self._policy.remove:  # an order by name is stronger
            held = self._held([link.key for link in some])
            some = [link for link in some if link.key in held]
        return {
            link.key for link in some if self._policy.leave.action == "delete" or self._is_due(link)
        }

    def _is_due(self, link: Link) -> bool:
        deletion = (
            deletion_of(link, self._policy, self._now.time)
            if link.status is LinkStatus.INACTIVE
            else None
        )
        return deletion is not None and deletion <= self._now.time

    def _holders(self, holding: dict[str, Link]) -> dict[str, Holder]:
        """Whether those who hold a userName that others want are about to give it up.

        Who takes another name gives up the own one only if that name is free by then: such chains
        are followed to their end.
        """
        known: dict[str, Link] = {}
        # the name that somebody gives up -> the one that he takes for it
        taking: dict[str, str] = {}
        gives_up: dict[str, bool] = {}
        while holding and len(known) < _LONGEST_CHAIN:
            known |= holding
            deletable = self._deletable(list(holding.values()))
            desired, failures = self._desire([link.key for link in holding.values()])
            for name, link in holding.items():
                wanted = desired.get(link.key)
                if link.key in failures:
                    gives_up[name] = False
                elif wanted is None or not wanted.in_scope:
                    gives_up[name] = link.key in deletable
                else:
                    taken = fold_name(wanted.document.get("userName"))
                    gives_up[name] = self._policy.update and taken != name
                    if gives_up[name] and taken is not None:
                        taking[name] = taken
            further = [
                taken
                for name in holding
                if (taken := taking.get(name)) is not None and taken not in known
            ]
            holding = self._links.holders(Kind.USER, further)
        return {
            name: Holder(
                link.key, _is_given_up(name, gives_up, taking), link.status is LinkStatus.ACTIVE
            )
            for name, link in known.items()
        }

    # Groups

    def _note_groups(self, batch: _Batch, plan: Plan) -> None:
        """Notes who is wanted in which group from now on. Who could not be planned stays where he
        is."""
        deleted = {one.key for one in plan.operations if one.action == Action.DELETE}
        wanted: dict[Key, set[Key]] = {}
        planned = [key for key in batch.keys if key not in batch.failures]
        revoked: set[Key] = set()
        left: set[Key] = set()
        gone = {key for key, resource in batch.read.items() if resource is None}
        gone |= {
            key for key in planned if (held := batch.links.get(key)) is None or not held.has_account
        }
        for key in planned:
            desired = batch.desired.get(key)
            if desired is not None and desired.in_scope:
                wanted[key] = set(batch.groups.get(key, ()))
                continue
            left.add(key)
            if "memberships" in self._policy.revoke:
                revoked.add(key)
            if key in revoked or key in deleted or key in gone:
                wanted[key] = set()
        rows = {row.id: row for row in self._memberships.of_members(list(planned))}
        changed = []
        for row in rows.values():
            if name_of(row.group) not in self._rules:
                changed.append(
                    replace(
                        row, revoked=row.member in revoked or (row.member in left and _is_new(row))
                    )
                )
            elif row.member in wanted:
                changed.append(replace(row, wanted=row.group in wanted[row.member]))
            elif _is_new(row):
                # who leaves keeps what he has, and gets nothing new
                changed.append(replace(row, wanted=False))
        changed += [
            Membership(group, Kind.USER, key, True, False)
            for key, groups in wanted.items()
            for group in sorted(groups)
            if (group, Kind.USER, key) not in rows
        ]
        # who has no account any more is in no group; where somebody is not wanted, the target may
        # need to be told all the same
        changed = [
            replace(row, acknowledged=False, in_doubt=False)
            if row.member in gone and row.wanted
            else row
            for row in changed
        ]
        self._memberships.put(changed, rows.values())
        self.touched |= {row.group for row in changed}

    # Into the journal

    def _write(self, batch: _Batch, plan: Plan) -> None:
        operations = [
            with_request(self._dialect, one, batch.links.get(one.key)) for one in plan.operations
        ]
        with self._books.journal.write() as connection:
            journal.add_entries(
                connection, self._books.run, self._policy.target, operations, self._now.time
            )
            if self._books.stores:
                self._write_links(connection, batch, plan)

    def _write_links(self, connection: Connection, batch: _Batch, plan: Plan) -> None:
        target, now = self._policy.target, self._now.time
        planned = [key for key in batch.keys if key not in batch.failures]
        links.put_references(
            connection, target, planned, [_acknowledged(one, batch) for one in plan.references]
        )
        due = {key for key, link in batch.links.items() if link.is_due}
        links.put_links(connection, target, [link for link in plan.settled if link.key not in due])
        self.settled.add(
            connection,
            [link for link in plan.settled if link.key in due],
            plan.unwanted,
            plan.returned,
        )
        troubled = [one for one in plan.operations if one.status is OperationStatus.FAILED]
        links.put_links(connection, target, [self._failed(batch, one, now) for one in troubled])

    def _failed(self, batch: _Batch, operation: Operation, now: datetime) -> Link:
        """The link of somebody who could not be planned: tried again by the next run, or after a
        pause where the target did not say what it holds."""
        link = batch.links.get(operation.key)
        asked = operation.key in self._doubts.failures
        pause = (
            retry_delay((link.failures if link is not None else 0) + 1) if asked else timedelta()
        )
        return failed_link(link, operation.kind, operation.key, operation.detail or "", now + pause)


def _acknowledged(reference: Reference, batch: _Batch) -> Reference:
    """The reference with what the target is known to hold at its place."""
    link = batch.links.get(reference.key)
    held = link.document.get(reference.path) if link is not None and link.has_account else None
    return replace(reference, remote_id=RemoteId(held) if isinstance(held, str) else None)


def _is_given_up(name: str, gives_up: Mapping[str, bool], taking: Mapping[str, str]) -> bool:
    """Whether `name` comes free: so does every name that somebody along the chain takes for his
    own, or they go round."""
    seen: set[str] = set()
    while name in gives_up and name not in seen:
        if not gives_up[name]:
            return False
        seen.add(name)
        if name not in taking:
            return True
        name = taking[name]
    return True


def _is_new(row: Membership) -> bool:
    """Whether a member has not been let in yet, as far as anybody knows."""
    return not row.acknowledged


def _waits(link: Link, now: datetime) -> bool:
    """Whether somebody's next try lies in the future."""
    return is_waiting(link.next_try_at, now)
