"""`explain --json`."""

from __future__ import annotations

from typing import Any

from scimsync.cli.explaining.model import Account, Explanation
from scimsync.model.links import Link
from scimsync.plan.render.json import journal_document, operation_document
from scimsync.plan.requests import shown


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """One person in JSON; times are UTC."""
    return {
        "key": explanation.key,
        "held_since": explanation.held,
        "records": [
            {"source": record.source, "removed": record.removed, "data": explanation.data(record)}
            for record in explanation.records
        ],
        "access": [
            {
                "name": rule.name,
                "expression": rule.expression,
                "holds": rule.holds,
                "error": rule.error,
            }
            for rule in explanation.rules
        ],
        "targets": {account.target: _account(account) for account in explanation.accounts},
        "note": explanation.note,
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "url": account.url,
        "scope": account.scope,
        "in_scope": account.in_scope,
        "failure": account.failure,
        "desired": {path: shown(value) for path, value in account.desired.items()},
        "at_creation": {path: shown(value) for path, value in account.once.items()},
        "link": None if account.link is None else _link(account.link),
        "would_send": None
        if account.operations is None
        else [operation_document(entry) for entry in account.operations],
        "note": account.note,
        "history": [journal_document(entry) for entry in account.history],
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "status": link.status,
        "remote_id": link.remote_id,
        "acknowledged": {path: shown(value) for path, value in link.document.items()},
        "synced_at": link.synced_at,
        "delete_after": link.delete_after,
        "doubtful": link.in_doubt,
        "failures": link.failures,
        "next_try_at": link.next_try_at,
        "last_error": link.last_error,
    }
