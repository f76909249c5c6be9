"""Render operations as JSON documents, one by one, so that a plan of any size can be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from scimsync.model.batches import batches
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation, Operation
from scimsync.plan.adoption import is_reactivated, is_weak, overwritten
from scimsync.plan.definition import ShownRequests, TargetPlan
from scimsync.plan.requests import request_documents, shown
from scimsync.plan.shown_plan import NameReader, Names, names_of

_BATCH = 200


_NO_NAMES: Names = {}


def planned_document(shown: ShownRequests, names: Names = _NO_NAMES) -> dict[str, Any]:
    """Return an operation of a plan, with the requests that would carry it out."""
    document = _document(shown.operation, request_documents(shown.requests), names)
    return document if shown.unread is None else document | {"unread": shown.unread}


def planned_documents(
    plan: TargetPlan, names: NameReader | None = None
) -> Iterator[dict[str, Any]]:
    """Return the operations of a plan, with their requests and the names of users."""
    for some in batches(plan.shown_requests(), _BATCH):
        named = names_of(names, plan.name, [one.operation for one in some])
        yield from (planned_document(one, named) for one in some)


def journal_document(operation: JournaledOperation, names: Names = _NO_NAMES) -> dict[str, Any]:
    """Return an operation of the journal, with its outcome."""
    requests = [] if operation.request is None else orjson.loads(operation.request)
    return {
        "id": operation.id,
        "run": operation.run,
        "target": operation.target,
        **_document(operation, requests, names),
        "status": operation.status,
        "attempts": operation.attempts,
        "remote_id": operation.remote_id,
        "http_status": operation.http_status,
        "scim_type": operation.scim_type,
        "detail": operation.detail,
        "planned_at": operation.planned_at,
        "sent_at": operation.sent_at,
        "done_at": operation.done_at,
        "source_read_at": operation.source_read_at,
        "source_modified_at": operation.source_modified_at,
        "confirmed_by": operation.confirmed_by,
        "confirmed_at": operation.confirmed_at,
    }


def _document(operation: Operation, requests: list[Any], names: Names) -> dict[str, Any]:
    name = names.get(operation.key) if operation.kind is Kind.USER else None
    return {
        "action": operation.action,
        "kind": operation.kind,
        "key": operation.key,
        **({} if name is None else {"name": name}),
        "reason": operation.reason,
        "changes": [_change(operation, change, names) for change in operation.changes],
        "requests": requests,
    } | ({"adoption": _adoption(operation)} if operation.matched else {})


def _change(operation: Operation, change: Change, names: Names) -> dict[str, Any]:
    document = {"path": change.path, "before": shown(change.before), "after": shown(change.after)}
    if names and operation.action in MEMBERSHIP_ACTIONS:
        kind, key, _ = member_of(change)
        if kind is Kind.USER and key in names:
            document["name"] = names[key]
    return document


def _adoption(operation: Operation) -> dict[str, Any]:
    """Return how well the account matches that an operation adopts, and what it loses."""
    return {
        "remote_id": operation.remote_id,
        "matched": list(operation.matched),
        "weak": operation.kind is Kind.USER and is_weak(operation.matched),
        "overwrites": [
            {"path": change.path, "value": shown(change.before)}
            for change in overwritten(operation.changes)
        ],
        "reactivates": is_reactivated(operation.changes),
    }
