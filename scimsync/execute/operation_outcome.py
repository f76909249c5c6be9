"""Build the outcome of one operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from scimsync.errors import coded
from scimsync.model.backoff import retry_delay
from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus, failed_link, perhaps_named
from scimsync.model.memberships import Membership, member_of
from scimsync.model.operations import (
    ARRIVAL_ACTIONS,
    REMOVAL_ACTIONS,
    Action,
    Confirmation,
    JournaledOperation,
    OperationResult,
    OperationStatus,
)
from scimsync.plan.requests import request_documents
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Requests, ScimResponse
from scimsync.targets.echo_comparison import echoes_after
from scimsync.targets.shown_resources import active_of


@dataclass(frozen=True, slots=True)
class OperationOutcome:
    """The outcome of an operation.

    `link` is None if nothing new is known about the resource. `again`: the resource has to be
    planned once more in this run: it was gone (`lost`), it had changed meanwhile, or changes
    remain. `created`: the target had no such resource before. `arrives`: the resource was not
    linked to the key before. `members` are memberships that the target acknowledged, `in_doubt` the
    (group, kind, member) whose outcome is unknown.
    """

    result: OperationResult
    link: Link | None = None
    again: bool = False
    lost: bool = False
    created: bool = False
    arrives: bool = False
    members: tuple[Membership, ...] = ()
    in_doubt: tuple[tuple[Key, Kind, Key], ...] = ()


def applied(
    operation: JournaledOperation,
    now: datetime,
    remote_id: RemoteId | None,
    document: Document,
    *,
    link: Link | None = None,
    requests: Requests | None = None,
    response: ScimResponse | None = None,
    detail: str | None = None,
    action: Action | None = None,
    confirmed_by: Confirmation | None = None,
) -> OperationOutcome:
    """Return the outcome of an operation after which the target holds `document`.

    `link` is the link before the operation. `requests` and `action` are those that were sent, where
    the journal has others. `response` is the last one, and confirms the operation unless something
    else did: `confirmed_by`.
    """
    done = action or operation.action
    before = link or Link(operation.kind, operation.key, LinkStatus.PENDING)
    is_deactivation = operation.action == Action.DEACTIVATE
    status = LinkStatus.ACTIVE
    if operation.action == Action.DELETE:
        status, document = LinkStatus.DELETED, {}
    elif document.get("active") is False:
        status = LinkStatus.INACTIVE
    is_active = status is LinkStatus.ACTIVE
    after = Link(
        kind=operation.kind,
        key=operation.key,
        status=status,
        remote_id=remote_id,
        document=document,
        etag=None if response is None else response.etag,
        synced_at=now,
        delete_after=operation.delete_after,
        left_at=_left_at(operation, before),
        # an account that is linked already was created without a response
        adopted=before.adopted or (done == Action.ADOPT and not before.has_account),
        may_have_access_since=(
            before.may_have_access_since if is_deactivation and is_active else None
        ),
        left_before=before.left_before and (is_deactivation or not is_active),
        moved_from=before.moved_from,
        echoes=echoes_after(
            before.echoes,
            [change.path for change in operation.changes],
            document,
            None if response is None else response.body,
        ),
    )
    operation_result = result(
        operation,
        OperationStatus.APPLIED,
        now,
        requests,
        detail=detail,
        action=action,
        remote_id=remote_id,
    )
    operation_result = _confirmed(operation_result, operation, response, confirmed_by)
    return OperationOutcome(operation_result, after, arrives=done in ARRIVAL_ACTIONS)


def _confirmed(
    operation_result: OperationResult,
    operation: JournaledOperation,
    response: ScimResponse | None,
    confirmed_by: Confirmation | None,
) -> OperationResult:
    """Return the result with what confirms it: the response, if nothing else does."""
    if response is None:
        return replace(operation_result, confirmed_by=confirmed_by)
    confirmed_by = confirmed_by or confirmation_of(response, operation.changes)
    return replace(operation_result, http_status=response.status, confirmed_by=confirmed_by)


def _left_at(operation: JournaledOperation, before: Link) -> datetime | None:
    """Return the start of the time until a later deletion, None if none is planned."""
    return None if operation.delete_after is None else before.left_at or operation.planned_at


def confirmation_of(response: ScimResponse, changes: Sequence[Change]) -> Confirmation:
    """Return how a response of success confirms `changes` by itself.

    It shows the resource, and whether that is active if that is among the changes, or it has the
    status only.
    """
    active = [change.after for change in changes if change.path == "active"]
    is_shown = response.resource_id is not None and (
        not active or active_of(response.body or {}) is active[-1]
    )
    return Confirmation.RESPONSE if is_shown else Confirmation.STATUS


def belongs_to(
    outcome: OperationOutcome, owner: Key, link: Link | None, now: datetime
) -> OperationOutcome:
    """Return the outcome of an arrival at a resource of another key: it failed.

    `link` is the link before the operation. A creation may still have created a resource, which the
    next run looks for.
    """
    claim = outcome.link
    assert claim is not None  # noqa: S101 - an arrival has one
    detail = coded(f"the target answered with the {claim.kind.noun} of {owner}", "SYNC-0370")
    failures = (link.failures if link is not None else 0) + 1
    failed_result = replace(
        outcome.result, status=OperationStatus.FAILED, detail=detail, remote_id=None
    )
    if outcome.created:
        pending = replace(claim, status=LinkStatus.PENDING, remote_id=None, etag=None)
        link = perhaps_named(replace(pending, synced_at=None), claim.unique_name)
        link = replace(link, failures=failures - 1)
    after = failed_link(link, claim.kind, claim.key, detail, now + retry_delay(failures))
    return OperationOutcome(failed_result, after)


def skipped(
    operation: JournaledOperation,
    now: datetime,
    link: Link | None,
    detail: str,
    *,
    requests: Requests | None = None,
    again: bool = False,
) -> OperationOutcome:
    """Return the outcome of an operation that changed nothing and did not fail."""
    operation_result = result(operation, OperationStatus.SKIPPED, now, requests, detail=detail)
    return OperationOutcome(operation_result, link, again=again)


def postponed(
    operation: JournaledOperation,
    now: datetime,
    link: Link | None,
    detail: str,
    requests: Requests | None = None,
) -> OperationOutcome:
    """Return the outcome of an operation that was neither carried out nor failed.

    The next run carries it out.
    """
    link = link or Link(operation.kind, operation.key, LinkStatus.PENDING)
    return skipped(operation, now, replace(link, next_try_at=now), detail, requests=requests)


def failed(
    operation: JournaledOperation,
    now: datetime,
    link: Link | None,
    detail: str,
    code: str,
    error: ErrorResponse | None = None,
    requests: Requests | None = None,
) -> OperationOutcome:
    """Return the outcome of a failed operation: the resource is due again after a delay.

    `code` is that of the message `detail` (docs/messages.md).
    """
    detail = coded(detail, code)
    failures = (link.failures if link is not None else 0) + 1
    if link is not None and operation.action not in REMOVAL_ACTIONS:
        link = replace(link, may_have_access_since=None)  # the user is no longer a leaver
    after = failed_link(link, operation.kind, operation.key, detail, now + retry_delay(failures))
    operation_result = result(operation, OperationStatus.FAILED, now, requests, detail=detail)
    if error is not None:
        operation_result = replace(
            operation_result, http_status=error.status, scim_type=error.scim_type
        )
    return OperationOutcome(operation_result, after)


def result(
    operation: JournaledOperation,
    status: OperationStatus,
    now: datetime,
    requests: Requests | None = None,
    *,
    detail: str | None = None,
    action: Action | None = None,
    remote_id: RemoteId | None = None,
) -> OperationResult:
    """Return the journal's result of an operation. None keeps its action, requests, and id."""
    return OperationResult(
        operation_id=operation.id,
        status=status,
        done_at=now,
        attempts=operation.attempts + 1,
        action=action,
        request=None if requests is None else requests_text(requests),
        remote_id=remote_id,
        detail=detail,
    )


def requests_text(requests: Requests) -> str:
    """Return requests as the journal holds them: a JSON list, empty where nothing is sent."""
    return orjson.dumps(request_documents(requests)).decode()


def acknowledged(group: Key, changes: Sequence[Change]) -> tuple[Membership, ...]:
    """Return the memberships that the target acknowledged."""
    return tuple(
        Membership(group, kind, key, wanted=added, acknowledged=added)
        for kind, key, added in map(member_of, changes)
    )
