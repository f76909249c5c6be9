"""Send a change in other shapes of requests, after a target refused the one that was known."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from scimsync.execute.first_use import Sent, first_use, send_checked, uses_of
from scimsync.execute.other_members import (
    OthersInDoubt,
    other_members,
    removes_members,
    restore_members,
)
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.execute.unshown_changes import IgnoredChange, may_be_shown_later
from scimsync.model.changes import takes_access
from scimsync.model.ids import Kind
from scimsync.model.operations import MEMBERSHIP_ACTIONS, JournaledOperation
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.resources import project
from scimsync.scim.shaping import Use
from scimsync.targets.evidence import (
    Answer,
    Purpose,
    Verdict,
    answer_of,
    may_have_had_effect,
    verdict,
)
from scimsync.targets.learned_shapes import Alternative, LearnedShapes
from scimsync.transport.request_errors import InvalidRequest, RequestError

_ID_IN_PATH = re.compile(r"(?<=/Users|Groups)/[^\s:]+")

_NO_SHAPE = (Answer.TOO_LARGE,)
"""Answers about a request as a whole, which another shape would get too."""


def may_be_the_shape(error: RequestError, *, is_proven: bool) -> bool:
    """Return whether a target may have refused the shape of a change, and not the change itself."""
    answer = answer_of(error)
    if verdict(error, Purpose.CHANGE) is Verdict.SHAPE:
        return answer not in _NO_SHAPE
    is_named = isinstance(error, ErrorResponse) and error.scim_type
    return not is_proven and answer is Answer.BAD_REQUEST and not is_named


async def send_in_other_shapes(
    sending: Sending, prepared: PreparedOperation, error: RequestError
) -> tuple[Sent | None, RequestError | None]:
    """Send one change, which ended with `error`, in the other shapes until one works.

    Return the shape that worked, and the error if none did. A value that the target accepts in
    every shape and never shows counts as stored, unless it takes access away.
    """
    shapes, operation = sending.shapes, prepared.operation
    if shapes is None:
        return None, error
    needed = uses_of(shapes, prepared)
    if not _may_be_tried(shapes, prepared, needed, error):
        return None, error
    removes = removes_members(prepared)
    others = await other_members(sending, prepared) if removes else frozenset()
    if others is None:
        return None, error  # nothing would show who is removed besides
    put_first = _puts_first(operation, error)
    for other in shapes.alternatives(operation.kind, needed, put_first=put_first):
        try:
            sent = await send_checked(
                sending, _in_shape(sending, prepared, other), after_refusal=True
            )
        except RequestError as why:
            error.in_doubt |= may_have_had_effect(why)
            await restore_members(sending, prepared, others)
            if may_be_shown_later(prepared, why):
                shapes.give_up(operation.kind, needed, ignored=True)
                if others:
                    raise OthersInDoubt(why, others) from why
                return None, why
            if not _may_take_another(why):
                why.in_doubt |= may_have_had_effect(error)
                return None, why
            continue
        if sent.response is None:
            return sent, None  # an earlier request made the change: this one was not sent
        if await restore_members(sending, prepared, others, after_success=True):
            continue  # it removes more than it names
        if not others and removes:
            return sent, None  # it did no harm here, but may do some to others
        _learn(shapes, operation, other, error)
        return sent, None
    return None, await _give_up(sending, shapes, prepared, error)


def _may_be_tried(
    shapes: LearnedShapes, prepared: PreparedOperation, needed: Collection[Use], error: RequestError
) -> bool:
    """Return whether other shapes may be tried in this run after a change ended with `error`."""
    kind = prepared.operation.kind
    if may_be_shown_later(prepared, error):
        shapes.give_up(kind, needed, ignored=True)
        return False
    return _may_help(shapes, kind, needed, error)


def _puts_first(operation: JournaledOperation, error: RequestError) -> bool:
    """Return whether a PUT is the next try: the target seems to know no PATCH at all."""
    unsupported = answer_of(error) is Answer.UNSUPPORTED
    return unsupported and operation.action not in MEMBERSHIP_ACTIONS


def _may_take_another(error: RequestError) -> bool:
    """Return whether a target that answered `error` to one more shape may take the next one."""
    failed = answer_of(error) is Answer.SERVER_ERROR  # at a shape that it does not know
    return failed or may_be_the_shape(error, is_proven=False)


async def _give_up(
    sending: Sending, shapes: LearnedShapes, prepared: PreparedOperation, error: RequestError
) -> RequestError | None:
    """Note that a change, which ended with `error`, works in no shape.

    Return the error, or None for a harmless value that the target accepts and never shows.
    """
    operation, needed = prepared.operation, uses_of(shapes, prepared)
    if answer_of(error) is not Answer.NOT_STORED:
        shapes.give_up(operation.kind, needed)
        return error
    is_shown = await _is_shown(sending, prepared)
    shapes.give_up(operation.kind, needed, ignored=is_shown)
    is_harmless = operation.action not in MEMBERSHIP_ACTIONS and not any(
        takes_access(change) for change in operation.changes
    )
    if is_harmless and not is_shown:
        for change in operation.changes:
            shapes.note_not_shown(operation.kind, change.path, error.brief)
        return None
    error.in_doubt = True  # it was accepted, and may be stored later
    return error


async def _is_shown(sending: Sending, prepared: PreparedOperation) -> bool:
    """Return whether a resource shows a value of the attributes of an operation."""
    try:
        resource = await sending.read(prepared)
    except RequestError:
        return True
    return bool(project(resource, [change.path for change in prepared.operation.changes]))


async def send_in_some_shape(sending: Sending, prepared: PreparedOperation) -> Sent:
    """Send a change in the shape that is known to work, or else in others until one works.

    Return what `send_checked` returns. Raise RequestError if the target takes it in none.
    """
    async with first_use(sending, prepared) as shaped:
        if shaped.error is not None:
            raise InvalidRequest(shaped.error.message)
        try:
            return await send_checked(sending, shaped)
        except RequestError as error:
            sent, refusal = await send_in_other_shapes(sending, shaped, error)
            if refusal is not None:
                raise refusal from None
            return sent or Sent(shaped.requests, None)


def _may_help(
    shapes: LearnedShapes, kind: Kind, needed: Collection[Use], error: RequestError
) -> bool:
    """Return whether other shapes may work after an error, as far as that is known."""
    is_proven = all(shapes.is_proven(kind, use) for use in needed)
    if not may_be_the_shape(error, is_proven=is_proven):
        return False
    if isinstance(error, IgnoredChange):
        return True  # others may have been given up before one was known to be ignored
    # if they were given up, no other choice worked for others
    return is_proven or not shapes.has_given_up(kind, needed)


def _learn(
    shapes: LearnedShapes, operation: JournaledOperation, other: Alternative, error: RequestError
) -> None:
    """Use a shape that worked from now on."""
    paths = [change.path for change in operation.changes]
    what = "members" if operation.action in MEMBERSHIP_ACTIONS else ", ".join(sorted(paths))
    shapes.move(operation.kind, paths, other, lesson(what, error))


def _in_shape(
    sending: Sending, prepared: PreparedOperation, other: Alternative
) -> PreparedOperation:
    requests, ready = sending.requests(
        prepared.operation, prepared.before, prepared.members, dialect=other.dialect
    )
    return replace(prepared, requests=requests, ready=ready, dialect=other.dialect, is_trial=True)


def lesson(what: str, error: RequestError) -> str:
    """Return the reason for another shape, without personal data. The id may be an address."""
    return f"{what}: {_ID_IN_PATH.sub('', error.brief)}"
