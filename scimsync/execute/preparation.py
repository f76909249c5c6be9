"""Prepare operations for sending: resolve references and members, and shape the requests."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.execute.current_resource import may_hold, read_current, read_resource
from scimsync.execute.sent_changes import MemberIds, SentChanges
from scimsync.model.changes import Change
from scimsync.model.clock import ClockDoubt
from scimsync.model.ids import Document, Key, Kind, RemoteId, Value
from scimsync.model.links import Link
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, JournaledOperation
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.plan.candidates import Policy
from scimsync.plan.requests import Values, needs_current, shape_requests, shown
from scimsync.scim.dialects import Dialect
from scimsync.scim.messages import Requests, ScimResponse
from scimsync.targets.connection import TargetConnection
from scimsync.targets.learned_shapes import LearnedShapes
from scimsync.targets.matching import Matcher

_ALPHABET = string.ascii_letters + string.digits + "-._~!*+"

ACCEPTED_S = 2.0
"""Seconds after which a run reads again what a target accepted with 202 and had not done yet."""


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    """An operation with resolved references, and its requests.

    `before` is the document that the changes start from. `requests` are shown in the journal and
    `ready` are sent: they differ by generated and secret values. `error` is why there are none.
    `dialect` shaped them. `is_trial`: it is not yet known whether the target accepts this shape.
    """

    operation: JournaledOperation
    link: Link | None
    before: Document
    members: MemberIds = field(default_factory=dict)
    requests: Requests = ()
    ready: Requests = ()
    error: ScimsyncError | None = None
    dialect: Dialect | None = None
    is_trial: bool = False

    @property
    def may_hold(self) -> list[Document]:
        """What the resource may hold, before the operation or after it, as far as is known."""
        return [self.before, *may_hold(self.operation, self.link)]


@dataclass(frozen=True, slots=True)
class Sending:
    """The dependencies of sending operations to one target.

    `matcher_of` returns the matcher that finds and reads a resource, `create_only` its paths that
    are sent at creation only, `secret` a sensitive value of a key by its digest, `owner` the key
    that a resource is linked to, and `clock` aware times. `policy` says what may be adopted, and
    `may_adopt_weakly` whether one more account that may belong to someone else. `run_doubt` is why
    the clock may be wrong in this run. `shapes` are those of a target that adapts, with
    `first_dialect` as the first one to try. `known_members` returns the remote ids that a group is
    known to have. With `reads_first`, the target is at a new URL: each resource is read before it
    is changed. `sent` are the changes that the target took in this run.
    """

    connection: TargetConnection
    first_dialect: Dialect
    matcher_of: Callable[[Kind, Key], Matcher]
    create_only: Callable[[Kind, Key], frozenset[str]]
    secret: Callable[[Key, str], Value]
    owner: Callable[[Kind, RemoteId], Key | None]
    policy: Policy
    may_adopt_weakly: Callable[[], bool]
    clock: Callable[[], datetime]
    known_members: Callable[[Key], frozenset[RemoteId]]
    run_doubt: ClockDoubt | None = None
    shapes: LearnedShapes | None = None
    reads_first: bool = False
    sent: SentChanges = field(default_factory=SentChanges)

    @property
    def dialect(self) -> Dialect:
        """The dialect in the shapes that are known so far."""
        return self.first_dialect if self.shapes is None else self.shapes.dialect

    @property
    def clock_is_wrong(self) -> bool:
        """Whether there is evidence against the clock of this machine."""
        doubts = (self.run_doubt, self.connection.known_clock_doubt)
        return any(doubt is not None and doubt.is_wrong for doubt in doubts)

    def prepare(
        self,
        operation: JournaledOperation,
        link: Link | None,
        accounts: Mapping[Key, RemoteId],
        members: MemberIds,
    ) -> PreparedOperation:
        """Return an operation with its requests.

        `accounts` maps the keys that it refers to, `members` its members, to remote ids.
        """
        before: Document = link.document if link is not None else {}
        if operation.base is not None:
            before = operation.base
        if operation.action in MEMBERSHIP_ACTIONS:
            if link is not None and link.has_account:
                operation = replace(operation, remote_id=link.remote_id)
        else:
            changes = [_resolved(change, accounts) for change in operation.changes]
            differing = tuple(change for change in changes if change.before != change.after)
            if differing != operation.changes:
                operation = replace(operation, changes=differing)
        return self._shaped(PreparedOperation(operation, link, before, members))

    def reshaped(self, prepared: PreparedOperation) -> PreparedOperation:
        """Return an operation with its requests in the shapes that are known so far."""
        return prepared if prepared.dialect is self.dialect else self._shaped(prepared)

    def _shaped(self, prepared: PreparedOperation) -> PreparedOperation:
        dialect = self.dialect
        try:
            requests, ready = self.requests(
                prepared.operation, prepared.before, prepared.members, dialect=dialect
            )
        except ScimsyncError as error:
            return replace(prepared, requests=(), ready=(), error=error)
        return replace(prepared, requests=requests, ready=ready, dialect=dialect)

    def other_owner(self, operation: JournaledOperation, remote_id: RemoteId) -> Key | None:
        """Return the other key that a resource is linked to, or None if there is none."""
        owner = self.owner(operation.kind, remote_id)
        return None if owner == operation.key else owner

    async def send(self, prepared: PreparedOperation) -> tuple[Requests, list[ScimResponse]]:
        """Send a change of an existing resource.

        If the dialect needs it, shape the change from the resource as it is now. Return the
        requests as the journal shows them, and the responses; none if nothing had to be sent. Raise
        RequestError if a request fails.
        """
        prepared = await self._with_current(prepared)
        responses = [await self.connection.send(request) for request in prepared.ready]
        if responses and prepared.operation.action != Action.DELETE:
            self.sent.note(prepared.operation, prepared.before, prepared.members)
        return prepared.requests, responses

    async def _with_current(self, prepared: PreparedOperation) -> PreparedOperation:
        operation, dialect = prepared.operation, prepared.dialect or self.dialect
        remote_id = operation.remote_id
        if not prepared.ready or remote_id is None or operation.action == Action.DELETE:
            return prepared
        if not needs_current(dialect, operation):
            if self.reads_first:
                await self.read(prepared, before_write=True)
            return prepared
        response = await read_current(
            self.connection,
            self.dialect,
            operation.kind,
            remote_id,
            prepared.may_hold,
            lambda: self.known_members(operation.key),
        )
        requests, ready = self.requests(
            operation,
            prepared.before,
            prepared.members,
            dialect=dialect,
            current=self.sent.laid_over(operation, response.body or {}),
            etag=response.version,
        )
        return replace(prepared, requests=requests, ready=ready)

    async def read(
        self, prepared: PreparedOperation, *, before_write: bool = False, once: bool = False
    ) -> Mapping[str, Any]:
        """Return the resource of an operation as it is now.

        Raise RequestError, including for a response that shows none or another one, and IdOfAnother
        if it is someone else's. `before_write` says that nothing was sent about it yet. With
        `once`, the request is not repeated, and a failure says nothing about the target.
        """
        operation = prepared.operation
        assert operation.remote_id is not None  # noqa: S101 - it is a resource that exists
        response = await read_resource(
            self.connection.ask if once else self.connection.send,
            self.dialect,
            operation.kind,
            operation.remote_id,
            prepared.may_hold,
            before_write=before_write,
        )
        return response.body or {}

    def requests(
        self,
        operation: JournaledOperation,
        before: Document,
        members: MemberIds,
        *,
        dialect: Dialect | None = None,
        current: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> tuple[Requests, Requests]:
        """Return the requests as the journal shows them, and as they are sent.

        Raise ScimsyncError if a secret value has changed since it was planned.
        """

        def member_id(kind: Kind, key: Key) -> str | None:
            return members.get((kind, key))

        def filled(value: Value) -> Value:
            if isinstance(value, RandomText):
                return "".join(secrets.choice(_ALPHABET) for _ in range(value.length))
            if isinstance(value, SecretValue):
                return self.secret(operation.key, value.digest)
            return value

        dialect = dialect or self.dialect
        values = Values(shown, member_id, current, etag)
        requests = shape_requests(dialect, operation, before, values)
        if not any(
            isinstance(change.after, (RandomText, SecretValue)) for change in operation.changes
        ):
            return requests, requests
        filled_in = replace(values, fill=filled)
        return requests, shape_requests(dialect, operation, before, filled_in)


def _resolved(change: Change, accounts: Mapping[Key, RemoteId]) -> Change:
    """Return a change with the id that it refers to, or without effect while there is none."""
    if not isinstance(change.after, IdOf):
        return change
    return Change(change.path, change.before, accounts.get(change.after.key, change.before))
