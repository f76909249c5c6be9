"""Groups that do not have the name that their members are meant for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from scimsync.execute.name_cycles import new_name, unique_of
from scimsync.execute.operation_outcome import OperationOutcome
from scimsync.model.ids import Key, Kind, fold_name
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation

WAITS_FOR_NAME = "additions wait until the target has accepted the displayName of the group"


class UnnamedGroups:
    """The groups whose displayName should have changed in this run and is not acknowledged.

    A group with the name of another one may give access that its new members should not have.
    """

    def __init__(self) -> None:
        self._keys: set[Key] = set()

    def expect(self, operations: Iterable[JournaledOperation]) -> None:
        """Note the groups whose displayName some operations are about to change."""
        self._keys |= {
            operation.key
            for operation in operations
            if operation.kind is Kind.GROUP and new_name(operation) is not None
        }

    def note(self, operation: JournaledOperation, outcome: OperationOutcome) -> None:
        """Note that the target has acknowledged the displayName of a group, if it has."""
        link = outcome.link
        if operation.kind is not Kind.GROUP or link is None or link.in_doubt:
            return
        name = new_name(operation)
        if name is not None and fold_name(link.document.get(unique_of(operation))) == name:
            self._keys.discard(operation.key)

    def without_additions(self, operation: JournaledOperation) -> JournaledOperation:
        """Return an operation on members without additions to a group that waits for its name."""
        if operation.action not in MEMBERSHIP_ACTIONS or operation.key not in self._keys:
            return operation
        removals = tuple(change for change in operation.changes if not member_of(change)[2])
        return replace(operation, changes=removals)
