"""Send the member changes of one group, so that a rejected member does not block the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from scimsync.execute.error_policy import outcome_of_error, response_of
from scimsync.execute.first_use import Sent, send_checked
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    acknowledged,
    confirmation_of,
    failed,
    result,
    skipped,
)
from scimsync.execute.other_members import OthersInDoubt
from scimsync.execute.other_shapes import send_in_other_shapes
from scimsync.execute.preparation import ACCEPTED_S, PreparedOperation, Sending
from scimsync.execute.refused_change import after_error, stop_for_reused_id
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.memberships import Membership, member_change, member_of
from scimsync.model.operations import Confirmation, OperationStatus
from scimsync.scim.attributes import member_ids, read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Requests
from scimsync.targets.evidence import (
    Answer,
    IdOfAnother,
    Purpose,
    UnprovenResponse,
    Verdict,
    answer_of,
    may_have_had_effect,
    verdict,
)
from scimsync.transport.request_errors import RequestError

MAX_SPLITS = 40
"""The number of times that a refused request is split in halves: enough to find two refused members
among a thousand."""

_MAX_ASKED = 20
"""The number of members that are asked for one by one. Of more, those that were refused are found
by halves."""

_MAY_BE_A_MEMBER = (Verdict.REFUSED, Verdict.SHAPE, Verdict.CONFLICT, Verdict.MISSING)
"""Verdicts on a request that one of its members may have caused."""


_SHOWN_LATER = (Answer.ACCEPTED, Answer.OTHER_MEMBERS)
"""Answers about members after which the group may show that the change was made."""


async def send_members(sending: Sending, prepared: PreparedOperation) -> OperationOutcome:
    """Remove members from a group and add others.

    If the target refuses, read its list and leave out members that are already right. The list
    may have changed since, for example because an account was deleted.
    """
    operation, link = prepared.operation, prepared.link
    if link is None or link.remote_id is None or not link.has_account:
        return skipped(operation, sending.clock(), None, "the group is not there")
    changes = [
        change
        for change in operation.changes
        if member_of(change)[:2] in prepared.members or not member_of(change)[2]
    ]
    attempt = _Attempt(sending, prepared)
    try:
        await attempt.send(changes)
    except IdOfAnother as error:
        if not error.before_write:
            attempt.in_doubt += changes
        outcome = stop_for_reused_id(sending, prepared, error)
    except RequestError as error:
        if isinstance(error, OthersInDoubt):
            attempt.in_doubt += _additions(sending, operation.key, error.others)
            error = error.cause
        outcome = await _outcome_of_error(sending, prepared, link, error, attempt.requests)
    else:
        outcome = _outcome(prepared, link, attempt, changes, sending.clock())
    doubted = [change for change in attempt.in_doubt if change not in attempt.applied]
    return replace(
        outcome,
        members=acknowledged(operation.key, attempt.applied),
        in_doubt=tuple((operation.key, *member_of(change)[:2]) for change in doubted),
    )


def _additions(sending: Sending, group: Key, ids: Iterable[str]) -> list[Change]:
    """Return changes that add the users with these ids to a group, as far as they are known."""
    keys = (sending.owner(Kind.USER, RemoteId(one)) for one in ids)
    return [
        member_change(Membership(group, Kind.USER, key, wanted=True, acknowledged=False))
        for key in keys
        if key is not None
    ]


def _outcome(
    prepared: PreparedOperation,
    link: Link,
    attempt: _Attempt,
    changes: Sequence[Change],
    now: datetime,
) -> OperationOutcome:
    operation = prepared.operation
    if attempt.refused:
        why = (
            f"{len(attempt.refused)} of {len(changes)} members were refused, the first:"
            f" {attempt.why}"
        )
        refusal = None if attempt.why is None else response_of(attempt.why)
        return failed(operation, now, link, why, "SYNC-0404", refusal, attempt.requests)
    updated = replace(link, synced_at=now)
    failed_now = link.next_try_at is not None and link.next_try_at >= (operation.planned_at or now)
    if not failed_now:  # the memberships had failed, in an earlier run
        updated = replace(updated, failures=0, next_try_at=None, last_error=None)
    status = OperationStatus.APPLIED if changes else OperationStatus.SKIPPED
    detail = None if attempt.accepted is None else f"shown by the group after: {attempt.accepted}"
    operation_result = result(operation, status, now, attempt.requests, detail=detail)
    if status is OperationStatus.APPLIED:  # without a request, the group was read
        confirmed_by = attempt.confirmed_by or Confirmation.READ
        operation_result = replace(operation_result, confirmed_by=confirmed_by)
    return OperationOutcome(operation_result, updated)


async def _outcome_of_error(
    sending: Sending,
    prepared: PreparedOperation,
    link: Link,
    error: RequestError,
    requests: Requests | None,
) -> OperationOutcome:
    """Return the outcome of an error. A group counts as gone only if a search proves it."""
    operation = prepared.operation
    if verdict(error, Purpose.CHANGE) is Verdict.MISSING:
        return await after_error(sending, prepared, error)
    return outcome_of_error(operation, link, error, sending.clock(), requests)


@dataclass(slots=True)
class _Attempt:
    """The progress of the member changes of one operation.

    `applied` are changes that the target holds, and `refused` those that it refused because of
    `why`. `in_doubt` are changes that a request without a clear response may have made. `accepted`
    is an answer after which the group shows the changes. `shown` are the ids of the members that
    it showed when it was read last, None for none. `requests` are the last ones, and `confirmed_by`
    confirms them.
    """

    sending: Sending
    prepared: PreparedOperation
    requests: Requests | None = None
    confirmed_by: Confirmation | None = None
    applied: list[Change] = field(default_factory=list)
    refused: list[Change] = field(default_factory=list)
    in_doubt: list[Change] = field(default_factory=list)
    why: ErrorResponse | UnprovenResponse | None = None
    accepted: RequestError | None = None
    splits: int = 0
    shown: frozenset[str] | None = None

    async def send(self, changes: Sequence[Change]) -> None:
        """Send `changes`. If the target refuses, halve them until the refused ones are found.

        Raise RequestError.
        """
        operation = replace(self.prepared.operation, changes=tuple(changes))
        prepared = self.sending.reshaped(
            replace(self.prepared, operation=operation, before={}, dialect=None)
        )
        self.requests = prepared.requests
        try:
            sent = await send_checked(self.sending, prepared)
            self._note_sent(prepared, sent)
        except RequestError as error:
            if may_have_had_effect(error):
                self.in_doubt += changes
            if answer_of(error) in _SHOWN_LATER:
                await self._settle_by_reading(changes, error)
                return
            if (
                not isinstance(error, ErrorResponse | UnprovenResponse)
                or verdict(error, Purpose.CHANGE) not in _MAY_BE_A_MEMBER
            ):
                raise
            await self._after_refusal(prepared, error)
        else:
            self.applied += changes

    def _note_sent(self, prepared: PreparedOperation, sent: Sent) -> None:
        self.requests = sent.requests
        self.confirmed_by = sent.confirmed_by
        if sent.confirmed_by is None and sent.response is not None:
            self.confirmed_by = confirmation_of(sent.response, prepared.operation.changes)

    async def _settle_by_reading(self, changes: Sequence[Change], error: RequestError) -> None:
        """Read what became of changes that were promised or not shown, now and after a while.

        Raise `error` if the group does not show all of it.
        """
        missing = await self._missing(changes)
        if missing:
            await self.sending.connection.sleep(ACCEPTED_S)
            missing = await self._missing(changes)
        is_shown = not missing
        if missing and answer_of(error) is Answer.OTHER_MEMBERS:
            missing = await self._without_cut_off(missing)
        self.applied += [change for change in changes if change not in missing]
        if missing:
            raise error
        if is_shown:
            self.accepted, self.confirmed_by = error, Confirmation.READ
        else:
            self.confirmed_by = Confirmation.STATUS

    async def _without_cut_off(self, missing: Sequence[Change]) -> Sequence[Change]:
        """Return missing changes without additions that a list may not show because it is cut.

        It is cut if it lacks known members too. A filter that finds members decides, if there is
        one.
        """
        operation, ids = self.prepared.operation, self.prepared.members
        changed = {ids.get(member_of(change)[:2]) for change in operation.changes}
        known = self.sending.known_members(operation.key) - changed
        is_cut = self.shown is not None and not known <= self.shown
        additions = [change for change in missing if member_of(change)[2]]
        asked = await self._by_filter(additions)
        found = [
            change
            for change, is_member in zip(additions, asked, strict=True)
            if is_member or (is_member is None and is_cut)
        ]
        return [change for change in missing if change not in found]

    async def _after_refusal(
        self, prepared: PreparedOperation, error: ErrorResponse | UnprovenResponse
    ) -> None:
        """Leave out changes that the group already shows, try other shapes, then halve the rest."""
        changes = prepared.operation.changes
        needed = await self._missing(changes)  # raises 404 where the group itself is gone
        self.applied += [change for change in changes if change not in needed]
        if len(needed) == len(changes):
            sent, other = await send_in_other_shapes(self.sending, prepared, error)
            if other is None:
                if sent is not None:
                    self._note_sent(prepared, sent)
                self.applied += changes
                return
            if may_have_had_effect(other):
                self.in_doubt += changes
        await self._halve(changes, needed, error)

    async def _halve(
        self,
        changes: Sequence[Change],
        needed: Sequence[Change],
        error: ErrorResponse | UnprovenResponse,
    ) -> None:
        self.splits += 1
        if (
            len(changes) == len(needed) == 1
            or self.splits > MAX_SPLITS
            or answer_of(error) is Answer.NOT_STORED
        ):
            self.refused += needed
            self.why = self.why or error
        elif len(needed) < len(changes):
            if needed:
                await self.send(needed)
        else:
            half = len(needed) // 2
            await self.send(needed[:half])
            await self.send(needed[half:])

    async def _missing(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Return the changes that the group does not show yet, or all if it shows no members.

        An empty list proves nothing: some targets never show members. There, a filter may look up
        each member.
        """
        ids, self.shown = self.prepared.members, None
        if not self.sending.policy.product.members_returned:
            return await self._missing_by_filter(changes)
        try:
            group = await self.sending.read(self.prepared)
        except UnprovenResponse:
            return changes
        members = read(group, "members")
        if not isinstance(members, list) or not members:
            return changes
        shown = self.shown = frozenset(member_ids(group))
        return [
            change
            for change in changes
            if (ids.get(member_of(change)[:2]) in shown) != member_of(change)[2]
        ]

    async def _missing_by_filter(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Return the changes that filters do not show to be made."""
        asked = await self._by_filter(changes)
        return [
            change
            for change, is_member in zip(changes, asked, strict=True)
            if is_member is not member_of(change)[2]
        ]

    async def _by_filter(self, changes: Sequence[Change]) -> list[bool | None]:
        """Return for each change whether a filter finds its member, or None if it is not known."""
        operation = self.prepared.operation
        assert operation.remote_id is not None  # noqa: S101 - send_members() checks it
        if len(changes) > _MAX_ASKED:
            return [None] * len(changes)
        matcher = self.sending.matcher_of(Kind.GROUP, operation.key)
        members = [self.prepared.members.get(member_of(change)[:2]) for change in changes]
        return [
            None if member is None else await matcher.is_member(operation.remote_id, member)
            for member in members
        ]
