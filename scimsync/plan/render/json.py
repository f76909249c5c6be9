"""Render operations as JSON documents, one by one, so that a plan of any size can be written."""

from __future__ import annotations

from typing import Any

import orjson

from scimsync.model.ids import Kind
from scimsync.model.operations import JournaledOperation, Operation
from scimsync.plan.adoption import is_reactivated, is_weak, overwritten
from scimsync.plan.definition import ShownRequests
from scimsync.plan.requests import request_documents, shown


def planned_document(shown: ShownRequests) -> dict[str, Any]:
    """Return an operation of a plan, with the requests that would carry it out."""
    document = _document(shown.operation, request_documents(shown.requests))
    return document if shown.unread is None else document | {"unread": shown.unread}


def journal_document(operation: JournaledOperation) -> dict[str, Any]:
    """Return an operation of the journal, with its outcome."""
    requests = [] if operation.request is None else orjson.loads(operation.request)
    return {
        "id": operation.id,
        "run": operation.run,
        "target": operation.target,
        **_document(operation, requests),
        "status": operation.status,
        "attempts": operation.attempts,
        "remote_id": operation.remote_id,
        "http_status": operation.http_status,
        "scim_type": operation.scim_type,
        "detail": operation.detail,
        "planned_at": operation.planned_at,
        "sent_at": operation.sent_at,
        "done_at": operation.done_at,
    }


def _document(operation: Operation, requests: list[Any]) -> dict[str, Any]:
    return {
        "action": operation.action,
        "kind": operation.kind,
        "key": operation.key,
        "reason": operation.reason,
        "changes": [
            {"path": change.path, "before": shown(change.before), "after": shown(change.after)}
            for change in operation.changes
        ],
        "requests": requests,
    } | ({"adoption": _adoption(operation)} if operation.matched else {})


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
