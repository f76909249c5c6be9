"""One changed attribute, and the document that a sequence of changes leads to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scimsync.model.ids import Document, Value


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute with its value before and after. None means absent."""

    path: str
    before: Value | None
    after: Value | None


_ACCESS = ("roles", "entitlements")
"""Attributes whose values give access (RFC 7643 section 4.1.2)."""


def deactivates(changes: Iterable[Change]) -> bool:
    """Return whether one of some changes deactivates an account."""
    return any(change.path == "active" and change.after is False for change in changes)


def takes_access(change: Change) -> bool:
    """Return whether a change of a user takes access away.

    It does if it deactivates the account, or removes or replaces a role or entitlement.
    """
    if change.path == "active":
        return change.after is False
    name = change.path.partition("[")[0].partition(".")[0].lower()
    if name not in _ACCESS or change.before is None:
        return False
    if isinstance(change.before, list) and isinstance(change.after, list):
        return any(value not in change.after for value in change.before)
    return True


def apply_changes(before: Document, changes: Sequence[Change]) -> dict[str, Value]:
    """Return the document that `before` becomes through `changes`.

    The inverse of `plan.diff.changes_between`, up to the order of paths.
    """
    after = dict(before)
    for change in changes:
        if change.after is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.after
    return after
