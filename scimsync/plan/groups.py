"""Which operation each group needs at a target, and the memberships that travel together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scimsync.model.accounts import Account
from scimsync.model.changes import Change
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    Value,
    fold_name,
)
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership
from scimsync.model.operations import Action, Operation, Phase
from scimsync.plan.diff import changes_between, describe_changes
from scimsync.plan.drafts import draft, not_planned
from scimsync.plan.model import MADE_UNSEEN, Policy

NAME_PATH = "displayName"

MEMBERS_PATH = "members"
"""Path of membership changes: the key of a user; of a group it is `GROUP_MEMBERS_PATH`."""

GROUP_MEMBERS_PATH = 'members[type eq "Group"]'


@dataclass(frozen=True, slots=True)
class GroupCandidate:
    """One group to be compared. `desired` is None where it lost its last reason; `leave` says what
    happens then.

    `accounts` are the groups that matching found for one without a link; `gone` says that it is no
    longer at the target, `unseen` that an earlier run made it without an answer.
    """

    key: Key
    desired: Document | None
    leave: str = "delete"
    once: Document = field(default_factory=dict)
    link: Link | None = None
    before: Document = field(default_factory=dict)
    read_again: bool = False
    gone: bool = False
    unseen: bool = False
    accounts: tuple[Account, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Operations, links that change without a request, keys that wait for a group and are no longer
    wanted."""

    operations: tuple[Operation, ...]
    settled: tuple[Link, ...]
    unwanted: tuple[Key, ...]


def plan_groups(
    candidates: Sequence[GroupCandidate],
    policy: Policy,
    holders: Mapping[str, Key],
    claimed: Mapping[str, Key],
) -> GroupPlan:
    """The operations that groups need. `holders` and `claimed`: folded displayName -> the key of
    the group that has it."""
    batch = _Groups(policy, dict(holders), dict(claimed))
    for candidate in candidates:
        batch.add(candidate)
    return GroupPlan(tuple(batch.operations), tuple(batch.settled), tuple(batch.unwanted))


def plan_members(
    group: Key, link: Link | None, rows: Sequence[Membership], chunk: int
) -> Iterator[Operation]:
    """One operation for each `chunk` of the changes of one group: additions and removals of single
    members."""
    for start in range(0, len(rows), chunk):
        some = rows[start : start + chunk]
        changes = tuple(_member_change(row) for row in some)
        added = sum(1 for row in some if row.effective)
        removed = len(some) - added
        words = [f"{added} to add"] * bool(added) + [f"{removed} to remove"] * bool(removed)
        yield Operation(
            phase=Phase.MEMBERS,
            kind=Kind.GROUP,
            key=group,
            action=Action.ADD_MEMBERS if not removed else Action.REMOVE_MEMBERS,
            reason=", ".join(words),
            changes=changes,
            remote_id=link.remote_id if link is not None and link.has_account else None,
        )


def _member_change(row: Membership) -> Change:
    path = MEMBERS_PATH if row.member_kind is Kind.USER else GROUP_MEMBERS_PATH
    return Change(
        path, None if row.effective else row.member, row.member if row.effective else None
    )


def member_of(change: Change) -> tuple[Kind, Key, bool]:
    """Kind and key of the member that a change is about, and whether it is added."""
    kind = Kind.USER if change.path == MEMBERS_PATH else Kind.GROUP
    added = change.after is not None
    return kind, Key(change.after if added else change.before), added  # type: ignore[arg-type]


class _Groups:
    def __init__(self, policy: Policy, holders: dict[str, Key], claimed: dict[str, Key]) -> None:
        self._policy = policy
        self._holders = holders
        self._claimed = claimed
        self.operations: list[Operation] = []
        self.settled: list[Link] = []
        self.unwanted: list[Key] = []

    def add(self, candidate: GroupCandidate) -> None:
        if candidate.failure is not None:
            self._fail(candidate, candidate.failure)
        elif candidate.desired is None:
            self._absent(candidate)
        elif candidate.link is None or not candidate.link.has_account or candidate.gone:
            self._without_link(candidate, dict(candidate.desired))
        else:
            self._linked(candidate, candidate.link, dict(candidate.desired))

    def _without_link(self, candidate: GroupCandidate, after: dict[str, Value]) -> None:
        if candidate.accounts:
            self._adopt(candidate, after)
            return
        if not self._policy.create:
            return
        after |= candidate.once
        if self._name_is_taken(candidate, after, {}):
            return
        reason = "the group is gone at the target" if candidate.gone else "no group yet"
        if candidate.link is not None and candidate.link.last_error:
            reason = f"no group yet: {candidate.link.last_error}"
        self._operation(candidate, Action.CREATE, reason, changes_between({}, after))

    def _adopt(self, candidate: GroupCandidate, after: dict[str, Value]) -> None:
        account = candidate.accounts[0]
        if len(candidate.accounts) > 1:
            ids = ", ".join(one.remote_id for one in candidate.accounts[:5])
            self._fail(
                candidate,
                f"ambiguous: {len(candidate.accounts)} groups match by {account.found_by}: {ids}",
            )
        elif account.owner is not None:
            self._fail(
                candidate,
                f"the group that matches by {account.found_by} ({account.remote_id}) belongs to"
                f" {account.owner}",
            )
        elif self._policy.update:
            base = {path: value for path, value in account.document.items() if path in after}
            if not self._name_is_taken(candidate, after, base):
                reason = f"a group with the same {account.found_by} exists"
                changes = changes_between(base, after)
                self._operation(
                    candidate, Action.ADOPT, reason, changes, remote_id=account.remote_id, base=base
                )

    def _linked(self, candidate: GroupCandidate, link: Link, after: dict[str, Value]) -> None:
        changes = changes_between(candidate.before, after)
        if not changes and candidate.unseen:
            self._operation(
                candidate,
                Action.ADOPT,
                MADE_UNSEEN,
                (),
                remote_id=link.remote_id,
                base=candidate.before,
            )
        elif not changes:
            self._settle(candidate, link, after)
        elif self._policy.update and not self._name_is_taken(candidate, after, candidate.before):
            base = candidate.before if candidate.read_again else None
            reason = describe_changes(changes)
            self._operation(
                candidate, Action.UPDATE, reason, changes, remote_id=link.remote_id, base=base
            )
        elif not self._policy.update and candidate.read_again:
            self._settle(candidate, link, candidate.before)

    def _absent(self, candidate: GroupCandidate) -> None:
        link = candidate.link
        if link is None or link.status is LinkStatus.DELETED:
            return
        if link.has_account and candidate.gone:
            gone = replace(
                link,
                status=LinkStatus.DELETED,
                next_try_at=None,
                failures=0,
                last_error=None,
                in_doubt=False,
            )
            self.settled.append(gone)
        elif not link.has_account:
            self.unwanted.append(candidate.key)
        elif candidate.leave == "delete" and self._policy.remove:
            self._operation(
                candidate,
                Action.DELETE,
                "nothing asks for it any more",
                (),
                remote_id=link.remote_id,
            )
        else:
            self._settle(candidate, link, link.document)

    def _settle(self, candidate: GroupCandidate, link: Link, after: Document) -> None:
        if link.failures or link.in_doubt or link.next_try_at is not None or candidate.read_again:
            self.settled.append(
                replace(
                    link,
                    document=after,
                    failures=0,
                    next_try_at=None,
                    last_error=None,
                    in_doubt=False,
                )
            )

    def _name_is_taken(self, candidate: GroupCandidate, after: Document, before: Document) -> bool:
        name = fold_name(after.get(NAME_PATH))
        if name is None or fold_name(before.get(NAME_PATH)) == name:
            return False
        holder = self._holders.get(name)
        other = (
            holder
            if holder is not None and holder != candidate.key
            else self._claimed.setdefault(name, candidate.key)
        )
        if other != candidate.key:
            self._fail(candidate, f"displayName {after[NAME_PATH]} is taken by the group {other}")
            return True
        return False

    def _operation(
        self,
        candidate: GroupCandidate,
        action: Action,
        reason: str,
        changes: tuple[Change, ...],
        **more: object,
    ) -> None:
        phase = Phase.DELETE_GROUP if action is Action.DELETE else Phase.GROUP
        self.operations.append(
            draft(Kind.GROUP, candidate.key, phase, action, reason, changes, **more)
        )

    def _fail(self, candidate: GroupCandidate, detail: str) -> None:
        phases = Phase.GROUP, Phase.GROUP
        self.operations.append(
            not_planned(Kind.GROUP, candidate.key, candidate.link, phases, detail)
        )
