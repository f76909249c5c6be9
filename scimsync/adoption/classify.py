"""What a first push would do about a user, from what was found and planned.

| link | planned | accounts found | outcome |
| --- | --- | --- | --- |
| account | any | any | linked |
| none | adoption, of a strong match | one | match |
| none | adoption, of a weak match | one | weak_match |
| none | creation | none | create |
| none | failure | several | ambiguous |
| none | failure | one, protected | protected |
| none | failure: it is another user's | one | contested |
| none | failure: its table takes over no groups | one | not_adopted |
| none | failure | any other | failed |
| none | nothing | one or more | not_adopted |
| none | nothing | none | not_created |
"""

from __future__ import annotations

from collections.abc import Sequence

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.rows import AdoptionOutcome
from scimsync.model.ids import Kind
from scimsync.model.operations import Action, Operation, OperationStatus
from scimsync.plan.adoption import is_weak

_OF_ANOTHER = "SYNC-0343"
_NOT_TAKEN_OVER = "SYNC-0360"
"""Codes of the failures that say why an account or group that matches is not adopted."""


def outcome_of(
    operation: Operation | None, found: Sequence[ExistingAccount], *, is_linked: bool
) -> AdoptionOutcome:
    """Return the outcome of a user who should have an account, or of a group that is asked for.

    `operation` is what the plan does, and `found` are the accounts or groups that match.
    """
    if is_linked:
        return AdoptionOutcome.LINKED
    if operation is None:
        return AdoptionOutcome.NOT_ADOPTED if found else AdoptionOutcome.NOT_CREATED
    if operation.status is OperationStatus.FAILED:
        return _why_failed(operation.detail or "", found)
    if operation.action == Action.ADOPT:
        weak = operation.kind is Kind.USER and is_weak(operation.matched)
        return AdoptionOutcome.WEAK_MATCH if weak else AdoptionOutcome.MATCH
    return AdoptionOutcome.CREATE if operation.action == Action.CREATE else AdoptionOutcome.FAILED


def leaver_outcome(found: Sequence[ExistingAccount]) -> AdoptionOutcome:
    """Return the outcome of a user who should have no account, and of the accounts that match."""
    protected = len(found) == 1 and found[0].protected_by is not None
    return AdoptionOutcome.PROTECTED if protected else AdoptionOutcome.LEAVER


def _why_failed(detail: str, found: Sequence[ExistingAccount]) -> AdoptionOutcome:
    if len(found) > 1:
        return AdoptionOutcome.AMBIGUOUS
    if found and found[0].protected_by is not None:
        return AdoptionOutcome.PROTECTED
    if found and f"[{_OF_ANOTHER}]" in detail:
        return AdoptionOutcome.CONTESTED
    if found and f"[{_NOT_TAKEN_OVER}]" in detail:
        return AdoptionOutcome.NOT_ADOPTED
    return AdoptionOutcome.FAILED
