"""Send one operation, interpret the response, and update the link."""

from __future__ import annotations

from dataclasses import replace

from scimsync.errors import coded
from scimsync.execute.create import Creation
from scimsync.execute.error_policy import (
    link_after_error,
    may_be_the_content,
    outcome_of_error,
)
from scimsync.execute.member_changes import send_members
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    applied,
    failed,
    result,
)
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.model.changes import apply_changes
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, OperationStatus
from scimsync.targets.evidence import may_have_had_effect
from scimsync.transport.request_errors import RequestError


async def send_operation(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
    """Send one operation. Raise TargetStopped if it was not sent."""
    operation, link, now = prepared.operation, prepared.link, sending.clock
    if prepared.error is not None:
        return failed(operation, now(), link, prepared.error.message, prepared.error.code)
    if operation.action in MEMBERSHIP_ACTIONS:
        return await send_members(sending, prepared)
    if not operation.changes and operation.action not in (Action.DELETE, Action.ADOPT):
        nothing = result(operation, OperationStatus.SKIPPED, now(), detail="nothing left to change")
        return OperationOutcome(nothing)
    if operation.action == Action.ADOPT and operation.remote_id is not None:
        owner = sending.owner(operation.kind, operation.remote_id)
        if owner is not None and owner != operation.key:
            detail = f"the account {operation.remote_id} belongs to {owner}"
            return failed(operation, now(), link, detail, "SYNC-0343")
    if operation.action == Action.CREATE:
        return await Creation(sending, prepared).send()
    return await _send_change(sending, prepared)


async def _send_change(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
    operation, link = prepared.operation, prepared.link
    try:
        request, response = await sending.send(prepared)
    except RequestError as error:
        active_changes = tuple(change for change in operation.changes if change.path == "active")
        if (
            operation.action == Action.DEACTIVATE
            and len(active_changes) < len(operation.changes)
            and may_be_the_content(error)
        ):
            return await _deactivate_alone(sending, prepared, error)
        return outcome_of_error(operation, link, error, sending.clock())
    outcome = applied(
        operation,
        sending.clock(),
        operation.remote_id,
        apply_changes(prepared.before, operation.changes),
        etag=response.etag if response is not None else None,
        link=link,
        request=request if request is not prepared.request else None,
    )
    # a planned operation with a `detail` has further changes to plan once it is applied
    return _in_part(outcome, sending) if operation.detail is not None else outcome


async def _deactivate_alone(
    sending: Sending, prepared: PreparedOperation, refusal: RequestError
) -> OperationOutcome:
    """Remove access although the target refuses other changes of the operation."""
    operation, link = prepared.operation, prepared.link
    deactivation = replace(
        operation,
        changes=tuple(change for change in operation.changes if change.path == "active"),
    )
    request, ready = sending.requests(deactivation, prepared.before, {})
    try:
        request, _ = await sending.send(
            replace(prepared, operation=deactivation, request=request, ready=ready)
        )
    except RequestError as error:
        in_doubt = link_after_error(operation, link, refusal)
        return outcome_of_error(operation, in_doubt, error, sending.clock(), request)
    outcome = applied(
        operation,
        sending.clock(),
        operation.remote_id,
        apply_changes(prepared.before, deactivation.changes),
        link=link,
        request=request,
        detail=coded(f"deactivated only; the other changes: {refusal}", "SYNC-0347"),
    )
    return _in_part(outcome, sending, in_doubt=may_have_had_effect(refusal))


def _in_part(
    outcome: OperationOutcome, sending: Sending, *, in_doubt: bool = False
) -> OperationOutcome:
    """Let the remaining changes be planned again, in this run or in the next."""
    assert outcome.link is not None  # noqa: S101 - applied() gives one
    link = replace(outcome.link, next_try_at=sending.clock(), in_doubt=in_doubt)
    return replace(outcome, link=link, again=True)
