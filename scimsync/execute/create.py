"""Create a resource exactly once: after a lost response, look it up before trying again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from scimsync.execute.error_policy import outcome_of_error, response_of
from scimsync.execute.first_use import note_created_without
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    applied,
    failed,
    postponed,
)
from scimsync.execute.other_shapes import send_in_some_shape
from scimsync.execute.preparation import ACCEPTED_S, PreparedOperation, Sending
from scimsync.execute.refused_change import in_part
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.model.interrupted import perhaps_created
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import Action, Confirmation, JournaledOperation
from scimsync.model.placeholders import RandomText, secrets_of
from scimsync.plan.adoption import is_weak, matched_by, why_not_adopted
from scimsync.plan.document_diff import changes_between
from scimsync.plan.product import keep_immutable
from scimsync.plan.protection import document_protected_by, protected_by, why_protected
from scimsync.scim.attributes import read, resource_id
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.account_finder import to_account
from scimsync.targets.evidence import (
    Answer,
    OutcomeUnknown,
    Purpose,
    Verdict,
    accepted,
    answer_of,
    may_have_had_effect,
    verdict,
)
from scimsync.targets.filter_search import SearchUndecided
from scimsync.targets.foreign_groups import has_other_external_id
from scimsync.targets.matching import Matcher, MatchResult
from scimsync.targets.shown_resources import active_of, created_id, shows_another
from scimsync.transport.request_errors import NoResponse, RequestError

ARRIVAL_S = 5.0
"""Seconds that a request may still be under way after its connection broke. After that, the run
looks the resource up once more and sends the request again."""

CREATION_TRIES = 5
"""The number of times that one run sends a creation. Before each further try, the run looks the
resource up."""


@dataclass(slots=True)
class Creation:
    """The creation of one resource."""

    sending: Sending
    prepared: PreparedOperation

    async def send(self) -> OperationOutcome:
        """Create the resource, or adopt it where the target says that it exists.

        Raise TargetStopped if it was not sent.
        """
        connection, operation, link = self.sending.connection, self.operation, self.prepared.link
        if not connection.may_create:
            return postponed(operation, self.now(), link, "too many earlier creations failed")
        document = self._kept_document()
        unknown: OutcomeUnknown | None = None
        try:
            for number in range(CREATION_TRIES):
                if number:
                    await connection.sleep(connection.time.uniform(0, 0.5 * 2 ** (number - 1)))
                try:
                    response = await connection.send(self._request)
                except OutcomeUnknown as error:
                    unknown, link = error, perhaps_created(link, operation)
                    self._matcher.outdate()
                    match = await self._created(document, self._delay_after(error.cause))
                    if match is not None:
                        return await self._take(link, match, document, error.cause)
                else:
                    unknown, link = None, perhaps_created(link, operation)
                    if answer_of(response) is Answer.ACCEPTED:
                        return await self._settle_accepted(link, document, response)
                    return await self._conclude(link, document, response)
        except SearchUndecided as error:
            return self._undecided(link, unknown, error)
        except RequestError as error:
            if verdict(error, Purpose.CREATE) is Verdict.CONFLICT:
                return await self._adopt_instead(link, document, error)
            if may_have_had_effect(error):
                link = perhaps_created(link, operation)
            return outcome_of_error(operation, link, error, self.now())
        assert unknown is not None  # noqa: S101 - or there was a response
        connection.creation_failed(unknown)
        return outcome_of_error(operation, link, unknown, self.now())

    def _undecided(
        self, link: Link | None, unknown: OutcomeUnknown | None, why: SearchUndecided
    ) -> OperationOutcome:
        """Return the outcome of a creation that no search settles.

        `unknown` is the error instead of its response, None if that shows no account.
        """
        if unknown is None:
            detail = f"{self._request}: the response shows no account, and no search works: {why}"
            return failed(self.operation, self.now(), link, detail, "SYNC-0346")
        self.sending.connection.creation_failed(unknown)
        detail = f"{unknown}; no search works: {why}"
        return outcome_of_error(self.operation, link, unknown, self.now(), detail=detail)

    @property
    def _request(self) -> ScimRequest:
        (ready,) = self.prepared.ready  # a creation always has one request
        return ready

    @property
    def operation(self) -> JournaledOperation:
        return self.prepared.operation

    @property
    def _matcher(self) -> Matcher:
        return self.sending.matcher_of(self.operation.kind, self.operation.key)

    def now(self) -> datetime:
        return self.sending.clock()

    def _kept_document(self) -> Document:
        """Return the document for the link, without values that are sent at creation only."""
        create_only = self.sending.create_only(self.operation.kind, self.operation.key)
        return {
            change.path: change.after
            for change in self.operation.changes
            if change.after is not None
            and change.path not in create_only
            and not isinstance(change.after, RandomText)
        }

    async def _conclude(
        self, link: Link | None, document: Document, response: ScimResponse
    ) -> OperationOutcome:
        protected = self._protected_answer(response, document)
        if protected is not None:
            return failed(self.operation, self.now(), link, protected, "SYNC-0361")
        remote_id = created_id(response)
        other = shows_another(response.body, document, self.operation.kind)
        if other is not None:
            if remote_id is not None and self._owner(remote_id) is not None:
                other = None  # the writer fails it, and names the owner
            else:
                remote_id = None
        confirmed_by = None
        if remote_id is None and (match := await self._unowned(document, proving=True)) is not None:
            remote_id, confirmed_by = _id_of(match), Confirmation.READ
        if remote_id is None and other is not None:
            return failed(self.operation, self.now(), link, other, "SYNC-0370")
        if remote_id is None:
            detail = "the response to POST names no id, and the account is not found"
            return failed(self.operation, self.now(), link, detail, "SYNC-0346")
        stays_active = document.get("active") is False and active_of(response.body or {}) is True
        if stays_active:  # some targets take no `active` from a creation
            document = {**document, "active": True}
        outcome = applied(
            self.operation,
            self.now(),
            remote_id,
            document,
            response=response,
            confirmed_by=confirmed_by,
        )
        self._matcher.outdate()
        note_created_without(self.sending, self.operation, document, response)
        outcome = replace(outcome, created=True)
        return in_part(outcome, self.now()) if stays_active else outcome

    async def _settle_accepted(
        self, link: Link, document: Document, response: ScimResponse
    ) -> OperationOutcome:
        """Look for the resource that the target promised to create, now and after a while.

        Its Location may be that of an event and not of the resource (RFC 9967).
        """
        cause = accepted(self._request, response)
        match = await self._created(document, ACCEPTED_S)
        if match is None:
            return outcome_of_error(self.operation, link, cause, self.now())
        return await self._take(link, match, document, cause)

    def _protected_answer(self, response: ScimResponse, sent: Document) -> str | None:
        """Return why the account in the answer to a creation stays as it is.

        Some targets answer a creation with an account that exists. If the document that was sent
        matches `protect` itself, the account may be new.
        """
        policy, kind = self.sending.policy, self.operation.kind
        condition = protected_by(policy, kind, response.body or {})
        if condition is None or condition == document_protected_by(policy, kind, sent):
            return None
        remote_id = created_id(response)
        what = f"the target answered with the account {remote_id}"
        return f"protected by {condition}: {what}, which is not adopted"

    def _delay_after(self, cause: RequestError) -> float:
        """Return the seconds after which a POST without a response shows what it created."""
        arrival = ARRIVAL_S if isinstance(cause, NoResponse) else 0  # it may still be under way
        return max(arrival, self.sending.policy.product.write_delay)

    async def _created(self, document: Document, delay: float) -> MatchResult | None:
        """Return the resource that a POST created, found now or after `delay` seconds.

        Raise SearchUndecided if nothing shows that it created none.
        """
        match = await self._unowned(document, proving=not delay)
        if match is None and delay:
            await self.sending.connection.sleep(delay)
            match = await self._unowned(document, proving=True)
        return match

    async def _unowned(self, document: Document, *, proving: bool) -> MatchResult | None:
        """Return the one resource that matches `document`, unless it is linked to another key.

        With `proving`, raise SearchUndecided if nothing shows that there is none.
        """
        match = await self._matcher.look_up(document, fresh=True, proving=proving)
        if match is None or len(match.resources) != 1:
            return None
        remote_id = _id_of(match)
        return match if remote_id and self._owner(remote_id) is None else None

    async def _take(
        self, link: Link, match: MatchResult, document: Document, cause: RequestError
    ) -> OperationOutcome:
        """Take what was found for the resource that was created, or else adopt it if allowed."""
        if await self._may_be_new(match, document):
            return await self._complete(link, match, document, cause)
        return await self._adopt_found(link, match, document, cause)

    async def _complete(
        self, link: Link, match: MatchResult, wanted: Document, cause: RequestError
    ) -> OperationOutcome:
        """Bring a resource that was created without a response up to date."""
        remote_id, base, wanted = self._adoption_documents(match, wanted)
        try:
            adoption = self._adoption(remote_id, base, wanted)
            _, response, confirmed_by = await send_in_some_shape(self.sending, adoption)
        except RequestError as error:
            created = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id, document=base)
            return outcome_of_error(self.operation, created, error, self.now())
        detail = f"found after: {cause}"
        return applied(
            self.operation,
            self.now(),
            remote_id,
            wanted,
            detail=detail,
            response=response,
            confirmed_by=confirmed_by or Confirmation.READ,
        )

    async def _adopt_instead(
        self, link: Link | None, wanted: Document, conflict: RequestError
    ) -> OperationOutcome:
        """Find the account that exists according to the target, and adopt it."""
        operation = self.operation
        try:
            match = await self._matcher.find_holder(wanted)
        except SearchUndecided as error:
            detail = f"{conflict}; {error}"
            return failed(operation, self.now(), link, detail, "SYNC-0344", response_of(conflict))
        except RequestError as error:
            return outcome_of_error(operation, link, error, self.now())
        return await self._adopt_found(link, match, wanted, conflict)

    async def _adopt_found(
        self, link: Link | None, match: MatchResult | None, wanted: Document, cause: RequestError
    ) -> OperationOutcome:
        """Adopt the resource that was found after the creation ended with `cause`, if allowed."""
        operation, now = self.operation, self.now()
        if match is not None and self._waits_for_owner(match):
            waits = f"{cause}; {operation.waits_for} gives its name up in this run"
            return replace(postponed(operation, now, link, waits), again=True)
        if (why := self._why_not_adopted(match)) is not None or match is None:
            return failed(operation, now, link, f"{cause}; {why}", "SYNC-0344", response_of(cause))
        remote_id, base, wanted = self._adoption_documents(match, wanted)
        adoption = self._adoption(remote_id, base, wanted)
        try:
            requests, response, confirmed_by = await send_in_some_shape(self.sending, adoption)
        except RequestError as error:
            if may_have_had_effect(error):
                link = perhaps_created(link, adoption.operation)
            return outcome_of_error(operation, link, error, self.now(), adoption.requests)
        return applied(
            operation,
            self.now(),
            remote_id,
            wanted,
            requests=requests,
            response=response,
            detail=f"{operation.kind.a_noun} with the same {match.by} exists",
            action=Action.ADOPT,
            confirmed_by=confirmed_by or (None if adoption.requests else Confirmation.READ),
        )

    def _waits_for_owner(self, match: MatchResult) -> bool:
        """Return whether the group that was found gives its name up later in this run.

        It is renamed, or deleted once the memberships are changed.
        """
        operation = self.operation
        return (
            operation.kind is Kind.GROUP
            and operation.waits_for is not None
            and [self._owner(RemoteId(resource_id(one) or "")) for one in match.resources]
            == [operation.waits_for]
        )

    def _why_not_adopted(self, match: MatchResult | None) -> str | None:
        noun = self.operation.kind.noun
        if match is None:
            return f"no {noun} matches"
        if len(match.resources) != 1:
            return f"{len(match.resources)} {noun}s match by {match.by}"
        remote_id = _id_of(match)
        if not remote_id:
            return f"that {noun} has no id that can be used"
        if (owner := self._owner(remote_id)) is not None:
            return f"that {noun} belongs to {owner}"
        operation, policy = self.operation, self.sending.policy
        protected = why_protected(self._protected_by(match), remote_id, Action.ADOPT)
        if protected is not None:
            return protected
        if not policy.update:
            return f"actions.update = false keeps {noun} {remote_id} as it is"
        why = why_not_adopted(policy, operation.kind, operation.key, match.by)
        if why is not None:
            return f"{noun} {remote_id}: {why}"
        if self._is_weak(match) and not self.sending.may_adopt_weakly():
            return (
                f"account {remote_id} matches only weakly and may be of another person, and"
                " guard.max_adoptions allows no further one"
            )
        return None

    def _is_weak(self, match: MatchResult) -> bool:
        """Return whether what was found may be someone else's account."""
        wanted = {change.path: change.after for change in self.operation.changes}
        by = matched_by(wanted, to_account(match.by, match.resources[0], ()))
        return self.operation.kind is Kind.USER and is_weak(by)

    def _protected_by(self, match: MatchResult) -> str | None:
        return protected_by(self.sending.policy, self.operation.kind, match.resources[0])

    async def _may_be_new(self, match: MatchResult, sent: Document) -> bool:
        """Return whether a resource may be one that was just created: a new group is empty."""
        if self.operation.kind is Kind.GROUP:
            if has_other_external_id(match.resources[0], sent):
                return False
            if not self.sending.policy.product.members_returned and match.by != "externalId":
                return False
            group = await self._matcher.with_members(match.resources[0])
            return group is not None and not read(group, "members")
        return self._protected_by(match) is None

    def _adoption(self, remote_id: RemoteId, base: Document, wanted: Document) -> PreparedOperation:
        adoption = replace(
            self.operation,
            action=Action.ADOPT,
            remote_id=remote_id,
            changes=changes_between(base, wanted),
        )
        requests, ready = self.sending.requests(adoption, base, {})
        return PreparedOperation(adoption, self.prepared.link, base, requests=requests, ready=ready)

    def _adoption_documents(
        self, match: MatchResult, wanted: Document
    ) -> tuple[RemoteId, Document, Document]:
        """Return the id of a resource that was found, and its documents before and after adoption.

        The document before holds its values of the attributes in `wanted`, and all sensitive
        values, so that none is sent. A deactivated account is reactivated.
        """
        account = to_account(match.by, match.resources[0], tuple(wanted))
        immutable = self.sending.policy.product.immutable_of(self.operation.kind)
        wanted, _ = keep_immutable(wanted, account.document, immutable)
        base = {path: value for path, value in account.document.items() if path in wanted}
        base |= secrets_of(wanted)
        if account.active is False:
            base, wanted = base | {"active": False}, {"active": True} | wanted
        return account.remote_id, base, wanted

    def _owner(self, remote_id: RemoteId) -> Key | None:
        return self.sending.owner(self.operation.kind, remote_id)


def _id_of(match: MatchResult) -> RemoteId:
    return RemoteId(resource_id(match.resources[0]) or "")
