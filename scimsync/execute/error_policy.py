"""Derive the outcome of an operation from an error of the target."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from scimsync.execute.operation_outcome import (
    OperationOutcome,
    failed,
    postponed,
    result,
    skipped,
)
from scimsync.model.interrupted import perhaps_created
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    JournaledOperation,
    OperationStatus,
)
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest
from scimsync.targets.evidence import OutcomeUnknown, may_have_had_effect, message_code
from scimsync.transport.request_errors import NoResponse, RequestError


def outcome_of_error(
    operation: JournaledOperation,
    link: Link | None,
    error: RequestError,
    now: datetime,
    request: ScimRequest | None = None,
) -> OperationOutcome:
    """Return the outcome of an operation whose request ended with `error`.

    `link` is the link before the request. `request` is the request that was sent, if the journal
    does not have it.
    """
    link = link_after_error(operation, link, error)
    kind = error.kind if isinstance(error, ErrorResponse) else None
    never_sent = isinstance(error, NoResponse) and not error.may_have_had_effect
    if kind is ErrorKind.UNAUTHORISED or never_sent:  # concerns the target, not this resource
        return postponed(operation, now, link, str(error), request)
    if kind is ErrorKind.NOT_FOUND and operation.action in (Action.DELETE, Action.DEACTIVATE):
        gone = Link(operation.kind, operation.key, LinkStatus.DELETED, synced_at=now)
        operation_result = result(
            operation, OperationStatus.APPLIED, now, request, detail="it was gone already"
        )
        # an account that should exist, deactivated, is created again
        return OperationOutcome(operation_result, gone, again=operation.action == Action.DEACTIVATE)
    if kind is ErrorKind.NOT_FOUND and operation.remote_id is not None:
        lost = Link(
            operation.kind,
            operation.key,
            LinkStatus.PENDING,
            failures=link.failures if link is not None else 0,
            next_try_at=now,
            last_error="it was deleted at the target",
        )
        return skipped(operation, now, lost, str(error), request=request, again=True)
    if kind is ErrorKind.PRECONDITION and link is not None:
        changed = replace(link, in_doubt=True, next_try_at=now)
        return skipped(operation, now, changed, str(error), request=request, again=True)
    cause = error.cause if isinstance(error, OutcomeUnknown) else error
    response = cause if isinstance(cause, ErrorResponse) else None
    return failed(operation, now, link, str(error), message_code(error), response, request)


def link_after_error(
    operation: JournaledOperation, link: Link | None, error: RequestError
) -> Link | None:
    """Return the link after a request that may have had its effect, now or in an earlier try."""
    if operation.action in MEMBERSHIP_ACTIONS or not may_have_had_effect(error):
        return link
    if link is not None and link.has_account:
        return replace(link, in_doubt=True)
    return perhaps_created(link, operation) if operation.action == Action.ADOPT else link


def may_be_the_content(error: RequestError) -> bool:
    """Return whether another request about the same account may succeed."""
    return isinstance(error, ErrorResponse) and error.kind in (
        ErrorKind.REFUSED,
        ErrorKind.CONFLICT,
        ErrorKind.SERVER,
    )
