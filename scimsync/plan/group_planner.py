"""Plan the groups of one target as resources: which ones exist, and their names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from scimsync.desired import Desired, DesireError
from scimsync.desired.groups import GroupForm, GroupRule, name_of, value_of
from scimsync.errors import ScimsyncError, coded
from scimsync.model.accounts import Account
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId, Seq, fold_name
from scimsync.model.links import Link
from scimsync.model.operations import ARRIVAL_ACTIONS, Action, OperationStatus
from scimsync.model.target_memory import GroupTable
from scimsync.plan.batch import BATCH, Batch
from scimsync.plan.candidates import NameHolder, Surroundings
from scimsync.plan.decision_writer import Decisions
from scimsync.plan.group_members import GroupMembers
from scimsync.plan.named_members import NamedMembers, is_held, named_members
from scimsync.plan.now import Now
from scimsync.plan.planner import ResourcePlanner
from scimsync.plan.protection import protected_keys
from scimsync.plan.protocols import PlanningState, Records, TargetRules
from scimsync.plan.target_reader import TargetReader
from scimsync.plan.traits import GROUPS
from scimsync.plan.undecided import why_undecided
from scimsync.scim.attributes import member_ids


class GroupPlanner(ResourcePlanner):
    """The planner for groups.

    `leavers` returns which of the given users have left: they are added to no group.
    `known_tables` are the group tables that the target was last planned with, and earlier ones.
    `refreshes`: the members that a group shows replace those that were acknowledged.
    """

    traits = GROUPS

    def __init__(
        self,
        state: PlanningState,
        records: Records,
        rules: TargetRules,
        now: Now,
        target: TargetReader | None,
        leavers: Callable[[Sequence[Key]], set[Key]],
        known_tables: Mapping[str, GroupTable],
    ) -> None:
        super().__init__(state, records, rules.policy, now, target)
        self._rules = rules.groups
        self._members = GroupMembers(state, leavers)
        self._known_tables = known_tables
        self._only_new = False
        self._settled: set[Key] = set()
        self._named = NamedMembers(state, records, rules, self._members)
        self.refreshes = False

    @property
    def nameless(self) -> dict[str, tuple[int, int]]:
        """The lists of members that mostly match no record, with the number of these and of all."""
        return self._named.nameless

    def empty_changed_tables(self) -> None:
        """Remove all members from the groups of tables that now make another form of groups.

        Call this before planning users, and only if all of them are planned.
        """
        changed = {
            name
            for name, rule in self._rules.items()
            if name in self._known_tables and self._known_tables[name].form != rule.form
        }
        if changed:
            for key in self._state.group_keys(existing=False):
                if name_of(key) in changed:
                    self._members.set(key, {})

    async def plan_due(self, touched: Iterable[Key], cursor: Seq, *, everything: bool) -> None:
        """Plan groups whose members, rule or record changed, and those that are due.

        With `everything`, plan all groups that exist, because the configuration changed. Raise
        RequestError from matching.
        """
        due = self._state.due_groups()
        keys = {*touched, *due}
        if everything:
            keys |= set(self._state.group_keys(existing=True))
        for rule in self._rules.values():
            if rule.form is GroupForm.RULE:
                keys.add(rule.key())
            elif rule.form is GroupForm.SOURCE and rule.source is not None:
                keys |= self._read_source(rule, rule.source, cursor, due)
        await self.plan(sorted(keys))

    async def plan_new(self, keys: Sequence[Key]) -> None:
        """Plan only those of `keys` that are to be created or adopted.

        Other groups are neither changed nor deleted. A run that plans all users does that.
        """
        self._only_new = True
        try:
            await self.plan(keys)
        finally:
            self._only_new = False

    def waits_for_name(self, group: Key, link: Link | None) -> bool:
        """Return whether a group has another displayName than it should, which this plan leaves.

        Its name may be that of another group, whose members have other rights.
        """
        if link is None or not link.has_account or group in self._settled:
            return False
        if not self._policy.update:
            return False
        desired = self._changeable(self._desired_of([group])[0], {group: link}, {}).get(group)
        name = None if desired is None else fold_name(desired.document.get("displayName"))
        return name is not None and name != fold_name(link.document.get("displayName"))

    def without_paused(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of `keys`, in order, that did not fail recently."""
        return sorted(set(keys) - self._state.paused_keys(Kind.GROUP))

    # Members that a group's own record names

    def _read_source(
        self, rule: GroupRule, source: str, cursor: Seq, due: Collection[Key]
    ) -> set[Key]:
        """Note the members that changed records name, and return the groups.

        Read the records of groups again whose members were unknown.
        """
        waiting = [key for key in due if name_of(key) == rule.name]
        links = self._state.links(Kind.GROUP, waiting)
        changed = self._records.changed_keys([source], cursor)
        records = (value_of(key) for key, link in links.items() if is_held(link))
        keys: set[Key] = set()
        for chunk in batches(chain(changed, records), BATCH):
            self._named.read(
                rule,
                source,
                chunk,
                lambda record: self._noted(rule.program.desire(record, self._now.today)),
            )
            keys |= {rule.key(key) for key in chunk}
        return keys

    # Implementation of ResourcePlanner

    def desire(self, batch: Batch) -> None:
        batch.desired, batch.failures = self.asked(batch.keys)
        self._apply_pins(batch)
        for key in batch.desired:
            if (why := self._named.why_held(key, batch.links.get(key))) is not None:
                batch.failures[key] = why
        if self._only_new:
            return
        for key in batch.keys:
            if key not in batch.desired.keys() | batch.failures.keys() | batch.pinned:
                is_emptied = self.leave_of(key, batch.links.get(key)) == "empty"
                self._members.drop(key, is_emptied=is_emptied)

    def paths(self, key: Key) -> Sequence[str]:
        rule = self._rules.get(name_of(key))
        return rule.program.paths if rule is not None else ()

    def leave_of(self, key: Key, link: Link | None) -> str:
        """Return the leave action of a group.

        One that existed before it was linked, that has a protected member, or that the product
        does not delete is emptied.
        """
        name = name_of(key)
        table = self._rules.get(name) or self._known_tables.get(name)
        action = "delete" if table is None else table.leave
        if action != "delete" or link is None or not link.has_account:
            return action
        keeps = link.adopted or not self._policy.product.deletes_groups
        return "empty" if keeps or self._has_protected_member(key) else "delete"

    def _has_protected_member(self, key: Key) -> bool:
        if not self._policy.protect:
            return False
        members = [
            membership.member
            for membership in self._state.memberships_of_group(key)
            if membership.member_kind is Kind.USER
            and (membership.acknowledged or membership.in_doubt)
        ]
        return any(
            protected_keys(self._policy, self._state, some) for some in batches(members, BATCH)
        )

    def review(self, batch: Batch) -> None:
        self._leave_accounts_to_owners(batch)
        for key in batch.keys:
            if batch.is_gone(key):
                self._members.forget(key)
            elif self.refreshes and key in batch.read and (ids := self._member_ids(batch, key)):
                self._members.note(key, ids)  # a target that shows none may hide them

    def surroundings(self, batch: Batch) -> Surroundings:
        names = {
            name
            for key, group in batch.desired.items()
            if (name := fold_name(group.document.get("displayName"))) is not None
            and name != batch.held_name(key, "displayName")
        }
        found_ids = batch.found_ids
        if not names and not found_ids:
            return Surroundings()
        holding = self._state.name_holders(Kind.GROUP, sorted(names))
        others = self._wanted([holder.key for holder in holding.values()], batch)
        return Surroundings(
            holders={
                name: NameHolder(
                    holder.key,
                    holder.unique_name == name
                    and holder.key in others
                    and _gives_up(others[holder.key], "displayName", name),
                    certain=holder.unique_name == name,
                )
                for name, holder in holding.items()
            },
            claimed=self._state.claimed_names(Kind.GROUP, sorted(names)),
            adopted=self._state.adopted(Kind.GROUP, found_ids) if found_ids else {},
        )

    def write(self, batch: Batch, decisions: Decisions) -> None:
        self._settled |= {*batch.keys} - {
            operation.key
            for operation in decisions.operations
            if operation.status is OperationStatus.FAILED
            or (self._only_new and operation.action not in ARRIVAL_ACTIONS)
        }
        if not self._only_new:
            super().write(batch, decisions)
            return
        arrivals = [
            operation for operation in decisions.operations if operation.action in ARRIVAL_ACTIONS
        ]
        waiting = {operation.key for operation in decisions.operations} - {
            operation.key for operation in arrivals
        }
        super().write(batch, Decisions(operations=arrivals))
        self._state.put_links(
            [
                replace(link, next_try_at=self._now.time)
                for key in sorted(waiting)
                if (link := batch.links.get(key)) is not None
            ]
        )

    def note_memberships(self, batch: Batch, decisions: Decisions) -> None:
        """Record the members that an adopted group already has as acknowledged, and no others.

        Members that are in no source stay in the group.
        """
        for operation in decisions.operations:
            if operation.action == Action.ADOPT:
                self._members.note(operation.key, self._member_ids(batch, operation.key))

    def _member_ids(self, batch: Batch, key: Key) -> list[RemoteId]:
        resource = batch.read.get(key)
        if resource is None:
            return list(batch.accounts[key][0].members)
        return list(map(RemoteId, member_ids(resource)))

    # Desired state

    def _desired_of(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        """Return the desired documents of groups that a record, rule or table asks for."""
        desired, failures = self.asked(keys)
        return self._pins.apply(keys, desired, failures).desired, failures

    def asked(self, keys: Sequence[Key]) -> tuple[dict[Key, Desired], dict[Key, str]]:
        """Return the same, whatever a revert has pinned."""
        desired: dict[Key, Desired] = {}
        failures: dict[Key, str] = {}
        by_rule: dict[str, list[Key]] = {}
        for key in keys:
            by_rule.setdefault(name_of(key), []).append(key)
        for name, group_keys in by_rule.items():
            rule = self._rules.get(name)
            if rule is None:
                continue
            if rule.form is GroupForm.SOURCE and rule.source is not None:
                self._desire_from_source(rule, rule.source, group_keys, desired, failures)
                continue
            if rule.form is GroupForm.RULE:
                wanted = {rule.key()} & set(group_keys)
            else:
                wanted = self._state.groups_with_wanted(group_keys)
            for key in wanted:
                try:
                    desired[key] = self._noted(rule.desired(key, self._now.today))
                except DesireError as error:
                    failures[key] = coded(error.message.removeprefix(f"{key}: "), error.code)
        return desired, failures

    def _desire_from_source(
        self,
        rule: GroupRule,
        source: str,
        keys: Sequence[Key],
        desired: dict[Key, Desired],
        failures: dict[Key, str],
    ) -> None:
        by_record = {value_of(key): key for key in keys}
        for record_key, record in self._records.get([source], list(by_record)).items():
            if record.removed:
                continue
            key = by_record[record_key]
            try:
                group = self._noted(rule.program.desire(record, self._now.today))
                named_members(self._policy.target, rule, group)
                desired[key] = group
            except ScimsyncError as error:
                why = error.message.removeprefix(f"{record_key}: ")
                failures[key] = coded(why, error.code)
        known = {one for one, key in by_record.items() if key in desired.keys() | failures.keys()}
        undecided = why_undecided(self._records, [source], list(by_record), {}, known)
        failures |= {by_record[one]: why for one, why in undecided.items()}

    def _wanted(self, keys: Sequence[Key], batch: Batch) -> dict[Key, Desired | None]:
        """Return the desired documents of groups, None for those that this plan deletes.

        Groups that cannot be worked out, and unwanted groups that stay, are left out.
        """
        others = [key for key in keys if key not in batch.links]
        further, failures = self._desired_of(others)
        links = {**batch.links, **self._state.links(Kind.GROUP, others)}
        further = self._changeable(further, links, {})
        wanted: dict[Key, Desired | None] = {}
        for key in keys:
            if key in batch.failures or key in failures:
                continue
            group = batch.desired.get(key) or further.get(key)
            if group is not None or (
                self._policy.remove and self.leave_of(key, links.get(key)) == "delete"
            ):
                wanted[key] = group
        return wanted

    def _leave_accounts_to_owners(self, batch: Batch) -> None:
        """Ignore accounts found by a value that their owner gives up in this plan."""
        owners = [
            account.owner
            for accounts in batch.accounts.values()
            for account in accounts
            if account.owner is not None
        ]
        if not owners:
            return
        wanted = self._wanted(owners, batch)

        def stays(key: Key, account: Account) -> bool:
            owner = account.owner
            if owner is None or owner == key or owner not in wanted:
                return True
            value = fold_name(batch.desired[key].document.get(account.found_by))
            return not _gives_up(wanted[owner], account.found_by, value)

        batch.accounts = {
            key: tuple(account for account in accounts if stays(key, account))
            for key, accounts in batch.accounts.items()
        }


def _gives_up(desired: Desired | None, path: str, value: str | None) -> bool:
    """Return whether a group that holds `value` at `path` is deleted or gets another value."""
    return desired is None or fold_name(desired.document.get(path)) != value
