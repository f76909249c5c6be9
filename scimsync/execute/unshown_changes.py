"""Changes of groups that a target acknowledged, and that the group did not show afterwards.

The target ignores such requests, or its reads are behind. If they are behind, a second request in
another shape would get the credit for the first one, and one that is built on what was read, or
that removes more than it names, would take out other members. So nothing more is sent in this run,
and the change is noted. If the group is still as it was in a later run, the request was ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.execute.shown_changes import not_taken
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS
from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.targets.evidence import Answer, UnprovenResponse, answer_of
from scimsync.transport.request_errors import RequestError

LATER = timedelta(minutes=4)
"""After this time, reads are behind no longer. It is shorter than the pause after a failure."""


class IgnoredChange(UnprovenResponse):
    """A change that an earlier run sent, and that is still not shown. Nothing was sent now."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Answer.NOT_STORED)


def may_be_shown_later(prepared: PreparedOperation, error: RequestError) -> bool:
    """Return whether `error` may be due to a read of a group that is behind."""
    return (
        prepared.operation.kind is Kind.GROUP
        and answer_of(error) is Answer.NOT_STORED
        and not isinstance(error, IgnoredChange)
    )


def note_unshown(sending: Sending, prepared: PreparedOperation, shown: Mapping[str, Any]) -> None:
    """Note one of the changes that a group, as it was just read, does not show."""
    shapes = sending.shapes
    if shapes is None or prepared.operation.kind is not Kind.GROUP:
        return
    for change, name, after in _named_changes(prepared):
        if not_taken(shapes, _only(prepared, [change]), shown, strict=False):
            shapes.note_unshown(Kind.GROUP, name, after, sending.clock())
            return


async def check_ignored(sending: Sending, prepared: PreparedOperation) -> None:
    """Raise IgnoredChange if the target ignored a change that an earlier run sent in this shape.

    Forget those that were noted long ago, or whose opposite is sent.
    """
    shapes = sending.shapes
    if shapes is None or prepared.operation.kind is not Kind.GROUP or not shapes.has_unshown:
        return
    before = sending.clock() - LATER
    noted: list[Change] = []
    for change, name, after in _named_changes(prepared):
        since = shapes.unshown_since(Kind.GROUP, name, after)
        if since is None or since <= before or not prepared.is_trial:
            shapes.forget_unshown(Kind.GROUP, name)
        if since is not None and since <= before:
            noted.append(change)
    if not noted or not prepared.is_trial:
        return
    try:
        shown = await sending.read(prepared)
    except RequestError:
        return
    if not_taken(shapes, _only(prepared, noted), shown, strict=False):
        raise IgnoredChange(
            "the group is as it was before an earlier run changed it with a status of success"
        )


def _only(prepared: PreparedOperation, changes: Sequence[Change]) -> PreparedOperation:
    return replace(prepared, operation=replace(prepared.operation, changes=tuple(changes)))


def _named_changes(prepared: PreparedOperation) -> Iterator[tuple[Change, str, str]]:
    """Yield the changes, each with a name and what it makes of it.

    A later run gives the same name to a change of the same value in the same shape.
    """
    operation, dialect = prepared.operation, prepared.dialect
    if not isinstance(dialect, ShapedDialect):
        return
    shapes = dialect.shapes(operation.kind)
    for change in operation.changes:
        what, after = change.path, str(change.after)
        if operation.action in MEMBERSHIP_ACTIONS:
            kind, key, added = member_of(change)
            what, after = str(prepared.members.get((kind, key))), str(added)
        text = f"{operation.remote_id} {what} {shapes.setting} {shapes.removing}"
        yield change, _digest(text), _digest(after)


def _digest(text: str) -> str:
    """Return text that names nobody."""
    return sha256(text.encode()).hexdigest()[:16]
