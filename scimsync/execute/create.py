"""Create a resource exactly once: after a lost response, look it up before trying again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote, urlsplit

from scimsync.execute.error_policy import outcome_of_error
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    applied,
    failed,
    postponed,
)
from scimsync.execute.preparation import PreparedOperation, Sending
from scimsync.model.ids import Document, Key, RemoteId
from scimsync.model.interrupted import perhaps_created
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import Action, JournaledOperation
from scimsync.model.placeholders import RandomText
from scimsync.plan.diff import changes_between
from scimsync.scim.attributes import resource_id
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimResponse
from scimsync.targets.evidence import OutcomeUnknown, may_have_had_effect
from scimsync.targets.matching import Match, Matcher, to_account
from scimsync.transport.request_errors import NoResponse, RequestError

ARRIVAL_S = 5.0
"""Seconds that a request may still be under way after its connection broke. Then the resource is
looked up once more, and the request is sent again."""

CREATION_TRIES = 5
"""How often a creation is sent in one run. Before each further try, the resource is looked up."""


@dataclass(slots=True)
class Creation:
    """The creation of one resource."""

    sending: Sending
    prepared: PreparedOperation

    async def send(self) -> OperationOutcome:
        """Create the resource, or adopt it where the target says that it exists.

        Raise TargetStopped where it was not sent.
        """
        connection, operation, link = self.sending.connection, self.operation, self.prepared.link
        if not connection.may_create:
            why = "too many creations before it failed"
            return postponed(operation, self.now(), link, why)
        document = self._kept_document()
        unknown: OutcomeUnknown | None = None
        try:
            for number in range(CREATION_TRIES):
                if number:
                    await connection.sleep(connection.time.uniform(0, 0.5 * 2 ** (number - 1)))
                try:
                    response = await self._send_once()
                except OutcomeUnknown as error:
                    unknown, link = error, perhaps_created(link, operation)
                    if (found := await self._created_by(document, error.cause)) is not None:
                        return await self._complete(link, found, document, error.cause)
                else:
                    link = perhaps_created(link, operation)
                    return await self._conclude(link, document, response)
        except RequestError as error:
            if isinstance(error, ErrorResponse) and error.kind is ErrorKind.CONFLICT:
                return await self._adopt_instead(link, document, error)
            return outcome_of_error(operation, link, error, self.now())
        assert unknown is not None  # noqa: S101 - or there was a response
        connection.creation_failed(unknown)
        return outcome_of_error(operation, link, unknown, self.now())

    @property
    def operation(self) -> JournaledOperation:
        return self.prepared.operation

    @property
    def _matcher(self) -> Matcher:
        return self.sending.matcher_of(self.operation.kind, self.operation.key)

    def now(self) -> datetime:
        return self.sending.clock()

    def _kept_document(self) -> Document:
        """Return what the link will hold: without what is sent at creation only."""
        create_only = self.sending.create_only(self.operation.kind, self.operation.key)
        return {
            change.path: change.after
            for change in self.operation.changes
            if change.after is not None
            and change.path not in create_only
            and not isinstance(change.after, RandomText)
        }

    async def _send_once(self) -> ScimResponse:
        ready = self.prepared.ready
        assert ready is not None  # noqa: S101 - a creation always has a request
        return await self.sending.connection.send(ready)

    async def _conclude(
        self, link: Link | None, document: Document, response: ScimResponse
    ) -> OperationOutcome:
        remote_id = _id_of_response(response)
        if remote_id is None and (found := await self._unowned(document)) is not None:
            remote_id = _id_of(found)
        if remote_id is None:
            detail = "the response to POST names no id, and the account is not found"
            return failed(self.operation, self.now(), link, detail, "SYNC-0346")
        done = applied(self.operation, self.now(), remote_id, document, etag=response.etag)
        return replace(done, created=True)

    async def _created_by(self, document: Document, cause: RequestError) -> Match | None:
        """Return what a POST without a response created.

        After silence or a broken connection the request may still be under way: the resource is
        looked up once more after a while.
        """
        found = await self._unowned(document)
        if found is None and isinstance(cause, NoResponse):
            await self.sending.connection.sleep(ARRIVAL_S)
            found = await self._unowned(document)
        return found

    async def _unowned(self, document: Document) -> Match | None:
        """Return the one resource that matches `document`, unless it is linked to another key."""
        found = await self._matcher.look_up(document)
        if found is None or len(found.resources) != 1:
            return None
        remote_id = _id_of(found)
        return found if remote_id and self._owner(remote_id) is None else None

    async def _complete(
        self, link: Link, found: Match, wanted: Document, cause: RequestError
    ) -> OperationOutcome:
        """Change what was created without a response to what it should be, where it is not."""
        remote_id, base, wanted = _taken(found, wanted)
        try:
            await self.sending.send(self._adoption(remote_id, base, wanted))
        except RequestError as error:
            there = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id, document=base)
            return outcome_of_error(self.operation, there, error, self.now())
        detail = f"found after: {cause}"
        return applied(self.operation, self.now(), remote_id, wanted, detail=detail)

    async def _adopt_instead(
        self, link: Link | None, wanted: Document, conflict: ErrorResponse
    ) -> OperationOutcome:
        """Find the account that exists according to the target, and change it."""
        operation = self.operation
        try:
            found = await self._matcher.look_up(wanted)
        except RequestError as error:
            return outcome_of_error(operation, link, error, self.now())
        if (why := self._why_not_adopted(found)) is not None or found is None:
            detail = f"{conflict}; {why}"
            return failed(operation, self.now(), link, detail, "SYNC-0344", conflict)
        remote_id, base, wanted = _taken(found, wanted)
        adoption = self._adoption(remote_id, base, wanted)
        try:
            request, _ = await self.sending.send(adoption)
        except RequestError as error:
            if may_have_had_effect(error):
                link = perhaps_created(link, adoption.operation)
            return outcome_of_error(operation, link, error, self.now(), adoption.request)
        return applied(
            operation,
            self.now(),
            remote_id,
            wanted,
            request=request,
            detail=f"an account with the same {found.by} exists",
            action=Action.ADOPT,
        )

    def _why_not_adopted(self, found: Match | None) -> str | None:
        if found is None:
            return "no account matches"
        if len(found.resources) != 1:
            return f"{len(found.resources)} accounts match by {found.by}"
        owner = self._owner(_id_of(found))
        return None if owner is None else f"that account belongs to {owner}"

    def _adoption(self, remote_id: RemoteId, base: Document, wanted: Document) -> PreparedOperation:
        adoption = replace(
            self.operation,
            action=Action.ADOPT,
            remote_id=remote_id,
            changes=changes_between(base, wanted),
        )
        request, ready = self.sending.requests(adoption, base, {})
        return PreparedOperation(adoption, self.prepared.link, base, request=request, ready=ready)

    def _owner(self, remote_id: RemoteId) -> Key | None:
        return self.sending.owner(self.operation.kind, remote_id)


def _taken(found: Match, wanted: Document) -> tuple[RemoteId, Document, Document]:
    """Return the id of a resource that was found, and its documents before and after adoption.

    The document before holds its values of the attributes in `wanted`. A deactivated account is
    reactivated.
    """
    account = to_account(found.by, found.resources[0], tuple(wanted))
    base = {path: value for path, value in account.document.items() if path in wanted}
    if account.active is False:
        base, wanted = base | {"active": False}, {"active": True} | dict(wanted)
    return account.remote_id, base, wanted


def _id_of(found: Match) -> RemoteId:
    return RemoteId(resource_id(found.resources[0]) or "")


def _id_of_response(response: ScimResponse) -> RemoteId | None:
    """Return the id of a created resource (RFC 7644 section 3.3).

    It comes from the body, or else from the last part of Location.
    """
    if response.resource_id:
        return RemoteId(response.resource_id)
    if response.location:
        last = urlsplit(response.location).path.rstrip("/").rpartition("/")[2]
        return RemoteId(unquote(last)) if last and last.lower() != "users" else None
    return None
