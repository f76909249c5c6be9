"""The first use of a shape of requests at a target: read back, and replaced if it does not work.

A target may refuse a shape, say that it took it and store nothing, or store it elsewhere. That is
found on the first resource and not on the last: others wait until it is known.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from scimsync.execute.other_members import other_members, removes_members, restore_members
from scimsync.execute.preparation import ACCEPTED_S, PreparedOperation, Sending
from scimsync.model.changes import Change, apply_changes, takes_access
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Kind, RemoteId
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, Operation
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.scim.attributes import is_unassigned, member_ids, read, same_value
from scimsync.scim.differences import differences
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Requests, ScimRequest, ScimResponse
from scimsync.scim.paths import parse_path
from scimsync.scim.resources import project
from scimsync.scim.shaping import Use, member_uses, uses
from scimsync.targets.evidence import (
    Answer,
    Purpose,
    UnprovenResponse,
    Verdict,
    active_of,
    answer_of,
    check_change,
    hidden_name,
    may_have_had_effect,
    read_active,
    verdict,
)
from scimsync.targets.learned_shapes import Alternative, LearnedShapes
from scimsync.targets.lessons import GONE
from scimsync.targets.resource_list import fold
from scimsync.transport.request_errors import InvalidRequest, RequestError

_ID_IN_PATH = re.compile(r"(?<=/Users|Groups)/[^\s:]+")

_UNREADABLE = (IdOf, RandomText, SecretValue)

_NO_SHAPE = (Answer.TOO_LARGE,)
"""Answers about a request as a whole, which another shape would get too."""


def uses_of(shapes: LearnedShapes, prepared: PreparedOperation) -> frozenset[Use]:
    """Return the choices that the request of an operation depends on."""
    operation = prepared.operation
    if operation.action in MEMBERSHIP_ACTIONS:
        added = [member_of(change)[2] for change in operation.changes]
        return member_uses(removed=not all(added), added=any(added))
    if operation.action == Action.DELETE:
        return frozenset()
    after = apply_changes(prepared.before, operation.changes)
    known = shapes.dialect.shapes(operation.kind)
    return uses(differences(_readable(prepared.before), _readable(after)), known)


def _readable(document: Document) -> dict[str, Any]:
    return {
        path: repr(value) if isinstance(value, _UNREADABLE) else value
        for path, value in document.items()
    }


@asynccontextmanager
async def first_use(
    sending: Sending, prepared: PreparedOperation
) -> AsyncIterator[PreparedOperation]:
    """Give an operation in the shape that is known to work by now.

    If a choice has not shown yet that it works, this operation is its trial: it is alone until the
    end of the block, and `send_checked` reads it back.
    """
    shapes = sending.shapes
    if shapes is None or prepared.error is not None:
        yield prepared
        return
    if _is_known(shapes, prepared):
        yield sending.reshaped(prepared)
        return
    async with shapes.trial:
        prepared = sending.reshaped(prepared)
        if not _is_known(shapes, prepared):
            yield replace(prepared, is_trial=True)
            return
    yield prepared  # another operation has shown it meanwhile


def _is_known(shapes: LearnedShapes, prepared: PreparedOperation) -> bool:
    """Return whether the shape of an operation needs no proof.

    The first deactivation does: a target may take a shape for other attributes only.
    """
    kind = prepared.operation.kind
    return shapes.knows(kind, uses_of(shapes, prepared)) and (
        not _deactivates(prepared) or shapes.takes_deactivations(kind)
    )


def _deactivates(prepared: PreparedOperation) -> bool:
    changes = prepared.operation.changes
    return any(change.path == "active" and change.after is False for change in changes)


async def send_checked(
    sending: Sending, prepared: PreparedOperation, *, after_refusal: bool = False
) -> tuple[Requests, ScimResponse | None]:
    """Send a change of a resource.

    Return the requests as the journal shows them, and the last response, None if none was sent.
    Raise RequestError, also for a response that does not prove the change, or if the first use of a
    shape does not show it. After another shape was refused, the resource has to show it.
    """
    requests, responses = await sending.send(prepared)
    operation = prepared.operation
    if not responses or operation.remote_id is None:
        return requests, responses[-1] if responses else None
    sent = {change.path: change.after for change in operation.changes}
    if sending.policy.product.invites and sent.get("active") is True:
        del sent["active"]  # false until the user accepts the invitation
    known = (operation.kind, _held(prepared))
    new_id = sending.policy.product.new_id(operation.kind, operation.changes)
    remote_id = operation.remote_id
    if new_id is not None and responses[-1].resource_id == new_id:
        remote_id = new_id
    check_change(requests[-1], responses[-1], remote_id, sent, known)
    if operation.action == Action.DELETE:
        await _look_after_deletion(sending, operation.kind, operation.remote_id, requests[-1])
    elif prepared.is_trial:
        await _read_back(sending, prepared, requests[-1], responses[-1], strict=after_refusal)
    return requests, responses[-1]


async def _look_after_deletion(
    sending: Sending, kind: Kind, remote_id: RemoteId, request: ScimRequest
) -> None:
    """Look once what became of a deleted resource at this target.

    Raise UnprovenResponse if it is there as before. Some targets only deactivate users.
    """
    shapes = sending.shapes
    lags_behind = sending.policy.product.write_delay > 0
    if shapes is None or lags_behind or shapes.is_known_to_delete(kind):
        return
    try:
        resource = await sending.read(kind, remote_id)
    except RequestError as error:
        if verdict(error, Purpose.READ) is Verdict.MISSING:
            shapes.note_deletion(kind, GONE)
        return
    if kind is Kind.USER and active_of(resource) is False:
        shapes.note_deletion(kind, "deactivated")
        return
    why = f"{request}: success, but the {kind.noun} is there as before"
    raise UnprovenResponse(why, Answer.NOT_STORED)


def _held(prepared: PreparedOperation) -> list[Document]:
    """Return what the resource of an operation may have held before it, as far as it is known."""
    link = prepared.link
    if link is None:
        return [prepared.before]
    return [prepared.before, link.document, {echo.path: echo.shown for echo in link.echoes}]


async def _read_back(
    sending: Sending,
    prepared: PreparedOperation,
    request: ScimRequest,
    response: ScimResponse,
    *,
    strict: bool,
) -> None:
    """Note that the choices of a request work. Raise UnprovenResponse if the old values are there.

    The response shows it, or else the resource as it is read.
    """
    shapes, operation = sending.shapes, prepared.operation
    if shapes is None or operation.action == Action.DELETE or operation.remote_id is None:
        return
    if sending.policy.product.write_delay:
        return  # a read shows what was there before
    prepared = _readable_changes(sending, prepared)
    missing = _not_taken(shapes, prepared, response.body, strict=strict)
    if missing:
        try:
            resource = await sending.read(operation.kind, operation.remote_id)
            missing = _not_taken(shapes, prepared, resource, strict=strict)
            if missing and not shapes.has_given_up(operation.kind, uses_of(shapes, prepared)):
                # what is read may lag behind: a later shape would get the credit
                await sending.connection.sleep(ACCEPTED_S)
                resource = await sending.read(operation.kind, operation.remote_id)
                missing = _not_taken(shapes, prepared, resource, strict=strict)
        except RequestError:
            shapes.give_up(operation.kind, uses_of(shapes, prepared))  # nothing shows it
            return
        if hidden_name(operation.kind, operation.remote_id, resource) is not None:
            missing = None  # what was read is not the resource
    if missing is None:
        shapes.give_up(operation.kind, uses_of(shapes, prepared))
    elif missing:
        raise UnprovenResponse(
            f"{request}: {response.status}, but the {operation.kind.noun} still has the old"
            f" {', '.join(missing)}",
            Answer.NOT_STORED,
        )
    elif prepared.dialect is shapes.dialect:
        why = f"{request.method} {_place(request)}"
        shapes.prove(operation.kind, uses_of(shapes, prepared), why)
        if _deactivates(prepared):
            shapes.prove_deactivation(operation.kind, why)


def _readable_changes(sending: Sending, prepared: PreparedOperation) -> PreparedOperation:
    """Return an operation without the changes that the product never shows."""
    product, operation = sending.policy.product, prepared.operation
    hidden = (*product.send_only, *(["active"] if product.invites else []))
    shown = [change for change in operation.changes if change.path not in hidden]
    return replace(prepared, operation=replace(operation, changes=tuple(shown)))


def _not_taken(
    shapes: LearnedShapes,
    prepared: PreparedOperation,
    shown: Mapping[str, Any] | None,
    *,
    strict: bool,
) -> list[str] | None:
    """Return the attributes that a resource shows as they were before.

    Return None if it cannot show whether the change was made.
    """
    operation = prepared.operation
    if shown is None:
        return [change.path for change in operation.changes]
    if operation.action in MEMBERSHIP_ACTIONS:
        return _members_not_taken(prepared, shown, strict=strict)
    return [
        change.path
        for change in operation.changes
        if not isinstance(change.after, _UNREADABLE)
        and not shapes.is_not_shown(operation.kind, change.path)
        and not _is_taken(shown, change, strict=strict)
    ]


def _is_taken(shown: Mapping[str, Any], change: Change, *, strict: bool) -> bool:
    """Return whether a resource shows that a change was made.

    A target may write a value its own way: any other value than the one before will do, and so
    does the value in an element that lacks what the filter asks for. Unless `strict`, access counts
    as taken away where the target shows nothing of it.
    """
    if holds(shown, change) or _is_in_some_element(shown, change):
        return True
    held = project(shown, (change.path,)).get(change.path)
    if change.path == "active":
        held = active_of(shown)
    if change.after is None:
        return held is None
    if held is None and takes_access(change):
        return not strict
    return not is_unassigned(held) and not _is_same(change.path, held, change.before)


def _is_in_some_element(shown: Mapping[str, Any], change: Change) -> bool:
    path = parse_path(change.path)
    if path.filter is None or path.sub is None or not isinstance(change.after, str):
        return False
    elements = project(shown, (path.parent,)).get(path.parent)
    return isinstance(elements, list) and any(
        isinstance(one, Mapping) and _is_same(path.parent, read(one, path.sub), change.after)
        for one in elements
    )


def holds(resource: Mapping[str, Any], change: Change) -> bool:
    """Return whether a resource holds the value of a change, ignoring the case of texts."""
    if change.path == "active":
        return read_active(read(resource, "active")) is change.after
    held = project(resource, (change.path,)).get(change.path)
    return _is_same(change.path, held, change.after)


def _is_same(path: str, held: Any, value: Any) -> bool:
    if isinstance(held, str) and isinstance(value, str):
        return fold(path, held) == fold(path, value)
    return same_value(held, value)


def _members_not_taken(
    prepared: PreparedOperation, shown: Mapping[str, Any], *, strict: bool
) -> list[str] | None:
    members = read(shown, "members")
    removals = [change for change in prepared.operation.changes if not member_of(change)[2]]
    if not isinstance(members, list) or not members:
        # some targets never show members; a refusal of theirs would have no other explanation
        adds = len(removals) < len(prepared.operation.changes)
        return ["members"] if strict and adds else None
    held = set(member_ids(shown))
    wrong = [
        change
        for change in prepared.operation.changes
        if (remote_id := prepared.members.get(member_of(change)[:2])) is not None
        and (remote_id in held) == (change in removals)
    ]
    return ["members"] if wrong else []


def _place(request: ScimRequest) -> str:
    return "/" + request.path.split("/")[1]


def may_be_the_shape(error: RequestError, *, is_proven: bool) -> bool:
    """Return whether a target may have refused the shape of a change, and not the change itself."""
    answer = answer_of(error)
    if verdict(error, Purpose.CHANGE) is Verdict.SHAPE:
        return answer not in _NO_SHAPE
    is_named = isinstance(error, ErrorResponse) and error.scim_type
    return not is_proven and answer is Answer.BAD_REQUEST and not is_named


async def send_in_other_shapes(
    sending: Sending, prepared: PreparedOperation, error: RequestError
) -> tuple[Requests | None, RequestError | None]:
    """Send one change, which ended with `error`, in the other shapes until one works.

    Return the requests that worked, and the error if none did. A value that the target accepts in
    every shape and never shows counts as stored, unless it takes access away.
    """
    shapes, operation = sending.shapes, prepared.operation
    if shapes is None:
        return None, error
    needed = uses_of(shapes, prepared)
    is_proven = all(shapes.is_proven(operation.kind, use) for use in needed)
    if not may_be_the_shape(error, is_proven=is_proven):
        return None, error
    if not is_proven and shapes.has_given_up(operation.kind, needed):
        return None, error  # no other choice worked for others
    others: frozenset[str] | None = frozenset()
    if removes_members(prepared):
        others = await other_members(sending, prepared)
    if others is None:
        return None, error  # nothing would show who is removed besides
    unsupported = answer_of(error) is Answer.UNSUPPORTED
    put_first = unsupported and operation.action not in MEMBERSHIP_ACTIONS
    for other in shapes.alternatives(operation.kind, needed, put_first=put_first):
        try:
            requests, response = await send_checked(
                sending, _in_shape(sending, prepared, other), after_refusal=True
            )
        except RequestError as why:
            error.in_doubt |= may_have_had_effect(why)
            await restore_members(sending, prepared, others)
            failed = answer_of(why) is Answer.SERVER_ERROR  # at a shape that it does not know
            if not failed and not may_be_the_shape(why, is_proven=False):
                return None, why
            continue
        if response is None:
            return requests, None  # an earlier request made the change: this one was not sent
        if await restore_members(sending, prepared, others):
            continue  # it removes more than it names
        if not others and removes_members(prepared):
            return requests, None  # it did no harm here, but may do some to others
        paths = [change.path for change in operation.changes]
        shapes.move(operation.kind, paths, other, _lesson(error, operation.changes))
        return requests, None
    if answer_of(error) is not Answer.NOT_STORED:
        shapes.give_up(operation.kind, needed)
        return None, error
    is_shown = await _is_shown(sending, prepared)
    shapes.give_up(operation.kind, needed, ignored=is_shown)
    is_harmless = operation.action not in MEMBERSHIP_ACTIONS and not any(
        takes_access(change) for change in operation.changes
    )
    if is_harmless and not is_shown:
        for change in operation.changes:
            shapes.note_not_shown(operation.kind, change.path, str(error.brief))
        return None, None
    error.in_doubt = True  # it was accepted, and may be stored later
    return None, error


async def _is_shown(sending: Sending, prepared: PreparedOperation) -> bool:
    """Return whether a resource shows a value of the attributes of an operation."""
    operation = prepared.operation
    assert operation.remote_id is not None  # noqa: S101 - send_checked() read it
    try:
        resource = await sending.read(operation.kind, operation.remote_id)
    except RequestError:
        return True
    return bool(project(resource, [change.path for change in operation.changes]))


async def send_in_some_shape(
    sending: Sending, prepared: PreparedOperation
) -> tuple[Requests, ScimResponse | None]:
    """Send a change in the shape that is known to work, or else in others until one works.

    Return what `send_checked` returns. Raise RequestError if the target takes it in none.
    """
    async with first_use(sending, prepared) as shaped:
        if shaped.error is not None:
            raise InvalidRequest(shaped.error.message)
        try:
            return await send_checked(sending, shaped)
        except RequestError as error:
            requests, refusal = await send_in_other_shapes(sending, shaped, error)
            if refusal is not None:
                raise refusal from None
            return requests or shaped.requests, None


def note_created_without(
    sending: Sending, operation: Operation, document: Document, response: ScimResponse
) -> None:
    """Note which attributes a new resource does not show, although they were sent.

    A response that does not show the name of the resource shows nothing.
    """
    shapes, body = sending.shapes, response.body
    if shapes is None or body is None or read(body, UNIQUE_ATTRIBUTE[operation.kind]) is None:
        return
    hidden = ("active", "password", "members", *sending.policy.product.send_only)
    for path, value in document.items():
        change = Change(path, None, value)
        if path in hidden or isinstance(value, _UNREADABLE):
            continue
        if project(body, (path,)).get(path) is None and not _is_in_some_element(body, change):
            shapes.note_created_without(operation.kind, path, f"POST: {response.status}")


def _in_shape(
    sending: Sending, prepared: PreparedOperation, other: Alternative
) -> PreparedOperation:
    requests, ready = sending.requests(
        prepared.operation, prepared.before, prepared.members, dialect=other.dialect
    )
    return replace(prepared, requests=requests, ready=ready, dialect=other.dialect, is_trial=True)


def _lesson(error: RequestError, changes: Sequence[Change]) -> str:
    """Return what taught another shape, without personal data. The id may be an address."""
    what = (
        "members"
        if changes and changes[0].path.startswith("members")
        else ", ".join(sorted({change.path for change in changes}))
    )
    return f"{what}: {_ID_IN_PATH.sub('', error.brief)}"
