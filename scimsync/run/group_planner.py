"""Plans the groups of one target as resources: which there should be, what they are called, who is
wanted in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scimsync.desired import DesireError
from scimsync.desired.groups import MEMBERS, SUBGROUPS, GroupForm, GroupRule, name_of, texts
from scimsync.desired.values import Desired
from scimsync.errors import ScimsyncError
from scimsync.execute.books import BATCH, Books, Now, Settled, slices
from scimsync.execute.in_doubt import InDoubtReader
from scimsync.execute.known import KnownLinks, Memberships
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    RemoteId,
    Seq,
    fold_name,
)
from scimsync.model.links import Link, failed_link
from scimsync.model.memberships import Membership
from scimsync.model.operations import ARRIVAL_ACTIONS, Action, OperationStatus
from scimsync.model.targets import GroupTable
from scimsync.plan.groups import NAME_PATH, GroupCandidate, GroupPlan, plan_groups
from scimsync.plan.model import Policy
from scimsync.plan.requests import with_request
from scimsync.run.compile import create_only_paths
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.dialects import Dialect
from scimsync.state import journal, links, work
from scimsync.targets.matching import Matcher, to_account

NO_RULE = ""
"""The name of the matcher for groups whose table is gone from sync.toml."""


@dataclass(slots=True)
class _Known:
    """What was gathered about some groups."""

    links: dict[Key, Link]
    desired: dict[Key, Desired] = field(default_factory=dict)
    failures: dict[Key, str] = field(default_factory=dict)
    read: dict[Key, dict[str, object] | None] = field(default_factory=dict)
    found: dict[Key, tuple[str, tuple[dict[str, object], ...]]] = field(default_factory=dict)
    owners: dict[RemoteId, Key] = field(default_factory=dict)


class GroupPlanner:
    """Plans the groups of one target. `matchers` are by the name of the rule, None for a plan that
    asks no target; `absent` tells of people who has left; `before` are the tables of groups that
    the target was last planned with, or had earlier; `settled` is what needs no request."""

    def __init__(
        self,
        books: Books,
        rules: Mapping[str, GroupRule],
        policy: Policy,
        dialect: Dialect,
        matchers: Mapping[str, Matcher] | None,
        known: KnownLinks,
        memberships: Memberships,
        absent: Callable[[Sequence[Key]], set[Key]],
        before: Mapping[str, GroupTable],
        now: Now,
    ) -> None:
        self._books = books
        self._absent = absent
        self._before = before
        self._rules = rules
        self._policy = policy
        self._dialect = dialect
        self._matchers = matchers
        self._links = known
        self._memberships = memberships
        self._now = now
        self.settled = Settled(policy.target, Kind.GROUP)
        self._doubts = InDoubtReader(
            books,
            known,
            policy.target,
            Kind.GROUP,
            lambda key: (
                None if matchers is None else matchers.get(name_of(key), matchers.get(NO_RULE))
            ),
            lambda key: rules[name_of(key)].program.paths if name_of(key) in rules else (),
            lambda key: (
                create_only_paths(rules[name_of(key)].program)
                if name_of(key) in rules
                else frozenset()
            ),
        )

    def begin(self) -> None:
        """Where a table has another kind of groups now, nobody is wanted in the old ones any more.
        To be called before people are planned, all of them."""
        another = {
            name
            for name, rule in self._rules.items()
            if name in self._before and self._before[name].form != rule.form
        }
        if not another:
            return
        # also those that never came to be: somebody may be wanted in them
        with self._books.links.read() as connection:
            known = links.all_keys(connection, self._policy.target, Kind.GROUP)
        for key in known:
            if name_of(key) in another:
                self._want(key, {})

    async def plan(self, touched: Iterable[Key], cursor: Seq, *, everything: bool) -> None:
        """Plans the groups that people came into or went out of, those of changed records, and
        those that are due.

        With `everything` all groups that there are, because the configuration is another. Raises
        RequestError from matching.
        """
        keys = set(touched) | set(self._due(everything=everything))
        for rule in self._rules.values():
            if rule.form is GroupForm.RULE:
                keys.add(rule.key())
            elif rule.form is GroupForm.SOURCE and rule.source is not None:
                keys |= self._read_source(rule, rule.source, cursor)
        await self.plan_keys(sorted(keys))

    async def plan_keys(self, keys: Sequence[Key], *, only_new: bool = False) -> None:
        """Plans these groups. With `only_new` none is changed or deleted: that waits for a run that
        plans everybody."""
        self._doubts.forget()
        for start in range(0, len(keys), BATCH):
            await self._plan_batch(list(keys[start : start + BATCH]), only_new=only_new)

    def without_paused(self, keys: Iterable[Key]) -> list[Key]:
        """Those of `keys`, in order, that did not fail lately."""
        return sorted(set(keys) - self._links.paused(Kind.GROUP))

    def _due(self, *, everything: bool) -> list[Key]:
        target = self._policy.target
        with self._books.links.read() as connection:
            due = work.groups_to_plan(connection, target, self._now.time)
            return due + (links.account_keys(connection, target, Kind.GROUP) if everything else [])

    # Groups from a source of their own

    def _read_source(self, rule: GroupRule, source: str, cursor: Seq) -> set[Key]:
        """The groups of changed records, their members noted."""
        keys: set[Key] = set()
        batch: list[Key] = []
        for key in self._books.view.changed_keys([source], cursor):
            batch.append(key)
            if len(batch) == BATCH:
                keys |= self._note_members(rule, source, batch)
                batch = []
        return keys | self._note_members(rule, source, batch)

    def _note_members(self, rule: GroupRule, source: str, keys: Sequence[Key]) -> set[Key]:
        for key, record in self._books.view.get([source], keys).items():
            group = rule.key(key)
            if record.removed:
                continue  # planning the group takes its members out where it stays without any
            try:
                desired = rule.program.desire(record, self._now.today)
                self._want(group, self._members(rule, desired))
            except ScimsyncError:
                continue  # planning the group says what is wrong; who is in it stays
        return {rule.key(key) for key in keys}

    def _members(self, rule: GroupRule, desired: Desired) -> dict[tuple[Kind, Key], None]:
        where = f"targets.{self._policy.target}.groups.{rule.name}"
        users = texts(desired.extras.get(MEMBERS), f"{where}.members")
        groups = texts(desired.extras.get(SUBGROUPS), f"{where}.subgroups")
        wanted: dict[tuple[Kind, Key], None] = dict.fromkeys((Kind.USER, Key(one)) for one in users)
        return wanted | dict.fromkeys((Kind.GROUP, rule.key(one)) for one in groups)

    def _want(self, group: Key, wanted: Mapping[tuple[Kind, Key], None]) -> None:
        known = {(row.member_kind, row.member): row for row in self._memberships.of_group(group)}
        rows = [replace(row, wanted=member in wanted) for member, row in known.items()]
        new = [member for member in wanted if member not in known]
        left = {
            key
            for some in slices((key for kind, key in new if kind is Kind.USER), BATCH)
            for key in self._absent(some)
        }
        rows += [
            Membership(group, kind, key, True, False, kind is Kind.USER and key in left)
            for kind, key in new
        ]
        self._memberships.put(rows, known.values())

    # Groups as resources

    async def _plan_batch(self, keys: list[Key], *, only_new: bool) -> None:
        target = self._policy.target
        known = _Known(self._links.get(Kind.GROUP, keys))
        self._desire(keys, known)
        if not only_new:
            for key in keys:
                if key in known.desired or key in known.failures:
                    continue
                stay = () if self._leave_of(key) == "empty" else self._memberships.of_group(key)
                held = (row for row in stay if row.wanted and (row.acknowledged or row.in_doubt))
                self._want(key, {(row.member_kind, row.member): None for row in held})
        await self._ask_target(keys, known)
        candidates = [self._candidate(key, known) for key in keys]
        names = {
            name
            for key, one in known.desired.items()
            if (name := fold_name(one.document.get("displayName")))
            and name != self._held_name(known, key)
        }
        holding = self._links.holders(Kind.GROUP, list(names))
        with self._books.journal.read() as connection:
            claimed = (
                journal.claimed_names(connection, self._books.run, target, Kind.GROUP, list(names))
                if names
                else {}
            )
        others = self._wanted_of([holder.key for holder in holding.values()], known)
        holders = {
            name: holder.key
            for name, holder in holding.items()
            if holder.key not in others or not _gives_up(others[holder.key], NAME_PATH, name)
        }
        plan = plan_groups(candidates, self._policy, holders, claimed)
        self._write(_new_ones(plan) if only_new else plan, known)
        if only_new and self._books.stores:
            self._make_due(
                [one.key for one in plan.operations if one.action not in ARRIVAL_ACTIONS], known
            )
        self._note_adopted(plan, known)

    def _wanted_of(self, keys: Sequence[Key], known: _Known) -> dict[Key, Desired | None]:
        """What groups are to be, None for those that this plan deletes; without those of which it
        cannot be told."""
        further = _Known({})
        self._desire([key for key in keys if key not in known.links], further)
        wanted: dict[Key, Desired | None] = {}
        for key in keys:
            if key in known.failures or key in further.failures:
                continue
            wanted[key] = known.desired.get(key) or further.desired.get(key)
            if wanted[key] is None and (not self._policy.remove or self._leave_of(key) != "delete"):
                del wanted[key]
        return wanted

    def _leave_of(self, key: Key) -> str:
        """What becomes of a group without a reason, also where its table is gone."""
        name = name_of(key)
        said = self._rules.get(name) or self._before.get(name)
        return "delete" if said is None else said.leave

    def _held_name(self, known: _Known, key: Key) -> str | None:
        link = known.links.get(key)
        return (
            fold_name(link.document.get("displayName"))
            if link is not None and link.has_account
            else None
        )

    def _desire(self, keys: Sequence[Key], known: _Known) -> None:
        by_rule: dict[str, list[Key]] = {}
        for key in keys:
            by_rule.setdefault(name_of(key), []).append(key)
        for name, some in by_rule.items():
            rule = self._rules.get(name)
            if rule is None:
                continue  # its table is gone from sync.toml
            if rule.form is GroupForm.SOURCE and rule.source is not None:
                self._desire_from_source(rule, rule.source, some, known)
                continue
            there = (
                {rule.key()} & {*some}
                if rule.form is GroupForm.RULE
                else self._memberships.wanted(some)
            )
            for key in there:
                try:
                    known.desired[key] = rule.desired(key, self._now.today)
                except DesireError as error:
                    known.failures[key] = error.message.removeprefix(f"{key}: ")

    def _desire_from_source(
        self, rule: GroupRule, source: str, keys: Sequence[Key], known: _Known
    ) -> None:
        by_record = {Key(key.partition(":")[2]): key for key in keys}
        for record_key, record in self._books.view.get([source], list(by_record)).items():
            key = by_record[record_key]
            if record.removed:
                continue
            try:
                known.desired[key] = rule.program.desire(record, self._now.today)
                self._members(rule, known.desired[key])
            except ScimsyncError as error:
                known.desired.pop(key, None)
                known.failures[key] = error.message.removeprefix(f"{record_key}: ")

    async def _ask_target(self, keys: Sequence[Key], known: _Known) -> None:
        if self._matchers is None:
            return
        await self._doubts.read(known.links)
        known.failures |= {
            key: why for key in keys if (why := self._doubts.failures.get(key)) is not None
        }
        resources = self._doubts.resources
        known.read = {key: resources[key] for key in keys if key in resources}
        wanted: dict[str, dict[Key, Document]] = {}
        for key in keys:
            one, linked = known.desired.get(key), known.links.get(key)
            gone = key in known.read and known.read[key] is None
            if gone:
                self._forget_members(key)
            if (
                one is not None
                and key not in known.failures
                and (linked is None or not linked.has_account or gone)
            ):
                wanted.setdefault(name_of(key), {})[key] = {**one.once, **one.document}
        for name, documents in wanted.items():
            matches, refused = await self._matchers[name].find(documents)
            known.failures |= {
                key: f"the group cannot be looked for: {why}" for key, why in refused.items()
            }
            for key, found in matches.items():
                known.found[key] = (found.by, found.resources)
        ids = [
            RemoteId(resource_id(one) or "")
            for _, resources in known.found.values()
            for one in resources
        ]
        known.owners = self._links.owners(Kind.GROUP, ids)
        self._leave_to_owners(known)

    def _forget_members(self, group: Key) -> None:
        """The group is gone: nobody is in it, and it is in no other."""
        rows = [
            *self._memberships.of_group(group),
            *self._memberships.of_members([group], Kind.GROUP),
        ]
        self._memberships.put(
            [replace(row, acknowledged=False, in_doubt=False) for row in rows], rows
        )

    def _leave_to_owners(self, known: _Known) -> None:
        """What was found by a value that its owner gives up in this plan is not what was looked
        for."""
        wanted = self._wanted_of(list(known.owners.values()), known)
        for key, (by, resources) in known.found.items():
            value = fold_name(known.desired[key].document.get(by))
            left = tuple(
                one
                for one in resources
                if (owner := known.owners.get(RemoteId(resource_id(one) or ""))) in (None, key)
                or owner not in wanted
                or not _gives_up(wanted[owner], by, value)
            )
            known.found[key] = (by, left)

    def _candidate(self, key: Key, known: _Known) -> GroupCandidate:
        link, desired = known.links.get(key), known.desired.get(key)
        rule = self._rules.get(name_of(key))
        paths = rule.program.paths if rule is not None else ()
        before: Document = link.document if link is not None else {}
        resource = known.read.get(key)
        if resource is not None and link is not None:
            before = self._doubts.held(link, resource, () if desired is None else desired.document)
        by, resources = known.found.get(key, ("", ()))
        return GroupCandidate(
            key=key,
            desired=None if desired is None else desired.document,
            leave=self._leave_of(key),
            once={} if desired is None else desired.once,
            link=link,
            before=before,
            read_again=key in known.read,
            gone=key in known.read and resource is None,
            unseen=key in self._doubts.unseen,
            accounts=tuple(
                to_account(by, one, paths, known.owners.get(RemoteId(resource_id(one) or "")))
                for one in resources
            ),
            failure=known.failures.get(key),
        )

    def _write(self, plan: GroupPlan, known: _Known) -> None:
        target, now = self._policy.target, self._now.time
        operations = [
            with_request(self._dialect, one, known.links.get(one.key)) for one in plan.operations
        ]
        with self._books.journal.write() as connection:
            journal.add_entries(connection, self._books.run, target, operations, now)
            if self._books.stores:
                self.settled.add(connection, plan.settled, plan.unwanted)
                failed = [one for one in plan.operations if one.status is OperationStatus.FAILED]
                links.put_links(
                    connection,
                    target,
                    [
                        failed_link(
                            known.links.get(one.key), one.kind, one.key, one.detail or "", now
                        )
                        for one in failed
                    ],
                )

    def _make_due(self, keys: Sequence[Key], known: _Known) -> None:
        """These groups are planned by the next run that plans everybody."""
        due = [
            replace(link, next_try_at=self._now.time)
            for key in keys
            if (link := known.links.get(key)) is not None
        ]
        with self._books.links.write() as connection:
            links.put_links(connection, self._policy.target, due)

    def _note_adopted(self, plan: GroupPlan, known: _Known) -> None:
        """Of the members that an adopted group has already, those who are known here are taken for
        acknowledged, and no others.

        Members whom no source knows are nobody's business: they stay.
        """
        for operation in plan.operations:
            if operation.action != Action.ADOPT:
                continue
            found = known.read.get(operation.key)
            members = read(known.found[operation.key][1][0] if found is None else found, "members")
            held = (
                [read(one, "value") for one in members if isinstance(one, dict)]
                if isinstance(members, list)
                else []
            )
            ids = [RemoteId(str(one)) for one in held if one is not None]
            there = {
                (kind, key)
                for kind in Kind
                for start in range(0, len(ids), BATCH)
                for key in self._links.owners(kind, ids[start : start + BATCH]).values()
            }
            before = {
                (row.member_kind, row.member): row
                for row in self._memberships.of_group(operation.key)
            }
            held_now = [
                replace(
                    before.get((kind, key)) or Membership(operation.key, kind, key, False, False),
                    acknowledged=(kind, key) in there,
                    in_doubt=False,
                )
                for kind, key in there | before.keys()
            ]
            self._memberships.put(held_now, before.values())


def _new_ones(plan: GroupPlan) -> GroupPlan:
    """Of a plan, the groups that come to be."""
    return GroupPlan(tuple(one for one in plan.operations if one.action in ARRIVAL_ACTIONS), (), ())


def _gives_up(desired: Desired | None, path: str, value: str | None) -> bool:
    """Whether a group that has `value` at `path` will have another one there, or is deleted."""
    return desired is None or fold_name(desired.document.get(path)) != value
