"""One changed attribute, and the document that a sequence of changes leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scimsync.model.ids import Document, Value


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute with its value before and after. None means absent."""

    path: str
    before: Value | None
    after: Value | None


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
