"""The claims of a Security Event Token about an operation (RFC 8417, RFC 9967).

A token is a notice: it contains the names of the changed attributes, but no values (RFC 9967
section 2.4). All claims come from the journal, so a token is the same when it is sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from scimsync.jsontext import received_json
from scimsync.model.changes import Change
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    Action,
    Confirmation,
    JournaledOperation,
    OperationStatus,
)
from scimsync.scim.messages import resource_path
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.state.pending_events import PendingEvent
from scimsync.transport.request_errors import InvalidRequest

PREFIX = "urn:ietf:params:scim:event:prov:"
"""The prefix of the URIs of events about resources (RFC 9967 section 2.4)."""

TARGET_CLAIM = "scimsync_target"
"""The claim with the name of the target, to which a `sub_id` is relative."""

Events = dict[str, dict[str, Any]]
"""Event URI -> payload: the claim `events` (RFC 8417 section 2.2)."""


def claims_of(event: PendingEvent, issuer: str, audience: Sequence[str]) -> dict[str, Any] | None:
    """Return the claims of the token about an operation, or None if the operation has no token.

    RFC 8417 section 2.2 defines `iat`, `jti`, `toe`, and `txn`. `toe` is the time of the response,
    or of the request if no response arrived.
    """
    operation = event.operation
    subject, events = _subject(event), events_of(operation, event.version)
    if subject is None or not events:
        return None
    number = _number(operation, issuer)
    applied = operation.status is OperationStatus.APPLIED
    happened = (operation.done_at if applied else None) or operation.sent_at or event.noted_at
    claims: dict[str, Any] = {"iss": issuer}
    if audience:
        claims["aud"] = audience[0] if len(audience) == 1 else list(audience)
    return claims | {
        "iat": _seconds(event.noted_at),
        "jti": number,
        "txn": f"{operation.run}.{operation.id}.{number[:8]}",
        "toe": _seconds(happened),
        "sub_id": subject,
        "events": events,
        TARGET_CLAIM: operation.target,
    }


def events_of(operation: JournaledOperation, version: str | None = None) -> Events:
    """Return the events of an operation, by the URIs of RFC 9967 sections 2.4.1 to 2.4.6.

    An operation that changes `active` together with other attributes has two events in one token.
    """
    method = _method(operation)
    if operation.action == Action.DELETE and method == "DELETE":
        return {f"{PREFIX}delete": {}}
    if operation.action == Action.DEACTIVATE and operation.confirmed_by is Confirmation.SEARCH:
        return {f"{PREFIX}delete": {}}  # the account was gone already
    known_version = {} if version is None else {"version": version}
    paths = list(dict.fromkeys(change.path for change in operation.changes))
    if operation.action == Action.CREATE:
        notice = {"attributes": ["id", *paths], **known_version}
        return {f"{PREFIX}create:notice": notice}
    if operation.action in MEMBERSHIP_ACTIONS:
        paths = ["members"]
    state = _change_of_state(operation)
    events: Events = {} if state is None else {f"{PREFIX}{state}": {}}
    if any(path != "active" for path in paths) or (paths and state is None):
        word = "put" if method == "PUT" else "patch"
        events[f"{PREFIX}{word}:notice"] = {"attributes": paths, **known_version}
    return events


def _change_of_state(operation: JournaledOperation) -> str | None:
    """Return `activate` or `deactivate` if an operation does that to an account, or else None."""
    if operation.action in (Action.DEACTIVATE, Action.DELETE):
        return "deactivate"  # a deletion without DELETE: a deactivation took its place
    if operation.action == Action.REACTIVATE:
        return "activate"
    return next(filter(None, map(_state_after, operation.changes)), None)


def _state_after(change: Change) -> str | None:
    if change.path != "active":
        return None
    if change.after is False:
        return "deactivate"
    return "activate" if change.before is False else None


def _subject(event: PendingEvent) -> dict[str, str] | None:
    """Return the `sub_id` (RFC 9493) of the format `scim` (RFC 9967 section 2.1)."""
    operation = event.operation
    remote_id = event.remote_id or operation.remote_id or ""
    try:
        path = resource_path(RESOURCE_TYPES[operation.kind].endpoint, remote_id)
    except InvalidRequest:
        return None
    subject = {"format": "scim", "uri": path}
    if event.external_id is not None:
        subject["externalId"] = event.external_id
    return subject


def _method(operation: JournaledOperation) -> str | None:
    """Return the method of the last request of an operation."""
    requests = received_json((operation.request or "[]").encode())
    method: str | None = requests[-1]["method"] if requests else None
    return method


def _number(operation: JournaledOperation, issuer: str) -> str:
    """Return the `jti` of a token, the same for each attempt to deliver it.

    The time keeps it unique if the state was lost and operations are numbered from one again.
    """
    planned = operation.planned_at
    at = "" if planned is None else planned.isoformat()
    name = f"{issuer} {operation.target} {operation.run} {operation.id} {at}"
    return uuid.uuid5(uuid.NAMESPACE_URL, name).hex


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
