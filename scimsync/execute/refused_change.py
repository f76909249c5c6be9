"""Determine the outcome of a change that did not succeed, and send the rest of it.

Access is taken away first, alone and by every means: a refused PATCH is split, and a refused DELETE
becomes a deactivation. A resource counts as gone only if a search proves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from scimsync.errors import coded
from scimsync.execute.before_removal import NotToBeDeleted
from scimsync.execute.error_policy import (
    gone,
    outcome_of_error,
    purpose_of_action,
    response_of,
)
from scimsync.execute.first_use import Sent, send_checked
from scimsync.execute.held_values import holds
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    applied,
    confirmation_of,
    failed,
    skipped,
)
from scimsync.execute.other_shapes import lesson, may_be_the_shape, send_in_other_shapes
from scimsync.execute.preparation import ACCEPTED_S, PreparedOperation, Sending
from scimsync.model.changes import Change, apply_changes, takes_access
from scimsync.model.ids import Document, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus, link_in_doubt, perhaps_changed
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    Confirmation,
    JournaledOperation,
)
from scimsync.plan.guard import REMOVALS
from scimsync.scim.attributes import resource_id
from scimsync.scim.messages import Requests
from scimsync.targets.connection import TargetStopped
from scimsync.targets.evidence import (
    Answer,
    IdOfAnother,
    Verdict,
    answer_of,
    may_have_had_effect,
    refusal_code,
    verdict,
)
from scimsync.transport.request_errors import InvalidRequest, RequestError

_REFUSALS = (Verdict.REFUSED, Verdict.SHAPE, Verdict.CONFLICT)


async def after_error(
    sending: Sending, prepared: PreparedOperation, error: RequestError
) -> OperationOutcome:
    """Return the outcome of a change or deletion whose request ended with `error`.

    Raise IdOfAnother if the resource is someone else's.
    """
    if isinstance(error, NotToBeDeleted):
        return _kept(prepared, error, sending.clock())
    try:
        return await _RefusedChange(sending, prepared, error).settle()
    except IdOfAnother as shown:
        shown.before_write &= not may_have_had_effect(error)
        raise


def stop_for_reused_id(
    sending: Sending, prepared: PreparedOperation, error: IdOfAnother
) -> OperationOutcome:
    """Send nothing more to a target that gave an id to someone else, and return the outcome."""
    sending.connection.stop(error.at(prepared.operation.target))
    effect = "nothing was sent to it" if error.before_write else "the request may have changed it"
    detail = f"{error}; {effect}"
    return failed(prepared.operation, sending.clock(), prepared.link, detail, "SYNC-0390")


def _kept(prepared: PreparedOperation, error: NotToBeDeleted, now: datetime) -> OperationOutcome:
    """Return the outcome of a deletion that was not sent. It stays due."""
    link = prepared.link
    if link is not None and error.is_active:
        link = replace(link, may_have_access_since=link.may_have_access_since or now)
    return failed(prepared.operation, now, link, str(error), error.code)


@dataclass(slots=True)
class _RefusedChange:
    """A change that did not succeed.

    `parts` are the changes that the resource has now, and `refusals` those that were refused one by
    one. `requests` are the last ones that succeeded. `confirmed_by` confirms those of `parts` that
    were sent, and those that take access away before others.
    """

    sending: Sending
    prepared: PreparedOperation
    error: RequestError
    parts: list[Change] = field(default_factory=list)
    refusals: list[tuple[Sequence[Change], RequestError]] = field(default_factory=list)
    requests: Requests | None = None
    confirmed_by: Confirmation | None = None

    async def settle(self) -> OperationOutcome:
        operation = self.prepared.operation
        proof = verdict(self.error, purpose_of_action(operation.action))
        try:
            if proof is Verdict.MISSING or self._may_be_shown(proof):
                return await self._compare(proof)
            if proof in _REFUSALS and operation.action == Action.DELETE:
                return await self._deactivate_instead()
            if proof in _REFUSALS and (len(operation.changes) > 1 or self._may_be_the_shape()):
                return await self._compare(proof)
        except TargetStopped:
            return self._failed()
        if proof is Verdict.REFUSED and answer_of(self.error) is Answer.BAD_REQUEST:
            return self._failed(in_doubt=True)  # it may hold the value already: read it first
        return self._failed()

    def _may_be_the_shape(self) -> bool:
        """Return whether another shape of the request may help."""
        return self.sending.shapes is not None and may_be_the_shape(
            self.error, is_proven=not self.prepared.is_trial
        )

    def _may_be_shown(self, proof: Verdict) -> bool:
        """Return whether reading the resource now can show the outcome of the request.

        After a server error or silence, the next run reads it: the request may still be under way.
        Removals do not wait for that: some targets answer so about a resource that is gone.
        """
        answer, operation = answer_of(self.error), self.prepared.operation
        if answer is Answer.SERVER_ERROR:
            return operation.action in REMOVALS
        shown = (Answer.CONTRADICTION, Answer.ACCEPTED, Answer.OTHER_RESOURCE)
        return proof in (Verdict.UNKNOWN, Verdict.REFUSED) and answer in shown

    async def _compare(self, proof: Verdict) -> OperationOutcome:
        """Read the resource, and send again, in parts, the values that it lacks."""
        operation, link = self.prepared.operation, self.prepared.link
        remote_id = operation.remote_id
        assert remote_id is not None  # noqa: S101 - it is a change of a resource that exists
        known = self.prepared.before if link is None else {**link.document, **self.prepared.before}
        delay = self.sending.policy.product.write_delay
        if self._was_written_within(delay):
            why = f"what was written in the last {delay} s may not be shown yet"
            return self._failed(f"{self.error}; {why}")
        try:
            resource = await self._read(remote_id, known)
        except RequestError as why:
            return self._failed(f"{self.error}; its outcome is unknown: {why}")
        found_id = None if resource is None else RemoteId(resource_id(resource) or remote_id)
        if (
            found_id is None
            or resource is None
            or self.sending.other_owner(operation, found_id) is not None
        ):
            return gone(operation, link, str(self.error), self.sending.clock())
        if found_id != remote_id:
            return self._moved(found_id)
        if operation.action in MEMBERSHIP_ACTIONS:  # its changes are members, not attributes
            return self._failed()
        if operation.action == Action.DELETE:
            return await self._deactivate_instead()
        return await self._send_missing(resource, proof)

    def _was_written_within(self, seconds: int) -> bool:
        link = self.prepared.link
        if link is None or link.synced_at is None:
            return False
        return self.sending.clock() - link.synced_at < timedelta(seconds=seconds)

    async def _read(self, remote_id: RemoteId, known: Document) -> dict[str, Any] | None:
        """Read the resource, twice if the target accepted the request and did not carry it out."""
        operation = self.prepared.operation
        matcher = self.sending.matcher_of(operation.kind, operation.key)
        resource = await matcher.locate(remote_id, known)
        if answer_of(self.error) is Answer.ACCEPTED and not self._is_done(resource):
            await self.sending.connection.sleep(ACCEPTED_S)
            resource = await matcher.locate(remote_id, known)
        return resource

    async def _send_missing(self, resource: Mapping[str, Any], proof: Verdict) -> OperationOutcome:
        """Send again, in parts, the values that a resource as just read lacks."""
        operation = self.prepared.operation
        missing = [change for change in operation.changes if not holds(resource, change)]
        self.parts += [change for change in operation.changes if change not in missing]
        if missing:
            dialect = self.sending.dialect
            await self._send_parts(missing, proof)
            self._learn_single_operations(missing, unmoved=dialect is self.sending.dialect)
        return self._outcome()

    def _learn_single_operations(self, changes: Sequence[Change], *, unmoved: bool) -> None:
        """Note that the target takes one operation in each request, if nothing else explains it."""
        shapes, kind = self.sending.shapes, self.prepared.operation.kind
        if shapes is None or self.refusals or not unmoved or len(changes) < 2:
            return
        if may_be_the_shape(self.error, is_proven=not self.prepared.is_trial):
            shapes.note_single_operations(kind, lesson("several operations", self.error))

    def _is_done(self, resource: Mapping[str, Any] | None) -> bool:
        """Return whether a resource as just read shows that the request was carried out."""
        operation = self.prepared.operation
        if resource is None or operation.action == Action.DELETE:
            return resource is None
        return all(holds(resource, change) for change in operation.changes)

    async def _send_parts(self, changes: Sequence[Change], proof: Verdict) -> None:
        """Send the changes that remove access, then each other change; note refusals."""
        operation = self.prepared.operation
        access = [change for change in changes if takes_access(change)]
        access.sort(key=lambda change: change.path != "active")
        others = [change for change in changes if not takes_access(change)]
        if access and len(access) < len(operation.changes):  # or else they were sent together
            error = await self._send_part(access)
            if error is not None and len(access) == 1:
                self.refusals.append((access, error))
            if error is None or len(access) == 1:
                access = []
        await self._send_singly(access)
        if others and (operation.action == Action.DEACTIVATE or proof is Verdict.UNKNOWN):
            self.refusals.append((others, self.error))  # the next plan has them again
        else:
            await self._send_singly(others)

    async def _send_singly(self, changes: Sequence[Change]) -> None:
        """Send changes one by one, in other shapes too, but the only one not in the same again."""
        is_only = len(self.prepared.operation.changes) == 1
        for change in changes:
            error = await self._send_part([change], self.error if is_only else None)
            if error is not None:
                self.refusals.append(([change], error))

    async def _send_part(
        self, changes: Sequence[Change], error: RequestError | None = None
    ) -> RequestError | None:
        """Send some changes of the operation. Return the error if they did not succeed.

        With `error`, they were refused with it already.
        """
        part = replace(self.prepared.operation, changes=tuple(changes))
        error = await self._send(part, apply_changes(self.prepared.before, self.parts), error)
        if error is None:
            self.parts += changes
        return error

    async def _send(
        self, operation: JournaledOperation, before: Document, error: RequestError | None = None
    ) -> RequestError | None:
        prepared = self.sending.reshaped(
            replace(self.prepared, operation=operation, before=before, dialect=None)
        )
        if prepared.error is not None:
            return InvalidRequest(prepared.error.message)
        sent: Sent | None = None
        if error is None:
            try:
                sent = await send_checked(self.sending, prepared)
            except RequestError as refusal:
                error = refusal
        if error is not None and len(operation.changes) == 1:
            sent, error = await send_in_other_shapes(self.sending, prepared, error)
        if sent is not None:
            self._note_sent(operation, sent)
        return error

    def _note_sent(self, operation: JournaledOperation, sent: Sent) -> None:
        self.requests = sent.requests
        confirmed_by = sent.confirmed_by
        if confirmed_by is None and sent.response is not None:
            confirmed_by = confirmation_of(sent.response, operation.changes)
        if self.confirmed_by is None or any(map(takes_access, operation.changes)):
            self.confirmed_by = confirmed_by

    async def _deactivate_instead(self) -> OperationOutcome:
        """Deactivate a user whose account the target does not delete. The deletion stays due."""
        operation, link, now = self.prepared.operation, self.prepared.link, self.sending.clock()
        if operation.kind is Kind.GROUP or link is None or link.status is LinkStatus.INACTIVE:
            return self._failed()
        change = Change("active", link.document.get("active", True), False)
        deactivation = replace(operation, action=Action.DEACTIVATE, changes=(change,))
        refusal = await self._send(deactivation, link.document)
        if refusal is not None:
            why = f"{self.error}; the deactivation in its place: {refusal}"
            return self._failed(why, in_doubt=may_have_had_effect(refusal))
        inactive = replace(
            link,
            status=LinkStatus.INACTIVE,
            document=apply_changes(link.document, [change]),
            left_at=link.left_at or operation.planned_at,
            may_have_access_since=None,
        )
        detail = f"{self.error}; the account is deactivated, and its deletion stays due"
        code, response = refusal_code(self.error), response_of(self.error)
        outcome = failed(operation, now, inactive, detail, code, response, self.requests)
        return replace(outcome, result=replace(outcome.result, confirmed_by=self.confirmed_by))

    def _moved(self, remote_id: RemoteId) -> OperationOutcome:
        """Plan the resource again in this run, under the id that it has now."""
        operation, link, now = self.prepared.operation, self.prepared.link, self.sending.clock()
        if link is None:
            return self._failed()
        moved = link_in_doubt(replace(link, remote_id=remote_id), now)
        detail = f"{self.error}; found again with the id {remote_id}"
        outcome = skipped(operation, now, moved, detail, again=True)
        return replace(outcome, arrives=True)

    def _outcome(self) -> OperationOutcome:
        operation, link, now = self.prepared.operation, self.prepared.link, self.sending.clock()
        document = apply_changes(self.prepared.before, self.parts)
        done = applied(
            operation,
            now,
            operation.remote_id,
            document,
            link=link,
            requests=self.requests,
            detail=f"shown by the account after: {self.error}",
            confirmed_by=self.confirmed_by or Confirmation.READ,
        )
        assert done.link is not None  # noqa: S101 - applied() gives one
        if not self.refusals:
            return in_part(done, now) if operation.detail is not None else done
        done = replace(done, link=self._with_doubt(done.link))
        if operation.action == Action.DEACTIVATE and document.get("active") is False:
            why = coded(f"deactivated only; the other changes: {self.error}", "SYNC-0347")
            operation_result = replace(done.result, detail=why)
            return in_part(replace(done, result=operation_result), now)
        if not self.parts or link is None or not link.has_account:
            refused = self._failed(self._named_refusals())
            return replace(refused, link=refused.link and self._with_doubt(refused.link))
        partly = None if done.link is None else replace(done.link, failures=link.failures)
        _, first = self.refusals[0]
        return failed(
            operation,
            now,
            partly,
            self._named_refusals(),
            refusal_code(first),
            response_of(first),
            self.requests,
        )

    def _with_doubt(self, link: Link) -> Link:
        """Return the link, in doubt if a refused change may still have been carried out."""
        had_effect = may_have_had_effect(self.error)
        for changes, error in self.refusals:
            if had_effect or may_have_had_effect(error):
                link = perhaps_changed(link, changes)
        return link

    def _named_refusals(self) -> str:
        if len(self.prepared.operation.changes) == 1:
            return str(self.error)
        return "; ".join(
            f"{', '.join(change.path for change in changes)}: {error}"
            for changes, error in self.refusals
        )

    def _failed(self, detail: str | None = None, *, in_doubt: bool = False) -> OperationOutcome:
        operation, link, now = self.prepared.operation, self.prepared.link, self.sending.clock()
        outcome = outcome_of_error(operation, link, self.error, now, detail=detail)
        after = outcome.link
        if in_doubt and after is not None and after.has_account:
            outcome = replace(outcome, link=perhaps_changed(after, operation.changes))
        return outcome


def in_part(outcome: OperationOutcome, now: datetime) -> OperationOutcome:
    """Let the remaining changes be planned again, in this run or in the next."""
    assert outcome.link is not None  # noqa: S101 - applied() gives one
    link = replace(outcome.link, next_try_at=now)
    return replace(outcome, link=link, again=True)
