"""A plan as a value: the operations of a run, target by target, read from the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

from scimsync.errors import ScimsyncError, coded
from scimsync.model.batches import batches
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, JournaledOperation
from scimsync.model.records import Problem
from scimsync.plan.current import NOTHING_READ, CurrentResources
from scimsync.plan.identities import IdentityChanges
from scimsync.plan.membership_planner import LostMembers
from scimsync.plan.requests import Values, needs_current, resource_after, shape_requests, shown
from scimsync.scim.dialects import Dialect
from scimsync.scim.messages import Requests

_BATCH = 500

_NO_CHANGES = IdentityChanges()


class PlanReader(Protocol):
    """A reader of the plan of one target, whatever its length."""

    def planned_operations(self) -> Iterator[JournaledOperation]:
        """Return the operations to be sent, in the order in which they are sent."""
        ...

    def failed_operations(self) -> Iterator[JournaledOperation]:
        """Return an operation for each resource that could not be planned."""
        ...

    def count_operations(self) -> dict[str, int]:
        """Return how many operations of each action are to be sent."""
        ...

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        """Return the links of `keys` that exist."""
        ...

    def remote_ids(
        self, kind: Kind, keys: Sequence[Key], *, include_deleted: bool = False
    ) -> dict[Key, RemoteId]:
        """Return the remote ids of resources."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of resources that a plan changes in one way, and the first of their keys.

    `inactive` of them are not among the active accounts before the plan.
    """

    number: int
    first: tuple[Key, ...] = ()
    inactive: int = 0


@dataclass(frozen=True, slots=True)
class ShownRequests:
    """An operation with the requests that carry it out.

    `unread` is why the requests have only the values that change, where the push writes a resource
    as a whole.
    """

    operation: JournaledOperation
    requests: Requests
    unread: str | None = None


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """The plan for one target.

    `error` is why it could not be planned, and `blocked` why a push sends nothing of a plan that
    could be made: a guard stops this target or another one that shares a source. `linked`,
    `accounts`, `groups` and `memberships` are the numbers of linked accounts, of active accounts,
    of groups, and of the members of all groups before the plan, and `adopted` is the number of
    accounts that it adopts. `removals`, `updates` and `deleted_groups` count what guards limit:
    users deprovisioned by name are left out. `weak_adoptions` are those of accounts that may belong
    to someone else. `other_url` is the service that the links belong to, where it is not that of
    sync.toml. `warnings` are remarks that stop nothing. `identity_changes` are the keys that the
    plan treats as other users'. `dialect_of` returns the dialect that shapes the requests, once
    they are needed, and `current` what was read of the resources that they are shaped from.
    """

    name: str
    url: str
    dialect_of: Callable[[], Dialect]
    reader: PlanReader
    error: ScimsyncError | None = None
    blocked: ScimsyncError | None = None
    linked: int = 0
    accounts: int = 0
    groups: int = 0
    adopted: int = 0
    removals: Tally = Tally(0)
    updates: Tally = Tally(0)
    deleted_groups: Tally = Tally(0)
    weak_adoptions: Tally = Tally(0)
    lost_members: tuple[LostMembers, ...] = ()
    memberships: int = 0
    other_url: str | None = None
    warnings: tuple[str, ...] = ()
    identity_changes: IdentityChanges = _NO_CHANGES
    current: CurrentResources = NOTHING_READ

    @property
    def why_not_sent(self) -> ScimsyncError | None:
        """Why a push sends nothing to this target."""
        return self.error or self.blocked

    def operations(self) -> Iterator[JournaledOperation]:
        """Return the operations in the order in which they are sent."""
        return self.reader.planned_operations()

    def counts(self) -> dict[str, int]:
        """Return the number of operations by action, in the order of actions."""
        counted = self.reader.count_operations()
        return {action.value: counted[action] for action in Action if counted.get(action)}

    def requests(self) -> Iterator[tuple[JournaledOperation, Requests]]:
        """Return each operation with the requests that carry it out.

        Those that write a resource as a whole, or a whole list of it, have only the values that
        change. They do not depend on the values at the target.
        """
        dialect = self.dialect_of()
        for operation, before, values in self._operations_with_values():
            yield operation, shape_requests(dialect, operation, before, values)

    def shown_requests(self) -> Iterator[ShownRequests]:
        """Return each operation with its requests as they would be sent now.

        Those that write a resource as a whole are shaped from what was read of it, and from the
        operations before this one.
        """
        dialect = self.dialect_of()
        changed: dict[tuple[Kind, Key], Mapping[str, Any]] = {}
        for operation, before, unread in self._operations_with_values():
            values, resource = unread, (operation.kind, operation.key)
            is_followed = operation.kind is Kind.GROUP and dialect.needs_current(
                operation.kind, ("members",)
            )
            is_shaped = needs_current(dialect, operation)
            if is_shaped or is_followed:
                current = changed.get(resource) or self.current.get(*resource)
                values = replace(unread, current=current)
            requests = shape_requests(dialect, operation, before, values)
            if is_followed and (values.current is not None or operation.action == Action.CREATE):
                changed[resource] = resource_after(operation, before, values, requests)
            note = None
            if is_shaped and values.current is None:
                note = self.current.why_unread(*resource)
            yield ShownRequests(operation, requests, note)

    def _operations_with_values(
        self,
    ) -> Iterator[tuple[JournaledOperation, Document, Values]]:
        """Return each operation with the base of its changes, and values for its requests."""
        for chunk in batches(self.operations(), _BATCH):
            documents, values = self._documents(chunk), Values(shown, self._member_ids(chunk))
            for operation in chunk:
                before = documents.get((operation.kind, operation.key), {})
                yield operation, before if operation.base is None else operation.base, values

    def _documents(
        self, operations: Sequence[JournaledOperation]
    ) -> dict[tuple[Kind, Key], Document]:
        return {
            (kind, key): link.document
            for kind in Kind
            for key, link in self.reader.links(
                kind,
                [
                    operation.key
                    for operation in operations
                    if operation.kind is kind
                    and operation.remote_id is not None
                    and operation.action not in MEMBERSHIP_ACTIONS
                ],
            ).items()
        }

    def _member_ids(self, operations: Sequence[JournaledOperation]) -> Callable[[Kind, Key], str]:
        changes = chain.from_iterable(
            operation.changes for operation in operations if operation.action in MEMBERSHIP_ACTIONS
        )
        members = [member_of(change)[:2] for change in changes]
        ids: dict[tuple[Kind, Key], RemoteId] = {}
        for kind in Kind:
            for keys in batches((key for of, key in members if of is kind), _BATCH):
                remote_ids = self.reader.remote_ids(kind, keys, include_deleted=True)
                ids |= {(kind, key): remote_id for key, remote_id in remote_ids.items()}
        return lambda kind, key: ids.get((kind, key), f"(id of {key})")


class NoOperations:
    """The `PlanReader` of a target for which nothing could be planned."""

    def planned_operations(self) -> Iterator[JournaledOperation]:
        """Return no operation."""
        return iter(())

    def failed_operations(self) -> Iterator[JournaledOperation]:
        """Return no operation."""
        return iter(())

    def count_operations(self) -> dict[str, int]:
        """Return no count."""
        return {}

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:  # noqa: ARG002
        """Return no link."""
        return {}

    def remote_ids(
        self,
        kind: Kind,  # noqa: ARG002
        keys: Sequence[Key],  # noqa: ARG002
        *,
        include_deleted: bool = False,  # noqa: ARG002
    ) -> dict[Key, RemoteId]:
        """Return no id."""
        return {}


@dataclass(frozen=True, slots=True)
class Violation:
    """A reason not to execute the plans of some targets: a message with its code, as in an error.

    `brief` names no users, and begins with the limit if it is one of `[guard]`. `names` holds the
    first users. `hint` says how to lift the limit. It is about the plan of `target` or about
    `source`, or else about the whole run. `stops` are the targets to which nothing is sent.
    """

    brief: str
    code: str
    names: str = ""
    hint: str = ""
    target: str | None = None
    source: str | None = None
    stops: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """The lines below the message."""
        return tuple(line for line in (self.names, self.hint) if line)

    def __str__(self) -> str:
        return "\n  ".join((coded(self.brief, self.code), *self.remarks))

    @property
    def nameless(self) -> str:
        """The same without the keys of users."""
        return "\n  ".join((coded(self.brief, self.code), *filter(None, (self.hint,))))


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run. `violations` say why nothing may be sent to some or all targets."""

    targets: Mapping[str, TargetPlan]
    problems: tuple[Problem, ...] = ()
    violations: tuple[Violation, ...] = ()

    @property
    def guard(self) -> str | None:
        """Why a guard stops targets: a message for each reason, with remarks below it."""
        return "\n".join(map(str, self.violations)) or None
