"""A plan as JSON, operation by operation, so that a plan of any size can be written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.model.operations import JournaledOperation
from scimsync.plan.requests import shown


@dataclass(frozen=True, slots=True)
class PlanOfTarget:
    """A target's plan: counts by action, and its operations in the order in which they would be
    sent."""

    name: str
    url: str
    counts: Mapping[str, int]
    operations: Callable[[], Iterator[JournaledOperation]]
    error: str | None = None


def operation_document(entry: JournaledOperation) -> dict[str, Any]:
    """One operation as `plan --json` and `journal --json` show it."""
    return {
        "action": entry.action,
        "kind": entry.kind,
        "key": entry.key,
        "reason": entry.reason,
        "changes": [
            {"path": change.path, "before": shown(change.before), "after": shown(change.after)}
            for change in entry.changes
        ],
        "requests": [] if entry.request is None else orjson.loads(entry.request),
    }


def journal_document(entry: JournaledOperation) -> dict[str, Any]:
    """One operation with what became of it."""
    return {
        "id": entry.id,
        "run": entry.run,
        "target": entry.target,
        **operation_document(entry),
        "status": entry.status,
        "attempts": entry.attempts,
        "remote_id": entry.remote_id,
        "http_status": entry.http_status,
        "scim_type": entry.scim_type,
        "detail": entry.detail,
        "planned_at": entry.planned_at,
        "sent_at": entry.sent_at,
        "done_at": entry.done_at,
    }
