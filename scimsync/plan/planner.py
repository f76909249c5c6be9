"""The base class of the planners for users and groups: gather, ask the target, decide, write."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from scimsync.desired import Desired
from scimsync.desired.times import NextChange
from scimsync.errors import coded
from scimsync.model.accounts import Account
from scimsync.model.backoff import retry_delay
from scimsync.model.batches import batches
from scimsync.model.clock import ClockDoubt
from scimsync.model.ids import Document, Key, RemoteId
from scimsync.model.links import Link, LinkStatus, failed_link
from scimsync.model.operations import OperationStatus
from scimsync.plan.batch import BATCH, Batch
from scimsync.plan.candidates import Candidate, Policy, Surroundings
from scimsync.plan.decision_writer import Decisions, without_failure
from scimsync.plan.decisions import decide
from scimsync.plan.deletions import decides_by_clock
from scimsync.plan.now import Now
from scimsync.plan.pinned import Pins
from scimsync.plan.product import keep_immutable
from scimsync.plan.protection import link_protected_by, protected_by
from scimsync.plan.protocols import InDoubtResources, PlanningState, Records
from scimsync.plan.target_reader import TargetReader
from scimsync.plan.traits import Traits
from scimsync.transport.request_errors import RequestError


class ResourcePlanner(ABC):
    """The base class of planners for one kind of resource at one target.

    A subclass implements what its resources should be (`desire`), which paths are managed
    (`paths`), what the decisions need to know about other resources (`surroundings`), and the
    consequences for memberships (`note_memberships`).

    `unconfirmed` are users whose deletion is due and waits for another run. `search_error` is why
    resources without a link could not be searched for; these are not planned. `unchangeable` are
    the keys whose attribute, by its path, should change and cannot. `changes` is when another time
    may give another plan for a resource that was evaluated.
    """

    traits: Traits

    def __init__(
        self,
        state: PlanningState,
        records: Records,
        policy: Policy,
        now: Now,
        target: TargetReader | None,
    ) -> None:
        self._state = state
        self._records = records
        self._policy = policy
        self._now = now
        self._target = target
        self._clock_doubt = now.doubt
        self._pins = Pins(state, self.traits.kind, policy)
        self.unconfirmed: list[Key] = []
        self.unchangeable: dict[str, set[Key]] = {}
        self.changes = NextChange()
        self.search_error: RequestError | None = None

    @property
    def clock_doubt(self) -> ClockDoubt | None:
        """Why this plan deletes no account by the clock, as far as it had to know."""
        return self._clock_doubt

    def _noted(self, desired: Desired) -> Desired:
        """Return `desired`, and note when it may change with the time."""
        if desired.changes_at is not None:
            self.changes.add(desired.changes_at)
        return desired

    @abstractmethod
    def desire(self, batch: Batch) -> None:
        """Fill in `desired` and `failures` of a batch."""

    @abstractmethod
    def paths(self, key: Key) -> Sequence[str]:
        """Return the managed paths of a resource."""

    @abstractmethod
    def surroundings(self, batch: Batch) -> Surroundings:
        """Gather what the decisions need to know about other resources."""

    @abstractmethod
    def note_memberships(self, batch: Batch, decisions: Decisions) -> None:
        """Note what the decisions mean for the members of groups."""

    def must_be_read(self, batch: Batch, key: Key) -> bool:  # noqa: ARG002
        """Return whether a resource in doubt that cannot be read fails."""
        return True

    def may_have_access(self, batch: Batch, key: Key) -> bool:  # noqa: ARG002
        """Return whether a resource that cannot be planned may give a leaver access."""
        return False

    def why_no_access(self) -> str | None:
        """Return why no resource gives a user access in this run, or None if it may."""
        return None

    def leave_of(self, key: Key, link: Link | None) -> str | None:  # noqa: ARG002
        """Return the leave action of a resource where it has one of its own."""
        return None

    def find_unwanted(self, batch: Batch) -> None:  # noqa: B027 - most kinds need none
        """Add accounts of users who should have none and have no link, or leave these for later."""

    def why_moved(self, key: Key) -> str | None:  # noqa: ARG002
        """Return why the account of another key is moved to this one, or None if it is not."""
        return None

    def review(self, batch: Batch) -> None:  # noqa: B027 - most kinds need none
        """Act on what was read at the target, before any decision."""

    async def plan(
        self,
        keys: Iterable[Key],
        progress: Callable[[int], None] | None = None,
        *,
        read_due: bool = False,
    ) -> None:
        """Plan `keys`, given in order and each once.

        With `read_due`, read every resource in doubt first, since others may wait for its name.
        Raise RequestError from reading.
        """
        if self._target is not None:
            self._target.in_doubt.start_round()
            if read_due:
                await self._target.in_doubt.read_due()
        for chunk in batches(keys, BATCH):
            await self._plan_batch(chunk)
            if progress is not None:
                progress(len(chunk))
            await asyncio.sleep(0)  # leases are renewed meanwhile

    async def _plan_batch(self, keys: list[Key]) -> None:
        batch = Batch(keys, self._state.links(self.traits.kind, keys))
        self.desire(batch)
        batch.undecided = frozenset(batch.failures)
        self._hold_shared(batch)
        await self._ask_target(batch)
        self.review(batch)
        self._keep_immutable(batch)
        await self._check_clock(batch)
        around = replace(
            self.surroundings(batch),
            clock_doubt=self._clock_doubt,
            gives_no_access=self.why_no_access(),
        )
        decisions = decide(
            [self._candidate(batch, key) for key in batch.keys],
            self.traits,
            self._policy,
            around,
            self._now.time,
        )
        self.write(batch, decisions)
        self.note_memberships(batch, decisions)

    def _keep_immutable(self, batch: Batch) -> None:
        """Keep the values of an account that cannot be changed, and note the difference."""
        links = {key: link for key, link in batch.links.items() if batch.has_account(key)}
        batch.desired = self._changeable(batch.desired, links, self.unchangeable)

    def _changeable(
        self,
        desired: Mapping[Key, Desired],
        links: Mapping[Key, Link],
        unchangeable: dict[str, set[Key]],
    ) -> dict[Key, Desired]:
        """Return the desired documents of resources, as far as the product lets them be changed.

        Add the others to `unchangeable`, by path.
        """
        paths = self._policy.product.immutable_of(self.traits.kind)
        changeable = dict(desired)
        for key, one in desired.items() if paths else ():
            link = links.get(key)
            if link is None or not link.has_account or not one.in_scope:
                continue
            document, differing = keep_immutable(one.document, link.document, paths)
            changeable[key] = replace(one, document=document)
            for path in differing:
                unchangeable.setdefault(path, set()).add(key)
        return changeable

    def _hold_shared(self, batch: Batch) -> None:
        """Fail resources that several keys are linked to, in a state of an earlier version.

        A link that is the only one left is an ordinary link again.
        """
        shared = [link for link in batch.links.values() if link.shared]
        ids = [link.remote_id for link in shared if link.remote_id is not None]
        keys = self._state.sharers(self.traits.kind, ids) if ids else {}
        only: list[Link] = []
        for link in shared:
            others = [
                key for key in keys.get(link.remote_id or RemoteId(""), ()) if key != link.key
            ]
            if others:
                why = (
                    f"the {self.traits.noun} {link.remote_id} is linked to {', '.join(others)} too;"
                    " nothing is sent about it"
                )
                batch.failures[link.key] = coded(why, "SYNC-0371")
            else:
                only.append(replace(link, shared=False))
        batch.links |= {link.key: link for link in only}
        self._state.put_links(only)

    async def _ask_target(self, batch: Batch) -> None:
        if self._target is None:
            self._leave_out_pinned(batch)
            return
        await self._read_in_doubt(batch, self._target.in_doubt)
        self._leave_out_pinned(batch)
        self.find_unwanted(batch)
        wanted = {
            key: _match_values(batch.desired[key])
            for key in batch.keys
            if batch.is_wanted(key) and not batch.has_account(key)
        }
        if not wanted:
            return
        paths = {key: self.paths(key) for key in wanted}
        try:
            found, refused = await self._target.finder.find(wanted, paths)
        except RequestError as error:  # leavers do not wait for it
            self.search_error = error
            batch.keys = [key for key in batch.keys if key not in wanted]
            return
        batch.failures |= {key: self._not_searched(why) for key, why in refused.items()}
        batch.accounts |= self._with_owners(found)

    async def _read_in_doubt(self, batch: Batch, in_doubt: InDoubtResources) -> None:
        """Read the resources of a batch whose last request has an unknown outcome."""
        await in_doubt.read(batch.links)
        for key in batch.keys:
            why = in_doubt.failures.get(key)
            if why is not None and self.must_be_read(batch, key):
                batch.failures[key] = why
            if key in in_doubt.resources:
                batch.read[key] = in_doubt.resources[key]

    def _apply_pins(self, batch: Batch) -> None:
        """Let the resources that a revert has pinned stay as it left them."""
        pinned = self._pins.apply(batch.keys, batch.desired, batch.failures)
        batch.desired, batch.pinned, batch.unpinned = pinned.desired, pinned.kept, pinned.ended
        if pinned.ended:
            self._state.unpin(self.traits.kind, pinned.ended)

    def _leave_out_pinned(self, batch: Batch) -> None:
        """Leave out pinned resources that do not exist: they are neither created nor looked for."""
        missing = {key for key in batch.pinned if not batch.has_account(key)}
        if not missing:
            return
        self._state.put_links(
            [
                replace(without_failure(batch.links[key]), status=LinkStatus.DELETED, document={})
                for key in sorted(missing)
                if batch.is_gone(key)
            ]
        )
        batch.keys = [key for key in batch.keys if key not in missing]
        batch.desired = {key: one for key, one in batch.desired.items() if key not in missing}

    def _not_searched(self, why: str) -> str:
        return coded(f"the {self.traits.noun} cannot be searched for: {why}", "SYNC-0345")

    def _with_owners(
        self, found: Mapping[Key, tuple[Account, ...]]
    ) -> dict[Key, tuple[Account, ...]]:
        ids = [account.remote_id for accounts in found.values() for account in accounts]
        owners = self._state.owners(self.traits.kind, ids) if ids else {}
        links = self._state.links(self.traits.kind, sorted({*owners.values()})) if owners else {}
        owned = {
            key: [replace(account, owner=owners.get(account.remote_id)) for account in accounts]
            for key, accounts in found.items()
        }
        return {
            key: tuple(
                account
                for account in accounts
                # an account that was separated from this key by hand is not found by it
                if account.owner is None or not _is_from(links, account.owner, key)
            )
            for key, accounts in owned.items()
        }

    async def check_clock(self) -> None:
        """Compare the clock with that of the target, unless there is a doubt about it already."""
        if self._target is not None and self._clock_doubt is None:
            self._clock_doubt = await self._target.clock_doubt()

    async def _check_clock(self, batch: Batch) -> None:
        """Compare the clock with that of the target, if it decides about an account."""
        if any(
            decides_by_clock(batch.links.get(key), self._policy, self._now.time)
            for key in batch.keys
            if not batch.is_wanted(key) and key not in batch.failures
        ):
            await self.check_clock()

    def _candidate(self, batch: Batch, key: Key) -> Candidate:
        link, desired = batch.links.get(key), batch.desired.get(key)
        protected = None if link is None else link_protected_by(self._policy, link)
        before: Document = link.document if link is not None else {}
        resource = batch.read.get(key)
        unacknowledged = False
        if self._target is not None:
            in_doubt = self._target.in_doubt
            unacknowledged = key in in_doubt.unacknowledged
            if resource is not None and link is not None:
                read = protected_by(self._policy, self.traits.kind, resource)
                protected = protected or read
                wanted = () if desired is None else desired.document
                before = in_doubt.held(link, resource, wanted)
        return Candidate(
            key=key,
            desired=desired,
            link=link,
            before=before,
            read_again=key in batch.read,
            gone=batch.is_gone(key),
            unacknowledged=unacknowledged,
            accounts=batch.accounts.get(key, ()),
            failure=batch.failures.get(key),
            held_since=batch.held.get(key),
            leave=self.leave_of(key, link),
            protected_by=protected,
            moved=self.why_moved(key),
        )

    def write(self, batch: Batch, decisions: Decisions) -> None:
        """Write operations into the plan, and links that change without a request."""
        self.unconfirmed += decisions.unconfirmed
        for path, key in decisions.unchangeable:
            self.unchangeable.setdefault(path, set()).add(key)
        self._state.add_operations(decisions.operations)
        self._state.update_links(
            self.traits.kind,
            [*decisions.updated_links, *decisions.found_links],
            decisions.unwanted,
            decisions.returned,
            {
                *(key for key, link in batch.links.items() if link.is_due),
                *(link.key for link in decisions.found_links),
            },
        )
        self._state.put_links(
            [
                self._failed(batch, operation.key, operation.detail or "")
                for operation in decisions.operations
                if operation.status is OperationStatus.FAILED
            ]
        )

    def _failed(self, batch: Batch, key: Key, detail: str) -> Link:
        """Return the link of a resource that could not be planned.

        The next run tries again; where the target did not let the resource be read, after a delay.
        """
        link = batch.links.get(key)
        unread = self._target is not None and key in self._target.in_doubt.failures
        failures = (link.failures if link is not None else 0) + 1
        delay = retry_delay(failures) if unread else timedelta()
        failing = failed_link(link, self.traits.kind, key, detail, self._now.time + delay)
        since = None
        if self.may_have_access(batch, key):
            since = failing.may_have_access_since or self._now.time
        return replace(failing, may_have_access_since=since)


def _match_values(desired: Desired) -> Document:
    return {**desired.once, **desired.document}


def _is_from(links: Mapping[Key, Link], owner: Key, key: Key) -> bool:
    return owner in links and links[owner].moved_from == key
