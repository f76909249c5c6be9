"""Store the events of operations in doubt that a read confirms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import (
    Action,
    JournaledOperation,
    OperationStatus,
)
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.state import confirmations, link_store, pending_events
from scimsync.state.pending_events import NewEvent

_NOT_SHOWN = (IdOf, RandomText, SecretValue)


def note_read(
    connection: Connection,
    destinations: Sequence[str],
    target: str,
    read: Sequence[Link],
    now: datetime,
) -> None:
    """Store the events of the operations that the links `read` confirm, and mark them confirmed.

    The stored links are in doubt, and `read` will replace them. The outcome of the last request of
    each is unknown or inconclusive.
    """
    if not destinations:
        return
    for kind in Kind:
        found = [link for link in read if link.kind is kind]
        if not found:
            continue
        keys = list({link.key for link in found})
        stored = link_store.get_links(connection, target, kind, keys)
        doubted = {link.key: link for link in stored.values() if link.in_doubt}
        done = list(_done(connection, target, kind, doubted, found))
        if not done:
            continue
        confirmations.confirm(connection, [one.id for one, _ in done], now)
        events = [_event(operation, link, stored[link.key]) for operation, link in done]
        pending_events.note(connection, destinations, events, now)


def _done(
    connection: Connection,
    target: str,
    kind: Kind,
    before: Mapping[Key, Link],
    read: Sequence[Link],
) -> Iterator[tuple[JournaledOperation, Link]]:
    """Yield the last operation of each key, with the link, if the link confirms it."""
    if not before:
        return
    now: dict[Key, list[Link]] = {}
    for link in read:
        now.setdefault(link.key, []).append(link)
    for operation in confirmations.last_unconfirmed(connection, target, kind, list(before)):
        known = before[operation.key]
        shown = [link for link in now[operation.key] if _shows(operation, known, link)]
        if shown and _may_be_done(operation):
            yield operation, shown[-1]


def _may_be_done(operation: JournaledOperation) -> bool:
    """Return whether an operation may have had its effect, although it was not applied."""
    status = operation.http_status
    return operation.status is OperationStatus.SKIPPED or status is None or status >= 500


def _shows(operation: JournaledOperation, before: Link, link: Link) -> bool:
    if operation.action == Action.DELETE:
        return link.status is LinkStatus.DELETED
    if operation.action == Action.CREATE:
        return link.has_account and not before.has_account
    return link.has_account and all(
        link.document.get(change.path) == change.after
        for change in operation.changes
        if not isinstance(change.after, _NOT_SHOWN)
    )


def _event(operation: JournaledOperation, read: Link, before: Link) -> NewEvent:
    external_id = before.external_id if read.external_id is None else read.external_id
    return NewEvent(operation.id, read.remote_id or before.remote_id, external_id, read.etag)
