"""Plan the users of one target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from scimsync.desired import Desired, DesireError
from scimsync.desired.groups import GroupForm, GroupRule, groups_of
from scimsync.desired.survey import count_references, suspicious
from scimsync.errors import ScimsyncError, coded
from scimsync.model.backoff import is_waiting
from scimsync.model.batches import batches
from scimsync.model.ids import Document, Key, Kind, RemoteId, fold_name
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.operations import ARRIVAL_ACTIONS, Action, OperationStatus
from scimsync.model.placeholders import IdOf
from scimsync.plan.adoption import is_weak
from scimsync.plan.batch import BATCH, Batch
from scimsync.plan.candidates import Surroundings
from scimsync.plan.decision_writer import Decisions
from scimsync.plan.deletions import is_confirmed, is_due
from scimsync.plan.identity_check import IdentityCheck
from scimsync.plan.kept_references import KeptReferences
from scimsync.plan.moved_keys import MovedKeys
from scimsync.plan.named_references import resolve_names
from scimsync.plan.now import Now
from scimsync.plan.planner import ResourcePlanner
from scimsync.plan.protection import link_protected_by
from scimsync.plan.protocols import PlanningState, Records, TargetRules
from scimsync.plan.target_reader import TargetReader
from scimsync.plan.traits import USERS
from scimsync.plan.undecided import why_undecided
from scimsync.plan.unlinked_leavers import UnlinkedLeavers
from scimsync.plan.unwanted import REMOVES_ACCESS, leave_policy
from scimsync.plan.user_memberships import put_memberships
from scimsync.plan.usernames import NameHolders
from scimsync.transport.request_errors import RequestError

_EXISTENCE_ACTIONS = (*ARRIVAL_ACTIONS, Action.DELETE)


class UserPlanner(ResourcePlanner):
    """The planner for users, and for the groups that their own records want them in.

    `touched_groups` collects the groups whose members may have changed, `weak_adoptions` the users
    who adopt an account that may belong to someone else. `refreshes`: users without an account in
    an earlier look-up are looked up again.
    """

    traits = USERS

    def __init__(
        self,
        state: PlanningState,
        records: Records,
        rules: TargetRules,
        now: Now,
        target: TargetReader | None,
        *,
        has_groups: bool,
    ) -> None:
        super().__init__(state, records, rules.policy, now, target)
        self._program = rules.program
        self._sources = rules.sources
        self._rules: dict[str, GroupRule] = {
            name: rule for name, rule in rules.groups.items() if rule.form is not GroupForm.SOURCE
        }
        self._has_groups = has_groups
        self._existence_changed = False
        self._groups: dict[Key, set[Key]] = {}
        self._references: Counter[str] = Counter()
        self._nameless: Counter[str] = Counter()
        self._kept = KeptReferences(records, rules)
        self._moved_keys = MovedKeys(state, records, rules.sources)
        self._names = NameHolders(
            state,
            self._changeable_of,
            self._deletable,
            updates=rules.policy.update,
            keeps=self._keeps,
        )
        self._unlinked = UnlinkedLeavers(
            state, records, self._program, rules.sources, now.today, rules.policy
        )
        self.identity = IdentityCheck(
            state, records, rules.sources, self._program.paths, self.desired_of
        )
        self.touched_groups: set[Key] = set()
        self.weak_adoptions: list[Key] = []
        self.refreshes = False

    def why_no_access(self) -> str | None:
        """Return why nobody gets access: a clock that is wrong may have decided about it."""
        doubt, program = self._clock_doubt, self._program
        if doubt is None or not doubt.is_wrong or not program.depends_on_time:
            return None
        return coded(f"no access is given in this run: {doubt.why}", "SYNC-0435")

    @property
    def unsearchable(self) -> int:
        """The number of users without an account whose records have no value to search by."""
        return self._unlinked.unsearchable

    @property
    def invited(self) -> Collection[Key]:
        """The users who were read and did not accept their invitation."""
        return () if self._target is None else self._target.in_doubt.invited

    @property
    def kept_referrers(self) -> Collection[Key]:
        """The users with a reference that should change and stays as it is."""
        return self._kept.referrers

    @property
    def protected(self) -> Mapping[Key, str]:
        """The users out of scope whose account is protected and not linked, with the reason."""
        return self._unlinked.protected

    async def plan_unlinked_leavers(self) -> None:
        """Plan the users who should have no account and have no link, after all others."""
        while keys := self._unlinked.next_keys():
            assert self._target is not None  # noqa: S101 - none are noted without it
            for chunk in batches(keys, BATCH):
                searches = self._unlinked.searches(chunk)
                values = {key: one.values for key, one in searches.items() if one.values}
                paths = dict.fromkeys(values, self._unlinked.paths)
                try:
                    found, refused = await self._target.finder.find(values, paths, proving=True)
                except RequestError as error:  # leavers with a link do not wait for it
                    self.search_error = error
                    return
                self._unlinked.note_found(
                    searches,
                    self._with_owners(found),
                    {key: self._not_searched(why) for key, why in refused.items()},
                )
            self._unlinked.leave_to_others()
            for chunk in batches(keys, BATCH):
                await self._plan_batch(chunk)

    async def plan_referrers(self) -> None:
        """Plan users that refer to an account which this plan creates or deletes.

        Leave out users that this run has already planned.
        """
        if not self._existence_changed:
            return
        for keys in self._state.keys_with(Kind.USER, _EXISTENCE_ACTIONS, BATCH):
            waiting = self._state.referrers(keys)
            waiting -= self._state.touched_keys(Kind.USER, sorted(waiting))
            for chunk in batches(sorted(waiting), BATCH):
                await self._plan_batch(chunk)

    def leavers(self, keys: Sequence[Key]) -> set[Key]:
        """Return those of `keys` that have an account and are no longer wanted."""
        links = self._state.links(Kind.USER, keys)
        linked = {key: link for key, link in links.items() if link.has_account}
        desired, failures = self.desired_of(list(linked))
        staying = {key for key, user in desired.items() if user.in_scope}
        staying |= {key for key in failures if linked[key].status is LinkStatus.ACTIVE}
        return linked.keys() - staying

    # Implementation of ResourcePlanner

    def desire(self, batch: Batch) -> None:
        batch.held = self._state.held(batch.keys)
        keys = [key for key in batch.keys if key not in batch.held]
        batch.desired, batch.failures = self._work_out(keys)
        self._apply_pins(batch)
        self.identity.hold_back(batch)
        self._groups.clear()
        for key, user in batch.desired.items():
            if user.in_scope and user.extras:
                try:
                    self._groups[key] = set(groups_of(user, self._rules))
                except ScimsyncError as error:
                    why = f"targets.{self._policy.target}.{error.message}"
                    batch.failures[key] = coded(why, error.code)

    def find_unwanted(self, batch: Batch) -> None:
        self._unlinked.look_up(batch, refreshes=self.refreshes)

    def why_moved(self, key: Key) -> str | None:
        return self.identity.why_moved(key)

    def paths(self, key: Key) -> Sequence[str]:  # noqa: ARG002 - the same for all users
        return self._program.paths

    def must_be_read(self, batch: Batch, key: Key) -> bool:
        """Return False for leavers: they are deactivated whatever the account holds."""
        desired, link = batch.desired.get(key), batch.links.get(key)
        stays = key in batch.failures or (
            desired is not None and desired.in_scope and desired.document.get("active") is not False
        )
        return stays or link is None or not link.has_account

    def may_have_access(self, batch: Batch, key: Key) -> bool:
        desired, link = batch.desired.get(key), batch.links.get(key)
        if link is not None and link.status is LinkStatus.INACTIVE and not link.in_doubt:
            return False
        if desired is not None and desired.in_scope:
            return self._policy.remove and desired.document.get("active") is False
        if key in batch.undecided:
            return link is not None and link.may_have_access_since is not None
        return leave_policy(self._policy, held=key in batch.held) in REMOVES_ACCESS

    def surroundings(self, batch: Batch) -> Surroundings:
        self._kept.start()
        references = {
            value.key
            for user in batch.desired.values()
            for value in (*user.document.values(), *user.once.values())
            if isinstance(value, IdOf)
        }
        names = {
            name
            for key, user in batch.desired.items()
            if (name := fold_name(user.document.get("userName"))) is not None
            and name != batch.held_name(key, "userName")
        }
        found_ids = batch.found_ids
        around = Surroundings(
            holders=self._names.find(names),
            claimed=self._state.claimed_names(Kind.USER, sorted(names)) if names else {},
            adopted=self._state.adopted(Kind.USER, found_ids) if found_ids else {},
        )
        if not references:
            return around
        around = self._with_referred(around, batch, references)
        return self._kept.without_others(around, batch, self.identity)

    def write(self, batch: Batch, decisions: Decisions) -> None:
        super().write(batch, decisions)
        self.weak_adoptions += [
            operation.key
            for operation in decisions.operations
            if operation.status is OperationStatus.PLANNED and is_weak(operation.matched)
        ]
        self._state.add_operations([*self._kept.failures(batch, decisions.references)])
        self.identity.note_passed(decisions.passed)
        self._unlinked.settle(batch, decisions)
        planned = batch.planned
        self._state.put_references(
            planned, [_acknowledged(reference, batch) for reference in decisions.references]
        )
        self._existence_changed = self._existence_changed or any(
            operation.action in _EXISTENCE_ACTIONS for operation in decisions.operations
        )

    def note_memberships(self, batch: Batch, decisions: Decisions) -> None:
        """Note which groups want which users. The groups of users that cannot be planned stay."""
        if not self._has_groups:
            return
        self.touched_groups |= put_memberships(
            self._state, self._policy, self._rules, self._groups, batch, decisions
        )

    # Desired state

    def desired_of(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        """Return the desired documents of users, without those deprovisioned by hand."""
        if not keys:
            return {}, {}
        held = self._state.held(keys)
        keys = [key for key in keys if key not in held]
        desired, failures = self._work_out(keys)
        return self._pins.apply(keys, desired, failures).desired, failures

    def asked(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        """Return what the sources ask for, whatever a revert has pinned."""
        return self._work_out(keys)

    def people(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return the values that tell who users are, by their records or the last ones."""
        records = self._records.get(self._sources, keys)
        return {
            key: self._program.person_values(record, self._now.today)
            for key, record in records.items()
        }

    def _changeable_of(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        """Return the same, as far as the product lets accounts be changed."""
        desired, failures = self.desired_of(keys)
        if self._policy.product.immutable:
            desired = self._changeable(desired, self._state.links(Kind.USER, keys), {})
        return desired, failures

    def _work_out(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        desired: dict[Key, Desired] = {}
        failures = {
            key: coded(f"the sources {', '.join(sources)} each have a record", "SYNC-0340")
            for key, sources in self._records.doubles(self._sources, keys).items()
        }
        for key, record in self._records.get(self._sources, keys).items():
            if record.removed or key in failures:
                continue
            try:
                desired[key] = self._noted(self._program.desire(record, self._now.today))
            except DesireError as error:
                failures[key] = coded(error.message.removeprefix(f"{key}: "), error.code)
        desired = self._moved_keys.resolved(desired)
        desired, ambiguous = resolve_names(self._records, self._sources, desired)
        failures |= {key: str(name) for key, name in ambiguous.items()}
        failures |= why_undecided(self._records, self._sources, keys, desired, failures)
        return desired, failures

    # References

    @property
    def nameless(self) -> dict[str, tuple[int, int]]:
        """The paths of references that mostly match no record, with their and the total number."""
        return suspicious(self._references, self._nameless)

    def _count_references(self, batch: Batch, unknown: set[Key]) -> None:
        """Count the references of a batch. No record has the keys `unknown`."""
        count_references(batch.desired.values(), self._references, self._nameless, unknown)

    def _with_referred(
        self, around: Surroundings, batch: Batch, references: set[Key]
    ) -> Surroundings:
        """Add the remote ids of accounts that stay or are adopted, and keys without one yet."""
        links = self._state.links(Kind.USER, sorted(references))
        leaving = self._deleted(links.values())
        accounts = {
            key: link.remote_id
            for key, link in links.items()
            if link.has_account and link.remote_id is not None and key not in leaving
        }
        missing = references - accounts.keys() - leaving
        if self._policy.update:
            accounts |= batch.adopted_ids(around.adopted, missing)
        missing -= accounts.keys()
        if missing:
            accounts |= self._state.adopted_ids(Kind.USER, sorted(missing))
            missing -= accounts.keys()
        if not missing:
            self._count_references(batch, set())
            return replace(around, accounts=accounts)
        desired, failures = self.desired_of(sorted(missing))
        unknown = missing - desired.keys() - failures.keys() - links.keys()
        self._count_references(batch, unknown)
        unknown = self._kept.note_unknown(batch, unknown)
        wanted = {key for key, user in desired.items() if user.in_scope and self._policy.create}
        waiting = unknown | {
            key
            for key in wanted
            if key in self.identity.identities.held
            or (
                (link := links.get(key)) is not None
                and is_waiting(link.next_try_at, self._now.time)
            )
        }
        return replace(
            around,
            accounts=accounts,
            arriving=frozenset(wanted - waiting),
            waiting=frozenset(waiting),
        )

    def _deleted(self, links: Iterable[Link]) -> set[Key]:
        """Return the keys of accounts that this plan deletes."""
        deletable = self._deletable([link for link in links if link.has_account])
        if not deletable:
            return set()
        desired, failures = self.desired_of(sorted(deletable))
        return {
            key
            for key in deletable
            if key not in failures and (key not in desired or not desired[key].in_scope)
        }

    def _keeps(self, link: Link) -> bool:
        """Return whether an account stays as it is, because it is protected."""
        return link_protected_by(self._policy, link) is not None

    def _deletable(self, links: Sequence[Link]) -> set[Key]:
        """Return the keys of accounts that this plan deletes if they are not wanted."""
        if not self._policy.remove:  # deprovisioning by hand overrides it
            held = self._state.held([link.key for link in links]) if links else {}
            links = [link for link in links if link.key in held]
        return {
            link.key
            for link in links
            if self._policy.leave.action == "delete" or self._is_deletion_due(link)
        }

    def _is_deletion_due(self, link: Link) -> bool:
        now, doubt = self._now.time, self._clock_doubt
        return is_due(link, self._policy, now) and is_confirmed(link, self._policy, now, doubt)


def _acknowledged(reference: Reference, batch: Batch) -> Reference:
    """Return the reference with the value that the target last acknowledged for it."""
    link = batch.links.get(reference.key)
    held = link.document.get(reference.path) if link is not None and link.has_account else None
    return replace(reference, remote_id=RemoteId(held) if isinstance(held, str) else None)
