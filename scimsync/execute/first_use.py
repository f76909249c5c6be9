"""The first use of a shape of requests at a target is read back.

A target may refuse a shape, say that it took it and store nothing, or store it elsewhere. This is
detected on the first resource: others wait until it is known.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from scimsync.execute.preparation import ACCEPTED_S, PreparedOperation, Sending
from scimsync.execute.shown_changes import (
    UNREADABLE,
    is_in_some_element,
    not_taken,
    readable_changes,
)
from scimsync.execute.unshown_changes import check_ignored, note_unshown
from scimsync.model.changes import Change, apply_changes, deactivates
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Kind, RemoteId, Value
from scimsync.model.memberships import member_of
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    Confirmation,
    JournaledOperation,
    Operation,
)
from scimsync.scim.attributes import read
from scimsync.scim.differences import differences
from scimsync.scim.messages import Requests, ScimRequest, ScimResponse
from scimsync.scim.resources import value_at
from scimsync.scim.shaping import Use, member_uses, uses
from scimsync.targets.evidence import (
    Answer,
    Purpose,
    UnprovenResponse,
    Verdict,
    verdict,
)
from scimsync.targets.learned_shapes import LearnedShapes
from scimsync.targets.lessons import GONE
from scimsync.targets.shown_resources import (
    active_of,
    check_change,
    check_members,
    hidden_name,
)
from scimsync.transport.request_errors import RequestError


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
        path: repr(value) if isinstance(value, UNREADABLE) else value
        for path, value in document.items()
    }


@asynccontextmanager
async def first_use(
    sending: Sending, prepared: PreparedOperation
) -> AsyncIterator[PreparedOperation]:
    """Yield an operation in the shape that is now known to work.

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

    The first deactivation does: a target may accept a shape for other attributes only.
    """
    kind = prepared.operation.kind
    return shapes.knows(kind, uses_of(shapes, prepared)) and (
        not deactivates(prepared.operation.changes) or shapes.takes_deactivations(kind)
    )


class Sent(NamedTuple):
    """What was sent: the requests as the journal shows them, and the last response, None for none.

    `confirmed_by` is set where more than the response confirms the change.
    """

    requests: Requests
    response: ScimResponse | None
    confirmed_by: Confirmation | None = None


async def send_checked(
    sending: Sending, prepared: PreparedOperation, *, after_refusal: bool = False
) -> Sent:
    """Send a change of a resource.

    Raise RequestError, including for a response that does not prove the change, or if the first use
    of a shape does not show it. After another shape was refused, the resource has to show it.
    """
    await check_ignored(sending, prepared)
    requests, responses = await sending.send(prepared)
    operation = prepared.operation
    if not responses or operation.remote_id is None:
        if responses:
            return Sent(requests, responses[-1])
        # a read showed that nothing had to be sent
        was_read = bool(prepared.ready) or operation.action == Action.ADOPT
        return Sent(requests, None, Confirmation.READ if was_read else None)
    for request, response in zip(requests[:-1], responses[:-1], strict=False):
        # each of several requests has to reach the resource; only the last shows all values
        _check_response(sending, prepared, operation.remote_id, request, response, {})
    sent = _sent_values(sending, operation)
    _check_response(sending, prepared, operation.remote_id, requests[-1], responses[-1], sent)
    confirmed_by = None
    if operation.action == Action.DELETE:
        was_read = await _look_after_deletion(sending, prepared, requests[-1])
        confirmed_by = Confirmation.READ if was_read else None
    elif prepared.is_trial and await _read_back(
        sending, prepared, requests[-1], responses[-1], strict=after_refusal
    ):
        confirmed_by = Confirmation.READ
    if confirmed_by is None and operation.action in MEMBERSHIP_ACTIONS:
        _check_members(sending, prepared, requests[-1], responses[-1])
    return Sent(requests, responses[-1], confirmed_by)


def _sent_values(sending: Sending, operation: JournaledOperation) -> dict[str, Value]:
    """Return the values that a response to an operation should show.

    If `active` was sent before in this run, it counts too.
    """
    sent = {
        **sending.sent.values(operation, ["active"]),
        **{change.path: change.after for change in operation.changes},
    }
    if sending.policy.product.invites and sent.get("active") is True:
        del sent["active"]  # false until the user accepts the invitation
    return sent


def _check_response(
    sending: Sending,
    prepared: PreparedOperation,
    remote_id: RemoteId,
    request: ScimRequest,
    response: ScimResponse,
    sent: Mapping[str, Value],
) -> None:
    """Raise UnprovenResponse if a response contradicts the values `sent`; see `check_change`."""
    operation = prepared.operation
    new_id = sending.policy.product.new_id(operation.kind, operation.changes)
    if new_id is not None and response.resource_id == new_id:
        remote_id = new_id
    check_change(request, response, remote_id, sent, (operation.kind, prepared.may_hold))


def _check_members(
    sending: Sending, prepared: PreparedOperation, request: ScimRequest, response: ScimResponse
) -> None:
    """Raise UnprovenResponse if a response shows other members than were sent."""
    if not sending.policy.product.members_returned:
        return
    removed: dict[str, str] = {}
    added: dict[str, str] = {}
    for kind, key, is_added in map(member_of, prepared.operation.changes):
        remote_id = prepared.members.get((kind, key))
        if remote_id is not None:
            (added if is_added else removed)[remote_id] = key
    check_members(request, response, removed, added)


async def _look_after_deletion(
    sending: Sending, prepared: PreparedOperation, request: ScimRequest
) -> bool:
    """Check once how this target shows a deleted resource. Return whether that was shown.

    Raise UnprovenResponse if it is there as before. Some targets only deactivate users.
    """
    shapes, kind = sending.shapes, prepared.operation.kind
    lags_behind = sending.policy.product.write_delay > 0
    if shapes is None or lags_behind or shapes.is_known_to_delete(kind):
        return False
    try:
        resource = await sending.read(prepared)
    except RequestError as error:
        is_gone = verdict(error, Purpose.READ) is Verdict.MISSING
        if is_gone:
            shapes.note_deletion(kind, GONE)
        return is_gone
    if kind is Kind.USER and active_of(resource) is False:
        shapes.note_deletion(kind, "deactivated")
        return True
    why = f"{request}: success, but the {kind.noun} is there as before"
    raise UnprovenResponse(why, Answer.NOT_STORED)


async def _read_back(
    sending: Sending,
    prepared: PreparedOperation,
    request: ScimRequest,
    response: ScimResponse,
    *,
    strict: bool,
) -> bool:
    """Note that the choices of a request work. Raise UnprovenResponse if the old values are there.

    The response shows it, or else the resource as it is read. Return whether a read shows it.
    """
    shapes, kind, remote_id = sending.shapes, prepared.operation.kind, prepared.operation.remote_id
    if shapes is None or remote_id is None:
        return False
    if sending.policy.product.write_delay:
        return False  # a read shows what was there before
    prepared = readable_changes(sending, prepared)
    needed = uses_of(shapes, prepared)
    missing = not_taken(shapes, prepared, response.body, strict=strict)
    was_read = bool(missing)
    if missing:
        try:
            resource = await sending.read(prepared)
            missing = not_taken(shapes, prepared, resource, strict=strict)
            if missing and not shapes.has_given_up(kind, needed):
                # reads may lag behind: a later shape would get the credit
                await sending.connection.sleep(ACCEPTED_S)
                resource = await sending.read(prepared)
                missing = not_taken(shapes, prepared, resource, strict=strict)
        except RequestError:
            shapes.give_up(kind, needed)  # nothing shows it
            return False
        if hidden_name(kind, remote_id, resource) is not None:
            missing = None  # the response is not the resource
    if missing is None:
        shapes.give_up(kind, needed)
        return False
    if missing:
        note_unshown(sending, prepared, resource)
        raise UnprovenResponse(
            f"{request}: {response.status}, but the {kind.noun} still has the old"
            f" {', '.join(missing)}",
            Answer.NOT_STORED,
        )
    if prepared.dialect is shapes.dialect:
        why = f"{request.method} {_place(request)}"
        shapes.prove(kind, needed, why)
        if deactivates(prepared.operation.changes):
            shapes.prove_deactivation(kind, why)
    return was_read


def _place(request: ScimRequest) -> str:
    return "/" + request.path.split("/")[1]


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
        if path in hidden or isinstance(value, UNREADABLE) or value_at(body, path) is not None:
            continue
        if not is_in_some_element(body, Change(path, None, value)):
            shapes.note_created_without(operation.kind, path, f"POST: {response.status}")
