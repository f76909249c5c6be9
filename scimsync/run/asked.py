"""The demands of the sources on users and groups that a revert changes, and what to pin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scimsync.desired import Desired
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId, Value
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, Operation
from scimsync.model.pins import Pin, PinnedMember
from scimsync.model.placeholders import IdOf
from scimsync.plan.pinned import asked_digest
from scimsync.plan.reversal import restored
from scimsync.run.target_run import TargetRun
from scimsync.scim.attributes import same_value
from scimsync.state.planning import LiveState

_BATCH = 500


class Asked:
    """What the sources ask for at one target, where `run` is reverted.

    A resource is pinned if the sources still ask for what the run did: the next push would do it
    again. If they ask for the restored value, or for another one, the next push may have its way.
    """

    def __init__(self, target: TargetRun, run: int) -> None:
        self._target = target
        self._run = run

    def pins(
        self, operations: Sequence[Operation]
    ) -> tuple[tuple[Pin, ...], tuple[tuple[Kind, Key], ...]]:
        """Return the pins of resources and members, and the resources whose pin is dropped."""
        changed = {
            (one.kind, one.key): one for one in operations if one.action not in MEMBERSHIP_ACTIONS
        }
        members: set[tuple[Kind, Key]] = {
            (kind, key) for _, kind, key, _ in self.pinned_members(operations) if kind is Kind.USER
        }
        pins: list[Pin] = []
        unpinned: list[tuple[Kind, Key]] = []
        for kind in Kind:
            keys = sorted({key for of, key in changed.keys() | members if of is kind})
            for some in batches(keys, _BATCH):
                known = self._target.state.pins(kind, some)
                made = {pin.key: pin for pin in self._pins(kind, some, changed, members, known)}
                pins += made.values()
                unpinned += [(kind, key) for key in known if key not in made]
        return tuple(pins), tuple(unpinned)

    def _pins(
        self,
        kind: Kind,
        keys: Sequence[Key],
        changed: Mapping[tuple[Kind, Key], Operation],
        members: set[tuple[Kind, Key]],
        known: Mapping[Key, Pin],
    ) -> Iterator[Pin]:
        desired, failures = self._target.planner.asked(kind, keys)
        links = self._target.state.links(kind, keys)
        ids = self._referred(desired)
        for key in keys:
            if key in failures:
                continue
            digest = asked_digest(desired.get(key), self._target.compiled.policy, kind)
            earlier = known.get(key)
            values = dict(earlier.values) if earlier is not None and earlier.asked == digest else {}
            operation = changed.get((kind, key))
            if operation is not None:
                values |= restored(operation)
            still_asked = operation is not None and (
                operation.action == Action.DELETE
                or any(
                    same_value(_asked(desired.get(key), path, ids), _held(links[key], path))
                    for path in restored(operation)
                )
            )
            if still_asked or (kind, key) in members:
                yield Pin(kind, key, self._run, values, digest)

    def without_account(self, users: Sequence[Key]) -> list[Key]:
        """Return those of `users` who should have no active account by the sources, in order."""
        found: list[Key] = []
        for some in batches(sorted(users), _BATCH):
            desired, failures = self._target.planner.asked(Kind.USER, some)
            found += [
                key
                for key in some
                if key not in failures and not _asked(desired.get(key), "active", {})
            ]
        return found

    def _referred(self, desired: Mapping[Key, Desired]) -> dict[Key, RemoteId]:
        """Return the ids of the accounts that some users refer to."""
        wanted = {
            value.key
            for one in desired.values()
            for value in one.document.values()
            if isinstance(value, IdOf)
        }
        return self._target.state.remote_ids(Kind.USER, sorted(wanted))

    def pinned_members(self, operations: Sequence[Operation]) -> tuple[PinnedMember, ...]:
        """Return the members that a revert puts into groups or takes out, and how they stay."""
        return tuple(
            (operation.key, *member_of(change))
            for operation in operations
            if operation.action in MEMBERSHIP_ACTIONS
            for change in operation.changes
        )


def member_ids(
    state: LiveState, operations: Sequence[Operation]
) -> dict[tuple[Kind, Key], RemoteId]:
    """Return the ids of the resources that operations add to groups or remove from them."""
    members = {
        member_of(change)[:2]
        for operation in operations
        if operation.action in MEMBERSHIP_ACTIONS
        for change in operation.changes
    }
    return {
        (kind, key): ident
        for kind in Kind
        for some in batches(sorted(key for of, key in members if of is kind), _BATCH)
        for key, ident in state.remote_ids(kind, some).items()
    }


def _asked(desired: Desired | None, path: str, ids: Mapping[Key, RemoteId]) -> Value | None:
    """Return the value that is asked for. A leaver is asked to be inactive, and to lose others."""
    is_wanted = desired is not None and desired.in_scope
    value = desired.document.get(path) if desired is not None and is_wanted else None
    if path == "active":
        return is_wanted and value is not False
    return ids.get(value.key) if isinstance(value, IdOf) else value


def _held(link: Link, path: str) -> Value | None:
    if path == "active":
        return link.status is not LinkStatus.INACTIVE
    return link.document.get(path)
