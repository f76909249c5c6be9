"""The rows of groups: which exist already, and what becomes of their members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scimsync.adoption.classify import outcome_of
from scimsync.adoption.existing_accounts import existing_account
from scimsync.adoption.found import Found
from scimsync.adoption.row_files import Owner, UserRows
from scimsync.adoption.rows import AdoptionOutcome, GroupMember, GroupRow
from scimsync.disk_collections import DiskMap
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation
from scimsync.run.target_run import TargetRun
from scimsync.targets.resource_list import ResourceList

_BATCH = 500

_MANAGED = (AdoptionOutcome.MATCH, AdoptionOutcome.WEAK_MATCH, AdoptionOutcome.LINKED)
"""Outcomes of users with an account that a push adds to groups and removes from them."""

_KNOWN = (*_MANAGED, AdoptionOutcome.LEAVER)
"""Outcomes of users for whom it is known whether a rule includes them in a group."""


@dataclass(frozen=True, slots=True)
class GroupSurvey:
    """The groups of one target, after it was planned and its users were compared.

    `found` is what the plan found for groups, `groups` the list of groups, and `accounts` that of
    users, None if lists show nothing. `users` are the rows of users.
    """

    target: TargetRun
    found: DiskMap[Found]
    groups: ResourceList | None
    accounts: ResourceList | None
    users: UserRows

    def rows(self) -> Iterator[GroupRow]:
        """Yield the groups that sync.toml asks for, then those that exist without that."""
        state = self.target.state
        taken: set[RemoteId] = set()
        for key in sorted(state.operation_keys(Kind.GROUP).union(state.group_keys(existing=True))):
            row = self._row(key, state.operations_of(Kind.GROUP, [key]))
            if row.remote_id is not None:
                taken.add(row.remote_id)
            yield row
        yield from self._others(taken)

    def _row(self, key: Key, operations: Sequence[JournaledOperation]) -> GroupRow:
        link = self.target.state.links(Kind.GROUP, [key]).get(key)
        is_linked = link is not None and link.has_account
        found = self.found.get(key)
        accounts = () if found is None else found.accounts
        itself = next((one for one in operations if one.action not in MEMBERSHIP_ACTIONS), None)
        outcome = outcome_of(itself, accounts, is_linked=is_linked)
        remote_id = accounts[0].remote_id if accounts else None
        row = GroupRow(
            outcome,
            _name_of(itself, link) or (accounts[0].name if accounts else None) or key,
            key,
            link.remote_id if link is not None and link.has_account else remote_id,
            () if found is None else (found.by,),
            detail=None if itself is None else itself.detail,
        )
        return self._with_members(row, found, _member_changes(operations))

    def _with_members(
        self, row: GroupRow, found: Found | None, changes: Sequence[tuple[Kind, Key, bool]]
    ) -> GroupRow:
        """Return a row with what becomes of the members of its group."""
        added = tuple(GroupMember(key, key) for _, key, is_added in changes if is_added)
        removed = tuple(GroupMember(key, key) for _, key, is_added in changes if not is_added)
        members = () if found is None else found.members
        if found is None or row.outcome is AdoptionOutcome.LINKED:
            return replace(row, added=added, removed=removed)
        row = replace(row, members=len(members), added=added, removed=removed)
        return self._with_present(row, members)

    def _with_present(self, row: GroupRow, members: Sequence[RemoteId]) -> GroupRow:
        """Return a row with the members that its group has now."""
        wanted = self._wanted(row.key)
        gone = {member.key for member in row.removed}
        kept: list[GroupMember] = []
        unwanted: list[GroupMember] = []
        unknown: list[GroupMember] = []
        groups = self._subgroups(members)
        owners = self.users.owners(members, first=_MANAGED)
        for member_id in members:
            owner = owners.get(member_id)
            key = groups.get(member_id) or (None if owner is None else owner.key)
            member = GroupMember(self._label(member_id, owner), key, member_id)
            if member_id not in groups and (owner is None or owner.outcome not in _KNOWN):
                unknown.append(member)
            elif key in wanted:
                kept.append(member)
            elif key not in gone:
                unwanted.append(member)
        return replace(
            row,
            kept=tuple(kept),
            unwanted=tuple(unwanted),
            unknown=tuple(unknown),
        )

    def _wanted(self, key: Key | None) -> set[Key]:
        if key is None:
            return set()
        memberships = self.target.state.memberships_of_group(key)
        return {membership.member for membership in memberships if membership.effective}

    def _subgroups(self, members: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        """Return the members that are groups of this target."""
        state = self.target.state
        found: dict[RemoteId, Key] = {}
        for some in batches(members, _BATCH):
            found |= state.adopted(Kind.GROUP, some) | state.owners(Kind.GROUP, some)
        return found

    def _label(self, member_id: RemoteId, owner: Owner | None) -> str:
        if owner is not None:
            return owner.key
        resource = None if self.accounts is None else self.accounts.get(member_id)
        if resource is None and self.groups is not None:
            resource = self.groups.get(member_id)
        if resource is None:
            return member_id
        account = existing_account(resource, None)
        return account.user_name or account.name or member_id

    def _others(self, taken: set[RemoteId]) -> Iterator[GroupRow]:
        """Yield the groups that exist and that sync.toml does not ask for."""
        if self.groups is None:
            return
        for resources in batches(self.groups, _BATCH):
            groups = [existing_account(resource, None) for resource in resources]
            owners = self.target.state.owners(Kind.GROUP, [one.remote_id for one in groups])
            for group in groups:
                if group.remote_id not in taken and group.remote_id not in owners:
                    name = group.name or group.remote_id
                    yield GroupRow(AdoptionOutcome.UNMATCHED, name, remote_id=group.remote_id)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _member_changes(operations: Sequence[JournaledOperation]) -> list[tuple[Kind, Key, bool]]:
    return [
        member_of(change)
        for operation in operations
        if operation.action in MEMBERSHIP_ACTIONS
        for change in operation.changes
    ]


def _name_of(operation: JournaledOperation | None, link: Link | None) -> str | None:
    """Return the name that a group gets, or has."""
    for change in () if operation is None else operation.changes:
        if change.path == "displayName":
            return str(change.after)
    return None if link is None else _text(link.document.get("displayName"))
