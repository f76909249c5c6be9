"""Which operations undo those of a run: the pure inverse of what the journal says.

| the run | its reversal |
| --- | --- |
| created an account | deactivate it; it is never deleted |
| got no response to a creation | the same; while the outcome is unknown, it is named |
| created a group | delete it, if it has no members but those of the run |
| adopted, updated | the values before |
| deactivated | reactivate, with what the account lost |
| reactivated | deactivate |
| added or removed members | remove or add them |
| deleted, moved to another key | none: it is named |

Only the resources that the run made or changed are touched: where a key has another account or
group by now, it is named. A value that is no longer the one that the run left is not touched, and
neither is the rest of its resource: it is named. A value that is again what it was before needs
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scimsync.errors import coded
from scimsync.model.changes import Change
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Key, Kind, RemoteId, Value, fold_name
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership, member_of
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    JournaledOperation,
    Operation,
    OperationStatus,
    Phase,
)
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.plan.candidates import Policy
from scimsync.plan.document_diff import short_path
from scimsync.plan.membership_planner import member_operations
from scimsync.plan.protection import link_protected_by, why_protected
from scimsync.plan.traits import GROUPS, USERS
from scimsync.scim.attributes import same_value

EXCEPTED, CHANGED, IMPOSSIBLE = "SYNC-0391", "SYNC-0392", "SYNC-0393"
"""The messages about what is not reverted: the run deleted it, it has changed since, it cannot be
restored."""

_SECRET = (SecretValue, RandomText)


class CannotRevertError(Exception):
    """Why a resource or member is not reverted, as text with its code."""


@dataclass(slots=True)
class Undone:
    """The total effect of a run on one resource.

    `remote_id` is that of the resource, None where the journal does not have it. `changes` maps
    paths to the values before the run and after it. `actions` are those of its operations.
    `knows_before` is false if the journal lacks the values that an adoption replaced.
    """

    kind: Kind
    key: Key
    actions: set[str] = field(default_factory=set)
    changes: dict[str, tuple[Value | None, Value | None]] = field(default_factory=dict)
    knows_before: bool = True
    remote_id: RemoteId | None = None

    def add(self, operation: JournaledOperation) -> None:
        """Add an operation of the run, in the order in which they were sent."""
        self.actions.add(operation.action)
        self.remote_id = operation.remote_id or self.remote_id
        if operation.action == Action.ADOPT and operation.changes and operation.base is None:
            self.knows_before = False
        for change in operation.changes:
            before, _ = self.changes.get(change.path, (change.before, None))
            self.changes[change.path] = (before, change.after)


Members = dict[tuple[Kind, Key], bool]
"""Member -> whether the run added it."""


@dataclass(slots=True)
class UndoneMembers:
    """What a run did to the members of one group, whose id is `remote_id` as far as it is known."""

    members: Members = field(default_factory=dict)
    remote_id: RemoteId | None = None


def undone(
    operations: Iterable[JournaledOperation],
) -> tuple[dict[tuple[Kind, Key], Undone], dict[Key, UndoneMembers]]:
    """Return what the operations of a run did to resources, and to the members of groups.

    An operation that failed may have had a part of its effect: the links show it. Creations that
    the target refused, and deletions and moves that failed, do not count.
    """
    resources: dict[tuple[Kind, Key], Undone] = {}
    groups: dict[Key, UndoneMembers] = {}
    for operation in operations:
        applied = operation.status is OperationStatus.APPLIED
        if operation.action in MEMBERSHIP_ACTIONS:
            group = groups.setdefault(operation.key, UndoneMembers())
            group.remote_id = operation.remote_id or group.remote_id
            for kind, key, added in map(member_of, operation.changes):
                group.members[kind, key] = added
        elif applied or _may_have_had_effect(operation):
            kind, key = operation.kind, operation.key
            resources.setdefault((kind, key), Undone(kind, key)).add(operation)
    return resources, groups


def _may_have_had_effect(operation: JournaledOperation) -> bool:
    """Return whether an operation that failed may have changed something.

    A creation did not if the response to its only request refuses it, with status 4xx except 408.
    """
    if operation.action != Action.CREATE:
        return operation.action not in (Action.DELETE, Action.MOVE)
    status = operation.http_status
    is_refused = status is not None and 400 <= status < 500 and status != 408
    return not is_refused or operation.attempts > 1


@dataclass(frozen=True, slots=True)
class Surrounding:
    """The facts that the reversal of one resource depends on besides its link.

    `later` maps paths to the later runs that changed them, and `replaced` is the first later run
    that linked a resource to the key again. `deprovisioned`: by hand.
    `others` are members of a group that the run did not add.
    """

    later: Mapping[str, int] = field(default_factory=dict)
    replaced: int | None = None
    deprovisioned: bool = False
    others: Sequence[Key] = ()


class Reversal:
    """The reversal of `run` at one target with the settings `policy`."""

    def __init__(self, run: int, policy: Policy) -> None:
        self._run = run
        self._policy = policy

    def operation(self, done: Undone, link: Link | None, around: Surrounding) -> Operation | None:
        """Return the operation that undoes what the run did to a resource.

        Return None if nothing is left to undo, and a failed operation if it cannot be undone.
        """
        try:
            return self._operation(done, link, around)
        except CannotRevertError as error:
            return self.refusal(done.kind, done.key, str(error), link)

    def refusal(self, kind: Kind, key: Key, why: str, link: Link | None = None) -> Operation:
        """Return the operation that says why a resource is not reverted."""
        traits = USERS if kind is Kind.USER else GROUPS
        return Operation(
            phase=traits.update,
            kind=kind,
            key=key,
            action=Action.UPDATE,
            reason=f"not reverted: run {self._run}",
            status=OperationStatus.FAILED,
            remote_id=None if link is None else link.remote_id,
            detail=why,
        )

    def _operation(self, done: Undone, link: Link | None, around: Surrounding) -> Operation | None:
        noun = done.kind.noun
        if Action.DELETE in done.actions:
            raise CannotRevertError(
                coded(f"run {self._run} deleted the {noun}: it is not brought back", EXCEPTED)
            )
        if Action.MOVE in done.actions:
            why = "moved to this key; to move it back: scimsync rekey"
            raise CannotRevertError(coded(f"run {self._run} {why}", EXCEPTED))
        if link is not None and link.in_doubt:
            why = "the outcome of its last request is not known yet: push first"
            raise CannotRevertError(coded(why, CHANGED))
        if link is None or not link.has_account:
            if Action.CREATE in done.actions:
                return None  # the resource that the run created is gone
            raise CannotRevertError(coded(f"the {noun} is no longer there", CHANGED))
        if (other := why_another(link, done.remote_id, around.replaced)) is not None:
            raise CannotRevertError(coded(other, CHANGED))
        if around.deprovisioned:
            raise CannotRevertError(coded(why_held(done.key), IMPOSSIBLE))
        if Action.CREATE in done.actions:
            operation = self._undo_creation(done, link, around)
        elif not done.knows_before:
            why = "the run adopted it while creating it, and the values before are not known"
            raise CannotRevertError(coded(why, IMPOSSIBLE))
        else:
            operation = self._undo_changes(done, link, around.later)
        if operation is not None:
            protected = link_protected_by(self._policy, link)
            obstacle = why_protected(protected, link.remote_id, Action(operation.action))
            if obstacle is not None:
                raise CannotRevertError(obstacle)
        return operation

    def _undo_creation(self, done: Undone, link: Link, around: Surrounding) -> Operation | None:
        if done.kind is Kind.GROUP:
            return self._delete_group(done, link, around)
        if link.status is LinkStatus.INACTIVE:
            return None
        if self._policy.product.deactivation_deletes:
            why = f"{self._policy.product.name} deletes accounts that are deactivated"
            raise CannotRevertError(coded(why, IMPOSSIBLE))
        deactivation = Change("active", True, False)
        return self._change(done, link, (deactivation,), f"run {self._run} created it")

    def _delete_group(self, done: Undone, link: Link, around: Surrounding) -> Operation:
        if around.others:
            named = ", ".join(around.others[:3])
            why = f"the group has members that run {self._run} did not add: {named}"
            raise CannotRevertError(coded(why, CHANGED))
        if not self._policy.product.deletes_groups:
            why = f"{self._policy.product.name} deletes no groups over SCIM"
            raise CannotRevertError(coded(why, IMPOSSIBLE))
        return Operation(
            phase=Phase.DELETE_GROUP,
            kind=Kind.GROUP,
            key=done.key,
            action=Action.DELETE,
            reason=f"run {self._run} created it",
            remote_id=link.remote_id,
        )

    def _undo_changes(self, done: Undone, link: Link, later: Mapping[str, int]) -> Operation | None:
        changes: list[Change] = []
        secrets: list[str] = []
        for path, (before, after) in done.changes.items():
            if isinstance(before, _SECRET) or isinstance(after, _SECRET):
                secrets.append(path)
                continue
            change = self._undo_change(path, before, after, link)
            if change is None:
                continue
            if path in later:
                why = f"{short_path(path)} was changed by run {later[path]} since"
                raise CannotRevertError(coded(why, CHANGED))
            changes.append(change)
        if changes:
            return self._change(done, link, tuple(changes), f"reverts run {self._run}")
        if secrets:
            why = f"{', '.join(secrets)}: secret values are not in the journal"
            raise CannotRevertError(coded(why, IMPOSSIBLE))
        return None

    def _undo_change(
        self, path: str, before: Value | None, after: Value | None, link: Link
    ) -> Change | None:
        """Return the change that restores one attribute, None if it has the value already."""
        held = _held(link, path)
        if path == "active":
            before, after = before is not False, after is not False
        if same_value(held, before):
            return None
        if isinstance(after, IdOf) or same_value(held, after):
            return Change(path, held, before)
        why = f"{short_path(path)} no longer has the value that run {self._run} set"
        raise CannotRevertError(coded(why, CHANGED))

    def _change(
        self, done: Undone, link: Link, changes: tuple[Change, ...], reason: str
    ) -> Operation:
        traits = USERS if done.kind is Kind.USER else GROUPS
        active = next((one.after for one in changes if one.path == "active"), None)
        action, phase = Action.UPDATE, traits.update
        if active is False:
            action, phase = Action.DEACTIVATE, traits.leave
        elif active is True:
            action = Action.REACTIVATE
        named = next((one.after for one in changes if one.path == traits.unique), None)
        return Operation(
            phase=phase,
            kind=done.kind,
            key=done.key,
            action=action,
            reason=reason,
            changes=changes,
            remote_id=link.remote_id,
            unique_name=fold_name(named),
            # a leaver who stays deactivated is still to be deleted then
            delete_after=link.delete_after if active is None else None,
        )

    def members(
        self,
        group: Key,
        link: Link,
        memberships: Sequence[Membership],
        most: int,
        most_removed: int | None,
    ) -> list[Operation]:
        """Return the operations that make `memberships` as they are wanted.

        A request changes up to `most` members. With `most_removed`, an operation that removes
        members adds none, and removes at most this many.
        """
        if most_removed is None:
            return [*member_operations(group, link, memberships, most)]
        adds = [one for one in memberships if one.wanted]
        removals = [one for one in memberships if not one.wanted]
        return [
            *member_operations(group, link, removals, most_removed),
            *member_operations(group, link, adds, most),
        ]


def why_another(link: Link, remote_id: RemoteId | None, replaced: int | None) -> str | None:
    """Return why `link` leads to another resource than a run made or changed, None if it does not.

    `remote_id` is that of the run's resource, None where the journal does not have it: then
    `replaced`, a later run that linked a resource to the key, decides.
    """
    if remote_id == link.remote_id or (remote_id is None and replaced is None):
        return None
    since = "" if replaced is None else f", since run {replaced}"
    return f"the key has another {link.kind.noun} now: {link.remote_id}{since}"


def why_held(user: Key) -> str:
    """Return why a user who is deprovisioned by hand is not changed."""
    return f"deprovisioned by hand; first: scimsync deprovision {user} --lift"


def _held(link: Link, path: str) -> Value | None:
    if path == "active":
        return link.status is not LinkStatus.INACTIVE
    return link.document.get(path)


def restored(operation: Operation) -> dict[str, Value | None]:
    """Return the values that an operation restores, by path."""
    return {change.path: change.after for change in operation.changes}


def freed_names(operations: Iterable[Operation]) -> set[str]:
    """Return the folded userNames that `operations` take from users."""
    names = (
        fold_name(change.before)
        for operation in operations
        if operation.kind is Kind.USER
        for change in operation.changes
        if change.path == UNIQUE_ATTRIBUTE[Kind.USER]
    )
    return {name for name in names if name is not None}
