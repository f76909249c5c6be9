"""What an operation came to, and what is known of a resource once its request may have had an
effect."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    JournaledOperation,
    OperationResult,
)
from scimsync.plan.model import marker
from scimsync.targets.connection import may_have_had_effect
from scimsync.transport.request_errors import RequestError


@dataclass(frozen=True, slots=True)
class OperationOutcome:
    """What became of an operation. `link` is None where nothing is known that was not known before.

    `again` asks for the resource to be planned once more in this run: it was gone, or had changed
    meanwhile, or something is left to do. `made`: the target had nothing like it before. `members`
    are the memberships that the target has acknowledged, `doubted` (group, kind, member) those of
    which nobody knows whether it did.
    """

    result: OperationResult
    link: Link | None = None
    again: bool = False
    made: bool = False
    members: tuple[Membership, ...] = ()
    doubted: tuple[tuple[Key, Kind, Key], ...] = ()


def perhaps_there(link: Link | None, entry: JournaledOperation) -> Link:
    """The link of somebody whose account `entry` may have made, or adopted: what `document` tells
    is found again, should nobody want it any more by then. Of an adoption, that is what it would
    have changed."""
    link = link or Link(entry.kind, entry.key, LinkStatus.PENDING)
    document = {
        change.path: change.after
        for change in entry.changes
        if change.after is not None and not marker(change.after)
    }
    adopted = entry.remote_id if entry.action == Action.ADOPT else None
    return replace(
        link, status=LinkStatus.PENDING, remote_id=adopted, document=document, in_doubt=True
    )


def in_doubt(entry: JournaledOperation, link: Link | None, error: RequestError) -> Link | None:
    """The link after a request that may have had its effect, in its last try or in an earlier
    one."""
    if entry.action in MEMBERSHIP_ACTIONS or not may_have_had_effect(error):
        return link
    if link is not None and link.has_account:
        return replace(link, in_doubt=True)
    return perhaps_there(link, entry) if entry.action == Action.ADOPT else link
