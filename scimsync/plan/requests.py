"""The request that carries an operation, and how it looks to people: the one place that turns
operations into requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from scimsync.model.changes import Change, apply_changes
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    RemoteId,
    Value,
)
from scimsync.model.links import Link
from scimsync.model.operations import Action, Operation, OperationStatus
from scimsync.plan.groups import member_of
from scimsync.plan.model import GENERATE, REF, marker
from scimsync.scim.dialects import Dialect
from scimsync.scim.messages import Member, RemoteResource, ScimRequest

_ACTIVE_ONLY = ("active",)


def shape(
    dialect: Dialect,
    action: str,
    kind: Kind,
    remote_id: RemoteId | None,
    before: Document,
    changes: Sequence[Change],
    fill: Callable[[Value], Value] | None = None,
) -> ScimRequest | None:
    """The request for one operation on a resource; None where nothing needs to be sent (an account
    adopted as it is).

    `before` is the document that `changes` start from. `fill` gives the values that stand behind
    markers; without it they are words, and the request is one to be shown. Memberships: see
    `shape_members`.
    """
    value_of = fill or shown
    filled = [
        Change(one.path, one.before, value_of(one.after)) if marker(one.after) is not None else one
        for one in changes
    ]
    if action == Action.CREATE:
        return dialect.create(kind, {change.path: change.after for change in filled})
    assert remote_id is not None  # noqa: S101 - only a creation has none
    if action == Action.DELETE:
        return dialect.delete(kind, remote_id)
    if (
        kind is Kind.USER
        and tuple(change.path for change in changes) == _ACTIVE_ONLY
        and changes[0].after is not None
    ):
        return dialect.set_active(RemoteResource(remote_id), bool(changes[0].after))
    changed = {change.path for change in changes}
    # what stood behind a marker before does not matter, only that there was something
    known = {
        path: "(before)" if path in changed and marker(value) else value
        for path, value in before.items()
    }
    return dialect.update(kind, RemoteResource(remote_id), known, apply_changes(known, filled))


def with_request(dialect: Dialect, operation: Operation, link: Link | None) -> Operation:
    """An operation on a resource with the request that it will be, to be shown; one that could not
    be planned has none."""
    if operation.status is OperationStatus.FAILED:
        return operation
    before = (
        operation.base
        if operation.base is not None
        else (link.document if link is not None else {})
    )
    request = shape(
        dialect, operation.action, operation.kind, operation.remote_id, before, operation.changes
    )
    return showing(operation, request)


def showing(operation: Operation, request: ScimRequest | None) -> Operation:
    """An operation with its request."""
    return replace(
        operation,
        request=orjson.dumps([] if request is None else [shown_request(request)]).decode(),
    )


def shape_members(
    dialect: Dialect,
    group: RemoteId,
    changes: Sequence[Change],
    ids: Callable[[Kind, Key], str | None],
) -> ScimRequest | None:
    """The request for the memberships of one group; members without an id are left out. None where
    nobody is left."""
    removed, added = [], []
    for kind, key, is_added in map(member_of, changes):
        remote_id = ids(kind, key)
        if remote_id is None:
            continue
        if is_added:
            added.append(Member(remote_id, "Group" if kind is Kind.GROUP else None))
        else:
            removed.append(remote_id)
    return (
        dialect.change_members(RemoteResource(group), removed, added) if removed or added else None
    )


def shown_request(request: ScimRequest) -> dict[str, Any]:
    """A request as plan and journal show it: method, path with query, body; without what is secret
    or not known yet."""
    return {"method": request.method, "path": request.target, "body": request.body}


def shown(value: Value) -> Value:
    """A value as people see it: markers replaced by words, all else as it is."""
    match marker(value):
        case "$ref":
            return f"(id of {value[REF]})"
        case "$generate":
            return f"({value[GENERATE]} random characters)"
        case "$secret":
            return "(secret)"
        case _:
            pass
    if isinstance(value, Mapping):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value
