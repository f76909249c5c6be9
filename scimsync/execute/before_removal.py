"""Look at a resource before access is taken away: its id may be someone else's now.

Nothing brings back what is deleted, and a deactivation locks out whoever has the account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.model.changes import deactivates
from scimsync.model.ids import Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.persons import became_another
from scimsync.plan.candidates import Policy
from scimsync.plan.protection import protected_by
from scimsync.plan.requests import needs_current
from scimsync.scim.attributes import read
from scimsync.targets.evidence import Answer, UnprovenResponse
from scimsync.targets.shown_resources import active_of, held_document
from scimsync.transport.request_errors import RequestError

_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")

OTHERWISE = "SYNC-0397"
"""The code of the message that an account is not as scimsync left it."""


class NotToBeDeleted(UnprovenResponse):
    """What a resource shows forbids its deletion. Nothing was sent.

    `code` is that of the message. `is_active`: its user left, and may use it again.
    """

    def __init__(self, message: str, code: str, *, is_active: bool = False) -> None:
        super().__init__(message, Answer.OTHER_RESOURCE)
        self.code = code
        self.is_active = is_active


async def check_before_deletion(sending: Sending, prepared: PreparedOperation) -> None:
    """Read the resource that an operation deletes.

    Raise NotToBeDeleted if it must stay as it is, IdOfAnother if its id was given to someone else,
    and RequestError if it cannot be read.
    """
    shown = await sending.read(prepared, before_write=True)
    remote_id, link = prepared.operation.remote_id, prepared.link
    if prepared.operation.kind is Kind.USER and remote_id is not None and link is not None:
        check_account(sending.policy, link, remote_id, shown)


async def check_before_deactivation(sending: Sending, prepared: PreparedOperation) -> None:
    """Read the account that an operation deactivates, unless it is read anyway.

    Raise IdOfAnother if its id was given to someone else. Any other answer is left to the
    deactivation: a target that cannot be read must not let a leaver keep access.
    """
    operation = prepared.operation
    if operation.remote_id is None or is_never_reused(operation.remote_id):
        return
    if not deactivates(operation.changes):
        return
    is_read_anyway = sending.reads_first or needs_current(
        prepared.dialect or sending.dialect, operation
    )
    if is_read_anyway or sending.connection.is_probing:
        return
    with suppress(RequestError):
        await sending.read(prepared, before_write=True, once=True)


def is_never_reused(remote_id: RemoteId) -> bool:
    """Return whether no target gives an id to a second resource: it is a UUID."""
    return _UUID.fullmatch(remote_id) is not None


def check_account(
    policy: Policy, link: Link, remote_id: RemoteId, shown: Mapping[str, Any]
) -> None:
    """Raise NotToBeDeleted if an account shows why the one of `link` must not be deleted."""
    condition = protected_by(policy, Kind.USER, shown)
    if condition is not None:
        why = f"protected by {condition}: the account {remote_id} is not deleted"
        raise NotToBeDeleted(why, "SYNC-0361")
    if _has_other_names(link, shown):
        why = f"the account {remote_id} has userName {read(shown, 'userName')!r} now, and no name"
        raise NotToBeDeleted(f"{why} is the same: it is not deleted", OTHERWISE)
    is_deleted_later = policy.leave.action == "deactivate"
    if is_deleted_later and link.status is LinkStatus.INACTIVE and active_of(shown) is True:
        why = f"the account {remote_id} was reactivated: it is not deleted"
        raise NotToBeDeleted(why, OTHERWISE, is_active=True)


def _has_other_names(link: Link, shown: Mapping[str, Any]) -> bool:
    """Return whether an account has other names than were acknowledged, and no equal externalId."""
    if link.external_id is not None and read(shown, "externalId") == link.external_id:
        return False
    return became_another(link.document, held_document(shown, link.document))
