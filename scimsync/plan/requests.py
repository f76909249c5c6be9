"""Shape the requests that carry out an operation. No other module does so.

`plan --json` and the executor both call `shape_requests`. They differ only in `Values`: a plan does
not know ids and generated values yet, and shows them in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.model.changes import Change, apply_changes
from scimsync.model.ids import Document, Key, Kind, RemoteId, Value
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, Operation
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.scim.dialects import Dialect
from scimsync.scim.differences import differences
from scimsync.scim.edit import edited
from scimsync.scim.messages import Member, RemoteResource, Requests
from scimsync.scim.shaping import with_members

_PLACEHOLDERS = (IdOf, RandomText, SecretValue)
_ACTIVE_ONLY = ("active",)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a request that its operation does not hold.

    `fill` returns the value for a placeholder, and any other value as it is. `member_id` returns
    the remote id of a member, or None to leave the member out. `current` is the resource as the
    target just returned it, for a dialect that needs it, and `etag` its version.
    """

    fill: Callable[[Value], Value]
    member_id: Callable[[Kind, Key], str | None]
    current: Mapping[str, Any] | None = None
    etag: str | None = None


def shape_requests(
    dialect: Dialect, operation: Operation, before: Document, values: Values
) -> Requests:
    """Return the requests for `operation`, usually one, and none if nothing has to be sent.

    `before` is the document that the changes of the operation start from. Nothing has to be sent
    for an account that is adopted as it is, or where no member is left.
    """
    if operation.action in MEMBERSHIP_ACTIONS:
        return _shape_members(dialect, operation, values)
    changes = _filled(operation, values)
    kind, remote_id = operation.kind, operation.remote_id
    if operation.action == Action.CREATE:
        return (dialect.create(kind, {change.path: change.after for change in changes}),)
    assert remote_id is not None  # noqa: S101 - only a creation has none
    if operation.action == Action.DELETE:
        return (dialect.delete(kind, remote_id),)
    paths = tuple(change.path for change in changes)
    resource = RemoteResource(remote_id, values.etag, values.current)
    if kind is Kind.USER and paths == _ACTIVE_ONLY and changes[0].after is not None:
        return dialect.set_active(resource, bool(changes[0].after))
    known = _known(before, changes)
    return dialect.update(kind, resource, known, apply_changes(known, changes))


def needs_current(dialect: Dialect, operation: Operation) -> bool:
    """Return whether the requests of `operation` are shaped from the resource as it is now."""
    if operation.action in (Action.CREATE, Action.DELETE):
        return False
    paths = [change.path for change in operation.changes]
    if operation.action in MEMBERSHIP_ACTIONS:
        paths = ["members"]
    return dialect.needs_current(operation.kind, paths)


def resource_after(
    operation: Operation, before: Document, values: Values, requests: Requests
) -> Mapping[str, Any]:
    """Return a resource after an operation, at a target that stores what it is sent.

    `requests` are those of the operation, and `values.current` is the resource before it.
    """
    current = values.current or {}
    if operation.action == Action.CREATE:
        return {**(requests[0].body or {}), "id": f"(id of {operation.key})"}
    if operation.action in MEMBERSHIP_ACTIONS:
        return with_members(current, *_members(operation, values))
    changes = _filled(operation, values)
    known = _known(before, changes)
    return edited(current, differences(known, apply_changes(known, changes)))


def _filled(operation: Operation, values: Values) -> list[Change]:
    return [
        Change(change.path, change.before, values.fill(change.after))
        if isinstance(change.after, _PLACEHOLDERS)
        else change
        for change in operation.changes
    ]


def _known(before: Document, changes: Sequence[Change]) -> Document:
    """Return the base of changes.

    Whether a placeholder was there matters, but not its value.
    """
    paths = {change.path for change in changes}
    return {
        path: "(before)" if path in paths and isinstance(value, _PLACEHOLDERS) else value
        for path, value in before.items()
    }


def _members(operation: Operation, values: Values) -> tuple[list[str], list[Member]]:
    """Return the members that an operation removes and adds."""
    removed, added = [], []
    for kind, key, is_added in map(member_of, operation.changes):
        remote_id = values.member_id(kind, key)
        if remote_id is None:
            continue
        if is_added:
            added.append(Member(remote_id, "Group" if kind is Kind.GROUP else None))
        else:
            removed.append(remote_id)
    return removed, added


def _shape_members(dialect: Dialect, operation: Operation, values: Values) -> Requests:
    removed, added = _members(operation, values)
    group = operation.remote_id or RemoteId(f"(id of {operation.key})")
    if not (removed or added):
        return ()
    resource = RemoteResource(group, values.etag, values.current)
    return dialect.change_members(resource, removed, added)


def request_documents(requests: Requests) -> list[dict[str, Any]]:
    """Return requests as plan and journal show them: method, path with query, body."""
    return [
        {"method": request.method, "path": request.target, "body": request.body}
        for request in requests
    ]


def shown(value: Value) -> Value:
    """Return a value for display: placeholders in words, all other values unchanged."""
    match value:
        case IdOf(key):
            return f"(id of {key})"
        case RandomText(length):
            return f"({length} random characters)"
        case SecretValue():
            return "(secret)"
        case Mapping():
            return {name: shown(item) for name, item in value.items()}
        case list():
            return [shown(item) for item in value]
        case _:
            return value
