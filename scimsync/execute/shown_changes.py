"""What a resource, as a target shows it, says of the changes that were sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scimsync.execute.held_values import holds, is_same
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.model.changes import Change, takes_access
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.scim.attributes import is_unassigned, member_ids, read
from scimsync.scim.paths import parse_path
from scimsync.scim.resources import value_at
from scimsync.targets.learned_shapes import LearnedShapes
from scimsync.targets.shown_resources import active_of

UNREADABLE = (IdOf, RandomText, SecretValue)
"""Values that a resource cannot be compared with."""


def readable_changes(sending: Sending, prepared: PreparedOperation) -> PreparedOperation:
    """Return an operation without the changes that the product never shows."""
    product, operation = sending.policy.product, prepared.operation
    hidden = (*product.send_only, *(["active"] if product.invites else []))
    shown = [change for change in operation.changes if change.path not in hidden]
    return replace(prepared, operation=replace(operation, changes=tuple(shown)))


def not_taken(
    shapes: LearnedShapes,
    prepared: PreparedOperation,
    shown: Mapping[str, Any] | None,
    *,
    strict: bool,
) -> list[str] | None:
    """Return the attributes that a resource shows as they were before.

    Return None if it cannot show whether the change was made.
    """
    operation = prepared.operation
    if shown is None:
        return [change.path for change in operation.changes]
    if operation.action in MEMBERSHIP_ACTIONS:
        return _members_not_taken(prepared, shown, strict=strict)
    return [
        change.path
        for change in operation.changes
        if not isinstance(change.after, UNREADABLE)
        and not shapes.is_not_shown(operation.kind, change.path)
        and not _is_taken(shown, change, strict=strict)
    ]


def _is_taken(shown: Mapping[str, Any], change: Change, *, strict: bool) -> bool:
    """Return whether a resource shows that a change was made.

    A target may write a value its own way: any other value than the one before will do, and so
    does the value in an element that lacks what the filter requires. Unless `strict`, access counts
    as removed if the target does not show it.
    """
    if holds(shown, change) or is_in_some_element(shown, change):
        return True
    held = value_at(shown, change.path)
    if change.path == "active":
        held = active_of(shown)
    if change.after is None:
        return held is None
    if held is None and takes_access(change):
        return not strict
    return not is_unassigned(held) and not is_same(change.path, held, change.before)


def is_in_some_element(shown: Mapping[str, Any], change: Change) -> bool:
    """Return whether any element of a multi-valued attribute holds the value of a change."""
    path = parse_path(change.path)
    if path.filter is None or path.sub is None or not isinstance(change.after, str):
        return False
    elements = value_at(shown, path.parent)
    return isinstance(elements, list) and any(
        isinstance(one, Mapping) and is_same(path.parent, read(one, path.sub), change.after)
        for one in elements
    )


def _members_not_taken(
    prepared: PreparedOperation, shown: Mapping[str, Any], *, strict: bool
) -> list[str] | None:
    members = read(shown, "members")
    removals = [change for change in prepared.operation.changes if not member_of(change)[2]]
    if not isinstance(members, list) or not members:
        # some targets never show members; a refusal of theirs would have no other explanation
        adds = len(removals) < len(prepared.operation.changes)
        return ["members"] if strict and adds else None
    held = set(member_ids(shown))
    wrong = [
        change
        for change in prepared.operation.changes
        if (remote_id := prepared.members.get(member_of(change)[:2])) is not None
        and (remote_id in held) == (change in removals)
    ]
    return ["members"] if wrong else []
