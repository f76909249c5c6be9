"""Carries out one operation: makes the request, understands the answer, says what the link is from
now on."""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from scimsync.execute.members import MemberSending
from scimsync.execute.outcome import OperationOutcome, in_doubt, perhaps_there
from scimsync.model.backoff import retry_delay
from scimsync.model.changes import Change, apply_changes
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    RemoteId,
)
from scimsync.model.links import Link, LinkStatus, failed_link
from scimsync.model.memberships import Membership
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    JournaledOperation,
    OperationResult,
    OperationStatus,
)
from scimsync.plan.diff import changes_between
from scimsync.plan.groups import member_of
from scimsync.plan.model import (
    GENERATE,
    REF,
    SECRET,
    marker,
)
from scimsync.plan.requests import shape, shown_request
from scimsync.scim.attributes import resource_id
from scimsync.scim.dialects import Dialect
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.connection import OutcomeUnknown, TargetConnection, may_have_had_effect
from scimsync.targets.matching import Found, Matcher, to_account
from scimsync.transport.request_errors import NoResponse, RequestError

ARRIVAL_S = 5.0
"""So long a request may still be on its way after its connection broke; then it is looked up again,
and sent again."""

CREATION_TRIES = 5
"""So often a creation is sent in one run; each time but the first after a look for what the one
before may have made."""

_ALPHABET = string.ascii_letters + string.digits + "-._~!*+"


class OperationSender:
    """Carries out operations at one target.

    `matcher` finds resources such as an operation's; `once` gives the paths that are sent at
    creation only; `secret` a sensitive value of a key by its digest; `owner` the key that a
    resource belongs to already.
    """

    def __init__(
        self,
        channel: TargetConnection,
        dialect: Dialect,
        matcher: Callable[[JournaledOperation], Matcher],
        *,
        once: Callable[[JournaledOperation], frozenset[str]],
        secret: Callable[[Key, str], object],
        owner: Callable[[Kind, RemoteId], Key | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._channel = channel
        self._dialect = dialect
        self._matcher = matcher
        self._once = once
        self._secret = secret
        self._owner = owner
        self._clock = clock

    async def perform(
        self,
        entry: JournaledOperation,
        link: Link | None,
        accounts: Mapping[Key, RemoteId],
        members: Mapping[tuple[Kind, Key], RemoteId],
    ) -> OperationOutcome:
        """Carries out `entry`. `accounts` gives the remote ids of those that it refers to,
        `members` those of members that come or go. Raises `TargetStopped`: not sent."""
        before: Document = (
            entry.base if entry.base is not None else (link.document if link is not None else {})
        )
        if entry.action in MEMBERSHIP_ACTIONS:
            return await self._change_members(entry, link, members)
        known = [_with_references(change, accounts) for change in entry.changes]
        changes = tuple(change for change in known if change.before != change.after)
        if not changes and entry.action not in (Action.DELETE, Action.ADOPT):
            return OperationOutcome(
                self._result(entry, OperationStatus.SKIPPED, detail="nothing left to change")
            )
        if entry.action == Action.ADOPT and entry.remote_id is not None:
            owner = self._owner(entry.kind, entry.remote_id)
            if owner is not None and owner != entry.key:
                return self._failure(
                    entry, link, None, f"the account {entry.remote_id} belongs to {owner}"
                )
        request, ready = self._requests(entry, entry.action, entry.remote_id, before, changes)
        try:
            if entry.action == Action.CREATE:
                return await self._create(entry, link, request, ready, changes)
            answer = None if ready is None else await self._channel.send(ready)
        except RequestError as error:
            alone = tuple(change for change in changes if change.path == "active")
            if (
                entry.action == Action.DEACTIVATE
                and len(alone) < len(changes)
                and _may_be_the_content(error)
            ):
                return await self._switch_off(entry, link, before, alone, error)
            return self._trouble(entry, link, request, error)
        etag = answer.etag if answer is not None else None
        done = self._done(
            entry, request, entry.remote_id, apply_changes(before, changes), etag=etag, link=link
        )
        return self._in_part(done) if entry.detail is not None else done

    async def _switch_off(
        self,
        entry: JournaledOperation,
        link: Link | None,
        before: Document,
        alone: tuple[Change, ...],
        refusal: RequestError,
    ) -> OperationOutcome:
        """Who leaves loses access, although the target refuses something else of the record."""
        request, ready = self._requests(entry, entry.action, entry.remote_id, before, alone)
        assert ready is not None  # noqa: S101 - `active` changes
        try:
            await self._channel.send(ready)
        except RequestError as error:
            return self._trouble(entry, in_doubt(entry, link, refusal), request, error)
        detail = f"active alone; with all that changes: {refusal}"
        done = self._done(
            entry, request, entry.remote_id, apply_changes(before, alone), detail=detail, link=link
        )
        return self._in_part(done, in_doubt=may_have_had_effect(refusal))

    def _in_part(self, done: OperationOutcome, *, in_doubt: bool = False) -> OperationOutcome:
        """What is left of the operation is planned once more in this run, or by the next."""
        assert done.link is not None  # noqa: S101 - _done() gives one
        return replace(
            done, link=replace(done.link, next_try_at=self._clock(), in_doubt=in_doubt), again=True
        )

    async def _change_members(
        self, entry: JournaledOperation, link: Link | None, ids: Mapping[tuple[Kind, Key], RemoteId]
    ) -> OperationOutcome:
        """Takes members out of a group and puts others in. Where the target refuses, its list is
        read and what is already as it should be is left out: others may have changed the list, or
        an account's deletion has."""
        if link is None or link.remote_id is None or not link.has_account:
            return OperationOutcome(
                self._result(entry, OperationStatus.SKIPPED, detail="the group is not there")
            )
        changes = [
            change
            for change in entry.changes
            if member_of(change)[:2] in ids or not member_of(change)[2]
        ]
        sending = MemberSending(self._channel, self._dialect, entry, link.remote_id, ids)
        try:
            await sending.send(changes)
        except RequestError as error:
            outcome = self._trouble(entry, link, sending.request, error)
            doubted = (
                error.in_doubt
                or not isinstance(error, ErrorResponse)
                or error.kind is ErrorKind.SERVER
            )
            doubts = tuple(
                (entry.key, *member_of(change)[:2])
                for change in changes
                if change not in sending.done
            )
            return replace(
                outcome,
                members=_acknowledged(entry, sending.done),
                doubted=doubts if doubted else (),
            )
        if sending.refused:
            why = (
                f"{len(sending.refused)} of {len(changes)} members were refused, the first:"
                f" {sending.why}"
            )
            outcome = self._failure(entry, link, sending.request, why, sending.why)
            return replace(outcome, members=_acknowledged(entry, sending.done))
        calm = replace(link, synced_at=self._clock())
        failed_now = link.next_try_at is not None and link.next_try_at >= (
            entry.planned_at or self._clock()
        )
        if not failed_now:  # it was the memberships that had failed, in an earlier run
            calm = replace(calm, failures=0, next_try_at=None, last_error=None)
        result = self._result(
            entry,
            OperationStatus.APPLIED if changes else OperationStatus.SKIPPED,
            request=sending.request,
        )
        return OperationOutcome(result, calm, members=_acknowledged(entry, sending.done))

    def _requests(
        self,
        entry: JournaledOperation,
        action: str,
        remote_id: RemoteId | None,
        before: Document,
        changes: Sequence[Change],
    ) -> tuple[ScimRequest | None, ScimRequest | None]:
        """The request as the journal is to show it (None: it has it already), and as it is sent,
        with what is generated or secret."""
        if (
            action == Action.CREATE
            and changes == entry.changes
            and (planned := _planned_request(entry)) is not None
        ):
            return None, planned
        shown = shape(self._dialect, action, entry.kind, remote_id, before, changes)
        if not any(marker(change.after) for change in changes):
            return shown, shown
        fill = partial(self._filled, entry.key)
        return shown, shape(self._dialect, action, entry.kind, remote_id, before, changes, fill)

    async def _create(
        self,
        entry: JournaledOperation,
        link: Link | None,
        request: ScimRequest | None,
        ready: ScimRequest | None,
        changes: tuple[Change, ...],
    ) -> OperationOutcome:
        assert ready is not None  # noqa: S101 - a creation always has one
        if not self._channel.creates:
            return self._put_off(entry, link, None, "too many creations before it failed")
        document = {change.path: change.after for change in changes if change.after is not None}
        once = self._once(entry)
        kept = {
            path: value
            for path, value in document.items()
            if path not in once and marker(value) != GENERATE
        }
        last: OutcomeUnknown | None = None
        try:
            for number in range(CREATION_TRIES):
                if number:
                    await self._channel.rest(random.uniform(0, 0.5 * 2 ** (number - 1)))  # noqa: S311
                try:
                    answer = await self._channel.send(ready)
                except OutcomeUnknown as unanswered:
                    last, link = unanswered, perhaps_there(link, entry)
                    if (found := await self._made(entry, kept, unanswered.cause)) is not None:
                        return await self._complete(
                            entry, link, request, found, kept, f"found after: {unanswered.cause}"
                        )
                else:
                    link = perhaps_there(link, entry)
                    return await self._created(entry, link, request, kept, answer)
        except RequestError as error:
            if isinstance(error, ErrorResponse) and error.kind is ErrorKind.CONFLICT:
                return await self._adopt_instead(entry, link, kept, error)
            return self._trouble(entry, link, request, error)
        assert last is not None  # noqa: S101 - or there was an answer
        self._channel.unmade(last)
        return self._trouble(entry, link, request, last)

    async def _created(
        self,
        entry: JournaledOperation,
        link: Link | None,
        request: ScimRequest | None,
        document: Document,
        answer: ScimResponse,
    ) -> OperationOutcome:
        remote_id = _new_id(answer)
        if remote_id is None and (found := await self._mine(entry, document)) is not None:
            remote_id = _id_of(found)
        if remote_id is None:
            return self._failure(
                entry, link, request, "the answer to POST names no id, and the account is not found"
            )
        return replace(self._done(entry, request, remote_id, document, etag=answer.etag), made=True)

    async def _made(
        self, entry: JournaledOperation, document: Document, cause: RequestError
    ) -> Found | None:
        """What a POST without an answer made. Where silence or a broken connection took the
        answer's place, the request may still be on its way to the service: what is not found is
        looked up once more after a while."""
        found = await self._mine(entry, document)
        if found is None and isinstance(cause, NoResponse):
            await self._channel.rest(ARRIVAL_S)
            found = await self._mine(entry, document)
        return found

    async def _mine(self, entry: JournaledOperation, document: Document) -> Found | None:
        """What a POST of `document` made, if it is there and nobody else's."""
        found = await self._matcher(entry).look_up(document)
        if found is None or len(found.resources) != 1:
            return None
        remote_id = _id_of(found)
        return found if remote_id and self._owner(entry.kind, remote_id) is None else None

    async def _complete(
        self,
        entry: JournaledOperation,
        link: Link,
        request: ScimRequest | None,
        found: Found,
        wanted: Document,
        detail: str,
    ) -> OperationOutcome:
        """What was made without an answer becomes what it should be, where it is not."""
        remote_id, base, wanted = self._taken(found, wanted)
        _, ready = self._requests(
            entry, Action.ADOPT, remote_id, base, changes_between(base, wanted)
        )
        try:
            if ready is not None:
                await self._channel.send(ready)
        except RequestError as error:
            there = replace(link, status=LinkStatus.ACTIVE, remote_id=remote_id, document=base)
            return self._trouble(entry, there, request, error)
        return self._done(entry, request, remote_id, wanted, detail=detail)

    async def _adopt_instead(
        self,
        entry: JournaledOperation,
        link: Link | None,
        wanted: Document,
        conflict: ErrorResponse,
    ) -> OperationOutcome:
        """The target says that the account exists: it is found and changed to what it should be."""
        try:
            found = await self._matcher(entry).look_up(wanted)
        except RequestError as error:
            return self._trouble(entry, link, None, error)
        if found is None or len(found.resources) != 1:
            many = (
                "no account matches"
                if found is None
                else f"{len(found.resources)} accounts match by {found.by}"
            )
            return self._failure(entry, link, None, f"{conflict}; {many}", conflict)
        owner = self._owner(entry.kind, _id_of(found))
        if owner is not None:
            return self._failure(
                entry, link, None, f"{conflict}; that account belongs to {owner}", conflict
            )
        remote_id, base, wanted = self._taken(found, wanted)
        changes = changes_between(base, wanted)
        request, ready = self._requests(entry, Action.ADOPT, remote_id, base, changes)
        try:
            if ready is not None:
                await self._channel.send(ready)
        except RequestError as error:
            if may_have_had_effect(error):
                link = perhaps_there(
                    link, replace(entry, action=Action.ADOPT, remote_id=remote_id, changes=changes)
                )
            return self._trouble(entry, link, request, error)
        detail = f"an account with the same {found.by} exists"
        return self._done(entry, request, remote_id, wanted, detail=detail, action=Action.ADOPT)

    def _taken(self, found: Found, wanted: Document) -> tuple[RemoteId, Document, Document]:
        """Of a resource that was found: its id, what it holds of `wanted`, and what it should hold:
        an account is switched on."""
        account = to_account(found.by, found.resources[0], tuple(wanted), None)
        base = {path: value for path, value in account.document.items() if path in wanted}
        if account.active is False:
            base, wanted = base | {"active": False}, {"active": True} | dict(wanted)
        return account.remote_id, base, wanted

    def _done(
        self,
        entry: JournaledOperation,
        request: ScimRequest | None,
        remote_id: RemoteId | None,
        document: Document,
        *,
        etag: str | None = None,
        detail: str | None = None,
        action: Action | None = None,
        link: Link | None = None,
    ) -> OperationOutcome:
        now = self._clock()
        left_at = None
        if entry.delete_after is not None:
            left_at = (
                link.left_at if link is not None and link.left_at is not None else entry.planned_at
            )
        status = LinkStatus.ACTIVE
        if entry.action == Action.DELETE:
            status, document = LinkStatus.DELETED, {}
        elif document.get("active") is False:
            status = LinkStatus.INACTIVE
        new = Link(
            kind=entry.kind,
            key=entry.key,
            status=status,
            remote_id=remote_id,
            document=document,
            etag=etag,
            synced_at=now,
            delete_after=entry.delete_after,
            left_at=left_at,
        )
        return OperationOutcome(
            self._result(
                entry, OperationStatus.APPLIED, request=request, detail=detail, action=action
            ),
            new,
        )

    def _trouble(
        self,
        entry: JournaledOperation,
        link: Link | None,
        request: ScimRequest | None,
        error: RequestError,
    ) -> OperationOutcome:
        """What an error means for this person."""
        link = in_doubt(entry, link, error)
        kind = error.kind if isinstance(error, ErrorResponse) else None
        if kind is ErrorKind.UNAUTHORISED or (
            isinstance(error, NoResponse) and not error.may_have_had_effect
        ):
            # the target's trouble, not this person's: as if it had not been sent
            return self._put_off(entry, link, request, str(error))
        if kind is ErrorKind.NOT_FOUND and entry.action in (Action.DELETE, Action.DEACTIVATE):
            gone = Link(
                entry.kind, entry.key, LinkStatus.DELETED, synced_at=self._clock(), last_error=None
            )
            # an account that is to be there, switched off, is made again
            again = entry.action == Action.DEACTIVATE
            result = self._result(
                entry, OperationStatus.APPLIED, request=request, detail="it was gone already"
            )
            return OperationOutcome(result, gone, again=again)
        if kind is ErrorKind.NOT_FOUND and entry.remote_id is not None:
            lost = Link(
                entry.kind,
                entry.key,
                LinkStatus.PENDING,
                failures=link.failures if link is not None else 0,
                next_try_at=self._clock(),
                last_error="it was deleted at the target",
            )
            return OperationOutcome(
                self._result(entry, OperationStatus.SKIPPED, request=request, detail=str(error)),
                lost,
                again=True,
            )
        if kind is ErrorKind.PRECONDITION and link is not None:
            changed = replace(link, in_doubt=True, next_try_at=self._clock())
            return OperationOutcome(
                self._result(entry, OperationStatus.SKIPPED, request=request, detail=str(error)),
                changed,
                again=True,
            )
        return self._failure(entry, link, request, str(error), error)

    def _put_off(
        self, entry: JournaledOperation, link: Link | None, request: ScimRequest | None, detail: str
    ) -> OperationOutcome:
        """Nothing was done, and it is nobody's failure: the next run does it."""
        later = replace(
            link or Link(entry.kind, entry.key, LinkStatus.PENDING), next_try_at=self._clock()
        )
        return OperationOutcome(
            self._result(entry, OperationStatus.SKIPPED, request=request, detail=detail), later
        )

    def _failure(
        self,
        entry: JournaledOperation,
        link: Link | None,
        request: ScimRequest | None,
        detail: str,
        error: RequestError | None = None,
    ) -> OperationOutcome:
        now = self._clock()
        failures = (link.failures if link is not None else 0) + 1
        after = failed_link(link, entry.kind, entry.key, detail, now + retry_delay(failures))
        cause = error.cause if isinstance(error, OutcomeUnknown) else error
        protocol = cause if isinstance(cause, ErrorResponse) else None
        result = self._result(
            entry,
            OperationStatus.FAILED,
            request=request,
            detail=detail,
            http_status=protocol.status if protocol is not None else None,
            scim_type=protocol.scim_type if protocol is not None else None,
        )
        return OperationOutcome(result, after)

    def _result(
        self,
        entry: JournaledOperation,
        status: OperationStatus,
        *,
        request: ScimRequest | None = None,
        detail: str | None = None,
        action: Action | None = None,
        http_status: int | None = None,
        scim_type: str | None = None,
    ) -> OperationResult:
        return OperationResult(
            operation_id=entry.id,
            status=status,
            done_at=self._clock(),
            attempts=entry.attempts + 1,
            action=action,
            request=None if request is None else orjson.dumps([shown_request(request)]).decode(),
            http_status=http_status,
            scim_type=scim_type,
            detail=detail,
        )

    def _filled(self, key: Key, value: Any) -> Any:
        """What stands behind a marker."""
        if marker(value) == GENERATE:
            return "".join(secrets.choice(_ALPHABET) for _ in range(value[GENERATE]))
        return self._secret(key, value[SECRET]) if marker(value) == SECRET else value


def _acknowledged(entry: JournaledOperation, changes: Sequence[Change]) -> tuple[Membership, ...]:
    members = map(member_of, changes)
    return tuple(
        Membership(entry.key, kind, key, wanted=added, acknowledged=added)
        for kind, key, added in members
    )


def _may_be_the_content(error: RequestError) -> bool:
    """Whether another request about the same account may fare better."""
    return isinstance(error, ErrorResponse) and error.kind in (
        ErrorKind.REFUSED,
        ErrorKind.CONFLICT,
        ErrorKind.SERVER,
    )


def _id_of(found: Found) -> RemoteId:
    """The id of the one resource that was found."""
    return RemoteId(resource_id(found.resources[0]) or "")


def _planned_request(entry: JournaledOperation) -> ScimRequest | None:
    """The request that the plan has shown, where it is to the letter what is sent: nothing in it is
    a word for another value."""
    if entry.request is None or any(marker(change.after) for change in entry.changes):
        return None
    one = orjson.loads(entry.request)[0]
    return ScimRequest(one["method"], one["path"], one["body"])


def _with_references(change: Change, accounts: Mapping[Key, RemoteId]) -> Change:
    after: Any = change.after
    return (
        Change(change.path, change.before, accounts.get(after[REF]))
        if marker(after) == REF
        else change
    )


def _new_id(answer: ScimResponse) -> RemoteId | None:
    """The id of the resource that was made: from the body, else the last part of Location (RFC 7644
    section 3.3)."""
    if answer.resource_id:
        return RemoteId(answer.resource_id)
    if answer.location:
        last = urlsplit(answer.location).path.rstrip("/").rpartition("/")[2]
        return RemoteId(unquote(last)) if last and last.lower() != "users" else None
    return None
