"""Accept a plan of given operations, after checking their starting points.

The link has to hold the values before each change, and so has the resource as the target shows it
now. A user who is deprovisioned by hand is not changed. Where anything differs, nothing of the plan
is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scimsync.execute.concurrency import gather_or_raise
from scimsync.jsontext import printable_json
from scimsync.model.batches import batches
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.memberships import Membership, member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, Operation
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.plan.document_diff import short_path
from scimsync.plan.given_operations import GivenTarget
from scimsync.plan.reversal import why_held
from scimsync.run.context import Context, PushContext
from scimsync.scim.attributes import is_unassigned, member_ids, same_value
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.state.acknowledged_members import acknowledged_member_ids
from scimsync.targets.echo_comparison import agrees
from scimsync.targets.evidence import Purpose, Verdict, verdict
from scimsync.targets.shown_resources import belongs_to_another, held_document

if TYPE_CHECKING:
    from scimsync.run.target_run import TargetRun

_BATCH = 500

_UNREADABLE = (IdOf, RandomText, SecretValue)

Resource = tuple[Kind, Key]


async def take_given(context: Context, target: TargetRun, given: GivenTarget) -> Sequence[str]:
    """Write given operations into the plan of a target.

    Return what has changed since they were made, in words: nothing is written then. A plan that is
    only shown is not checked. Raise RequestError and TargetStopped from reading.
    """
    if isinstance(context, PushContext):
        points = StartingPoints(context, target, given.member_ids)
        changed = await points.changed(given.planned)
        if changed:
            return changed
    target.planner.take(given.operations)
    for kind in Kind:
        target.state.unpin(kind, [key for of, key in given.unpinned if of is kind])
    target.state.pin(given.pins, given.pinned_members)
    return ()


class StartingPoints:
    """A check of the starting points of operations, in the state and at the target.

    `member_ids` are the ids of members of groups when the operations were made; a member whose id
    is not among them is not compared.
    """

    def __init__(
        self,
        context: Context,
        target: TargetRun,
        member_ids: Mapping[Resource, RemoteId] | None = None,
    ) -> None:
        self._context = context
        self._target = target
        self._member_ids = member_ids or {}
        self._of_group: tuple[Key | None, Mapping[Resource, Membership]] = (None, {})

    async def changed(self, operations: Sequence[Operation]) -> list[str]:
        """Describe what has changed since `operations` were made.

        Raise RequestError and TargetStopped from reading.
        """
        found = await self.of_each(operations)
        lines = (f"{_named(operations[at].kind, operations[at].key)}: {found[at]}" for at in found)
        return sorted(dict.fromkeys(lines))

    async def of_each(self, operations: Sequence[Operation]) -> dict[int, str]:
        """Return the places of operations that find something else, and the first difference.

        Raise RequestError and TargetStopped from reading.
        """
        found: dict[int, str] = {}
        to_read: list[tuple[int, Operation, Link]] = []
        for chunk in batches(enumerate(operations), _BATCH):
            links = self._links((operation.kind, operation.key) for _, operation in chunk)
            held = self._held((operation.kind, operation.key) for _, operation in chunk)
            for at, operation in chunk:
                link = links.get(_id(operation))
                why = why_held(operation.key) if _id(operation) in held else None
                why = why or self._why_not_in_state(operation, link)
                if why is not None:
                    found[at] = why
                elif link is not None and _is_read(operation):
                    to_read.append((at, operation, link))
        return found | await self._read_all(to_read)

    def _links(self, resources: Iterable[Resource]) -> dict[Resource, Link]:
        wanted = list(resources)
        return {
            (kind, key): link
            for kind in Kind
            for some in batches((key for of, key in wanted if of is kind), _BATCH)
            for key, link in self._target.state.links(kind, some).items()
        }

    def _held(self, resources: Iterable[Resource]) -> set[Resource]:
        """Return those of some resources that are users deprovisioned by hand."""
        users = (key for kind, key in resources if kind is Kind.USER)
        return {
            (Kind.USER, key)
            for some in batches(users, _BATCH)
            for key in self._target.state.held(some)
        }

    # What the state holds

    def _why_not_in_state(self, operation: Operation, link: Link | None) -> str | None:
        exists = link is not None and link.has_account
        noun = operation.kind.noun
        if operation.action in (Action.CREATE, Action.ADOPT):
            return f"it has {operation.kind.a_noun} by now" if exists else None
        if operation.action in MEMBERSHIP_ACTIONS and operation.remote_id is None:
            return self._why_other_members(operation)  # the plan creates the group
        if link is None or not exists:
            return f"its {noun} is no longer there"
        if operation.remote_id not in (None, link.remote_id):
            return f"it has another {noun} now: {link.remote_id}"
        if link.in_doubt:
            return "the outcome of its last request is not known yet: push first"
        if operation.action in MEMBERSHIP_ACTIONS:
            return self._why_other_members(operation)
        if operation.base is not None:
            return None
        differing = (
            one for one in operation.changes if not _starts_from(link.document.get(one.path), one)
        )
        return next((_words(one, link.document.get(one.path)) for one in differing), None)

    def _why_other_members(self, operation: Operation) -> str | None:
        known = self._members(operation.key)
        members = [member_of(change) for change in operation.changes]
        held = self._held((kind, key) for kind, key, is_added in members if is_added)
        links = self._links((kind, key) for kind, key, _ in members)
        for kind, key, is_added in members:
            if (kind, key) in held:
                return f"{key}: {why_held(key)}"
            if (
                why := self._why_another((kind, key), links.get((kind, key)), is_added)
            ) is not None:
                return why
            row = known.get((kind, key))
            if row is not None and row.in_doubt:
                return f"it is not known yet whether {_named(kind, key)} is in it: push first"
            if (row is not None and row.acknowledged) is is_added:
                return f"{_named(kind, key)} is {'already' if is_added else 'no longer'} a member"
        return None

    def _why_another(self, member: Resource, link: Link | None, is_added: bool) -> str | None:
        """Return why a member of a group is not the resource that it was, None if it is."""
        kind, key = member
        ident = self._member_ids.get(member)
        if link is None or not link.has_account:
            return f"{_named(kind, key)} has no {kind.noun} to add" if is_added else None
        if ident in (None, link.remote_id):
            return None
        return f"{_named(kind, key)} has another {kind.noun} now: {link.remote_id}"

    def _members(self, group: Key) -> Mapping[Resource, Membership]:
        """Return the members of a group; several operations in a row are about one."""
        if self._of_group[0] != group:
            rows = self._target.state.memberships_of_group(group)
            self._of_group = group, {(row.member_kind, row.member): row for row in rows}
        return self._of_group[1]

    # What the target shows

    async def _read_all(self, operations: Sequence[tuple[int, Operation, Link]]) -> dict[int, str]:
        name, report = self._target.name, self._context.report
        if operations:
            report(name, "comparing", 0, len(operations))
        queue = iter(operations)
        found: dict[int, str] = {}

        async def worker() -> None:
            for at, operation, link in queue:
                why = await self._why_not_shown(operation, link)
                if why is not None:
                    found[at] = why
                report(name, "comparing", 1)

        await gather_or_raise([worker() for _ in range(self._target.compiled.concurrency)])
        return found

    async def _why_not_shown(self, operation: Operation, link: Link) -> str | None:
        kind, key = operation.kind, operation.key
        assert link.remote_id is not None  # noqa: S101 - it has an account
        is_group_deletion = kind is Kind.GROUP and operation.action == Action.DELETE
        try:
            resource = await self._target.matcher_of(kind, key).read(
                link.remote_id, members=is_group_deletion
            )
        except (ErrorResponse, ListingError) as error:
            if verdict(error, Purpose.READ) is Verdict.TOKEN:
                raise
            return f"the {kind.noun} cannot be read: {error}"
        if resource is None:
            return f"its {kind.noun} is not found at the target"
        whose = belongs_to_another(resource, [link.document], kind)
        if whose is not None:
            return f"its id belongs to {whose} now"
        if is_group_deletion:
            return self._why_not_empty(operation.key, resource)
        shown = held_document(resource, [change.path for change in operation.changes])
        return next(
            (
                f"the target shows another value: {_words(change, shown.get(change.path))}"
                for change in operation.changes
                if not self._is_shown(operation, link, change, shown)
            ),
            None,
        )

    def _why_not_empty(self, group: Key, resource: Mapping[str, Any]) -> str | None:
        """Return why a group must not be deleted: it has members that scimsync did not add."""
        product = self._target.compiled.policy.product
        if not product.members_returned:
            return "the target does not show whether it has other members"
        with self._context.store.read() as connection:
            known = acknowledged_member_ids(connection, self._target.name, group)
        others = [one for one in member_ids(resource) if one not in known]
        return f"it has members that scimsync did not add: {others[0]}" if others else None

    def _is_shown(
        self, operation: Operation, link: Link, change: Change, shown: Mapping[str, Any]
    ) -> bool:
        """Return whether a resource shows the starting point of a change, if it shows it at all."""
        before, held, path = change.before, shown.get(change.path), change.path
        if (
            isinstance(before, _UNREADABLE)
            or path in self._target.compiled.policy.product.send_only
        ):
            return True
        if path == "active":
            invites = self._target.compiled.policy.product.invites
            return held is None or held is (before is not False) or (invites and held is False)
        if before is None or held is None:
            shapes = self._target.shapes
            hidden = shapes is not None and shapes.is_not_shown(operation.kind, path)
            return hidden or (before is None and is_unassigned(held))
        return agrees(before, held) or any(
            echo.path == path and same_value(echo.shown, held) for echo in link.echoes
        )


def outdated_names(changed: Sequence[str], most: int) -> str:
    """Return the first lines of what has changed, and how many more there are."""
    more = f"\n  and {len(changed) - most:,} more" if len(changed) > most else ""
    return "\n  ".join(changed[:most]) + more


def _id(operation: Operation) -> Resource:
    return operation.kind, operation.key


def _is_read(operation: Operation) -> bool:
    """Return whether a resource is read before an operation is sent.

    To add a member that is there, or to remove one that is not, does no harm.
    """
    return operation.action not in (*MEMBERSHIP_ACTIONS, Action.CREATE, Action.ADOPT)


def _starts_from(held: Any, change: Change) -> bool:
    if change.path == "active":  # absent means active
        return (held is not False) is (change.before is not False)
    return same_value(held, change.before)


def _words(change: Change, held: Any) -> str:
    return f"{short_path(change.path)} is {_value(held)}, not {_value(change.before)}"


def _value(value: Any) -> str:
    if isinstance(value, _UNREADABLE):
        return "a secret"
    return "absent" if value is None else printable_json(value)


def _named(kind: Kind, key: Key) -> str:
    return key if kind is Kind.USER else f"group {key}"
