"""The report as a JSON document, in pieces, so that a report of any size can be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.report import AdoptionReport, Listing, TargetReport
from scimsync.adoption.rows import GroupMember, GroupRow, UserRow
from scimsync.cli.ui.problems import problem_document
from scimsync.jsontext import json_text
from scimsync.model.changes import Change
from scimsync.plan.requests import shown


def document_pieces(report: AdoptionReport) -> Iterator[str]:
    """Yield the pieces of `scimsync adoption --json`."""
    yield '{"targets": {'
    for number, target in enumerate(report.targets):
        yield f"{', ' if number else ''}{json_text(target.name)}: "
        yield from _target(target)
    problems = [problem_document(problem) for problem in report.problems]
    yield f'}},\n"problems": {json_text(problems)}}}\n'


def _target(target: TargetReport) -> Iterator[str]:
    head: dict[str, Any] = {
        "url": target.url,
        "error": None if target.error is None else target.error.message,
        "accounts": _listing(target.accounts),
        "groups_listed": _listing(target.groups),
        "counts": {outcome.value: number for outcome, number in target.users.counts().items()},
        "out_of_scope": target.out_of_scope,
        "suggestions": [
            {
                "topic": one.topic,
                "text": one.text,
                "setting": one.setting,
                "examples": list(one.examples),
            }
            for one in target.suggestions
        ],
    }
    yield json_text(head)[:-1]
    yield ', "users": ['
    yield from _lines(map(user_document, target.users))
    yield '], "groups": ['
    yield from _lines(map(_group, target.group_rows))
    yield "]}"


def _lines(documents: Iterable[dict[str, Any]]) -> Iterator[str]:
    for number, document in enumerate(documents):
        yield ",\n" if number else "\n"
        yield json_text(document)


def _listing(listing: Listing) -> dict[str, Any]:
    whole = listing.number is not None and listing.problem is None
    return {"number": listing.number, "whole": whole, "problem": listing.problem}


def user_document(row: UserRow) -> dict[str, Any]:
    """Return a row of users and accounts."""
    return {
        "outcome": row.outcome,
        "key": row.key,
        "name": row.name,
        "user_name": row.user_name,
        "accounts": [_account(account) for account in row.accounts],
        "matched": list(row.matched),
        "overwrites": [_change(change) for change in row.overwritten],
        "sets": [{"path": one.path, "after": shown(one.after)} for one in row.filled],
        "reactivates": row.is_reactivated,
        "resembles": [
            {"account": _account(alike.account), "shared": list(alike.shared)}
            for alike in row.resembles
        ],
        "detail": row.detail,
    }


def _account(account: ExistingAccount) -> dict[str, Any]:
    return {
        "id": account.remote_id,
        "user_name": account.user_name,
        "name": account.name,
        "external_id": account.external_id,
        "active": account.active,
        "emails": list(account.emails),
        "user_type": account.user_type,
        "created": account.created,
        "protected_by": account.protected_by,
    }


def _change(change: Change) -> dict[str, Any]:
    return {"path": change.path, "before": shown(change.before), "after": shown(change.after)}


def _group(row: GroupRow) -> dict[str, Any]:
    return {
        "outcome": row.outcome,
        "key": row.key,
        "name": row.name,
        "id": row.remote_id,
        "matched": list(row.matched),
        "members": row.members,
        "added": _members(row.added),
        "removed": _members(row.removed),
        "kept": _members(row.kept),
        "unwanted": _members(row.unwanted),
        "unknown": _members(row.unknown),
        "detail": row.detail,
    }


def _members(members: Iterable[GroupMember]) -> list[dict[str, Any]]:
    return [
        {"key": member.key, "id": member.remote_id, "label": member.label} for member in members
    ]
