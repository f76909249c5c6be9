"""Keep the other members of a group while the removal of some is tried in another shape.

A server that follows RFC 7644 section 3.5.2.2 takes a removal at the path `members` for one of all
members, whatever its value names.
"""

from __future__ import annotations

from dataclasses import replace

from scimsync.execute.preparation import ACCEPTED_S, PreparedOperation, Sending
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.memberships import Membership, member_change, member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action
from scimsync.scim.attributes import member_ids
from scimsync.targets.evidence import Answer, UnprovenResponse
from scimsync.transport.request_errors import RequestError


class OthersInDoubt(RequestError):
    """It is not known whether a removal took out `others` too. `cause` is why."""

    def __init__(self, cause: RequestError, others: frozenset[str]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.others = others

    @property
    def brief(self) -> str:
        return self.cause.brief


def removes_members(prepared: PreparedOperation) -> bool:
    """Return whether an operation takes members out of a group."""
    operation = prepared.operation
    return operation.action in MEMBERSHIP_ACTIONS and not all(
        member_of(change)[2] for change in operation.changes
    )


async def other_members(sending: Sending, prepared: PreparedOperation) -> frozenset[str] | None:
    """Return the ids of the members that a group shows besides those that an operation names.

    Return None if it shows no members.
    """
    changes = prepared.operation.changes
    named = {prepared.members.get(member_of(change)[:2]) for change in changes}
    try:
        shown = await _members(sending, prepared)
    except RequestError:
        return None
    return shown - named if shown else None


async def restore_members(
    sending: Sending,
    prepared: PreparedOperation,
    others: frozenset[str],
    *,
    after_success: bool = False,
) -> bool:
    """Add those of `others` again who are members no longer. Return whether there were any.

    Raise OthersInDoubt if that cannot be determined or done. `after_success` says that the removal
    succeeded: a group that does not show it does not show what else it did either.
    """
    if not others:
        return False
    try:
        if after_success:
            await _check_shown(sending, prepared)
        return await _restore(sending, prepared, others)
    except RequestError as error:
        raise OthersInDoubt(error, others) from error


async def _check_shown(sending: Sending, prepared: PreparedOperation) -> None:
    """Raise UnprovenResponse if the group does not show a removal, now and after a while."""
    removed = {
        prepared.members.get(member_of(change)[:2])
        for change in prepared.operation.changes
        if not member_of(change)[2]
    }
    if await _members(sending, prepared) & removed:
        await sending.connection.sleep(ACCEPTED_S)
        if await _members(sending, prepared) & removed:
            why = "the removal of members succeeded, but the group still shows them"
            raise UnprovenResponse(why, Answer.NOT_STORED)


async def _restore(sending: Sending, prepared: PreparedOperation, others: frozenset[str]) -> bool:
    lost = sorted(others - await _members(sending, prepared))
    if not lost:
        return False
    operation = prepared.operation
    changes = tuple(
        member_change(Membership(operation.key, Kind.USER, Key(one), True, acknowledged=False))
        for one in lost
    )
    again = replace(operation, action=Action.ADD_MEMBERS, changes=changes)
    ids = {(Kind.USER, Key(one)): RemoteId(one) for one in lost}
    _, ready = sending.requests(again, {}, ids)
    for request in ready:
        await sending.connection.send(request)
    return True


async def _members(sending: Sending, prepared: PreparedOperation) -> frozenset[str]:
    return frozenset(member_ids(await sending.read(prepared)))
