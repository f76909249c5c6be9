"""The known facts about resources with operations that have no outcome, because their run died."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus, perhaps_changed
from scimsync.model.memberships import member_of
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    MEMBERSHIP_ACTIONS,
    Action,
    JournaledOperation,
    OperationStatus,
)
from scimsync.model.placeholders import IdOf, RandomText, SecretValue


def perhaps_created(link: Link | None, operation: JournaledOperation) -> Link:
    """Return the link of a resource that `operation` may have created or adopted.

    The resource is found again by the values in `document`. For an adoption these are the
    attributes that it would have changed.
    """
    link = link or Link(operation.kind, operation.key, LinkStatus.PENDING)
    document = {
        change.path: change.after
        for change in operation.changes
        if change.after is not None
        and not isinstance(change.after, (IdOf, RandomText, SecretValue))
    }
    adopts = operation.action == Action.ADOPT
    return replace(
        perhaps_changed(link, operation.changes),
        status=LinkStatus.PENDING,
        remote_id=operation.remote_id if adopts else None,
        document=document,
        adopted=adopts,
    )


def interrupted_links(
    kind: Kind,
    operations: Sequence[JournaledOperation],
    links: Mapping[Key, Link],
    now: datetime,
) -> list[Link]:
    """Return the links of resources of one kind whose `operations` have no outcome.

    They are due at once. A request that may have been sent puts its link in doubt; a resource that
    may have been created or adopted is looked up.
    """
    sent = [
        operation
        for operation in operations
        if operation.status is OperationStatus.SENT and operation.action not in MEMBERSHIP_ACTIONS
    ]
    changed = {operation.key: operation for operation in sent}
    arrived = {one.key: one for one in sent if one.action in ARRIVAL_ACTIONS}
    due = []
    for key in dict.fromkeys(operation.key for operation in operations):
        link = links.get(key) or Link(kind, key, LinkStatus.PENDING)
        if key in arrived and not link.has_account:
            link = perhaps_created(link, arrived[key])
        if key in changed and link.has_account:
            link = perhaps_changed(link, changed[key].changes)
        due.append(replace(link, next_try_at=now))
    return due


def members_in_doubt(operations: Sequence[JournaledOperation]) -> list[tuple[Key, Kind, Key]]:
    """Return group, kind and key of the members that may have been added or removed."""
    return [
        (operation.key, *member_of(change)[:2])
        for operation in operations
        if operation.status is OperationStatus.SENT and operation.action in MEMBERSHIP_ACTIONS
        for change in operation.changes
    ]
