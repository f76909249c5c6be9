"""Send one operation, interpret the response, and update the link."""

from __future__ import annotations

from dataclasses import replace

from scimsync.errors import ScimsyncError
from scimsync.execute.before_removal import check_before_deactivation, check_before_deletion
from scimsync.execute.create import Creation
from scimsync.execute.first_use import first_use, send_checked
from scimsync.execute.member_changes import send_members
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    applied,
    failed,
    result,
    skipped,
)
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.execute.refused_change import after_error, in_part, stop_for_reused_id
from scimsync.execute.unnamed_groups import WAITS_FOR_NAME
from scimsync.model.changes import apply_changes
from scimsync.model.ids import Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, OperationStatus
from scimsync.targets.evidence import IdOfAnother
from scimsync.transport.request_errors import RequestError

_NEED_NO_CHANGE = (Action.DELETE, Action.ADOPT, Action.MOVE)


async def send_operation(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
    """Send one operation. Raise TargetStopped if it was not sent."""
    try:
        outcome = await _send_operation(sending, prepared)
    except IdOfAnother as error:
        return stop_for_reused_id(sending, prepared, error)
    if outcome.link is None or outcome.result.status is not OperationStatus.APPLIED:
        return outcome
    return replace(outcome, link=_as_the_product_keeps_it(sending, prepared, outcome.link))


def _as_the_product_keeps_it(sending: Sending, prepared: PreparedOperation, link: Link) -> Link:
    """Return the link of a resource after an operation, with its effects at this product."""
    product, operation = sending.policy.product, prepared.operation
    if link.kind is not Kind.USER or not link.has_account:
        return link
    if link.status is LinkStatus.INACTIVE and product.deactivation_deletes:
        return replace(link, status=LinkStatus.DELETED, document={})
    new_id = product.new_id(link.kind, operation.changes)
    if new_id is None or operation.action == Action.CREATE:
        return link
    return replace(link, remote_id=new_id)


async def _send_operation(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
    operation, link, now = prepared.operation, prepared.link, sending.clock
    if prepared.error is not None:
        return _unshaped(sending, prepared, prepared.error)
    if operation.action in MEMBERSHIP_ACTIONS:
        if not operation.changes:
            return skipped(operation, now(), None, WAITS_FOR_NAME)
        async with first_use(sending, prepared) as prepared:
            return await send_members(sending, prepared)
    if not operation.changes and operation.action not in _NEED_NO_CHANGE:
        nothing = result(operation, OperationStatus.SKIPPED, now(), detail="nothing left to change")
        return OperationOutcome(nothing)
    if operation.action == Action.ADOPT and operation.remote_id is not None:
        owner = sending.other_owner(operation, operation.remote_id)
        if owner is not None:
            detail = f"the account {operation.remote_id} belongs to {owner}"
            return failed(operation, now(), link, detail, "SYNC-0343")
    if operation.action == Action.CREATE:
        return await Creation(sending, prepared).send()
    async with first_use(sending, prepared) as shaped:
        return await _send_change(sending, shaped)


def _unshaped(
    sending: Sending, prepared: PreparedOperation, error: ScimsyncError
) -> OperationOutcome:
    """Return the outcome of an operation for which there is no request."""
    now = sending.clock()
    return failed(prepared.operation, now, prepared.link, error.message, error.code)


async def _send_change(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
    operation, link = prepared.operation, prepared.link
    if prepared.error is not None:
        return _unshaped(sending, prepared, prepared.error)
    try:
        if operation.action == Action.DELETE:
            await check_before_deletion(sending, prepared)
        else:
            await check_before_deactivation(sending, prepared)
        requests, response, confirmed_by = await send_checked(sending, prepared)
    except RequestError as error:
        return await after_error(sending, prepared, error)
    outcome = applied(
        operation,
        sending.clock(),
        operation.remote_id,
        apply_changes(prepared.before, operation.changes),
        response=response,
        link=link,
        requests=requests if requests is not prepared.requests else None,
        confirmed_by=confirmed_by,
    )
    # a planned operation with a `detail` has further changes to plan once it is applied
    return in_part(outcome, sending.clock()) if operation.detail is not None else outcome
