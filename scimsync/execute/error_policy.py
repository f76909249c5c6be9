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
from scimsync.model.links import Link, LinkStatus, link_in_doubt, perhaps_changed
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    Confirmation,
    JournaledOperation,
    OperationStatus,
)
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Requests
from scimsync.targets.evidence import (
    Answer,
    Purpose,
    Verdict,
    answer_of,
    cause_of,
    may_have_had_effect,
    refusal_code,
    verdict,
)
from scimsync.transport.request_errors import RequestError


def outcome_of_error(
    operation: JournaledOperation,
    link: Link | None,
    error: RequestError,
    now: datetime,
    requests: Requests | None = None,
    detail: str | None = None,
) -> OperationOutcome:
    """Return the outcome of an operation whose request ended with `error`.

    `link` is the link before the request. `requests` are those that were sent, if the journal
    does not have them. `detail` replaces the error as the reason for the failure.
    """
    link = link_after_error(operation, link, error)
    proof = verdict(error, purpose_of_action(operation.action))
    never_sent = answer_of(error) is Answer.UNSENT
    if proof is Verdict.TOKEN or never_sent:  # concerns the target, not this resource
        return postponed(operation, now, link, str(error), requests)
    if proof is Verdict.CHANGED and link is not None:
        changed = link_in_doubt(link, now)
        return skipped(operation, now, changed, str(error), requests=requests, again=True)
    code, response = refusal_code(error), response_of(error)
    return failed(operation, now, link, detail or str(error), code, response, requests)


def response_of(error: RequestError) -> ErrorResponse | None:
    """Return the response with an error status that `error` is about, or None if there is none."""
    cause = cause_of(error)
    return cause if isinstance(cause, ErrorResponse) else None


def gone(
    operation: JournaledOperation, link: Link | None, why: str, now: datetime
) -> OperationOutcome:
    """Return the outcome of an operation whose resource is proven to be gone.

    A resource that should exist is planned again, and created, in the same run.
    """
    if operation.action in (Action.DELETE, Action.DEACTIVATE):
        deleted = Link(operation.kind, operation.key, LinkStatus.DELETED, synced_at=now)
        operation_result = result(
            operation, OperationStatus.APPLIED, now, detail="it was gone already"
        )
        operation_result = replace(operation_result, confirmed_by=Confirmation.SEARCH)
        again = operation.action == Action.DEACTIVATE
        return OperationOutcome(operation_result, deleted, again=again)
    lost = Link(
        operation.kind,
        operation.key,
        LinkStatus.PENDING,
        failures=link.failures if link is not None else 0,
        next_try_at=now,
        last_error="it was deleted at the target",
    )
    return replace(skipped(operation, now, lost, why, again=True), lost=True)


def purpose_of_action(action: str) -> Purpose:
    """Return the purpose of an operation's request."""
    by_action = {Action.CREATE: Purpose.CREATE, Action.DELETE: Purpose.DELETE}
    return by_action.get(Action(action), Purpose.CHANGE)


def link_after_error(
    operation: JournaledOperation, link: Link | None, error: RequestError
) -> Link | None:
    """Return the link after a request that may have had its effect, now or in an earlier try."""
    if operation.action in MEMBERSHIP_ACTIONS or not may_have_had_effect(error):
        return link
    if link is not None and link.has_account:
        return perhaps_changed(link, operation.changes)
    return perhaps_created(link, operation) if operation.action == Action.ADOPT else link
