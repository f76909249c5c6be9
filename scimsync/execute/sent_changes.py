"""The changes that a target has taken in this run.

Where a resource is read in order to be written as a whole, the read may be older than an earlier
write, and would undo it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scimsync.execute.held_values import holds
from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key, Kind, RemoteId, Value
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation
from scimsync.model.placeholders import RandomText, SecretValue
from scimsync.plan.requests import Values, resource_after
from scimsync.scim.attributes import member_ids

_MAX_RESOURCES = 1000
"""What was sent about more is forgotten, the oldest first: a read shows it by then."""

MemberIds = Mapping[tuple[Kind, Key], RemoteId]


@dataclass(frozen=True, slots=True)
class _Sent:
    """One operation, or a part of it, that the target answered with success."""

    operation: JournaledOperation
    before: Document
    members: MemberIds

    def member_id(self, kind: Kind, key: Key) -> str | None:
        return self.members.get((kind, key))


class SentChanges:
    """The changes of resources of one target that were answered with success in this run."""

    def __init__(self) -> None:
        self._sent: OrderedDict[tuple[Kind, RemoteId], list[_Sent]] = OrderedDict()

    def note(self, operation: JournaledOperation, before: Document, members: MemberIds) -> None:
        """Note that an operation on an existing resource was answered with success."""
        if operation.remote_id is None:
            return
        resource = operation.kind, operation.remote_id
        self._sent.setdefault(resource, []).append(_Sent(operation, before, members))
        self._sent.move_to_end(resource)
        if len(self._sent) > _MAX_RESOURCES:
            self._sent.popitem(last=False)

    def values(self, operation: JournaledOperation, paths: Collection[str]) -> dict[str, Value]:
        """Return the values at `paths` that were sent last for the resource of an operation."""
        return {
            change.path: change.after
            for sent in self._of(operation)
            if sent.operation.action not in MEMBERSHIP_ACTIONS
            for change in sent.operation.changes
            if change.path in paths
        }

    def laid_over(
        self, operation: JournaledOperation, current: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the resource of an operation as it was read, with what was sent before.

        What the operation itself sends again is left as it was read.
        """
        again = {_identity(operation, change) for change in operation.changes}
        for sent in self._of(operation):
            missing = [
                change
                for change in sent.operation.changes
                if _identity(sent.operation, change) not in again
                and not isinstance(change.after, RandomText | SecretValue)
                and not _is_shown(sent, change, current)
            ]
            if missing:
                part = replace(sent.operation, changes=tuple(missing))
                values = Values(lambda value: value, sent.member_id, current)
                current = resource_after(part, sent.before, values, ())
        return current

    def _of(self, operation: JournaledOperation) -> list[_Sent]:
        if operation.remote_id is None:
            return []
        return self._sent.get((operation.kind, operation.remote_id), [])


def _identity(operation: JournaledOperation, change: Change) -> tuple[object, ...]:
    """Return what tells a change from others of the same resource."""
    if operation.action in MEMBERSHIP_ACTIONS:
        return member_of(change)
    return change.path, repr(change.after)


def _is_shown(sent: _Sent, change: Change, current: Mapping[str, Any]) -> bool:
    if sent.operation.action not in MEMBERSHIP_ACTIONS:
        return holds(current, change)
    kind, key, added = member_of(change)
    return (sent.member_id(kind, key) in member_ids(current)) is added
